"""Which entries of a repository does git leave out?

As git has it: ignore files speak only inside a repository, only of files that are not tracked, and the nearest one has
the last word. That a tracked file is never ignored matters: a project whose ignore file says `lib/` may well have
force-added a `lib` folder full of its own code. The index is read here, byte by byte; git itself is never run, because
a repository's configuration can name programs that git would start.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Repository:
    """A repository by its top folder; its index is read when something in it is ignored."""

    def __init__(self, top: str) -> None:
        self.top = top

    def tracks(self, location: str) -> bool:
        """Whether the file, or a file below the folder, is tracked. An index that cannot be read tracks everything."""
        return self._tracked is None or location[len(os.path.join(self.top, "")) :] in self._tracked

    @functools.cached_property
    def _tracked(self) -> frozenset[str] | None:
        """Every tracked Python file and every folder above one, below the top; `None` when the index is unreadable."""
        try:
            with open(os.path.join(self._storage(), "index"), "rb") as file:
                index = file.read()
        except FileNotFoundError:
            return frozenset()  # nothing was added yet
        except OSError:
            return None
        try:
            names = [os.fsdecode(name) for name in _index_names(index) if name.endswith((b".py", b".ipynb"))]
        except (ValueError, IndexError, struct.error):
            return None
        return frozenset(part for name in names for part in _with_folders(name))

    def _storage(self) -> str:
        """The folder of the repository's data: `.git`, or where the file `.git` of a worktree or submodule points."""
        mark = os.path.join(self.top, ".git")
        if os.path.isdir(mark):
            return mark
        with open(mark, "rb") as file:
            target = file.read(4096).removeprefix(b"gitdir:").strip()
        return os.path.join(self.top, os.fsdecode(target))


class Patterns(NamedTuple):
    """Compiled patterns, such as those of one ignore file, which hold below their folder."""

    folder: str
    spec: GitIgnoreSpec

    def verdict(self, location: str, is_folder: bool) -> bool | None:
        """Whether the location is ignored; `None` when no pattern speaks of it."""
        relative = location[len(os.path.join(self.folder, "")) :].replace(os.sep, "/")
        return self.spec.check_file(relative + "/" * is_folder).include


class Rules(NamedTuple):
    """The ignore files that hold in a folder, outermost first; none outside a repository."""

    repository: Repository | None = None
    files: tuple[Patterns, ...] = ()

    def inside(self, folder: str, names: Collection[str]) -> Rules:
        """The rules for the entries of the folder, whose names are given. A repository in a repository starts anew."""
        rules = Rules(Repository(folder)) if ".git" in names else self
        if rules.repository is None or ".gitignore" not in names:
            return rules
        return rules._replace(files=rules.files + _patterns_of(folder))

    def ignore(self, location: str, is_folder: bool) -> bool:
        """Whether git would leave the entry out."""
        if self.repository is None:
            return False
        verdicts = (file.verdict(location, is_folder) for file in reversed(self.files))
        ignored = next((verdict for verdict in verdicts if verdict is not None), False)
        return ignored and not self.repository.tracks(location)


def rules_above(place: str) -> Rules:
    """The rules that the folders above a place hold for what is in it.

    An ignore file that ignores the place itself does not count: the place was asked for by name.
    """
    folder, chain = os.path.dirname(place), [os.path.dirname(place)]
    while not os.path.lexists(os.path.join(folder, ".git")):
        if os.path.dirname(folder) == folder:
            return Rules()
        folder = os.path.dirname(folder)
        chain.append(folder)
    found = [patterns for each in reversed(chain) for patterns in _patterns_of(each)]
    return Rules(Repository(folder), tuple(each for each in found if not each.verdict(place, is_folder=True)))


def _patterns_of(folder: str) -> tuple[Patterns, ...]:
    """The patterns in the folder's ignore file, if it has one that can be read."""
    try:
        with open(os.path.join(folder, ".gitignore"), "rb") as file:
            text = file.read().decode("utf-8-sig", "surrogateescape")
    except OSError:
        return ()
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return (Patterns(folder, compiled(lines)),)


def compiled(lines: list[str]) -> GitIgnoreSpec:
    """Compiled patterns; a line that is no pattern is passed over, as git does."""
    from pathspec import GitIgnoreSpec  # takes 30 ms, and a run without an ignore file does not need it

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    """Whether the line compiles on its own."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _with_folders(name: str) -> Iterator[str]:
    """A POSIX path and every folder above it, as the operating system writes them."""
    while name:
        yield name.replace("/", os.sep)
        name = name.rpartition("/")[0]


def _index_names(index: bytes) -> Iterator[bytes]:
    """The path of each entry of an index, versions 2 to 4 (git's own description, gitformat-index).

    An entry is 40 bytes of file data, the object's name (20 bytes), 16 bits of flags, 16 more when the flags say so,
    and the path up to a NUL. Up to version 3 entries are padded to multiples of eight; version 4 writes how many bytes
    of the previous path to drop instead. Raises `ValueError`, `IndexError` or `struct.error` for anything else.
    """
    signature, version, count = struct.unpack_from(">4sII", index)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("not an index of a known version")
    at, name = 12, b""
    for _ in range(count):
        (flags,) = struct.unpack_from(">H", index, at + 60)
        start = at + (64 if flags & 0x4000 else 62)
        kept = b""
        if version == 4:
            dropped, start = _number(index, start)
            kept = name[: len(name) - dropped]
        end = index.index(b"\0", start)
        name = kept + index[start:end]
        at = end + 1 if version == 4 else at + (end - at) // 8 * 8 + 8
        yield name


def _number(index: bytes, at: int) -> tuple[int, int]:
    """A number of variable width, as version 4 writes it, and the position after it."""
    value = index[at] & 0x7F
    while index[at] & 0x80:
        at += 1
        value = (value + 1) << 7 | index[at] & 0x7F
    return value, at + 1

"""Which file does an import mean?

Nothing is imported to find out: a dotted name is matched against the paths of the project's own files. Python's search
path is not known statically (`src` layouts, `sys.path.insert`, scripts started from their own folder), so a folder
counts as a possible root when the dotted name resolves below it, and the root nearest to the importing file wins. A
folder inside a package is one for the files outside it only if somebody seems to put it on the path: `import redis`
does not mean `shop/clients/redis.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from kafka_audit.catalog.hooks import HOOK_LIBRARIES
from kafka_audit.catalog.known import KNOWN, Catalogue

_WORD = re.compile(rb"[\w-]+")
_STATEMENT = 300
"""Bytes in which a statement that adds a folder to the path has come to its end."""


class Extension(NamedTuple):
    """Who extends the search path, and by which folders.

    `files` are those that do it. `folders` are the last parts of what they may add, each with who it counts for: the
    file itself, and what is below the same folder of the tree as it, of which `""` is the top.
    """

    files: frozenset[str] = frozenset()
    folders: frozenset[tuple[str, str]] = frozenset()


NOBODY = Extension()


def extension(contents: Mapping[str, bytes]) -> Extension:
    """What the bytes of files say of the search path: those that name it may add the folders that they name before."""
    ends = {path: data.rfind(b"sys.path") for path, data in contents.items()}
    extending = {path: contents[path][: end + _STATEMENT] for path, end in ends.items() if end >= 0}
    parts = {part for path in contents for part in path.split("/")[:-1]} if extending else set()
    folders: set[tuple[str, str]] = set()
    for path, data in extending.items():
        named = parts.intersection(word.decode(errors="replace") for word in set(_WORD.findall(data)))
        folders.update((who, name) for name in named for who in (path, _top(path)))
    return Extension(frozenset(extending), frozenset(folders))


class ModulePaths:
    """The project's Python files by dotted name."""

    def __init__(self, paths: Collection[str], guarded: Collection[str], extended: Extension = NOBODY) -> None:
        """`guarded` are root packages of libraries that a far-away file of that name must not shadow."""
        self._paths = frozenset(paths)
        self._guarded = frozenset(guarded)
        self._extended = extended
        self._by_tail: dict[str, list[tuple[str, ...]]] = {}
        self._packages = {_folder(path) for path in paths if path.endswith("__init__.py")}
        for path in sorted(paths):
            parts = _dotted_parts(path)
            if parts:
                self._by_tail.setdefault(parts[-1], []).append(parts)
        self._file_of = {_dotted_parts(path): path for path in sorted(paths, reverse=True)}
        self._folders = {parts[:depth] for parts in self._file_of for depth in range(1, len(parts))}

    @classmethod
    def of(cls, paths: Collection[str], catalogue: Catalogue = KNOWN, extended: Extension = NOBODY) -> ModulePaths:
        """The Python files of a project, beside the libraries that the catalogue knows and the standard library."""
        return cls(paths, (*catalogue.libraries, *HOOK_LIBRARIES, *sys.stdlib_module_names), extended)

    def absolute(self, dotted: str, importer: str, *, is_library: bool = True) -> str | None:
        """The path of the module that `import dotted` in the file `importer` means, or None when it is not ours.

        `is_library` says that a guarded library has what is imported: then a folder of that name hides it only from a
        root that certainly is on the search path.
        """
        wanted = tuple(dotted.split("."))
        here = _folder(importer)
        best: tuple[tuple[int, int, int, int], str] | None = None
        for parts in self._by_tail.get(wanted[-1], ()):
            if parts[-len(wanted) :] != wanted:
                continue
            root, path = parts[: -len(wanted)], self._file_of[parts]
            if path == importer:
                continue
            if not self._may_be_root(root, importer):
                continue
            rank = self._rank(root, importer, here, wanted[0], is_library=is_library)
            if rank is not None and (best is None or (rank, path) < best):
                best = (rank, path)
        return best[1] if best else None

    def extends(self, path: str) -> bool:
        """Whether a file extends the search path."""
        return path in self._extended.files

    def is_namespace(self, dotted: str, importer: str) -> bool:
        """Whether `dotted` is a folder of the project without an `__init__.py`, seen from the importing file."""
        wanted = tuple(dotted.split("."))
        here = _folder(importer)
        return any(here[:depth] + wanted in self._folders for depth in range(len(here) + 1))

    def relative(self, module: str, level: int, importer: str) -> str | None:
        """The path that `from ..module import` in `importer` means; `level` is the number of dots."""
        base = _folder(importer)
        if level - 1 > len(base):
            return None
        anchor = base[: len(base) - (level - 1)]
        return self._file_of.get(anchor + tuple(part for part in module.split(".") if part))

    def below(self, root: tuple[str, ...], dotted: str) -> str | None:
        """The path of the module `dotted` when the folder `root` is on the search path, whatever else is."""
        return self._file_of.get((*root, *dotted.split(".")))

    def is_folder(self, parts: tuple[str, ...]) -> bool:
        """Whether a folder of the project, given by its parts, holds Python files."""
        return parts in self._folders

    def is_package(self, parts: tuple[str, ...]) -> bool:
        """Whether a folder has an `__init__.py`."""
        return parts in self._packages

    def exact(self, parts: tuple[str, ...]) -> str | None:
        """The path of the module with this dotted name, counted from the top of the tree."""
        return self._file_of.get(parts)

    def child(self, package: str, name: str) -> str | None:
        """The path of the submodule `name` of the package whose `__init__.py` is `package`."""
        if not package.endswith("__init__.py"):
            return None
        return self._file_of.get((*_folder(package), name))

    def _may_be_root(self, root: tuple[str, ...], importer: str) -> bool:
        """Whether a folder can be on the search path of a file: one inside a package only if somebody may add it."""
        if root not in self._packages or importer.startswith("/".join((*root, ""))):
            return True
        return any((who, root[-1]) in self._extended.folders for who in (importer, root[0], ""))

    def _rank(
        self, root: tuple[str, ...], importer: str, here: tuple[str, ...], first: str, *, is_library: bool
    ) -> tuple[int, int, int, int] | None:
        """How likely `root` is on the search path of a file in `here`, smaller is likelier; None when it cannot be.

        An ancestor that is itself a package is on the path only by `sys.path` tricks, so it ranks behind real roots. Of
        others, the one whose folders the file itself names where it extends the path comes first.
        """
        shared = sum(1 for _ in _common(root, here))
        is_ancestor = shared == len(root)
        in_package = root in self._packages
        if first in self._guarded and (not is_ancestor or (in_package and is_library)):
            return None
        if is_ancestor:
            return (1 if in_package else 0, 0, -shared, len(root))
        named = sum((importer, part) in self._extended.folders for part in root)
        return (2, -named, -shared, len(root))


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> Iterator[str]:
    """The leading parts that both share."""
    for one, other in zip(left, right, strict=False):
        if one != other:
            return
        yield one


def _dotted_parts(path: str) -> tuple[str, ...]:
    """The path as dotted parts: `a/b/__init__.py` and `a/b.py` are both `("a", "b")`."""
    folder, name = _folder(path), path.rpartition("/")[2]
    return folder if name == "__init__.py" else (*folder, name.removesuffix(".py"))


def _top(path: str) -> str:
    """The folder of the tree that a file is below; empty for one that is in none."""
    return path.partition("/")[0] if "/" in path else ""


def _folder(path: str) -> tuple[str, ...]:
    """The folders that a file stands in, from the top of the project."""
    return tuple(path.split("/")[:-1])

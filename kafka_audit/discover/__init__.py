"""Which files are read: the whole project around what was asked for, and the part of it that was asked for.

A verdict such as "never released" needs the whole project, because the release may stand anywhere in it; the report
speaks only of the asked part. No source is read here.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from kafka_audit.discover.exclude import Exclusion
from kafka_audit.discover.notebooks import SUFFIX
from kafka_audit.discover.scripts import declared_scripts
from kafka_audit.discover.versions import Declarations
from kafka_audit.discover.walk import Walk, is_package
from kafka_audit.model import Problem, Record
from kafka_audit.settings import ConfigError

PROJECT_MARKS = ("pyproject.toml", "setup.cfg", "setup.py", ".git", "kafka-audit.toml")
"""A folder that holds one of these is the root of a project."""


class Source(Record, frozen=True, kw_only=True):
    """One Python file.

    `name` is the path below the base of the analysis: it does not depend on the current directory, so what is derived
    from it (module names, ids) does not either. `path` is what the report says: below the current directory, or
    absolute. Both are POSIX and can be encoded; `location` is for the operating system alone.
    """

    name: str
    path: str
    location: str


class Discovery(Record, frozen=True, kw_only=True):
    """The files of the project, the names of those that were asked for, and what could not be looked into.

    `problems` are places that exist and could not be listed; `dangling` are links to nothing, which hide no code.
    `skipped` counts what was left out on purpose: entries `excluded` by default or by the settings, those `ignored` by
    an ignore file, `stubs`, and `links` that are second names of files read elsewhere. `scripts` are the
    `module:function` of the commands that the project declares. `base` is the folder that names are relative to.
    """

    files: tuple[Source, ...]
    asked: frozenset[str]
    problems: tuple[Problem, ...]
    dangling: tuple[Problem, ...]
    skipped: dict[str, int]
    scripts: frozenset[str]
    base: str = ""

    @property
    def declarations(self) -> Declarations:
        """The versions of libraries that the project declares; they are read when they are asked for."""
        return Declarations(self.base, {file.name: file.location for file in self.files})


def discover(paths: Sequence[str], exclusion: Exclusion | None = None, typed: str | None = None) -> Discovery:
    """The files for these paths. Raises `ConfigError` for a path that does not exist and when there is no Python file.

    A file named by hand is read whatever the ignore files say, and so is what lies in a folder named by hand. `typed`
    is the name of a file that is asked for and need not exist: its content comes from elsewhere.
    """
    exclusion = exclusion or Exclusion()
    here = _current_folder()
    places = sorted({_place(path) for path in paths})
    written = [os.path.abspath(typed)] if typed is not None else []
    roots = _outermost({_project_root(place) for place in (*places, *written)})
    project = Walk([root for root in roots if os.path.lexists(root)], exclusion)
    asked = project if places == roots else Walk(places, exclusion)
    asked.files.update({os.path.realpath(location): location for location in written})
    is_left_out = exclusion.forced and asked.skipped["excluded"]  # a hook that is given such files has nothing to do
    if not (asked.files or asked.unreadable or asked.dangling or is_left_out):
        raise ConfigError(_nothing_found(paths, asked.skipped))
    scripts = declared_scripts(roots)
    return _discovery(project, asked, os.path.commonpath([_base(root) for root in roots]), here, scripts)


def roots_of(paths: Iterable[str]) -> list[str]:
    """The folders of the projects around these paths, sorted. Raises `ConfigError` for a path that does not exist."""
    return _outermost({_project_root(_place(path)) for path in paths})


def as_text(path: str) -> str:
    """A path that can be encoded, and that no other path shares: bytes that are not UTF-8 are written `\\xff`."""
    posix = path.replace(os.sep, "/").replace("\\", "\\\\")
    return posix.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _discovery(project: Walk, asked: Walk, base: str, here: str, scripts: frozenset[str]) -> Discovery:
    """The two walks as one answer, each file under one name: the one that the project's walk gave it."""
    sources = {
        real: Source(name=_below(base, location), path=_below(here, location), location=location)
        for real, location in {**asked.files, **project.files}.items()
    }
    return Discovery(
        files=tuple(sorted(sources.values(), key=lambda source: source.name)),
        asked=frozenset(sources[real].name for real in asked.files),
        problems=_problems({**project.unreadable, **asked.unreadable}, here),
        dangling=_problems(asked.dangling, here),
        skipped={kind: asked.skipped[kind] for kind in ("excluded", "ignored", "links", "stubs")},
        scripts=scripts,
        base=base,
    )


def _below(folder: str, location: str) -> str:
    """The location below a folder, as text; absolute when it is not below it."""
    prefix = os.path.join(folder, "")
    return as_text(location[len(prefix) :] if location.startswith(prefix) else location)


def _problems(reasons: Mapping[str, str], here: str) -> tuple[Problem, ...]:
    """One problem for each location, sorted by path."""
    paths = sorted((_below(here, location), reason) for location, reason in reasons.items())
    return tuple(Problem(path=path, line=1, kind="unreadable", message=reason) for path, reason in paths)


def _nothing_found(paths: Sequence[str], skipped: Counter[str]) -> str:
    """The sentence for a run without a Python file, with what was left out on the way."""
    where = ", ".join(f"`{as_text(path)}`" for path in paths)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(skipped.items()) if count)
    left_out = f" (left out: {kinds})" if kinds else ""
    return f"no Python files found in {where}{left_out}; name another folder or a file"


def _current_folder() -> str:
    """The current directory; raises `ConfigError` when it was deleted."""
    try:
        return os.getcwd()
    except OSError as error:
        raise ConfigError("the current directory does not exist any more; change to another one") from error


def _place(path: str) -> str:
    """The absolute path of something to audit; raises `ConfigError` when it is neither a folder nor a Python file."""
    shown = as_text(path)
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError as error:
        raise ConfigError(f"`{shown}` does not exist; check the path and the directory you are in") from error
    except OSError as error:
        raise ConfigError(f"`{shown}` cannot be opened: {error.strerror}") from error
    location = os.path.abspath(path)
    if stat.S_ISDIR(mode) or location.endswith((".py", ".pyi", ".pyw", SUFFIX)):
        return location
    if stat.S_ISLNK(mode) and os.path.isdir(location):
        return location
    if os.path.isfile(location) and _is_script(location):
        return location
    raise ConfigError(f"`{shown}` is not Python; name a folder, a .py file or a script whose first line names python")


def _is_script(location: str) -> bool:
    """Whether the first line of the file hands it to Python."""
    try:
        with open(location, "rb") as file:
            start = file.readline(200)
    except OSError:
        return False
    return start.startswith(b"#!") and b"python" in start


def _project_root(place: str) -> str:
    """The nearest folder at or above the place that looks like a project, else its outermost package, else itself.

    The home folder and the root of the file system are no projects, even when they are under version control: reading
    all of them is never what was meant.
    """
    folders = _upwards(place)
    unlikely = {os.path.expanduser("~"), folders[-1]}
    for folder in folders:
        if _is_project(folder) and (folder == place or folder not in unlikely):
            return folder
    packages = [folder for folder in folders if is_package(folder)]
    return packages[-1] if packages else place


def _upwards(place: str) -> list[str]:
    """The place, if it is a folder, and every folder above it, innermost first."""
    folders = [place if os.path.isdir(place) else os.path.dirname(place)]
    while os.path.dirname(folders[-1]) != folders[-1]:
        folders.append(os.path.dirname(folders[-1]))
    return folders


def _is_project(folder: str) -> bool:
    """Whether the folder holds a mark of a project."""
    return any(os.path.lexists(os.path.join(folder, mark)) for mark in PROJECT_MARKS)


def _base(root: str) -> str:
    """The folder that names are relative to: the root, or the folder around it when the root is a file or a package."""
    is_bare_package = is_package(root) and not _is_project(root)
    return os.path.dirname(root) if is_bare_package or not os.path.isdir(root) else root


def _outermost(roots: Iterable[str]) -> list[str]:
    """The roots that lie in no other root, sorted."""
    kept: list[str] = []
    for root in sorted(roots):
        if not any(root.startswith(os.path.join(other, "")) for other in kept):
            kept.append(root)
    return kept

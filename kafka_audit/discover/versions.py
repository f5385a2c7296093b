"""Which version of a library do the project's own files declare?

Read are lock files, requirement files and the tables of `pyproject.toml`, in the folder of the code and above it, up to
the folder that the audit is about. Nothing is installed, run or looked up. A file that cannot be read declares nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from kafka_audit.discover.requirements import poetry_specifier, requirement, specifier_allows
from kafka_audit.model import Record

LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
"""Files that name the one version that is installed."""

_REQUIREMENTS: Final = re.compile(r"(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in)")

LARGEST: Final = 50_000_000
"""Bytes of the largest file that is looked at: lock files of whole companies have ten million."""


class Declared(Record, frozen=True, kw_only=True):
    """What one file says of one distribution.

    `specifier` is in the packaging standard's terms (`==2.0.2`, `>=0.10,<0.11`), empty for any version. `path` is below
    the base of the analysis. `is_pinned` says that it names one version.
    """

    distribution: str
    specifier: str
    path: str
    is_pinned: bool


class Declarations:
    """The declarations of one project; files are read when they are asked for."""

    def __init__(self, base: str, locations: Mapping[str, str]) -> None:
        """`locations` are the files of the analysis by name, `base` is the folder that names are relative to."""
        self._base, self._locations = base, locations
        self._folders: dict[str, list[Declared]] = {}

    @property
    def stamps(self) -> list[tuple[str, int, int]]:
        """Path, time of change and size of every file that may declare something: what answers depend on."""
        innermost = {os.path.dirname(location) for location in self._locations.values()}
        folders = {folder for each in innermost for folder in self._from(each)}
        found: list[tuple[str, int, int]] = []
        for folder in sorted(folders):
            for path in _candidates(folder):
                try:
                    status = os.stat(path)
                except OSError:
                    continue
                found.append((_below(path, self._base), status.st_mtime_ns, status.st_size))
        return found

    def of(self, name: str, distributions: Collection[str]) -> list[Declared]:
        """What holds for the file `name`: the nearest folder's declarations of any of these distributions.

        Where that folder leaves a choice of versions, a lock file above it that agrees says which one it is.
        """
        folders = self._from(os.path.dirname(self._locations.get(name, "")))
        above = [[d for d in self._in(folder) if d.distribution in distributions] for folder in folders]
        nearest = next((found for found in above if found), [])
        if not nearest or all(each.is_pinned for each in nearest):
            return _pinned(nearest)
        locked = [each for found in above for each in found if each.is_pinned and os.path.basename(each.path) in LOCKS]
        agreeing = [each for each in locked if any(specifier_allows(d.specifier, each.specifier) for d in nearest)]
        return agreeing[:1] or nearest

    def _from(self, folder: str) -> Iterator[str]:
        """The folder and those around it, up to the base."""
        while folder:
            yield folder
            if folder == self._base or os.path.dirname(folder) == folder or not folder.startswith(self._base):
                return
            folder = os.path.dirname(folder)

    def _in(self, folder: str) -> list[Declared]:
        if folder not in self._folders:
            self._folders[folder] = list(self._read(folder))
        return self._folders[folder]

    def _read(self, folder: str) -> Iterator[Declared]:
        for path in _candidates(folder):
            read = _READERS.get(os.path.basename(path), _of_requirements)
            below = _below(path, self._base)
            for distribution, specifier in read(_text(path)):
                is_pinned = re.fullmatch(r"===?\s*[\w.!+]+", specifier) is not None
                yield Declared(distribution=distribution, specifier=specifier, path=below, is_pinned=is_pinned)


def _candidates(folder: str) -> Iterator[str]:
    """The files of a folder, and of `requirements` in it, that may declare a version, by their names."""
    for entry in _entries(folder):
        if entry in _READERS or _REQUIREMENTS.fullmatch(entry):
            yield os.path.join(folder, entry)
        elif entry == "requirements":
            inner = os.path.join(folder, entry)
            yield from (os.path.join(inner, each) for each in _entries(inner) if each.endswith((".txt", ".in")))


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # no folder, or one that may not be read
        return []


def _below(path: str, base: str) -> str:
    """The path below the base, as text that can be encoded."""
    posix = os.path.relpath(path, base).replace(os.sep, "/")
    return posix.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _pinned(found: list[Declared]) -> list[Declared]:
    """Of the pins of one folder, those in a lock file when there is one."""
    return [each for each in found if os.path.basename(each.path) in LOCKS] or found


def _text(path: str) -> str:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _of_requirements(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        yield from requirement(line)


def _of_setup(text: str) -> Iterator[tuple[str, str]]:
    """Requirements among the strings of a `setup.py` (which is not run) or the lines of a `setup.cfg`."""
    for line in re.findall(r"""["']([A-Za-z][^"'\n]*)["']""", text) + text.splitlines():
        if re.match(r"\s*[A-Za-z][\w.-]*\s*(\[[^\]]*\])?\s*[=<>!~]=", line):
            yield from requirement(line)


def _of_pyproject(text: str) -> Iterator[tuple[str, str]]:
    document = _toml(text)
    project, tool = _table(document, "project"), _table(document, "tool")
    groups = [project.get("dependencies")]
    groups += _table(project, "optional-dependencies").values()
    groups += _table(document, "dependency-groups").values()
    groups += [_table(tool, "uv").get("dev-dependencies")]
    groups += _table(_table(tool, "pdm"), "dev-dependencies").values()
    for group in groups:
        for line in group if isinstance(group, list) else ():
            yield from requirement(line) if isinstance(line, str) else ()
    poetry = _table(tool, "poetry")
    tables = [_table(poetry, "dependencies"), _table(poetry, "dev-dependencies")]
    tables += [_table(group, "dependencies") for group in _table(poetry, "group").values()]
    for table in tables:
        yield from _of_poetry(table)


def _of_poetry(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        constraint = value.get("version") if isinstance(value, dict) else value
        if isinstance(constraint, str):
            yield _normal(name), poetry_specifier(constraint)


def _of_pipfile(text: str) -> Iterator[tuple[str, str]]:
    document = _toml(text)
    for table in (_table(document, "packages"), _table(document, "dev-packages")):
        yield from _of_poetry(table)


def _of_lock(text: str) -> Iterator[tuple[str, str]]:
    document = _toml(text)
    for key in ("package", "packages"):
        packages = document.get(key)
        for package in packages if isinstance(packages, list) else ():
            name, version = (package.get("name"), package.get("version")) if isinstance(package, dict) else (None, None)
            if isinstance(name, str) and isinstance(version, str):
                yield _normal(name), f"=={version}"


def _of_pipfile_lock(text: str) -> Iterator[tuple[str, str]]:
    try:
        document = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return
    for section in ("default", "develop"):
        packages = _table(document, section)
        for name in packages:
            version = _table(packages, name).get("version")
            if isinstance(version, str):
                yield _normal(name), version


def _toml(text: str) -> Mapping[str, Any]:
    import tomli  # late: most audits ask for no version

    try:
        return tomli.loads(text)
    except (ValueError, RecursionError):
        return {}


def _table(table: Any, key: str) -> Mapping[str, Any]:
    inner = table.get(key) if isinstance(table, dict) else None
    return inner if isinstance(inner, dict) else {}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


_READERS: Final[Mapping[str, Callable[[str], Iterable[tuple[str, str]]]]] = {
    "pyproject.toml": _of_pyproject,
    "Pipfile": _of_pipfile,
    "Pipfile.lock": _of_pipfile_lock,
    "setup.py": _of_setup,
    "setup.cfg": _of_setup,
    **dict.fromkeys(("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"), _of_lock),
}

"""Which Python files lie below some places, each once, and what was passed over on the way?"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from kafka_audit.discover.exclude import Exclusion
from kafka_audit.discover.ignore import Rules, rules_above
from kafka_audit.discover.notebooks import SUFFIX

_REPOSITORIES = {".bzr", ".git", ".hg", ".jj", ".svn"}
_INSTALLED = {".direnv", ".eggs", ".nox", ".pixi", ".tox", ".venv", "__pypackages__", "site-packages", "venv"}
_CACHES = {".hypothesis", ".ipynb_checkpoints", ".mypy_cache", ".pyre", ".pytest_cache", ".pytype", ".ruff_cache"}
_OUTPUTS = {"__pycache__", "bower_components", "build", "dist", "node_modules"}

READ = (".py", SUFFIX)
"""How the names of files end that are read when nobody names them."""

EXCLUDED = frozenset(_REPOSITORIES | _INSTALLED | _CACHES | _OUTPUTS)
"""Names of folders that hold other people's code, copies or caches."""

PACKAGE_NAMES = frozenset({"build", "dist"})
"""Excluded names that are ordinary words: such a folder is read after all when it is a package."""

ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
"""A folder that holds one of these is an installed environment, whatever its name."""


class Walk:
    """Collects the Python files below some absolute places.

    `files` maps real paths to the locations they are read from. `unreadable` and `dangling` map locations to reasons:
    the first exist and could not be looked into, the second are links to nothing. `skipped` counts what was left out:
    entries `excluded` by default or by the settings, those `ignored` by an ignore file, `stubs`, and `links` to what is
    read anyway.

    Links wait until everything that stands in its own place was seen, so a file is known by its own name whenever it
    has one, and no link can lead around in circles.
    """

    def __init__(self, places: Sequence[str], exclusion: Exclusion) -> None:
        self.files: dict[str, str] = {}
        self.unreadable: dict[str, str] = {}
        self.dangling: dict[str, str] = {}
        self.skipped: Counter[str] = Counter()
        self._exclusion = exclusion
        self._by_hand = () if exclusion.forced else tuple(p for p in places if exclusion.covers(p, os.path.isdir(p)))
        self._tops = {os.path.realpath(place) for place in places}
        self._seen: set[str] = set()
        self._folders: list[tuple[str, str, Rules]] = []
        self._links: list[tuple[str, Rules]] = []
        for place in places:
            self._start(place)
        while self._folders or self._links:
            if self._folders:
                self._folder(*self._folders.pop())
            else:
                self._link(*self._links.pop(0))

    def _start(self, place: str) -> None:
        """Take in one of the places: a folder to look through, or a file to read whatever ignores it."""
        real = os.path.realpath(place)
        if self._exclusion.forced and self._exclusion.covers(place, os.path.isdir(place)):
            self.skipped["excluded"] += 1
        elif os.path.isdir(place):
            self._folders.append((place, real, rules_above(place)))
        elif place.endswith(".pyi"):
            self.skipped["stubs"] += 1
        elif os.path.exists(place):
            self.files.setdefault(real, place)
        else:
            self.unreadable[place] = _why_dangling(place)

    def _folder(self, location: str, real: str, rules: Rules) -> None:
        """Look through one folder, unless it was seen under another name."""
        if real in self._seen:
            return
        self._seen.add(real)
        try:
            with os.scandir(location) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable[location] = f"the folder cannot be listed: {error.strerror}"
            return
        names = {entry.name for entry in entries}
        if names & ENVIRONMENT_MARKS and real not in self._tops:
            self.skipped["excluded"] += 1
            return
        inside = rules.inside(location, names)
        for entry in entries:
            self._entry(entry, os.path.join(real, entry.name), inside)

    def _entry(self, entry: os.DirEntry[str], real: str, rules: Rules) -> None:
        """Sort one entry of a folder in."""
        if entry.is_symlink():
            self._links.append((entry.path, rules))
        elif entry.is_dir(follow_symlinks=False):
            if self._is_wanted(entry.path, True, rules):
                self._folders.append((entry.path, real, rules))
        elif entry.name.endswith(".pyi"):
            self.skipped["stubs"] += 1
        elif entry.name.endswith(READ) and self._is_wanted(entry.path, False, rules):
            self.files.setdefault(real, entry.path)

    def _link(self, location: str, rules: Rules) -> None:
        """Follow one link, unless it leads to what is read anyway."""
        is_folder = os.path.isdir(location)
        if not (is_folder or location.endswith(READ)) or not self._is_wanted(location, is_folder, rules):
            return
        real = os.path.realpath(location)
        if not os.path.exists(location):
            self.dangling[location] = _why_dangling(location)
        elif real in self._seen or real in self.files or self._leads_up(real):
            self.skipped["links"] += 1
        elif self._leads_into_excluded(real):
            self.skipped["excluded"] += 1
        elif is_folder:
            self._folders.append((location, real, rules))
        else:
            self.files[real] = location

    def _leads_up(self, real: str) -> bool:
        """Whether the folder contains one of the places: following it would read much more than was asked."""
        return any(top.startswith(os.path.join(real, "")) for top in self._tops)

    def _leads_into_excluded(self, real: str) -> bool:
        """Whether a folder on the way there is excluded, unless one of the places lies under such a name itself."""
        on_the_way = set(real.split(os.sep)).difference(*(top.split(os.sep) for top in self._tops))
        return not EXCLUDED.isdisjoint(on_the_way)

    def _is_wanted(self, location: str, is_folder: bool, rules: Rules) -> bool:
        """Whether neither the default exclusions nor an ignore file leave the entry out."""
        name = os.path.basename(location)
        if is_folder and name in EXCLUDED and not (name in PACKAGE_NAMES and is_package(location)):
            self.skipped["excluded"] += 1
            return False
        if self._exclusion.covers(location, is_folder) and not self._is_below_named(location):
            self.skipped["excluded"] += 1
            return False
        if rules.ignore(location, is_folder):
            self.skipped["ignored"] += 1
            return False
        return True

    def _is_below_named(self, location: str) -> bool:
        """Whether the location lies in an excluded folder that was named by hand."""
        return any(location.startswith(os.path.join(place, "")) for place in self._by_hand)


def is_package(folder: str) -> bool:
    """Whether the folder is a regular package."""
    return os.path.lexists(os.path.join(folder, "__init__.py"))


def _why_dangling(location: str) -> str:
    """What is wrong with a link that cannot be followed."""
    try:
        os.stat(location)
    except FileNotFoundError:
        return "the link leads nowhere"
    except OSError as error:
        return f"the link cannot be followed: {error.strerror}"
    return "the link was changed while it was followed"

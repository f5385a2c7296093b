"""Which files have to be linked together?

Values get from file to file by imports, and from a `conftest.py` into what is below it. What neither connects is a part
of its own: no value gets from one into another, and what is said of a part holds whatever becomes of the others. So
each is linked and judged alone, which takes the memory of the largest only.

The parts are cut by what the bytes of the files say. That is nearly all of it; a file of another part that linking asks
for shows that the two are one, and so does a file that both want to be read.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kafka_audit.facts.groups import Groups
from kafka_audit.facts.importing import Link

if TYPE_CHECKING:
    from kafka_audit.facts.modules import ModulePaths

Part = tuple[str, ...]
"""The paths of its files, sorted."""


def parts(files: Sequence[str], links: Callable[[str], Iterable[Link]], paths: ModulePaths) -> tuple[Part, ...]:
    """The parts that files make, given the links of each."""
    groups, meant = Groups(files), _Meant(paths)
    for path in files:
        folder, _, name = path.rpartition("/")
        if name == "conftest.py":
            for other in files:
                if other.startswith(f"{folder}/" if folder else ""):
                    groups.join(path, other)
        for module, is_exact in {link[:2] for link in links(path)}:
            target = paths.exact(module) if is_exact else meant.by(path, ".".join(module))
            if target is not None:
                groups.join(path, target)
    return tuple(groups.all())


class _Meant:
    """Which file a dotted name means in another one. All files of a folder mean the same, but for those that extend
    the search path; and none means itself: it shows how it is to be imported."""

    def __init__(self, paths: ModulePaths) -> None:
        self._paths = paths
        self._in_folder = functools.cache(paths.absolute)

    def by(self, path: str, dotted: str) -> str | None:
        """The file that is meant by a name in the file of this path."""
        target = self._in_folder(dotted, f"{path.rpartition('/')[0]}/")
        if target != path and self._paths.extends(path):
            return self._paths.absolute(dotted, path)
        return target


class Reach(NamedTuple):
    """How far the linking of a part went: the further files that it had read, and those it asked for and had not."""

    loaded: Collection[str]
    missed: Collection[str]


def together(reached: Mapping[Part, Reach]) -> tuple[Part, ...]:
    """The parts that are left when those are put together that are shown to be one."""
    has = {path: part for part in reached for path in part}
    for part, reach in reached.items():
        has |= {path: has.get(path, part) for path in reach.loaded}
    whole = Groups(part[0] for part in reached)
    for part, reach in reached.items():
        for path in (*reach.loaded, *reach.missed):
            if path in has:
                whole.join(part[0], has[path][0])
    named = {part[0]: part for part in reached}
    return tuple([tuple(sorted(path for first in firsts for path in named[first])) for firsts in whole.all()])

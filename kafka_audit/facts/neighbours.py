"""Which files can bring which others into memory, read from their bytes before anything is parsed?

An edge is any import, wherever it stands, and any dotted name in a string of a file that imports or patches by name. It
leads to every file that the name may mean and to the packages above that file. This is much more than Python would
import: it says which files an exact answer has to read, not what the answer is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from kafka_audit.catalog.known import KNOWN, Catalogue
from kafka_audit.catalog.web import DJANGO_APPS
from kafka_audit.facts.importing import Link, links, module_parts, names_client

_SETTING = DJANGO_APPS.setting.encode()
_OF_APPLICATIONS = (DJANGO_APPS.configuration, DJANGO_APPS.models)
_BY_NAME = re.compile(rb"import_module|__import__|patch|setattr|pytest_plugins|" + _SETTING)
"""What a file says that imports, or replaces, what it names in strings."""

_DOTTED = re.compile(rb"""["']([A-Za-z_]\w*(?:\.\w+)*)["']""")


class Neighbours:
    """The graph of the files of a project, which are known by path; the edges of a file are read when asked for."""

    def __init__(self, contents: Mapping[str, bytes], catalogue: Catalogue = KNOWN) -> None:
        self._contents = contents
        self._libraries = catalogue.libraries
        self._own = [path for path in contents if catalogue.own and any(catalogue.defined_in(path))]
        self._by_tail: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for path in sorted(contents):
            parts = module_parts(path)
            self._by_tail.setdefault(parts[-1] if parts else "", []).append((parts, path))
        self._forward: dict[str, frozenset[str]] = {}
        self._backward: dict[str, set[str]] = {}

    def reached(self, starts: Iterable[str]) -> frozenset[str]:
        """The files that importing these may import, themselves included."""
        return _closure(starts, self.edges)

    def reaching(self, targets: Iterable[str]) -> frozenset[str]:
        """The files whose import may import one of these, themselves included."""
        if not self._backward:
            for path in self._contents:
                for other in self.edges(path):
                    self._backward.setdefault(other, set()).add(path)
        return _closure(targets, lambda path: self._backward.get(path, ()))

    def importing(self) -> list[str]:
        """The files that import a Kafka library or define a class that the project itself describes, sorted."""
        naming = {path for path, data in self._contents.items() if names_client(data, self._libraries)}
        return sorted(naming.union(self._own))

    def clients(self) -> list[str]:
        """Those, and the files that name a Kafka library in a string, sorted."""
        naming = {path for path, data in self._contents.items() if self._mentions_client(data)}
        return sorted(naming.union(self.importing()))

    def edges(self, path: str) -> frozenset[str]:
        """The files that one file may import."""
        found = self._forward.get(path)
        if found is None:
            data = self._contents[path]
            direct = {file for link in (*links(data, path), *_named_links(data)) for file in self._files(link)}
            packages = {package for file in (*direct, path) for package in self._packages(file)}
            found = self._forward[path] = frozenset((direct | packages) - {path})
        return found

    def _mentions_client(self, data: bytes) -> bool:
        """Whether a string names something of a Kafka library, as a patch of its client class does."""
        names = {name.partition(b".")[0].decode(errors="replace") for name in set(_DOTTED.findall(data))}
        return not names.isdisjoint(self._libraries)

    def _files(self, link: Link) -> Iterator[str]:
        for parts, path in self._by_tail.get(link.module[-1], ()):
            if parts == link.module if link.is_exact else parts[-len(link.module) :] == link.module:
                yield path

    def _packages(self, path: str) -> Iterator[str]:
        folders = path.split("/")[:-1]
        for count in range(1, len(folders) + 1):
            package = "/".join((*folders[:count], "__init__.py"))
            if package in self._contents:
                yield package


def _closure(starts: Iterable[str], edges: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found = set(starts)
    waiting = list(found)
    while waiting:
        new = set(edges(waiting.pop())) - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


def _named_links(data: bytes) -> Iterator[Link]:
    """A link for each module that a dotted name in a string may mean: `a.b.C` may be `a.b` with a `C` in it."""
    if _BY_NAME.search(data) is None:
        return
    shortest = 1 if b"pytest_plugins" in data or _SETTING in data else 2
    for name in set(_DOTTED.findall(data)):
        parts = tuple(name.decode(errors="replace").split("."))
        for count in range(1 if len(parts) < 3 else 2, len(parts) + 1) if len(parts) >= shortest else ():
            yield Link(parts[:count], False, None, parts[0])
        if _SETTING in data:
            for count in range(1, len(parts) + 1):
                yield from (
                    Link((*parts[:count], inner), False, None, parts[0])
                    for inner in (DJANGO_APPS.configuration, DJANGO_APPS.models)
                )

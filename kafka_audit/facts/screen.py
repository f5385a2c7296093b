"""Which files can matter, decided from their bytes before anything is parsed?

A file matters when it imports a Kafka library, or imports from a file that matters a name that carries a client: a
wrapper, a factory, a global. It is also read when such a name is given something from it and it calls a method that
releases clients: it may release what it is handed. Of test code a `conftest.py` matters when it replaces the class of a
client, and any file that mentions an asynchronous fixture which carries one from a `conftest.py` above it. These are
found in rounds, because only the facts of one file tell which of its names carry a client into the next. Every answer
here errs on the side of reading a file too many.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import NamedTuple, TypeVar

from kafka_audit.catalog.known import KNOWN, Catalogue
from kafka_audit.facts.importing import Link, links, module_parts, names_client
from kafka_audit.facts.schema import FileFacts, Outline

_WORD = re.compile(rb"[\w\x80-\xff]+")

Extract = Callable[[Mapping[str, bytes]], Mapping[str, FileFacts]]
"""Turns contents by path into facts by path."""

_O = TypeVar("_O", bound=Outline)

Begin = Callable[[Mapping[str, bytes]], Callable[[], Mapping[str, _O]]]
"""Begins to do that, and gives what waits for the facts, or for as much of them as screening looks at."""


def relevant(
    contents: Mapping[str, bytes],
    extract: Extract,
    catalogue: Catalogue = KNOWN,
) -> dict[str, FileFacts]:
    """The facts of all files that can matter, by path, sorted.

    `extract` is called for the files that import a library, and then once per round for those that take part.
    """
    return Relevance(contents, catalogue).read(functools.partial(functools.partial, extract))


class Glimpse(NamedTuple):
    """All that screening looks at in the bytes of a file.

    `names_client` is whether it imports a library, so that it matters. `links` are those that lead to files of the
    project, `words` the names in it that carry a client elsewhere, `releases` is whether it may release what it is
    handed, `replaces` whether it may replace the class of a client.
    """

    names_client: bool
    links: tuple[Link, ...]
    words: tuple[str, ...]
    releases: bool
    replaces: bool


class Relevance:
    """Grows the set of files that matter, round by round.

    Files are known by path, with `/` between the parts. `grow` is given the facts of those files that the call before
    it asked for.
    """

    def __init__(self, contents: Mapping[str, bytes], catalogue: Catalogue = KNOWN) -> None:
        self._contents = contents
        self._libraries = catalogue.libraries
        self._own = {path: [name for name, _ in catalogue.defined_in(path)] for path in contents if catalogue.own}
        releases = b"|".join(sorted(method.encode() for method in catalogue.releases))
        self._release = re.compile(rb"\.(?:%s)\s*\(" % releases)
        classes = b"|".join(
            sorted({name.rpartition(".")[2].encode() for c in catalogue.clients for name in c.importable})
        )
        self._replacing = re.compile(rb"""["'][\w.]+\.(?:%s)["']|\.(?:%s)\s*=[^=]""" % (classes, classes))
        self._modules: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for path in sorted(contents):
            module = module_parts(path)
            self._modules.setdefault(module[-1] if module else "", []).append((module, path))
        self._naming: frozenset[str] = frozenset()
        self._carried: dict[str, set[str]] = {}
        self._shown: dict[str, frozenset[str]] = {}
        self._defined: dict[str, frozenset[str]] = {}
        self._mentioning: dict[str, dict[str, list[str]]] = {}
        self._found: dict[tuple[tuple[str, ...], bool], tuple[str, ...]] = {}
        self._links: dict[str, tuple[tuple[Link, tuple[str, ...]], ...]] = {}
        self._words: dict[str, frozenset[str]] = {}
        self._fixtures: dict[str, frozenset[str]] = {}

    def read(self, begin: Begin[_O]) -> dict[str, _O]:
        """What is read of all files that can matter, by path, sorted."""
        facts: dict[str, _O] = {}
        wanted = self.seed()
        while wanted:
            collect = begin({path: self._contents[path] for path in wanted})
            for path in self._contents:
                self._linked(path)  # what it imports is asked for next, and other processes may be parsing now
            new = collect()
            facts.update(new)
            wanted = self.grow(new)
        return {path: facts[path] for path in sorted(facts)}

    def carrying(self) -> frozenset[str]:
        """All names that carry a client in a file already read."""
        return frozenset(name for path in self._carried for name in self.carried(path))

    def links(self, path: str) -> Iterator[Link]:
        """The links of a file that lead to files of the project."""
        return (link for link, _ in self._linked(path))

    def glimpse(self, path: str, carrying: Set[str]) -> Glimpse:
        """What is seen of a file when these names carry a client.

        A file that was not asked for stays out as long as this stays the same, and all that was read; one that was
        asked for stays in, if what `taken` gives stays the same, too.
        """
        data = self._contents[path]
        links = tuple(self.links(path))
        is_searched = any(link.name is None for link in links) or any(each in self._contents for each in _above(path))
        words = (self._words.get(path) or _words(data)) & carrying if is_searched else ()  # kept, they fill the memory
        return Glimpse(
            names_client=names_client(data, self._libraries),
            links=links,
            words=tuple(sorted(words)),
            releases=self._release.search(data) is not None,
            replaces=self._may_replace(path),
        )

    def taken(self, path: str, facts: Outline, carrying: Set[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What screening takes from the facts of a file when these names carry a client.

        Those are the definitions with a part in how clients are carried on, each with the names that it has it by; and
        the fixtures, which have no such names.
        """
        bound = {link.bound for link, _ in self._linked(path)}
        telling = {*carrying, *self._libraries, *self._own.get(path, ()), *bound, "*"}
        parts = ((each.name, tuple(m for m in each.mentions if m in telling)) for each in facts.symbols)
        fixtures = _fixtures(facts, self._may_replace(path)) if path.rpartition("/")[2] == "conftest.py" else ()
        return (
            *((name, by) for name, by in parts if by or name in telling),
            *((name, ()) for name in sorted(fixtures)),
        )

    def _may_replace(self, path: str) -> bool:
        """Whether it is a `conftest.py` that may replace the class of a client for the tests below it."""
        return path.rpartition("/")[2] == "conftest.py" and self._replacing.search(self._contents[path]) is not None

    def seed(self) -> list[str]:
        """The files that import a library or define a class that the project itself describes, sorted."""
        self._naming = frozenset(p for p, data in self._contents.items() if names_client(data, self._libraries))
        return sorted(self._naming.union(path for path, names in self._own.items() if names))

    def grow(self, facts: Mapping[str, Outline]) -> list[str]:
        """Take in the facts of the files asked for last; answer the files to read next, sorted, none at the end."""
        for path in sorted(facts):
            self._take(path, facts[path])
        is_growing = True
        while is_growing:
            is_growing = False
            for path in sorted(self._carried):
                is_growing |= self._spread(path)
        unread = [path for path in sorted(self._contents) if path not in self._carried]
        given = self._given()
        return [path for path in unread if path in given or self._is_reached(path)]

    def carried(self, path: str) -> frozenset[str]:
        """The names that a file already read defines and that carry a client, as far as is known."""
        if path not in self._shown:
            carried = self._carried[path]
            # A star import hands on whatever arrives.
            self._shown[path] = frozenset(carried) if "*" in self._defined[path] else self._defined[path] & carried
        return self._shown[path]

    def _take(self, path: str, facts: Outline) -> None:
        mentioning: dict[str, list[str]] = {}
        for symbol in facts.symbols:
            for mention in {*symbol.mentions, symbol.name}:
                mentioning.setdefault(mention, []).append(symbol.name)
        self._mentioning[path] = mentioning
        self._defined[path] = frozenset([symbol.name for symbol in facts.symbols])
        self._carried[path] = set()
        if path.rpartition("/")[2] == "conftest.py":
            self._fixtures[path] = _fixtures(facts, self._may_replace(path))
        if path in self._naming:
            self._carry(path, self._libraries)
        self._carry(path, self._own.get(path, ()))

    def _carry(self, path: str, names: Iterable[str]) -> bool:
        """Mark names, and all of the file that mentions a marked one; whether anything was new."""
        carried, mentioning = self._carried[path], self._mentioning[path]
        before, waiting = len(carried), list(names)
        while waiting:
            name = waiting.pop()
            if name not in carried:
                carried.add(name)
                waiting.extend(mentioning.get(name, ()))
        if len(carried) == before:
            return False
        self._shown.pop(path, None)
        return True

    def _spread(self, path: str) -> bool:
        """Carry into one file what its imports bring; whether anything was new."""
        arrived: set[str] = set()
        for link, names in self._arrivals(path):
            if link.name is None:
                arrived |= self._users(path, (link.bound,)) & self._users(path, names)
            elif link.name == "*":
                arrived |= names
            else:
                arrived.add(link.bound)
        return self._carry(path, arrived)

    def _users(self, path: str, names: Iterable[str]) -> set[str]:
        """The definitions of a file that mention one of the names."""
        mentioning = self._mentioning[path]
        return {user for name in names for user in mentioning.get(name, ())}

    def _arrivals(self, path: str) -> Iterator[tuple[Link, frozenset[str]]]:
        """The links of a file that lead to a file already read, with the names that may arrive by each."""
        for link, sources in self._linked(path):
            for source in sources:
                if source == path or source not in self._carried:
                    continue
                names = self.carried(source)
                if link.name is None or link.name == "*":
                    yield link, names
                elif link.name in names:
                    yield link, frozenset((link.name,))

    def _sources(self, link: Link) -> tuple[str, ...]:
        """The files a link may mean."""
        key = (link.module, link.is_exact)
        if key not in self._found:
            self._found[key] = tuple(
                path
                for module, path in self._modules.get(link.module[-1], ())
                if (module if link.is_exact else module[-len(link.module) :]) == link.module
            )
        return self._found[key]

    def _is_reached(self, path: str) -> bool:
        """Whether a file imports a name that carries a client, or a module and mentions one of its names."""
        for link, names in self._arrivals(path):
            if names and (link.name is not None or not names.isdisjoint(self._words_of(path))):
                return True
        if self._may_replace(path):
            return True
        return any(not names.isdisjoint(self._words_of(path)) for names in self._handed_down(path))

    def _handed_down(self, path: str) -> Iterator[frozenset[str]]:
        """The fixtures that carry a client in the `conftest.py` files above: tests ask for them by name alone.

        Only asynchronous ones, as in which loop a test uses their client is a question to the test, and those beside
        which a client class is replaced, as whether the client is a mock is one.
        """
        for conftest in _above(path) if self._fixtures else ():
            names = self._fixtures.get(conftest, frozenset()) & self._carried.get(conftest, set())
            if names:
                yield names

    def _given(self) -> set[str]:
        """The unread files that take part in what a carrying name does and may release what they are handed."""
        given: set[str] = set()
        for path in sorted(self._carried):
            carried = self.carried(path)
            for link, sources in self._linked(path) if carried else ():
                if not carried.isdisjoint(self._mentioning[path].get(link.bound, ())):
                    given.update(source for source in sources if source not in self._carried)
        return {path for path in given if self._release.search(self._contents[path])}

    def _linked(self, path: str) -> tuple[tuple[Link, tuple[str, ...]], ...]:
        """The links of a file that lead to files of the project, and these."""
        if path not in self._links:
            found = ((link, self._sources(link)) for link in links(self._contents[path], path))
            self._links[path] = tuple((link, sources) for link, sources in found if sources)
        return self._links[path]

    def _words_of(self, path: str) -> frozenset[str]:
        if path not in self._words:
            self._words[path] = _words(self._contents[path])
        return self._words[path]


def _words(data: bytes) -> frozenset[str]:
    return frozenset(word.decode(errors="replace") for word in set(_WORD.findall(data)))


def _fixtures(facts: Outline, is_replacing: bool) -> frozenset[str]:
    """The fixtures of a file that are coroutine functions, and all if the file may replace client classes."""
    return frozenset(each.name for each in facts.fixtures if each.is_async or is_replacing)


def _above(path: str) -> Iterator[str]:
    """The `conftest.py` beside a file and those in the folders around it, whether there is one or not."""
    folders = path.split("/")[:-1]
    return ("/".join((*folders[:depth], "conftest.py")) for depth in range(len(folders) + 1))

"""Which files can matter, what is kept of them, and which parts of the program do they make?

Of facts, only what is asked before linking is at hand; they stay encoded until somebody links them, because the trees
of all files at once would fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import TYPE_CHECKING

import msgspec

from kafka_audit.facts.parts import Part, parts
from kafka_audit.facts.schema import FileFacts, Flaw, Outline, outline
from kafka_audit.model import Record
from kafka_audit.pipeline.moving import Lines, lines_moved
from kafka_audit.pipeline.questions import Given
from kafka_audit.pipeline.workers import Workers

if TYPE_CHECKING:
    from kafka_audit.facts.screen import Relevance


class Screened(Record, frozen=True, kw_only=True):
    """What screening found: which files can matter, and what it saw of each.

    `contents` has the digests of all files, `seen` those of what was seen of them while `carrying` were the names that
    carry a client. `facts` has the digests of the facts of the files that can matter, which make these `parts`.
    """

    contents: dict[str, bytes]
    seen: dict[str, bytes]
    carrying: tuple[str, ...]
    facts: dict[str, bytes]
    parts: tuple[tuple[str, ...], ...]


class Reading:
    """The files that can matter: `names` are those that are known before linking, which may ask for more.

    `digests` has the digests of their facts, and `changed` those of the facts and of the contents that changed files
    had when the project was screened before.
    """

    def __init__(self, given: Given, workers: Workers) -> None:
        from kafka_audit.facts.screen import Relevance

        self._given, self._workers = given, workers
        self._encoded: dict[str, bytes] = {}
        self._flaws: dict[str, tuple[Flaw, ...]] = {}
        self.changed: dict[str, tuple[bytes, bytes]] = {}
        key = given.memory.key("screened", given.wanted, [file.name for file in given.found.files], given.extended)
        relevance = Relevance(given.contents, given.catalogue)
        screened = self._confirmed(given.memory.answer(key, Screened), relevance)
        if screened is None:
            outlines = relevance.read(self._begin)
            screened = self._screened(relevance, outlines)
        self.parts: tuple[Part, ...] = screened.parts
        self.digests = screened.facts
        self.names: Set[str] = frozenset(screened.facts)
        if given.digests and self._is_sound(self.names):
            given.memory.keep_answer(key, screened)

    def facts(self, names: Iterable[str]) -> dict[str, FileFacts]:
        """The facts of these files, those left out that there are not."""
        wanted = [name for name in names if name in self._given.contents]
        missing = {name: self._given.contents[name] for name in wanted if name not in self._encoded}
        if missing:
            self._collecting(missing)()
        return {name: self._workers.decoded(self._encoded[name], self._given.contents[name]) for name in wanted}

    def flaws(self, names: Iterable[str]) -> dict[str, tuple[Flaw, ...]]:
        """What could not be read of these files."""
        return {name: self._flaws[name] for name in names if name in self._flaws}

    def moved(self, before: Mapping[str, bytes]) -> dict[str, Lines] | None:
        """Where the lines of files went since these were the digests of their contents; None if more has changed."""
        found: dict[str, Lines] = {}
        for name, now in self.facts(before).items():
            old = self._workers.remembered(before[name])
            lines = lines_moved(old, now) if old is not None else None
            if lines is None:
                return None
            found[name] = lines
        return found if found.keys() == before.keys() else None

    def _begin(self, contents: Mapping[str, bytes]) -> Callable[[], Mapping[str, Outline]]:
        """Begin to parse files, and meanwhile load the code that links and judges them."""
        collect = self._collecting(contents)
        import kafka_audit.link  # noqa: F401  # its rooms are used where they are needed
        from kafka_audit.rules import select

        select(self._given.settings.chosen_rules, self._given.settings.ignored_rules)
        return collect

    def _collecting(self, contents: Mapping[str, bytes]) -> Callable[[], Mapping[str, Outline]]:
        """Begin to parse files; the answer, when called, keeps the facts and gives their outlines."""
        collect = self._workers.begin_extracting(contents)

        def collected() -> Mapping[str, Outline]:
            new = collect()
            self._encoded.update(new)
            outlines = {name: outline(data) for name, data in new.items()}
            self._flaws.update({name: each.flaws for name, each in outlines.items() if each.flaws})
            return outlines

        return collected

    def _is_sound(self, names: Collection[str]) -> bool:
        """Whether the facts say nothing about this run alone, such as that memory ended."""
        return not any(flaw.kind == "internal" for flaws in self.flaws(names).values() for flaw in flaws)

    def _confirmed(self, screened: Screened | None, relevance: Relevance) -> Screened | None:
        """What screening found before, if it would find the same now: files may have changed in other things."""
        digests, contents = self._given.digests, self._given.contents
        if screened is None or screened.contents.keys() != digests.keys():
            return None
        changed = [name for name, digest in screened.contents.items() if digests[name] != digest]
        outlines = self._collecting({name: contents[name] for name in changed if name in screened.facts})()
        carrying = frozenset(screened.carrying)
        if any(self._sight(relevance, name, carrying, outlines.get(name)) != screened.seen[name] for name in changed):
            return None
        self.changed = {name: (screened.facts[name], screened.contents[name]) for name in outlines}
        return msgspec.structs.replace(
            screened,
            contents=digests,
            facts=screened.facts | self._digests(outlines),
        )

    def _screened(self, relevance: Relevance, outlines: Mapping[str, Outline]) -> Screened:
        digests, carrying = self._given.digests, relevance.carrying()
        return Screened(
            contents=digests,
            seen={name: self._sight(relevance, name, carrying, outlines.get(name)) for name in digests},
            carrying=tuple(sorted(carrying)),
            facts=self._digests(outlines),
            parts=parts(sorted(outlines), relevance.links, self._given.paths),
        )

    def _sight(self, relevance: Relevance, name: str, carrying: Set[str], outline: Outline | None) -> bytes:
        """The digest of all that screening sees of a file."""
        taken = relevance.taken(name, outline, carrying) if outline is not None else None
        return self._given.memory.key(relevance.glimpse(name, carrying), taken)

    def _digests(self, names: Iterable[str]) -> dict[str, bytes]:
        """The digests of the facts of these files."""
        return {name: self._given.memory.key(self._encoded[name]) for name in names}

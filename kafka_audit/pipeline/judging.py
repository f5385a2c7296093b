"""What do linking and judging say of the parts of the program?

What was said of a part before is recalled if nothing changed that it depends on: what is kept of its files, so no
comment and no file of another part, and the names of all files. Of code that has only moved, what was said is still
true, on other lines.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from kafka_audit.facts.parts import Part, Reach, together
from kafka_audit.facts.schema import FileFacts, Flaw
from kafka_audit.model import Finding, Producer, Record
from kafka_audit.pipeline.garbage import Programs
from kafka_audit.pipeline.moving import moved
from kafka_audit.pipeline.questions import Given, Judged
from kafka_audit.pipeline.screening import Reading
from kafka_audit.pipeline.telling import rule_texts
from kafka_audit.pipeline.timing import Stopwatch
from kafka_audit.pipeline.workers import Workers
from kafka_audit.settings import Settings

if TYPE_CHECKING:
    from kafka_audit.link.program import Program
    from kafka_audit.rules import Judgement

MOST_OLDER = 5
"""What was said of parts at other times, if there are not as many parts now: enough for a few branches."""

WORTH_A_PROCESS = 1_000_000
"""Bytes of sources: a quarter of a second."""

WORTH_SPREADING = 2_000_000
"""Bytes beside the largest part: with less to do, the other processors had better look at the remaining files."""


class Said(Record, frozen=True, kw_only=True):
    """What was said of parts, by the questions that they were, the latest last."""

    parts: dict[bytes, Judged]


class Batch(Record, frozen=True, kw_only=True):
    """What was said of a few parts, in their order, by a process that took this time for the phases and rules."""

    said: tuple[Judged, ...]
    laps: dict[str, float]


class Linked(NamedTuple):
    """A program, and the files that linking had read besides."""

    program: Program
    loaded: list[str]


def linked(given: Given, reading: Reading, names: Collection[str]) -> Linked:
    """Link these files."""
    from kafka_audit.link import link

    found, loaded = given.found, list[str]()

    def load(wanted: list[str]) -> dict[str, FileFacts]:
        more = reading.facts(name for name in wanted if name not in reading.names)
        loaded.extend(more)
        return more

    known = (given.catalogue, found.declarations, given.pytest)
    program = link(reading.facts(names), given.paths, given.settings.roles, load, found.scripts, *known)
    return Linked(program, loaded)


def judgement_on(program: Program, settings: Settings, watch: Stopwatch) -> Judgement:
    """What the rules that the settings choose say of a program."""
    from kafka_audit.rules import judge

    return judge(program, settings.chosen_rules, settings.ignored_rules, watch.lap)


class Judging:
    """Judges each part of the program, or recalls what was said of it."""

    def __init__(self, given: Given, reading: Reading, workers: Workers, watch: Stopwatch) -> None:
        self._given, self._reading, self._workers, self._watch = given, reading, workers, watch
        memory, names = given.memory, [file.name for file in given.found.files]
        self._about = memory.key("part", given.wanted, names, given.about_project, given.extended)
        self._key = memory.key("said", given.wanted)
        said = memory.answer(self._key, Said)
        self._before = said.parts if said is not None else {}
        self._now: dict[bytes, Judged] = {}
        found = {part: self._recalled(part) for part in reading.parts}
        self._known = {part: judged for part, judged in found.items() if judged is not None}
        self._left = [part for part in reading.parts if part not in self._known]
        self._batches = _batches({part: self._size(part) for part in self._left})

    @property
    def is_spread(self) -> bool:
        """Whether several processes are to be busy with it, so that none should be with anything else."""
        beside = sum(self._size(part) for batch in self._batches[1:] for part in batch)
        return beside > WORTH_SPREADING and self._workers.can_copy

    def whole(self) -> Judged:
        """What is said of all parts. Those that are shown to be one are judged again, as one."""
        said = self._known | (self._apart() if self.is_spread else {})
        parts, are_one = self._reading.parts, True
        with Programs() as programs:
            while are_one:
                for part in parts:
                    if part not in said:
                        programs.make_room(self._size(part))
                        said[part] = self._recalled(part) or self._anew(part)
                parts = together({part: Reach(said[part].loaded, said[part].missed) for part in parts})
                are_one = any(part not in said for part in parts)
        self._keep()
        return _as_one([said[part] for part in parts])

    def _apart(self) -> dict[Part, Judged]:
        """What is said of the batches of parts, each by a process of its own; those left out that failed."""
        said: dict[Part, Judged] = {}
        calls = [functools.partial(self._batch, batch) for batch in self._batches]
        for number, data in self._workers.apart("linking", calls):
            if data:
                batch = msgspec.msgpack.decode(data, type=Batch)
                for name, seconds in batch.laps.items():
                    self._watch.add(name, seconds)
                for part, judged in zip(self._batches[number], batch.said, strict=True):
                    said[part] = judged
                    self._note(part, judged)
        return said

    def _batch(self, parts: Sequence[Part]) -> bytes:
        self._watch = Stopwatch()
        said = [self._anew(part) for part in parts]
        return msgspec.msgpack.encode(Batch(said=tuple(said), laps=self._watch.laps))

    def _anew(self, part: Part) -> Judged:
        program, loaded = linked(self._given, self._reading, part)
        self._watch.lap("link")
        judgement = judgement_on(program, self._given.settings, self._watch)
        judged = Judged(
            producers=tuple(program.producers()),
            findings=judgement.findings,
            texts=rule_texts(sorted({finding.code for finding in judgement.findings})),
            problems=judgement.problems,
            flaws=self._reading.flaws((*part, *loaded)),
            faults=program.faults(),
            loaded={name: self._given.digests.get(name, b"") for name in loaded},
            missed=tuple(program.missed()),
        )
        self._note(part, judged)
        return judged

    def _note(self, part: Part, judged: Judged) -> None:
        """Remember what was said, unless something went wrong in this run."""
        if not (judged.problems or judged.faults or any(map(_is_internal, judged.flaws.values()))):
            self._now[self._question(part)] = judged

    def _size(self, part: Part) -> int:
        return sum(len(self._given.contents[name]) for name in part)

    def _question(self, part: Part, earlier: Mapping[str, bytes] | None = None) -> bytes:
        """What is asked of a part, `earlier` the digests of the facts that some of its files had."""
        known = earlier or {}
        digests = [(name, known.get(name) or self._reading.digests[name]) for name in part]
        return self._given.memory.key(self._about, digests)

    def _recalled(self, part: Part) -> Judged | None:
        """What was said of the part before, if the same would be said now, or the same of code that has moved."""
        changed = {name: self._reading.changed[name] for name in part if name in self._reading.changed}
        question, digests = self._question(part), self._given.digests
        known, contents = self._before.get(question), dict[str, bytes]()
        if known is None and changed:
            known = self._before.get(self._question(part, {name: facts for name, (facts, _) in changed.items()}))
            contents = {name: content for name, (_, content) in changed.items()}
        if known is not None:
            contents |= {name: content for name, content in known.loaded.items() if digests.get(name) != content}
            known = self._moved(known, contents) if contents else known
        if known is not None:
            self._now[question] = known
        return known

    def _moved(self, known: Judged, before: Mapping[str, bytes]) -> Judged | None:
        """What was said when these files had these digests, if since then they have only moved."""
        lines = self._reading.moved(before)
        told = moved((known.producers, known.findings, known.flaws), lines) if lines is not None else None
        if told is None:
            return None
        producers, findings, flaws = told
        loaded = {name: self._given.digests[name] for name in known.loaded}
        return msgspec.structs.replace(known, producers=producers, findings=findings, flaws=flaws, loaded=loaded)

    def _keep(self) -> None:
        """Remember what was said now, and some of what was said before: another branch may want it."""
        if any(question not in self._before for question in self._now):
            older = [question for question in self._before if question not in self._now]
            kept = older[-max(MOST_OLDER, len(self._now)) :]
            said = Said(parts={**{question: self._before[question] for question in kept}, **self._now})
            self._given.memory.keep_answer(self._key, said)


def _batches(sizes: Mapping[Part, int]) -> list[list[Part]]:
    """The parts in groups that are worth a process each, the largest first: none is left to the end."""
    batches: list[list[Part]] = []
    room = 0
    for part in sorted(sizes, key=lambda part: (-sizes[part], part)):
        if room <= 0:
            batches.append([])
            room = WORTH_A_PROCESS
        batches[-1].append(part)
        room -= sizes[part]
    return batches


def _is_internal(flaws: Iterable[Flaw]) -> bool:
    """Whether flaws say something about this run alone, such as that memory ended."""
    return any(flaw.kind == "internal" for flaw in flaws)


def _as_one(parts: Sequence[Judged]) -> Judged:
    """What is said of parts, as one program would say it."""
    texts = {code: text for each in parts for code, text in each.texts.items()}
    return Judged(
        producers=tuple(sorted((each for part in parts for each in part.producers), key=_site)),
        findings=tuple(sorted((each for part in parts for each in part.findings), key=_alarm)),
        texts={code: texts[code] for code in sorted(texts)},
        problems=tuple(dict.fromkeys(itertools.chain.from_iterable(part.problems for part in parts))),
        flaws={name: each for part in parts for name, each in part.flaws.items()},
        faults={name: each for part in parts for name, each in part.faults.items()},
        loaded={name: digest for part in parts for name, digest in part.loaded.items()},
        missed=(),
    )


def _site(each: Producer) -> tuple[object, ...]:
    return each.path, each.line, each.column, each.end_line, each.end_column, each.client


def _alarm(each: Finding) -> tuple[object, ...]:
    return each.path, each.line, each.column, each.end_line, each.end_column, each.code, each.message

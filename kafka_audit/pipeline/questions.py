"""What does an audit start from, on what does its answer depend, and what is an answer?

Two questions are asked, the cheap one first. The whole one depends on every byte of the project; if that is what it was
once before, nothing is parsed and nothing linked. The narrow one depends on what is kept of the files that can
matter, and on the names of the others; so a change in any other file needs no linking, and none of comments. Of code
that has only moved, what was said before is still true, on other lines.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Set
from typing import TYPE_CHECKING, Any

import msgspec

from kafka_audit.catalog.known import Catalogue
from kafka_audit.discover import Discovery
from kafka_audit.discover.notebooks import Notebook
from kafka_audit.discover.pytest_ini import configurations
from kafka_audit.facts.schema import FileFacts, Flaw, encode
from kafka_audit.model import Finding, Problem, Producer, Record
from kafka_audit.pipeline.moving import Lines, lines_moved, moved
from kafka_audit.pipeline.remembering import Memory, digests
from kafka_audit.pipeline.workers import Workers
from kafka_audit.report import RuleText
from kafka_audit.settings import Settings

if TYPE_CHECKING:
    from kafka_audit.facts.screen import Relevance

MANNERS = frozenset(
    {"cache", "cache_dir", "color", "exit_zero", "fail_on", "format", "jobs", "output", "paths", "quiet"}
    | {"folder", "exclude", "extend_exclude", "force_exclude", "changed_since", "stdin_filename"}
    | {"per_file_ignores", "severity", "min_severity", "min_confidence", "ignores", "add_ignore"}
    | {"baseline", "update_baseline", "prune_baseline", "fail_on_stale", "verbose", "statistics", "profile"}
)
"""Settings that say how an audit is done or told; all others are part of the question.

What `paths` and the like name is found, and what is silenced is silenced after the answer.
"""


ABOUT_FILES = frozenset({"asked", "dangling", "files", "problems", "skipped"})
"""What a discovery says of single files; the rest is about the project as a whole, and linking may ask for it."""


class Judged(Record, frozen=True, kw_only=True):
    """What linking and judging say.

    `flaws` are what could not be read of the files that matter and `faults` what linking could not take, by file,
    `loaded` the digests of the files that it asked for, by name. `texts` are the words of the rules that alarm, by
    code; they are kept because a rule's module imports the analysis.
    """

    producers: tuple[Producer, ...]
    findings: tuple[Finding, ...]
    texts: dict[str, RuleText]
    problems: tuple[Problem, ...]
    flaws: dict[str, tuple[Flaw, ...]]
    faults: dict[str, list[Flaw]]
    loaded: dict[str, bytes]


class Answer(Record, frozen=True, kw_only=True):
    """What the phases before the telling say: `analysed` counts the asked files that were parsed for clients.

    `texts` are the words of the rules that alarm, by code. `hiding` are problems that hide part of the answer,
    `harmless` those that concern no client.
    """

    producers: tuple[Producer, ...]
    findings: tuple[Finding, ...]
    texts: dict[str, RuleText]
    hiding: tuple[Problem, ...]
    harmless: tuple[Problem, ...]
    analysed: int


class Given:
    """What an audit starts from: the settings, the files with their contents, and what is remembered of them."""

    def __init__(
        self,
        settings: Settings,
        found: Discovery,
        contents: Mapping[str, bytes],
        notebooks: Mapping[str, Notebook],
        unread: list[Problem],
        memory: Memory,
    ) -> None:
        self.settings, self.found, self.contents, self.unread, self.memory = settings, found, contents, unread, memory
        self.notebooks = notebooks
        self.catalogue = Catalogue(settings.clients, settings.hooks)
        tests = (file.name for file in found.files if "test" in file.name or "e2e" in file.name)  # or anything like it
        self.pytest = configurations(found.base, tests)
        self.digests = digests(contents) if memory.folder is not None else {}
        self.wanted = _without(settings, MANNERS)
        self.about_project = _without(found, ABOUT_FILES | {"base"}) | {
            "declarations": found.declarations.stamps,
            "pytest": sorted(self.pytest.items()),
        }
        self.about_files = {name: getattr(found, name) for name in ABOUT_FILES - {"files", "skipped"}}

    @functools.cached_property
    def question(self) -> bytes:
        """The whole question: every input that shows in the answer."""
        files = [(file.name, file.path, self.digests.get(file.name)) for file in self.found.files]
        return self.memory.key("whole", self.wanted, files, self.about_project, self.about_files, self.unread)


def _without(record: msgspec.Struct, names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(record).items() if name not in names}


class Screened(Record, frozen=True, kw_only=True):
    """What screening found: which files can matter, and what it saw of each.

    `contents` has the digests of all files, `seen` those of what was seen of them while `carrying` were the names that
    carry a client. `facts` has the digests of the facts of the files that can matter.
    """

    contents: dict[str, bytes]
    seen: dict[str, bytes]
    carrying: tuple[str, ...]
    facts: dict[str, bytes]


class Reading:
    """The files that can matter, `names` of which are known first; linking may ask for more of them."""

    def __init__(self, given: Given, workers: Workers) -> None:
        from kafka_audit.facts.screen import Relevance

        self._given, self._workers = given, workers
        self._facts: dict[str, FileFacts] = {}
        self._at_first: list[str] = []
        self._earlier: Screened | None = None
        self._changed: Collection[str] = ()
        self.loaded: dict[str, bytes] = {}
        names = [file.name for file in given.found.files]
        key = given.memory.key("screened", given.wanted, names)
        relevance = Relevance(given.contents, given.catalogue)
        screened = self._confirmed(given.memory.answer(key, Screened), relevance)
        if screened is None:
            self._facts = relevance.read(self._begin)
            screened = self._screened(relevance) if given.digests and self.is_sound else None
        self._at_first = sorted(self._facts if screened is None else screened.facts)
        self._digests = {} if screened is None else screened.facts
        if screened is not None:
            given.memory.keep_answer(key, screened)

    @property
    def names(self) -> Set[str]:
        """The files that matter, those that linking asked for included."""
        return {*self._at_first, *self.loaded}

    @property
    def facts(self) -> dict[str, FileFacts]:
        """The facts of these files."""
        if not self._facts and self._at_first:
            contents = {name: self._given.contents[name] for name in self._at_first}
            self._facts = dict(self._begin(contents)())
        return self._facts

    def _begin(self, contents: Mapping[str, bytes]) -> Callable[[], Mapping[str, FileFacts]]:
        """Begin to parse files, and meanwhile load the code that links and judges them."""
        collect = self._workers.begin_extracting(contents)
        import kafka_audit.link  # noqa: F401  # its rooms are used where they are needed
        from kafka_audit.rules import select

        select(self._given.settings.chosen_rules, self._given.settings.ignored_rules)
        return collect

    @property
    def flaws(self) -> dict[str, tuple[Flaw, ...]]:
        """What could not be read of them."""
        return {name: facts.flaws for name, facts in self.facts.items() if facts.flaws}

    @property
    def is_sound(self) -> bool:
        """Whether the facts say nothing about this run alone, such as that memory ended."""
        return not any(flaw.kind == "internal" for flaws in self.flaws.values() for flaw in flaws)

    @functools.cached_property
    def question(self) -> bytes:
        """The narrow question: the files that can matter, and the names of all."""
        return self._question(self._digests)

    def _question(self, digests: Mapping[str, bytes]) -> bytes:
        """The question when the facts have these digests."""
        given = self._given
        names = [file.name for file in given.found.files]
        mattering = [(name, digests.get(name, given.digests.get(name))) for name in self._at_first]
        return given.memory.key("narrow", given.wanted, names, mattering, given.about_project)

    def recalled(self) -> Judged | None:
        """What linking and judging said before, if they would say the same now, or the same of code that has moved."""
        memory, changed = self._given.memory, dict[str, bytes]()
        known = memory.answer(self.question, Judged)
        if known is None and self._earlier is not None:
            known = memory.answer(self._question(self._earlier.facts), Judged)
            changed = {name: self._earlier.contents[name] for name in self._changed}
        if known is None:
            return None
        changed |= {name: digest for name, digest in known.loaded.items() if self._given.digests.get(name) != digest}
        now = self._moved(known, changed) if changed else known
        if now is not None:
            self.loaded = dict(now.loaded)
        if now is not known and now is not None:
            memory.keep_answer(self.question, now)
        return now

    def _moved(self, known: Judged, changed: Mapping[str, bytes]) -> Judged | None:
        """What was said when the changed files had these digests, if since then they have only moved."""
        given = self._given
        lines: dict[str, Lines] = {}
        for name, now in self._workers.extract({name: given.contents[name] for name in changed}).items():
            before = self._workers.remembered(changed[name])
            found = lines_moved(before, now) if before is not None else None
            if found is None:
                return None
            lines[name] = found
        told = moved((known.producers, known.findings, known.flaws), lines)
        if told is None:
            return None
        producers, findings, flaws = told
        loaded = {name: given.digests[name] for name in known.loaded}
        return msgspec.structs.replace(known, producers=producers, findings=findings, flaws=flaws, loaded=loaded)

    def load(self, names: list[str]) -> dict[str, FileFacts]:
        """Read the further files that linking asks for."""
        contents = self._given.contents
        more = self._workers.extract({name: contents[name] for name in names if name in contents})
        self.loaded |= {name: self._given.digests.get(name, b"") for name in more}
        self.facts.update(more)
        return more

    def _confirmed(self, screened: Screened | None, relevance: Relevance) -> Screened | None:
        """What screening found before, if it would find the same now: files may have changed in other things."""
        digests, contents = self._given.digests, self._given.contents
        if screened is None or screened.contents.keys() != digests.keys():
            return None
        changed = [name for name, digest in screened.contents.items() if digests[name] != digest]
        facts = self._workers.extract({name: contents[name] for name in changed if name in screened.facts})
        carrying = frozenset(screened.carrying)
        if any(self._sight(relevance, name, carrying, facts.get(name)) != screened.seen[name] for name in changed):
            return None
        self._earlier, self._changed = screened, facts.keys()
        return msgspec.structs.replace(screened, contents=digests, facts=screened.facts | self._encoded(facts))

    def _screened(self, relevance: Relevance) -> Screened:
        digests, carrying = self._given.digests, relevance.carrying()
        return Screened(
            contents=digests,
            seen={name: self._sight(relevance, name, carrying, self._facts.get(name)) for name in digests},
            carrying=tuple(sorted(carrying)),
            facts=self._encoded(self._facts),
        )

    def _sight(self, relevance: Relevance, name: str, carrying: Set[str], facts: FileFacts | None) -> bytes:
        """The digest of all that screening sees of a file."""
        taken = relevance.taken(name, facts, carrying) if facts is not None else None
        return self._given.memory.key(relevance.glimpse(name, carrying), taken)

    def _encoded(self, facts: Mapping[str, FileFacts]) -> dict[str, bytes]:
        """The digests of facts."""
        return {name: self._given.memory.key(encode(each)) for name, each in facts.items()}

"""The phases in order: the map of the code.

Files are found and read, the ones that can matter are parsed into facts, facts are linked into one program, rules judge
the program, and what was asked for is told. Each phase is a function from one value to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from kafka_audit.discover import Discovery, roots_of
from kafka_audit.discover.notebooks import Notebook
from kafka_audit.facts.schema import Flaw
from kafka_audit.impact.schema import TestImpact
from kafka_audit.model import Finding, Problem, Report
from kafka_audit.pipeline.asking import life_at, place
from kafka_audit.pipeline.cells import cell_lines, in_cells
from kafka_audit.pipeline.editing import edited
from kafka_audit.pipeline.garbage import not_collecting
from kafka_audit.pipeline.judging import Judging, judgement_on, linked
from kafka_audit.pipeline.questions import Answer, Given
from kafka_audit.pipeline.reading import discovered, notebooks_in, read, typed
from kafka_audit.pipeline.remembering import Memory
from kafka_audit.pipeline.replacing import Change
from kafka_audit.pipeline.saving import check_output, destinations
from kafka_audit.pipeline.screening import Reading
from kafka_audit.pipeline.storing import folder_for
from kafka_audit.pipeline.telling import deliver, deliver_text, exit_code, report, told
from kafka_audit.pipeline.timing import Stopwatch
from kafka_audit.pipeline.workers import Progress, Workers
from kafka_audit.report import RuleText
from kafka_audit.settings import Settings

__all__ = [
    "Progress",
    "Run",
    "among_tests",
    "audit",
    "check_output",
    "deliver",
    "deliver_text",
    "exit_code",
    "explain",
    "files",
    "gather",
    "problems_of",
    "run",
]

Buffers = Mapping[str, bytes]
"""The bytes of files that are not on the disk yet, by real path."""


def _silent(doing: str, done: int, of: int) -> None:
    """Tell nobody how far the audit is."""


class Run(NamedTuple):
    """What a run comes to: the report, the files that it was asked to write by place, and the source of alarms.

    `sources` has the bytes of the files that alarms are in, by path, `texts` the words of rules by code, `laps` the
    seconds that each part took.
    """

    report: Report
    edits: dict[str, Change]
    sources: dict[str, bytes]
    texts: Mapping[str, RuleText]
    laps: Mapping[str, float]


def audit(settings: Settings, progress: Progress = _silent) -> Report:
    """Audit what the settings name. Raises `ConfigError` when they name something that is not there.

    A problem hides part of the answer when it concerns a file that can matter: one that cannot be read, or that is
    parsed for clients and has flaws. A file that mentions no client and does not parse is named and hides nothing.
    """
    return run(settings, progress).report


@not_collecting()
def run(
    settings: Settings, progress: Progress = _silent, buffers: Buffers | None = None, *, show_fixes: bool = False
) -> Run:
    """Audit, and word the files that the settings ask to be written: a baseline, comments. Nothing is written here.

    With `show_fixes`, each alarm says how it would be repaired.
    """
    from kafka_audit.pipeline.sifting import sift

    watch = Stopwatch()
    given = gather(settings, buffers)
    watch.lap("find and read")
    answer = given.memory.answer(given.question, Answer)
    watch.lap("recall")
    if answer is None:
        answer = _answer(given, progress, watch)
        if not any(problem.kind == "internal" for problem in answer.hiding):  # that was this run, not the project
            given.memory.keep_answer(given.question, answer)
        given.memory.save()
        watch.lap("remember")
    findings = _with_fixes(given, progress, watch) if show_fixes else answer.findings
    sifted = sift(findings, given.found, given.contents, answer.hiding, settings)
    sifted, edits = edited(settings, sifted, given.found, given.contents)
    hiding = (*answer.hiding, *sifted.problems)
    told = report(
        given.found,
        answer.producers,
        sifted,
        [*hiding, *answer.harmless],
        analysed=answer.analysed,
        complete=not hiding,
    )
    notebooks = {file.path: given.notebooks[file.name] for file in given.found.files if file.name in given.notebooks}
    told = in_cells(told, notebooks)
    watch.lap("sift and word")
    return Run(told, edits, _sources(told, given, notebooks), answer.texts, watch.laps)


def _with_fixes(given: Given, progress: Progress, watch: Stopwatch) -> tuple[Finding, ...]:
    """The alarms with their repairs: that takes the linked program, which no answer keeps.

    What programs read has the edits, too, which takes an audit for each.
    """
    from kafka_audit.pipeline.fixing import with_edits, with_fixes

    with Workers(given.settings.jobs, progress, given.memory, given.digests) as workers:
        reading = Reading(given, workers)
        program, _ = linked(given, reading, reading.names)
        watch.lap("link")
        judgement = judgement_on(program, given.settings, watch)
        asked = given.found.asked - given.notebooks.keys()
        findings = with_fixes(program, judgement.findings, given.contents, asked)
    if any(place.format in _WITH_EDITS for place in destinations(given.settings)):
        with Workers(given.settings.jobs, progress) as forgetful:  # the digests are not those of changed files
            findings = with_edits(given, findings, forgetful)
    watch.lap("repair")
    return findings


_WITH_EDITS = frozenset({"json", "jsonl", "sarif"})
"""The formats that tell the edits of a repair."""


def _sources(told: Report, given: Given, notebooks: Mapping[str, Notebook]) -> dict[str, bytes]:
    """The source of every file or cell that an alarm is in, by path."""
    names = {file.path: file.name for file in given.found.files}
    sources: dict[str, bytes] = {}
    for path in {each.path for each in (*told.findings, *told.suppressed)}:
        cell = cell_lines(path, notebooks)
        if cell is not None:
            sources[path] = "\n".join(cell).encode()
        elif names.get(path) in given.contents:
            sources[path] = given.contents[names[path]]
    return sources


def among_tests(settings: Settings, progress: Progress = _silent) -> tuple[TestImpact, ...]:
    """What the test files and test folders among the typed paths bring to life, for the page that a person reads."""
    from kafka_audit.pipeline.impact import impact, test_paths

    is_page = any(place.format == "text" for place in destinations(settings))
    paths = test_paths(settings.paths) if is_page else ()
    return impact(msgspec.structs.replace(settings, paths=paths), progress).files if paths else ()


def files(settings: Settings) -> list[str]:
    """The paths of the files that would be reported on, in their order."""
    found = discovered(settings)
    return [file.path for file in found.files if file.name in found.asked]


@not_collecting()
def explain(settings: Settings, site: str, progress: Progress = _silent, buffers: Buffers | None = None) -> str:
    """Everything known about the client that is created at `site`, a `PATH:LINE`, in words.

    Raises `ConfigError` when none is created there.
    """
    from kafka_audit.report.site import explanation
    from kafka_audit.rules import dossier

    asked = place(site)
    given = gather(settings, buffers)
    with Workers(settings.jobs, progress, given.memory, given.digests) as workers:
        reading = Reading(given, workers)
        program, loaded = linked(given, reading, reading.names)
        judgement = judgement_on(program, settings, Stopwatch())
    given.memory.save()
    life = life_at(program, judgement.findings, given.found, asked)
    problems = _hiding(given, reading.flaws((*reading.names, *loaded)), program.faults(), judgement.problems)
    return explanation(told(dossier(program, life, judgement.findings, problems), given.found))


def gather(settings: Settings, buffers: Buffers | None = None) -> Given:
    """Find and read the files, unless what is asked for cannot be answered."""
    if settings.selectors:
        from kafka_audit.pipeline.sifting import check_selectors

        check_selectors(settings)  # a misspelt code should not cost the time of a whole audit
    found = discovered(settings)
    contents, unread = read(found.files, typed(settings) if buffers is None else buffers)
    notebooks = notebooks_in(contents)
    return Given(settings, found, contents, notebooks, unread, Memory(_cache_folder(settings)))


def _cache_folder(settings: Settings) -> str | None:
    if not settings.cache:
        return None
    return settings.cache_dir or folder_for(roots_of([path for path in settings.paths if path != "-"] or ["."]))


def _answer(given: Given, progress: Progress, watch: Stopwatch) -> Answer:
    """What the phases from screening to judgement say; the last two are left out if they were asked the same before."""
    settings, found, memory = given.settings, given.found, given.memory
    with Workers(settings.jobs, progress, memory, given.digests) as workers:
        reading = Reading(given, workers)
        watch.lap("screen and extract")
        judging = Judging(given, reading, workers, watch)
        others = {name: given.contents[name] for name in sorted(found.asked & given.contents.keys() - reading.names)}
        checked = None if judging.is_spread else workers.begin_checking(others)  # while this process links and judges
        judged = judging.whole()
        checked = checked or workers.begin_checking(others)
        mattering = reading.names | judged.loaded.keys()
        broken = {name: flaws for name, flaws in checked().items() if name not in mattering}
        watch.lap("check syntax")
    return Answer(
        producers=judged.producers,
        findings=judged.findings,
        texts=judged.texts,
        hiding=_hiding(given, judged.flaws, judged.faults, judged.problems),
        harmless=(*problems_of(broken, found), *found.dangling),
        analysed=len(found.asked & mattering),
    )


def _hiding(
    given: Given, flaws: Mapping[str, Iterable[Flaw]], faults: Mapping[str, Iterable[Flaw]], problems: Iterable[Problem]
) -> tuple[Problem, ...]:
    """The problems that hide part of the answer: of the files, of linking, and of the rules."""
    found = given.found
    return (*found.problems, *given.unread, *problems_of(flaws, found), *problems_of(faults, found), *problems)


def problems_of(flaws: Mapping[str, Iterable[Flaw]], found: Discovery) -> list[Problem]:
    """The flaws of files, given by name, as problems."""
    paths = {file.name: file.path for file in found.files}
    return [
        Problem(path=paths[name], line=flaw.line, kind=flaw.kind, message=flaw.message)
        for name, each in flaws.items()
        for flaw in each
    ]

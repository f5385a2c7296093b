"""The phases in order: the map of the code.

Files are found and read, the ones that can matter are parsed into facts, facts are linked into one program, rules judge
the program, and what was asked for is told. Each phase is a function from one value to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kafka_audit.discover import Discovery, discover, roots_of
from kafka_audit.facts.schema import Flaw
from kafka_audit.model import Problem, Report
from kafka_audit.pipeline.asking import life_at, place
from kafka_audit.pipeline.garbage import not_collecting
from kafka_audit.pipeline.questions import Answer, Given, Judged, Reading
from kafka_audit.pipeline.reading import read
from kafka_audit.pipeline.remembering import Memory
from kafka_audit.pipeline.saving import check_output
from kafka_audit.pipeline.storing import folder_for
from kafka_audit.pipeline.telling import deliver, deliver_text, exit_code, report, told
from kafka_audit.pipeline.workers import Progress, Workers
from kafka_audit.settings import Settings

if TYPE_CHECKING:
    from kafka_audit.link.program import Program
    from kafka_audit.rules import Judgement

__all__ = ["Progress", "audit", "check_output", "deliver", "deliver_text", "exit_code", "explain"]


def _silent(doing: str, done: int, of: int) -> None:
    """Tell nobody how far the audit is."""


@not_collecting()
def audit(settings: Settings, progress: Progress = _silent) -> Report:
    """Audit what the settings name. Raises `ConfigError` when they name something that is not there.

    A problem hides part of the answer when it concerns a file that can matter: one that cannot be read, or that is
    parsed for clients and has flaws. A file that mentions no client and does not parse is named and hides nothing.
    """
    given = _given(settings)
    answer = given.memory.answer(given.question, Answer)
    if answer is None:
        answer = _answer(given, progress)
        if not any(problem.kind == "internal" for problem in answer.hiding):  # that was this run, not the project
            given.memory.keep_answer(given.question, answer)
        given.memory.save()
    return report(
        given.found,
        answer.producers,
        answer.findings,
        [*answer.hiding, *answer.harmless],
        analysed=answer.analysed,
        complete=not answer.hiding,
    )


@not_collecting()
def explain(settings: Settings, site: str, progress: Progress = _silent) -> str:
    """Everything known about the client that is created at `site`, a `PATH:LINE`, in words.

    Raises `ConfigError` when none is created there.
    """
    from kafka_audit.report.site import explanation
    from kafka_audit.rules import dossier

    asked = place(site)
    given = _given(settings)
    with Workers(settings.jobs, progress, given.memory, given.digests) as workers:
        reading = Reading(given, workers)
        program, judgement = _judgement(given, reading)
    given.memory.save()
    life = life_at(program, judgement.findings, given.found, asked)
    problems = _hiding(given, reading, program.faults(), judgement.problems)
    return explanation(told(dossier(program, life, judgement.findings, problems), given.found))


def _given(settings: Settings) -> Given:
    """Find and read the files, unless what is asked for cannot be answered."""
    if settings.select or settings.ignore:
        from kafka_audit.rules import select

        select(settings.select, settings.ignore)  # a misspelt code should not cost the time of a whole audit
    found = discover(settings.paths)
    contents, unread = read(found.files)
    folder = (settings.cache_dir or folder_for(roots_of(settings.paths))) if settings.cache else None
    return Given(settings, found, contents, unread, Memory(folder))


def _answer(given: Given, progress: Progress) -> Answer:
    """What the phases from screening to judgement say; the last two are left out if they were asked the same before."""
    settings, found, memory = given.settings, given.found, given.memory
    with Workers(settings.jobs, progress, memory, given.digests) as workers:
        reading = Reading(given, workers)
        others = {
            name: given.contents[name] for name in sorted(found.asked & given.contents.keys() - reading.facts.keys())
        }
        checked = workers.check(others)  # goes on while this process links and judges
        judged = memory.answer(reading.question, Judged)
        if judged is None or not reading.reload(judged.loaded):
            judged = _judged(*_judgement(given, reading), reading.loaded)
            if not judged.problems and not judged.faults:
                memory.keep_answer(reading.question, judged)
        broken = {name: flaws for name, flaws in checked().items() if name not in reading.facts}
    return Answer(
        producers=judged.producers,
        findings=judged.findings,
        hiding=_hiding(given, reading, judged.faults, judged.problems),
        harmless=(*_problems(broken, found), *found.dangling),
        analysed=len(found.asked & reading.facts.keys()),
    )


def _judgement(given: Given, reading: Reading) -> tuple[Program, Judgement]:
    from kafka_audit.link import link
    from kafka_audit.rules import judge

    settings, names = given.settings, [file.name for file in given.found.files]
    program = link(reading.facts.copy(), names, settings.roles, reading.load, given.found.scripts)
    return program, judge(program, settings.select, settings.ignore)


def _judged(program: Program, judgement: Judgement, loaded: Mapping[str, bytes]) -> Judged:
    return Judged(
        producers=tuple(program.producers()),
        findings=judgement.findings,
        problems=judgement.problems,
        faults=program.faults(),
        loaded=dict(loaded),
    )


def _hiding(
    given: Given, reading: Reading, faults: Mapping[str, Iterable[Flaw]], problems: Iterable[Problem]
) -> tuple[Problem, ...]:
    """The problems that hide part of the answer: of the files, of linking, and of the rules."""
    flaws = _problems({name: each.flaws for name, each in reading.facts.items()}, given.found)
    return (*given.found.problems, *given.unread, *flaws, *_problems(faults, given.found), *problems)


def _problems(flaws: Mapping[str, Iterable[Flaw]], found: Discovery) -> list[Problem]:
    """The flaws of files, given by name, as problems."""
    paths = {file.name: file.path for file in found.files}
    return [
        Problem(path=paths[name], line=flaw.line, kind=flaw.kind, message=flaw.message)
        for name, each in flaws.items()
        for flaw in each
    ]

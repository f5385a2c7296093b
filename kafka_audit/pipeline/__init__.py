"""The phases in order: the map of the code.

Files are found and read, the ones that can matter are parsed into facts, facts are linked into one program, rules judge
the program, and what was asked for is told. Each phase is a function from one value to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from kafka_audit.discover import Discovery, discover
from kafka_audit.facts.schema import FileFacts, Flaw
from kafka_audit.model import Problem, Report
from kafka_audit.pipeline.asking import life_at, place
from kafka_audit.pipeline.garbage import not_collecting
from kafka_audit.pipeline.reading import read
from kafka_audit.pipeline.saving import check_output
from kafka_audit.pipeline.telling import deliver, deliver_text, exit_code, report, told
from kafka_audit.pipeline.workers import Progress, Workers
from kafka_audit.settings import Settings

if TYPE_CHECKING:
    from kafka_audit.link.program import Program
    from kafka_audit.rules import Judgement

__all__ = ["Progress", "audit", "check_output", "deliver", "deliver_text", "exit_code", "explain"]


def _silent(doing: str, done: int, of: int) -> None:
    """Tell nobody how far the audit is."""


class _Audited(NamedTuple):
    """What the phases before the telling make: `analysed` counts the asked files that were parsed for clients.

    `hiding` are problems that hide part of the answer, `harmless` those that concern no client.
    """

    found: Discovery
    program: Program
    judgement: Judgement
    analysed: int
    hiding: list[Problem]
    harmless: list[Problem]


def audit(settings: Settings, progress: Progress = _silent) -> Report:
    """Audit what the settings name. Raises `ConfigError` when they name something that is not there.

    A problem hides part of the answer when it concerns a file that can matter: one that cannot be read, or that is
    parsed for clients and has flaws. A file that mentions no client and does not parse is named and hides nothing.
    """
    done = _audited(settings, progress)
    return report(
        done.found,
        done.program.producers(),
        done.judgement.findings,
        [*done.hiding, *done.harmless],
        analysed=done.analysed,
        complete=not done.hiding,
    )


def explain(settings: Settings, site: str, progress: Progress = _silent) -> str:
    """Everything known about the client that is created at `site`, a `PATH:LINE`, in words.

    Raises `ConfigError` when none is created there.
    """
    from kafka_audit.report.site import explanation
    from kafka_audit.rules import dossier

    asked = place(site)
    done = _audited(settings, progress)
    life = life_at(done.program, done.judgement.findings, done.found, asked)
    return explanation(told(dossier(done.program, life, done.judgement.findings, done.hiding), done.found))


@not_collecting()
def _audited(settings: Settings, progress: Progress) -> _Audited:
    from kafka_audit.facts.screen import relevant
    from kafka_audit.link import link
    from kafka_audit.rules import judge, select

    select(settings.select, settings.ignore)  # a misspelt code should not cost the time of a whole audit
    found = discover(settings.paths)
    contents, unread = read(found.files)
    with Workers(settings.jobs, progress) as workers:
        facts = relevant(contents, workers.extract, follow=workers.follow)

        def load(names: list[str]) -> dict[str, FileFacts]:
            """Read the further files that linking asks for."""
            more = workers.follow({name: contents[name] for name in names if name in contents})
            facts.update(more)
            return more

        others = {name: contents[name] for name in sorted(found.asked & contents.keys() - facts.keys())}
        checked = workers.check(others)  # goes on while this process links and judges
        program = link(facts.copy(), [file.name for file in found.files], settings.roles, load, found.scripts)
        judgement = judge(program, settings.select, settings.ignore)
        broken = {name: flaws for name, flaws in checked().items() if name not in facts}
    harmless = _problems(broken, found)
    flaws = _problems({name: each.flaws for name, each in facts.items()}, found)
    return _Audited(
        found,
        program,
        judgement,
        analysed=len(found.asked & facts.keys()),
        hiding=[*found.problems, *unread, *flaws, *_problems(program.faults(), found), *judgement.problems],
        harmless=[*harmless, *found.dangling],
    )


def _problems(flaws: Mapping[str, Iterable[Flaw]], found: Discovery) -> list[Problem]:
    """The flaws of files, given by name, as problems."""
    paths = {file.name: file.path for file in found.files}
    return [
        Problem(path=paths[name], line=flaw.line, kind=flaw.kind, message=flaw.message)
        for name, each in flaws.items()
        for flaw in each
    ]

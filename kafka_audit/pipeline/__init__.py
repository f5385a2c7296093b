"""The phases in order: the map of the code.

Files are found and read, the ones that can matter are parsed into facts, facts are linked into one program, rules judge
the program, and what was asked for is told. Each phase is a function from one value to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka_audit.discover import Discovery, discover
from kafka_audit.facts.schema import FileFacts, Flaw
from kafka_audit.model import Problem, Report
from kafka_audit.pipeline.reading import read
from kafka_audit.pipeline.saving import check_output
from kafka_audit.pipeline.telling import deliver, exit_code, report
from kafka_audit.pipeline.workers import Progress, Workers
from kafka_audit.settings import Settings

__all__ = ["Progress", "audit", "check_output", "deliver", "exit_code"]


def _silent(doing: str, done: int, of: int) -> None:
    """Tell nobody how far the audit is."""


def audit(settings: Settings, progress: Progress = _silent) -> Report:
    """Audit what the settings name. Raises `ConfigError` when they name something that is not there.

    A problem hides part of the answer when it concerns a file that can matter: one that cannot be read, or that is
    parsed for clients and has flaws. A file that mentions no client and does not parse is named and hides nothing.
    """
    from kafka_audit.facts.screen import relevant
    from kafka_audit.link import link
    from kafka_audit.rules import judge, select

    select(settings.select, settings.ignore)  # a misspelt code should not cost the time of a whole audit
    found = discover(settings.paths)
    contents, unread = read(found.files)
    with Workers(settings.jobs, progress) as workers:
        facts = relevant(contents, workers.extract)

        def load(names: list[str]) -> dict[str, FileFacts]:
            """Read the further files that linking asks for."""
            more = workers.extract({name: contents[name] for name in names if name in contents})
            facts.update(more)
            return more

        program = link(facts.copy(), [file.name for file in found.files], settings.roles, load)
        others = {name: contents[name] for name in sorted(found.asked & contents.keys() - facts.keys())}
        harmless = _problems(workers.check(others), found)
    judgement = judge(program, settings.select, settings.ignore)
    flaws = _problems({name: each.flaws for name, each in facts.items()}, found)
    hiding = [*found.problems, *unread, *flaws, *judgement.problems]
    return report(
        found,
        program.producers(),
        judgement.findings,
        [*hiding, *harmless, *found.dangling],
        analysed=len(found.asked & facts.keys()),
        complete=not hiding,
    )


def _problems(flaws: Mapping[str, Iterable[Flaw]], found: Discovery) -> list[Problem]:
    """The flaws of files, given by name, as problems."""
    paths = {file.name: file.path for file in found.files}
    return [
        Problem(path=paths[name], line=flaw.line, kind=flaw.kind, message=flaw.message)
        for name, each in flaws.items()
        for flaw in each
    ]

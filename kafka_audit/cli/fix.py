"""The command `fix`: repair what can be repaired."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kafka_audit.cli.app import Action, app, choice, listed
from kafka_audit.cli.manners import Progress, abandon_stdout
from kafka_audit.settings import ROLES, Settings, chosen

NOTES = """\b
Examples:
  kafka-audit fix --diff                  show what would change in the current folder
  kafka-audit fix app/ --select KA301     only the alarms of one rule
  kafka-audit fix . --unsafe --show-fixes everything, and why the rest is left

\b
Exit codes:
  0  every alarm at or above warning was fixed, or there was none
  1  alarms are left, or, with --diff, something would change
  2  the command or its settings are wrong, or a file could not be written
  3  a repair was withdrawn: a mistake in kafka-audit"""


@app.command(epilog=NOTES, short_help="Repair what can be repaired.")
def fix(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files and folders; the current folder by default.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Also repairs that change behaviour, such as when a client is created.")
    ] = False,
    show_fixes: Annotated[
        bool, typer.Option("--show-fixes", help="Say of every alarm how it is fixed, or why not.")
    ] = False,
    role: Annotated[
        list[str] | None, choice("--role", ROLES, "Repair these clients besides producers; can be repeated.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Only these rules: codes, beginnings of codes, names, categories or `all`."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not these rules.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes to parse with; 0 is one per processor.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> Action:
    """Repair what can be repaired, and say what cannot and why.

    Every change is audited in memory before anything is written: the files parse, the alarm is gone, no new one came.
    """
    settings = Settings(
        paths=tuple(paths or (".",)),
        roles=tuple(sorted({"producer", *(chosen("--role", word, ROLES) for word in listed(role))})),
        select=listed(select),
        ignore=listed(ignore),
        jobs=jobs,
        quiet=quiet,
    )
    return lambda: run(settings, diff=diff, unsafe=unsafe, show_fixes=show_fixes)


def run(settings: Settings, *, diff: bool, unsafe: bool, show_fixes: bool) -> int:
    """Repair, write or show it, and tell what was done."""
    from kafka_audit.pipeline.fixing import fix
    from kafka_audit.report.plain import write
    from kafka_audit.report.repairs import repairs

    with Progress(settings.quiet) as progress:
        fixes = fix(settings, unsafe=unsafe, progress=progress)
    if not diff:
        fixes.write()
    told = repairs(fixes.outcomes, files=len(fixes.changes), written=not diff, why=show_fixes)
    try:
        write(sys.stdout, "".join(fixes.diffs) if diff else told)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
    if diff:
        write(sys.stderr, told)
    if any(outcome.what == "withdrawn" for outcome in fixes.outcomes):
        return 3
    return int(bool(fixes.changes if diff else fixes.left))

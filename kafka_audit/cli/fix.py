"""The command `fix`: repair what can be repaired."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from kafka_audit.cli.app import Action, app
from kafka_audit.cli.manners import Progress, abandon_stdout
from kafka_audit.cli.options import LINE, given, settled, signature
from kafka_audit.settings import ConfigError, Settings

NOTES = """\b
Examples:
  kafka-audit fix --diff                  show what would change here
  kafka-audit fix app/ --select KA301     only the alarms of one rule
  kafka-audit fix . --unsafe --show-fixes everything, and why the rest is left

\b
Exit codes:
  0  every alarm at or above warning was fixed, or there was none
  1  alarms are left, or, with --diff, something would change
  2  the command or its settings are wrong, or a file could not be written
  3  a repair was withdrawn: a mistake in kafka-audit"""


_OWN: dict[str, tuple[Any, Any]] = {
    "diff": (Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")], False),
    "unsafe": (
        Annotated[
            bool,
            typer.Option("--unsafe", help="Also repairs that change behaviour, such as when a client is created."),
        ],
        False,
    ),
    "show_fixes": (
        Annotated[bool, typer.Option("--show-fixes", help="Say of every alarm how it is fixed, or why not.")],
        False,
    ),
}
_SETTINGS = tuple(
    setting
    for setting in LINE
    if setting.option.group in ("Scope", "Rules", "Run") or setting.name in ("ignores", "baseline", "quiet")
    if setting.name != "stdin_filename"
)
"""Those that say what is to be repaired."""


def fix(**arguments: Any) -> Action:
    """Repair what can be repaired, and say what cannot and why.

    Every change is audited in memory before anything is written: the files parse, the alarm is gone, no new one came.
    Alarms that are suppressed are left alone.
    """
    line = given(arguments)

    def act() -> int:
        settings, _ = settled(arguments, line)
        if "-" in settings.paths:
            raise ConfigError("fix writes into files; name one instead of `-`")
        return run(settings, diff=arguments["diff"], unsafe=arguments["unsafe"], show_fixes=arguments["show_fixes"])

    return act


fix.__signature__ = signature(_OWN, _SETTINGS)  # type: ignore[attr-defined]
app.command(epilog=NOTES, short_help="Repair what can be repaired.")(fix)


def repair(settings: Settings, *, unsafe: bool) -> None:
    """Repair and write; what was done is told beside the output."""
    from kafka_audit.pipeline.fixing import fix
    from kafka_audit.report.plain import write
    from kafka_audit.report.repairs import repairs

    with Progress(settings.quiet) as progress:
        fixes = fix(settings, unsafe=unsafe, progress=progress)
    fixes.write()
    write(sys.stderr, repairs(fixes.outcomes, files=len(fixes.changes), written=True, why=False))


def run(settings: Settings, *, diff: bool, unsafe: bool, show_fixes: bool) -> int:
    """Repair, write or show it, and tell what was done."""
    from kafka_audit.pipeline.fixing import fix
    from kafka_audit.report.plain import inert_lines, write
    from kafka_audit.report.repairs import repairs

    with Progress(settings.quiet) as progress:
        fixes = fix(settings, unsafe=unsafe, progress=progress)
    if not diff:
        fixes.write()
    told = repairs(fixes.outcomes, files=len(fixes.changes), written=not diff, why=show_fixes)
    try:
        diffs = "".join(fixes.diffs)  # to the byte for programs, but a source may hold what acts on a terminal
        write(sys.stdout, (inert_lines(diffs) if sys.stdout.isatty() else diffs) if diff else told)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
    if diff:
        write(sys.stderr, told)
    if any(outcome.what == "withdrawn" for outcome in fixes.outcomes):
        return 3
    return int(bool(fixes.changes if diff else fixes.left))

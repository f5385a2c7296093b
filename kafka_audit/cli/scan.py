"""The command `scan`: audit Python code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kafka_audit.cli.app import Action, app
from kafka_audit.cli.fix import repair
from kafka_audit.cli.manners import Progress, abandon_stdout
from kafka_audit.cli.options import given, settled, signature
from kafka_audit.settings import ConfigError, Settings

if TYPE_CHECKING:
    from kafka_audit.model import Report

EXIT_CODES = """\b
Exit codes:
  0  no alarm at or above the threshold (--fail-on)
  1  alarms at or above the threshold (never with --explain-site)
  2  the command or its settings are wrong
  3  no such alarm, but the audit is incomplete: a problem hides a part"""

_OWN: dict[str, tuple[Any, Any]] = {
    "show_settings": (
        Annotated[bool, typer.Option("--show-settings", help="Print what holds for this run, and stop.")],
        False,
    ),
    "show_files": (
        Annotated[bool, typer.Option("--show-files", help="Print the files that would be reported on, and stop.")],
        False,
    ),
    "fix": (
        Annotated[bool, typer.Option("--fix", help="Repair what can be repaired first; report what is left.")],
        False,
    ),
    "unsafe": (
        Annotated[bool, typer.Option("--unsafe", help="With --fix: also repairs that change behaviour.")],
        False,
    ),
    "show_fixes": (
        Annotated[
            bool, typer.Option("--show-fixes", help="Tell with each alarm how it would be repaired, or why not.")
        ],
        False,
    ),
    "explain_site": (
        Annotated[
            str | None,
            typer.Option(
                "--explain-site", metavar="PATH:LINE", help="Tell everything known about the client made there."
            ),
        ],
        None,
    ),
}
"""What this command alone takes: each is an annotation and a default."""


def scan(**arguments: Any) -> Action:
    """Audit Python code: which clients it creates, what becomes of them, and what is wrong with that.

    The whole project around PATH is read, because a client may be released anywhere in it; the report is on PATH.
    """
    line = given(arguments)
    return lambda: _run(arguments, line)


scan.__signature__ = signature(_OWN)  # type: ignore[attr-defined]
app.command(epilog=EXIT_CODES, short_help="Audit Python code.")(scan)


def _run(arguments: dict[str, Any], line: dict[str, Any]) -> int:
    settings, origins = settled(arguments, line)
    if arguments["show_settings"]:
        from kafka_audit.config.showing import effective

        sys.stdout.write(effective(settings, origins))
        return 0
    if arguments["show_files"]:
        return _show_files(settings)
    if arguments["unsafe"] and not arguments["fix"]:
        raise ConfigError("--unsafe says which repairs --fix may make; add --fix")
    if arguments["explain_site"] is not None:
        return _explain_site(settings, arguments["explain_site"])
    if arguments["fix"]:
        repair(settings, unsafe=arguments["unsafe"])
    return _scan(settings, ", ".join(sorted({*origins.values()} - {"command line"})), arguments["show_fixes"])


def _show_files(settings: Settings) -> int:
    from kafka_audit.pipeline import files
    from kafka_audit.report.plain import inert

    sys.stdout.write("".join(f"{inert(path)}\n" for path in files(settings)))
    return 0


def _scan(settings: Settings, file: str, show_fixes: bool) -> int:
    from kafka_audit.pipeline import among_tests, check_output, deliver, exit_code, run
    from kafka_audit.pipeline.replacing import replace_all

    check_output(settings)
    with Progress(settings.quiet) as progress:
        report, edits, sources, texts, laps = run(settings, progress, show_fixes=show_fixes)
        tests = among_tests(settings, progress)
    code = exit_code(report, settings)
    replace_all(edits)
    try:
        deliver(report, settings, sources, tests, texts)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; the answer stands
        abandon_stdout()
    _remark(settings, report, file, laps)
    return code


def _remark(settings: Settings, report: Report, file: str, laps: Mapping[str, float]) -> None:
    """Say what was asked for beside the report."""
    from kafka_audit.report import remarks
    from kafka_audit.report.plain import write

    if settings.verbose:
        write(sys.stderr, remarks.circumstances(report, file))
    if settings.statistics:
        write(sys.stderr, remarks.statistics(report))
    if settings.profile:
        write(sys.stderr, remarks.profile(laps))


def _explain_site(settings: Settings, site: str) -> int:
    import msgspec

    from kafka_audit.pipeline import check_output, deliver_text, explain
    from kafka_audit.pipeline.saving import check_only

    if settings.format == "auto":
        settings = msgspec.structs.replace(settings, format="text")
    check_only(settings, "--explain-site", ("text",))
    check_output(settings)
    with Progress(settings.quiet) as progress:
        text = explain(settings, site, progress)
    try:
        deliver_text(text, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
    return 0

"""The command `scan`: audit Python code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kafka_audit.cli.app import Action, app, choice, listed
from kafka_audit.cli.manners import Progress, abandon_stdout
from kafka_audit.settings import COLORS, FORMATS, ROLES, SEVERITIES, ConfigError, Settings, chosen

EXIT_CODES = """\b
Exit codes:
  0  no alarm at or above the threshold (--fail-on)
  1  alarms at or above the threshold (never with --explain-site)
  2  the command or its settings are wrong
  3  no such alarm, but the audit is incomplete: a problem hides part of the answer"""


@app.command(epilog=EXIT_CODES, short_help="Audit Python code.")
def scan(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files and folders; the current folder by default.")
    ] = None,
    format: Annotated[str, choice("--format", FORMATS, "How to tell the report.", "-f")] = "text",
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report there.")
    ] = None,
    role: Annotated[
        list[str] | None, choice("--role", ROLES, "Audit these clients besides producers; can be repeated.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Only these rules: codes, beginnings of codes, names, categories or `all`."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not these rules.")] = None,
    fail_on: Annotated[
        str, choice("--fail-on", SEVERITIES, "The lowest severity that makes the exit code 1.")
    ] = "warning",
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 whatever the report says.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes to parse with; 0 is one per processor.")] = 0,
    color: Annotated[str, choice("--color", COLORS, "Colour the text; auto minds NO_COLOR and FORCE_COLOR.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep what is found out for the next run.")] = True,
    cache_dir: Annotated[
        str | None, typer.Option("--cache-dir", metavar="DIR", help="Keep it there; see `kafka-audit cache info`.")
    ] = None,
    explain_site: Annotated[
        str | None,
        typer.Option("--explain-site", metavar="PATH:LINE", help="Tell everything known about the client made there."),
    ] = None,
) -> Action:
    """Audit Python code: which clients it creates, what becomes of them, and what is wrong with that.

    The whole project around PATH is read, because a client may be released anywhere in it; the report is on PATH.
    """
    settings = Settings(
        paths=tuple(paths or (".",)),
        format=chosen("--format", format, FORMATS),
        output=output,
        roles=tuple(sorted({"producer", *(chosen("--role", word, ROLES) for word in listed(role))})),
        select=listed(select),
        ignore=listed(ignore),
        fail_on=chosen("--fail-on", fail_on, SEVERITIES),
        exit_zero=exit_zero,
        jobs=jobs,
        color=chosen("--color", color, COLORS),
        quiet=quiet,
        cache=cache,
        cache_dir=cache_dir,
    )
    if explain_site is None:
        return lambda: _scan(settings)
    return lambda: _explain_site(settings, explain_site)


def _scan(settings: Settings) -> int:
    from kafka_audit.pipeline import audit, check_output, deliver, exit_code

    check_output(settings.output)
    with Progress(settings.quiet) as progress:
        report = audit(settings, progress)
    code = exit_code(report, settings)
    try:
        deliver(report, settings)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; the answer stands
        abandon_stdout()
    return code


def _explain_site(settings: Settings, site: str) -> int:
    from kafka_audit.pipeline import check_output, deliver_text, explain

    if settings.format != "text":
        raise ConfigError(f"--explain-site is told as text; leave out --format {settings.format}")
    check_output(settings.output)
    with Progress(settings.quiet) as progress:
        text = explain(settings, site, progress)
    try:
        deliver_text(text, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
    return 0

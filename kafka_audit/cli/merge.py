"""The command `merge`: make one report of those on the parts of a code base."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kafka_audit.cli.app import Action, app
from kafka_audit.cli.manners import abandon_stdout
from kafka_audit.settings import FORMATS, Settings, chosen

EXAMPLE = """\b
Example:
  kafka-audit scan services/mail --exit-zero -f json -o mail.json
  kafka-audit scan services/shop --exit-zero -f json -o shop.json
  kafka-audit merge mail.json shop.json -o all.json -o sarif:all.sarif"""


@app.command(epilog=EXAMPLE, short_help="Make one report of several.")
def merge(
    reports: Annotated[list[str], typer.Argument(metavar="REPORT", help="JSON reports of `scan`.")],
    format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help=f"How to tell it: {', '.join(FORMATS)}.")
    ] = "json",
    output: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", metavar="[FORMAT:]FILE", help="Write it there, as `scan --output` does."),
    ] = None,
) -> Action:
    """Make one report of those on the parts of a code base, audited one by one or on several machines.

    The exit code is 0: each audit has said with its own what it found.
    """
    settings = Settings(format=chosen("--format", format, FORMATS), output=tuple(output or ()))
    return lambda: _merge(reports, settings)


def _merge(paths: list[str], settings: Settings) -> int:
    from kafka_audit.pipeline import check_output, deliver
    from kafka_audit.pipeline.merging import merged, report_in

    check_output(settings)
    report = merged([report_in(path) for path in paths])
    try:
        deliver(report, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
    return 0

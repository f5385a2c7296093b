"""The command `merge`: make one report of those on the parts of a code base."""

from __future__ import annotations

from typing import Annotated

import typer

from kafka_audit.cli.app import Action, app, printing

EXAMPLE = """\b
Example:
  kafka-audit scan services/mail --exit-zero -f json -o mail.json
  kafka-audit scan services/shop --exit-zero -f json -o shop.json
  kafka-audit merge mail.json shop.json -o all.json"""


@app.command(epilog=EXAMPLE, short_help="Make one report of several.")
def merge(
    reports: Annotated[list[str], typer.Argument(metavar="REPORT", help="JSON reports of `scan`.")],
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")] = None,
) -> Action:
    """Make one JSON report of those on the parts of a code base, audited one by one or on several machines.

    The exit code is 0: each audit has said with its own what it found.
    """
    return lambda: _merge(reports, output)


def _merge(paths: list[str], output: str | None) -> int:
    from kafka_audit.pipeline.merging import merged, report_in
    from kafka_audit.pipeline.saving import check_output, save
    from kafka_audit.report.json import document

    check_output(output)
    text = document(merged([report_in(path) for path in paths]))
    if output is None:
        return printing(text)()
    save(output, text)
    return 0

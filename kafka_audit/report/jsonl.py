"""What do programs read that take one thing at a time: the report as JSON Lines?

Each line is an object with a `type`: first `tool`, then `producer`, `finding`, `suppressed` and `problem`, in the order
of the document and with the fields that they have there, and `summary` at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.model import Record
from kafka_audit.report import Telling
from kafka_audit.report.json import line


def told(telling: Telling) -> str:
    """Return one JSON object a line."""
    return "".join(line({"type": kind}, record) for kind, record in _records(telling))


def _records(telling: Telling) -> Iterator[tuple[str, Record]]:
    report = telling.report
    yield "tool", report.tool
    yield from (("producer", item) for item in report.producers)
    yield from (("finding", item) for item in report.findings)
    yield from (("suppressed", item) for item in report.suppressed)
    yield from (("problem", item) for item in report.problems)
    yield "summary", report.summary

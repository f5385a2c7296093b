"""What does a log or an editor need: one line for each alarm, then the counts."""

from __future__ import annotations

from kafka_audit.report import Telling
from kafka_audit.report.plain import inert_record, summary_line


def told(telling: Telling) -> str:
    """Return `path:line:column: CODE severity message` for each alarm and a last line with the counts."""
    safe = inert_record(telling.report)
    alarms = (
        f"{item.path}:{item.line}:{item.column}: {item.code} {item.severity} {item.message}" for item in safe.findings
    )
    return "".join(f"{line}\n" for line in (*alarms, summary_line(safe)))

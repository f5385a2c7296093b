"""What does Reviewdog read: its diagnostic format, with columns counted in bytes of UTF-8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafka_audit.model import Finding
from kafka_audit.report import Telling
from kafka_audit.report.json import indented
from kafka_audit.report.plain import for_services, inert_record


def told(telling: Telling) -> str:
    """Return one JSON object with a diagnostic for each alarm."""
    report = for_services(telling.report)
    safe = inert_record(report)
    shown = zip(report.findings, safe.findings, strict=True)
    return indented(
        {
            "source": {"name": safe.tool.name},
            "diagnostics": [_diagnostic(item, telling.sources.get(raw.path, ())) for raw, item in shown],
        }
    )


def _diagnostic(finding: Finding, lines: Sequence[str]) -> dict[str, Any]:
    return {
        "message": finding.message,
        "location": {
            "path": finding.path,
            "range": {
                "start": _position(lines, finding.line, finding.column),
                "end": _position(lines, finding.end_line, finding.end_column),
            },
        },
        "severity": finding.severity.upper(),
        "code": {"value": finding.code},
        "related_locations": [
            {"message": step.message, "location": {"path": step.path, "range": {"start": {"line": step.line}}}}
            for step in finding.trace
        ],
    }


def _position(lines: Sequence[str], line: int, column: int) -> Mapping[str, int]:
    before = lines[line - 1][: column - 1] if line <= len(lines) else "x" * (column - 1)
    return {"line": line, "column": len(before.encode("utf-8", "replace")) + 1}

"""What does GitLab show in a merge request: a code quality report."""

from __future__ import annotations

from typing import Any

from kafka_audit.model import Finding, Severity
from kafka_audit.report import Telling
from kafka_audit.report.json import indented
from kafka_audit.report.plain import for_services, inert_record

_SEVERITIES: dict[Severity, str] = {"error": "critical", "warning": "major", "info": "minor"}


def told(telling: Telling) -> str:
    """Return a JSON array with an object for each alarm."""
    return indented([_issue(finding) for finding in inert_record(for_services(telling.report)).findings])


def _issue(finding: Finding) -> dict[str, Any]:
    return {
        "description": finding.message,
        "check_name": finding.code,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": finding.path, "lines": {"begin": finding.line, "end": finding.end_line}},
    }

"""What does GitHub Actions turn into annotations: workflow commands in the log of a job."""

from __future__ import annotations

from kafka_audit.model import Finding, Severity
from kafka_audit.report import Telling
from kafka_audit.report.plain import for_services, inert_record, summary_line

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}


def told(telling: Telling) -> str:
    """Return a command for each alarm and, as an ordinary line of the log, the counts."""
    safe = inert_record(for_services(telling.report))
    return "".join(f"{line}\n" for line in (*map(_command, safe.findings), summary_line(safe)))


def _command(finding: Finding) -> str:
    place = {"file": finding.path, "line": str(finding.line)}
    if finding.end_line == finding.line:  # columns mean nothing to the service when an annotation spans lines
        place |= {"col": str(finding.column), "endColumn": str(finding.end_column)}
    else:
        place |= {"endLine": str(finding.end_line)}
    place["title"] = f"{finding.code} {finding.name}"
    steps = [f"{number}. {step.path}:{step.line}: {step.message}" for number, step in enumerate(finding.trace, 1)]
    properties = ",".join(f"{name}={_property(value)}" for name, value in place.items())
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(chr(10).join((finding.message, *steps)))}"


def _data(text: str) -> str:
    """Text as a command's message: a line break in it would start another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

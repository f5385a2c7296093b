"""What do code scanning services read: SARIF 2.1.0, with the chains of evidence as code flows?

Every text is inert, paths are URIs relative to the root of the source, and a result keeps its fingerprint when code
moves. Suppressed alarms are results, too, with what suppressed them; problems are notifications of the invocation.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from kafka_audit.model import Confidence, Finding, Problem, Replacement, Severity, Step, Suppressed
from kafka_audit.report import RuleText, Telling
from kafka_audit.report.json import indented
from kafka_audit.report.linehash import line_hashes
from kafka_audit.report.plain import for_services, inert, inert_record, without_surrogates

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "kafkaAudit/v1"
"""The key of the report's own fingerprint; its number changes when equal code gets other fingerprints."""

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_PRECISIONS: dict[Confidence, str] = {"high": "very-high", "medium": "high", "low": "medium"}
_ROOT = "%SRCROOT%"


def told(telling: Telling) -> str:
    """Return the SARIF log of one run, indented."""
    report = for_services(telling.report)
    safe = inert_record(report)
    alarms: list[Finding] = [*safe.findings, *safe.suppressed]
    raw: list[Finding] = [*report.findings, *report.suppressed]
    codes = sorted({finding.code for finding in alarms})
    hashes = _Hashes(telling.sources)
    run = {
        "tool": {"driver": _driver(telling, codes)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The directory that the audit ran in."}}},
        "invocations": [_invocation(telling, safe.problems)],
        "results": [
            _result(finding, codes.index(finding.code), hashes.of(written.path, finding.line)) | _fixes(written)
            for finding, written in zip(alarms, raw, strict=True)
        ],
    }
    return indented({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver(telling: Telling, codes: Sequence[str]) -> dict[str, Any]:
    tool = telling.report.tool
    return {
        "name": tool.name,
        "version": tool.version,
        "semanticVersion": tool.version,
        "rules": [_rule(code, telling.rules.get(code)) for code in codes],
    }


def _rule(code: str, text: RuleText | None) -> dict[str, Any]:
    if text is None:
        return {"id": code}
    named = {"name": inert(text.name)} if text.name else {}
    return {
        "id": code,
        **named,
        "shortDescription": {"text": inert(text.summary)},
        "fullDescription": {"text": inert(text.rationale or text.summary)},
        "help": {"text": inert(text.fix_title), "markdown": text.page or inert(text.fix_title)},
        "defaultConfiguration": {"level": _LEVELS[text.severity]},
        "properties": {
            "tags": [text.category],
            "problem.severity": _LEVELS[text.severity].replace("note", "recommendation"),
        },
    }


def _invocation(telling: Telling, problems: Sequence[Problem]) -> dict[str, Any]:
    complete = telling.report.summary.complete
    return {
        "executionSuccessful": complete,
        "exitCode": telling.exit_code,
        "toolExecutionNotifications": [
            {
                "level": "note" if complete else "warning",
                "descriptor": {"id": problem.kind},
                "message": {"text": problem.message or problem.kind},
                "locations": [_location(problem.path, {"startLine": problem.line})],
            }
            for problem in problems
        ],
    }


def _result(finding: Finding, index: int, line_hash: str | None) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    prints = {FINGERPRINT: finding.fingerprint} | ({"primaryLocationLineHash": line_hash} if line_hash else {})
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message or finding.name or finding.code},
        "locations": [_location(finding.path, region)],
        "relatedLocations": [{"id": number, **_step(step)} for number, step in enumerate(finding.trace, start=1)],
        "partialFingerprints": prints,
        "properties": {"confidence": finding.confidence, "precision": _PRECISIONS[finding.confidence]},
    }
    if finding.trace:
        flow = {"locations": [{"location": _step(step)} for step in finding.trace]}
        result["codeFlows"] = [{"threadFlows": [flow]}]
    if isinstance(finding, Suppressed):
        result["suppressions"] = [_suppression(finding)]
    if finding.fix is not None:
        result["properties"]["fix"] = {"safety": finding.fix.safety, "title": finding.fix.title}
    return result


def _fixes(finding: Finding) -> dict[str, Any]:
    """The audited repair of an alarm, if there is one; what it writes is source text, and stays as it is."""
    if finding.fix is None or not finding.fix.edits:
        return {}
    changes = [
        {"artifactLocation": _artifact(inert(path)), "replacements": [_replacement(edit) for edit in edits]}
        for path, edits in itertools.groupby(finding.fix.edits, key=lambda edit: edit.path)
    ]
    return {"fixes": [{"description": {"text": inert(finding.fix.title)}, "artifactChanges": changes}]}


def _replacement(edit: Replacement) -> dict[str, Any]:
    region = {
        "startLine": edit.line,
        "startColumn": edit.column,
        "endLine": edit.end_line,
        "endColumn": edit.end_column,
    }
    return {"deletedRegion": region, "insertedContent": {"text": without_surrogates(edit.text)}}


def _suppression(finding: Suppressed) -> dict[str, Any]:
    kind = "inSource" if finding.suppressed_by == "comment" else "external"
    return {"kind": kind, "justification": finding.reason or f"suppressed by {finding.suppressed_by}"}


def _step(step: Step) -> dict[str, Any]:
    return {**_location(step.path, {"startLine": step.line}), "message": {"text": step.message or "here"}}


def _location(path: str, region: dict[str, int]) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(path), "region": region}}


def _artifact(path: str) -> dict[str, str]:
    """A file; a path that is absolute is no part of the source's root."""
    uri = quote(path or ".", safe="/")
    return {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}


class _Hashes:
    """The line hashes of files, made when one is asked for."""

    def __init__(self, sources: Mapping[str, Sequence[str]]) -> None:
        self._sources = sources
        self._made: dict[str, list[str]] = {}

    def of(self, path: str, line: int) -> str | None:
        """The hash of a line; none when its source is not known."""
        if path not in self._made:
            self._made[path] = line_hashes(self._sources.get(path, ()))
        found = self._made[path]
        return found[line - 1] if line <= len(found) else None

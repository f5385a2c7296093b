"""What fits into a comment on a pull request or the summary of a job: counts, a table, and the chains to unfold?

Everything that comes from audited code stands in code spans, in which nothing is markup, a mention or a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kafka_audit.model import Finding, Severity
from kafka_audit.report import Telling
from kafka_audit.report.plain import inert_record, summary_line

_MARKS: dict[Severity, str] = {"error": "❌ error", "warning": "⚠️ warning", "info": "ℹ️ info"}  # noqa: RUF001
_MOST = 50
"""Alarms in the table: a comment may have 65,536 characters."""


def told(telling: Telling) -> str:
    """Return Markdown as GitHub and GitLab read it."""
    return "".join(f"{line}\n" for line in _lines(telling))


def _lines(telling: Telling) -> Iterator[str]:
    safe = inert_record(telling.report)
    shown = safe.findings[:_MOST]
    yield from ("## kafka-audit", "", f"{summary_line(safe)}.", "")
    if shown:
        yield from ("| | rule | where | what |", "| --- | --- | --- | --- |")
        yield from map(_row, shown)
        yield ""
    if len(shown) < len(safe.findings):
        yield from (f"{len(safe.findings) - len(shown)} more alarms are not shown.", "")
    for finding in shown:
        yield from _chain(finding)
    if not safe.summary.complete:
        yield from ("The audit is incomplete; it could not judge:", "")
        yield from (f"- {_code(f'{each.path}:{each.line}')} {_code(each.message)}" for each in safe.problems)
        yield ""


def _row(finding: Finding) -> str:
    where = _code(f"{finding.path}:{finding.line}")
    cells = (_MARKS[finding.severity], f"{finding.code} {_code(finding.name)}", where, _code(finding.message))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _chain(finding: Finding) -> Iterator[str]:
    """The chain of evidence, folded; the heading is HTML, in which entities are safe."""
    yield f"<details><summary>{finding.code} in <code>{_entities(finding.path)}:{finding.line}</code></summary>"
    yield ""
    for number, step in enumerate(finding.trace, start=1):
        yield f"{number}. {_code(f'{step.path}:{step.line}')} {_code(step.message)}"
    yield from ("", f"More: `kafka-audit explain {finding.code}`", "", "</details>", "")


def _code(text: str) -> str:
    """A code span around any text: its fence is longer than every run of backticks in the text."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text.strip() else "(blank)"


def _entities(text: str) -> str:
    """Text in HTML, every character that means something to HTML or Markdown as a number."""
    return re.sub(r"[^\w/. -]|_", lambda match: f"&#{ord(match[0])};", text)

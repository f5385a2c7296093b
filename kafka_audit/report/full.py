"""What does a person read who works on the alarms: each with the code it is on and its chain of evidence?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kafka_audit.model import Finding
from kafka_audit.report import Telling
from kafka_audit.report.plain import inert, inert_record, summary_line
from kafka_audit.report.sheet import Sheet, cut, width_of

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_INDENT = 4
"""Columns of a tab in quoted code."""

_MOST = 5
"""Lines of code that are quoted for one alarm."""


def told(telling: Telling) -> str:
    """Return a page: for each alarm a heading, the code with its place marked, the steps of the chain, the repair."""
    safe = inert_record(telling.report)
    sheet = Sheet(telling.width)
    for raw, finding in zip(telling.report.findings, safe.findings, strict=True):
        rule = telling.rules.get(finding.code)
        _alarm(sheet, finding, telling.sources.get(raw.path, ()), inert(rule.fix_title) if rule else "")
    for problem in safe.problems:
        sheet.add("not judged: ", f"{problem.path}:{problem.line} {problem.kind}: {problem.message}")
    if safe.problems:
        sheet.blank()
    sheet.add("", summary_line(safe))
    return sheet.print(telling.color)


def _alarm(sheet: Sheet, finding: Finding, lines: Sequence[str], repair: str) -> None:
    head = f"{finding.code} {finding.severity}"
    doubt = "" if finding.confidence == "high" else f" ({finding.confidence} confidence)"
    sheet.add("", f"{head}{doubt}: {finding.message}", style=_STYLES[finding.severity], styled=len(head))
    sheet.add("  --> ", f"{finding.path}:{finding.line}:{finding.column}")
    for lead, text in _frame(finding, lines, sheet.width):
        sheet.line(f"{lead}{text}")
    for number, step in enumerate(finding.trace, start=1):
        sheet.add(f"  {number}. ", f"{step.path}:{step.line}: {step.message}")
    if repair:
        sheet.add("  = repair: ", repair)
    sheet.add("  = more: ", f"kafka-audit explain {finding.code}")
    sheet.blank()


def _frame(finding: Finding, lines: Sequence[str], width: int) -> Iterator[tuple[str, str]]:
    """The quoted lines with their numbers, the marked part of each underlined."""
    last = min(finding.end_line, finding.line + _MOST - 1, len(lines))
    margin = len(str(last)) + 2
    blank = f"{'|':>{margin + 1}} "
    if last >= finding.line:
        yield blank.rstrip(), ""
    for number in range(finding.line, last + 1):
        line = lines[number - 1]
        first = finding.column - 1 if number == finding.line else len(line) - len(line.lstrip())
        end = finding.end_column - 1 if number == finding.end_line else len(line)
        before, marked, after = (_shown(part) for part in (line[:first], line[first:end], line[end:]))
        room = width - len(blank)
        yield f"{number:>{margin - 1}} | ", cut(before + marked + after, room)
        if width_of(before) < room:
            carets = "^" * max(1, min(width_of(marked), room - width_of(before)))
            yield blank, " " * width_of(before) + carets
    if last >= finding.line:
        yield blank.rstrip(), ""


def _shown(text: str) -> str:
    return inert(text.replace("\t", " " * _INDENT))

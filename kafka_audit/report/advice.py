"""What follows from the alarms: their causes, what to do, in which files, and how to check it afterwards?

Everything here is counted and grouped from the report; the words about a rule come from the rule itself.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from kafka_audit.model import RANK, Finding, Record, Report, Severity
from kafka_audit.report import RuleText
from kafka_audit.report.plain import client_noun, inert
from kafka_audit.report.sections import Section
from kafka_audit.report.words import span

_URGENCY: dict[Severity, str] = {
    "error": "CRITICAL (errors)",
    "warning": "IMPORTANT (warnings)",
    "info": "OPTIONAL (info)",
}
# A warning raised while an object is destroyed reaches pytest only as an unraisable exception: both must be errors.
_RESOURCE_WARNINGS = (
    *("python", "-X dev", "-W error::ResourceWarning", "-m pytest"),
    "-W error::pytest.PytestUnraisableExceptionWarning",
)


class Cause(Record, frozen=True, kw_only=True):
    """One rule that alarmed: its own sentence (empty if the caller gave none), how often, where, and what came last.

    `ends` are the last steps of the alarms' chains, which say what is wrong in this code, the most frequent first.
    """

    code: str
    name: str
    summary: str
    alarms: int
    files: tuple[str, ...]
    ends: tuple[str, ...]


class Task(Record, frozen=True, kw_only=True):
    """One kind of repair: the alarm it answers, what to do, `path (lines)` for each file, why no tool does it."""

    code: str
    title: str
    places: tuple[str, ...]
    refused: tuple[str, ...]


class TaskGroup(Record, frozen=True, kw_only=True):
    """The repairs for one group of producers."""

    title: str
    tasks: tuple[Task, ...]


class FileWork(Record, frozen=True, kw_only=True):
    """One file to change: how urgent, which lines, how many alarms."""

    urgency: str
    path: str
    lines: str
    alarms: int


class Command(Record, frozen=True, kw_only=True):
    """A command that checks again: what for, and its words, quoted for a shell; an option and its value are one."""

    purpose: str
    words: tuple[str, ...]


def causes(report: Report, texts: Mapping[str, RuleText]) -> list[Cause]:
    """Return one cause for each rule that alarmed, the most severe first."""
    return [
        Cause(
            code=code,
            name=found[0].name,
            summary=inert(texts[code].summary) if code in texts else "",
            alarms=len(found),
            files=tuple(path for path, _ in _by_path(found)),
            ends=_ends(found),
        )
        for code, found in _by_code(report.findings)
    ]


def _ends(findings: Iterable[Finding]) -> tuple[str, ...]:
    counts = Counter(item.trace[-1].message for item in findings if item.trace)
    return tuple(
        f"{text} ({times} times)" if times > 1 else text
        for text, times in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _by_code(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    groups: dict[str, list[Finding]] = {}
    for item in findings:
        groups.setdefault(item.code, []).append(item)
    return sorted(groups.items(), key=lambda group: (min(RANK[item.severity] for item in group[1]), group[0]))


def checklist(report: Report, groups: Sequence[Section], texts: Mapping[str, RuleText]) -> list[TaskGroup]:
    """Return the repairs, grouped as the producers are; alarms that belong to no producer come last."""
    owned = {producer.id: index for index, group in enumerate(groups) for producer in group.producers}
    buckets: list[list[Finding]] = [[] for _ in range(len(groups) + 1)]
    for item in report.findings:
        buckets[owned.get(item.producer or "", len(groups))].append(item)
    titles = [f"For {item.label}" + (f" ({item.priority})" if item.priority else "") for item in groups]
    return [
        TaskGroup(title=title, tasks=tuple(_tasks(bucket, texts)))
        for title, bucket in zip([*titles, "For the project"], buckets, strict=True)
        if bucket
    ]


def _tasks(findings: Sequence[Finding], texts: Mapping[str, RuleText]) -> Iterable[Task]:
    for code, found in _by_code(findings):
        by_title: dict[str, list[Finding]] = {}
        for item in found:
            by_title.setdefault(_task_title(item, texts.get(code)), []).append(item)
        for title, alike in by_title.items():
            refused = dict.fromkeys(item.fix.refused for item in alike if item.fix and item.fix.refused)
            yield Task(code=code, title=title, places=tuple(_places(alike)), refused=tuple(refused))


def _task_title(finding: Finding, text: RuleText | None) -> str:
    title = (finding.fix.title if finding.fix else "") or (inert(text.fix_title) if text else "")
    title = title or f"resolve {finding.name}"
    return title[:1].upper() + title[1:]


def _places(findings: Iterable[Finding]) -> Iterable[str]:
    for path, found in _by_path(findings):
        yield f"{path} ({_lines(found)})"


def _by_path(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    groups: dict[str, list[Finding]] = {}
    for item in findings:
        groups.setdefault(item.path, []).append(item)
    return sorted(groups.items())


def _lines(findings: Iterable[Finding]) -> str:
    merged: list[tuple[int, int]] = []
    for first, last in sorted((item.line, max(item.line, item.end_line)) for item in findings):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    is_one = len(merged) == 1 and merged[0][0] == merged[0][1]
    return f"line{'' if is_one else 's'} {', '.join(span(*item) for item in merged)}"


def files(report: Report) -> list[FileWork]:
    """Return the files with alarms, the most severe alarm first, then the greatest number of alarms."""
    ranked = sorted(_by_path(report.findings), key=lambda item: (_worst(item[1]), -len(item[1]), item[0]))
    urgencies = tuple(_URGENCY.values())
    return [
        FileWork(urgency=urgencies[_worst(found)], path=path, lines=_lines(found), alarms=len(found))
        for path, found in ranked
    ]


def _worst(findings: Iterable[Finding]) -> int:
    return min(RANK[item.severity] for item in findings)


def commands(report: Report, paths: Sequence[str], room: int) -> list[Command]:
    """Return the commands that check this report's alarms again, only those that have something to check.

    A command that would need a word of more than `room` columns, which no page can fold, is left out.
    """
    scan = ("kafka-audit", "scan", *(_quoted(path) for path in paths))
    listed = [Command(purpose="Audit again, one line for each alarm", words=(*scan, "--format concise"))]
    site = _site_to_explain(report, room)
    if site:
        purpose = f"Read everything that is known about one {client_noun(report)}, such as the worst"
        listed.append(Command(purpose=purpose, words=(*scan, "--explain-site", site)))
    if report.suppressed:
        purpose = "See each suppressed alarm and what suppressed it"
        listed.append(Command(purpose=purpose, words=(*scan, "--format json")))
    if any(item.client.startswith("aiokafka.") for item in report.producers):
        purpose = "Run the tests under pytest so that an aiokafka client dropped while open fails the run"
        listed.append(Command(purpose=purpose, words=_RESOURCE_WARNINGS))
    return listed


def _site_to_explain(report: Report, room: int) -> str:
    """Return the first producer with an alarm of the most severe kind; empty if its place is too long for a line."""
    worst = _worst(report.findings) if report.findings else 0
    ids = {item.producer for item in report.findings if RANK[item.severity] == worst}
    site = next((f"{item.path}:{item.line}" for item in report.producers if item.id in ids), "")
    return _quoted(site) if site and site.isascii() and len(site) <= room else ""


def _quoted(path: str) -> str:
    """Quote `path` for a shell; a path with unprintable characters needs the `$'...'` form of bash and zsh."""
    if path.isprintable():
        return shlex.quote(path)
    return "$'" + inert(path.replace("\\", "\\\\").replace("'", "\\'")) + "'"

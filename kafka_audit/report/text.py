"""What does a person read: the report as a page of text, in the shape of a quick reference?

Colour only repeats what the words say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from kafka_audit.model import Finding, Producer, Report, Suppressed
from kafka_audit.report import Telling, advice, impact, words
from kafka_audit.report.plain import client_noun, counted, inert_record, summary_line
from kafka_audit.report.sections import Section, sections
from kafka_audit.report.sheet import Sheet

_Alarm = TypeVar("_Alarm", bound=Finding)

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_CONTEXTS = {"app": "in the application", "test": "in tests", "example": "in examples", "script": "in scripts"}
_COMMAND = 10  # columns that a command's indent, quotes and line break take
_ROLES = {"producer": "producing", "consumer": "consuming", "admin": "administering"}


def told(telling: Telling) -> str:
    """Return the whole page, 60 columns wide at least."""
    safe = inert_record(telling.report)
    texts = telling.rules
    sheet = Sheet(telling.width)
    groups = sections(safe)
    _opening(sheet, safe)
    _producers(sheet, safe, groups)
    _loose_alarms(sheet, safe)
    tests = [inert_record(each) for each in telling.tests]
    impact.execution(sheet, tests)
    _causes(sheet, advice.causes(safe, texts))
    impact.mocks(sheet, tests)
    _checklist(sheet, advice.checklist(safe, groups, texts))
    _files(sheet, advice.files(safe))
    _commands(
        sheet, advice.commands(safe, telling.paths, sheet.width - _COMMAND) if safe.producers or safe.findings else []
    )
    _problems(sheet, safe)
    sheet.rule()
    sheet.add("", summary_line(safe))
    return sheet.print(telling.color)


def _opening(sheet: Sheet, report: Report) -> None:
    noun, found = client_noun(report), len(report.producers)
    sheet.title(f"KAFKA {noun.upper()} INITIALISATION QUICK REFERENCE")
    sheet.add("FOUND: ", f"{found} Kafka {noun} initialisation {'point' if found == 1 else 'points'}", style="bold")
    if found:
        sheet.add("Where: ", ", ".join(_tally((item.context for item in report.producers), _CONTEXTS)))
    if noun == "client":
        sheet.add("Roles: ", ", ".join(_tally((item.role for item in report.producers), _ROLES)))
    seen, analysed = report.summary.files_seen, report.summary.files_analysed
    sheet.add("Looked at: ", f"{counted(seen, 'Python file')}, {analysed} of them analysed")
    stubs = report.summary.skipped.get("stubs", 0)
    if stubs:
        sheet.add("Left out: ", f"{counted(stubs, 'stub file')}, which {'create' if stubs > 1 else 'creates'} nothing")
    sheet.blank()


def _tally(found: Iterable[str], phrases: Mapping[str, str]) -> Iterator[str]:
    numbers = Counter(found)
    return (f"{numbers[key]} {phrase}" for key, phrase in phrases.items() if numbers[key])


def _producers(sheet: Sheet, report: Report, groups: Sequence[Section]) -> None:
    findings, suppressed = _by_producer(report.findings), _by_producer(report.suppressed)
    number = 0
    for group in groups:
        note = f"{group.priority} - {group.meaning}" if group.priority else group.meaning
        sheet.title(f"{group.title} ({note})")
        for producer in group.producers:
            number += 1
            _producer(sheet, number, producer, findings[producer.id], suppressed[producer.id])


def _by_producer(found: Iterable[_Alarm]) -> defaultdict[str | None, list[_Alarm]]:
    groups: defaultdict[str | None, list[_Alarm]] = defaultdict(list)
    for item in found:
        groups[item.producer].append(item)
    return groups


def _producer(
    sheet: Sheet, number: int, producer: Producer, findings: Sequence[Finding], suppressed: Iterable[Suppressed]
) -> None:
    lead = f"{number}. "
    sheet.add(lead, words.heading(producer), style="bold")
    pad = " " * len(lead)
    for label, text in _status(producer, has_alarms=any(item.category == "lifecycle" for item in findings)):
        sheet.add(f"{pad}{label}: ", text)
    for silenced in suppressed:
        sheet.add(f"{pad}Suppressed: ", words.silenced(silenced))
    for finding in findings:
        _alarm(sheet, pad, finding, producer)
    sheet.blank()


def _status(producer: Producer, *, has_alarms: bool) -> Iterator[tuple[str, str]]:
    yield "File", words.file_range(producer)
    if producer.context != "app":
        yield "Context", producer.context
    yield "Client", words.client(producer)
    yield "Pattern", words.pattern(producer)
    yield "Created", words.created(producer)
    yield "Started", words.started(producer)
    for release in words.releases(producer):
        yield "Release", release
    for owner in words.owners(producer):
        yield "Owner", owner
    yield "Verdict", words.verdict(producer, has_alarms=has_alarms)


def _alarm(sheet: Sheet, pad: str, finding: Finding, producer: Producer | None) -> None:
    styled = len(f"{finding.code} {finding.severity}")
    sheet.add(f"{pad}- ", words.alarm(finding, producer), style=_STYLES[finding.severity], styled=styled)
    for index, step in enumerate(words.evidence(finding, producer), start=1):
        sheet.add(f"{pad}    {index}. ", step)


def _loose_alarms(sheet: Sheet, report: Report) -> None:
    known = {item.id for item in report.producers}
    loose = [item for item in report.findings if item.producer not in known]
    noun = client_noun(report).upper()
    _untold(sheet, f"ALARMS ON {noun}S OF OTHER FILES", [item for item in loose if item.producer is not None])
    _untold(sheet, f"ALARMS THAT BELONG TO NO {noun}", [item for item in loose if item.producer is None])


def _untold(sheet: Sheet, title: str, findings: Sequence[Finding]) -> None:
    if findings:
        sheet.title(title)
        for finding in findings:
            _alarm(sheet, "", finding, None)
        sheet.blank()


def _causes(sheet: Sheet, causes: Sequence[advice.Cause]) -> None:
    if causes:
        sheet.title("ROOT CAUSES")
    for cause in causes:
        sheet.add("", f"{cause.code} {cause.name} ({counted(cause.alarms, 'alarm')})", style="bold")
        _cause(sheet, cause)
        sheet.blank()


def _cause(sheet: Sheet, cause: advice.Cause) -> None:
    if cause.summary:
        sheet.add("  ", f"{cause.summary}.")
    _listed(sheet, "Where", f"in {counted(len(cause.files), 'file')}:", words.few(cause.files, "files"))
    _listed(sheet, "Why", "the chains above end with", words.few(cause.ends, "reasons"))
    sheet.add("  More: ", f"kafka-audit explain {cause.code}")


def _listed(sheet: Sheet, label: str, heading: str, items: Sequence[str]) -> None:
    """Add what one line can say in one line, and more under a heading."""
    if len(items) == 1:
        sheet.add(f"  {label}: ", items[0])
    elif items:
        sheet.add(f"  {label}: ", heading)
        for item in items:
            sheet.add("    - ", item)


def _checklist(sheet: Sheet, groups: Sequence[advice.TaskGroup]) -> None:
    if groups:
        sheet.title("SOLUTION CHECKLIST")
    number = 0
    for group in groups:
        sheet.add("", f"{group.title}:")
        sheet.blank()
        for task in group.tasks:
            number += 1
            _task(sheet, f"[ ] {number}. ", task)


def _task(sheet: Sheet, lead: str, task: advice.Task) -> None:
    pad = " " * len(lead)
    sheet.add(lead, f"{task.title} ({task.code})")
    for place in task.places:
        sheet.add(f"{pad}- ", place)
    for reason in task.refused:
        sheet.add(pad, f"No automatic repair: {reason}")
    sheet.blank()


def _files(sheet: Sheet, files: Sequence[advice.FileWork]) -> None:
    if files:
        sheet.title("FILES FOR MODIFICATION")
    urgency = ""
    for number, work in enumerate(files, start=1):
        if work.urgency != urgency:
            if urgency:
                sheet.blank()
            urgency = work.urgency
            sheet.add("", f"{urgency}:")
        sheet.add(f"  {number}. ", f"{work.path} ({work.lines}; {counted(work.alarms, 'alarm')})")
    if files:
        sheet.blank()


def _commands(sheet: Sheet, commands: Iterable[advice.Command]) -> None:
    for number, command in enumerate(commands, start=1):
        if number == 1:
            sheet.title("VERIFICATION COMMANDS")
        lead = f"{number}. "
        sheet.add(lead, f"{command.purpose}:")
        sheet.command(" " * len(lead), command.words)
        sheet.blank()


def _problems(sheet: Sheet, report: Report) -> None:
    if not report.problems:
        return
    sheet.title("NOT JUDGED (files, or parts of them, that this report says nothing about)")
    if report.summary.complete:
        sheet.add("", "The audit is complete without them: they mention no Kafka client.")
        sheet.blank()
    for problem in report.problems:
        sheet.add("- ", f"{problem.path}:{problem.line} {problem.kind}: {problem.message}")
    sheet.blank()

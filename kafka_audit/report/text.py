"""What does a person read: the report as a page of text, in the shape of a quick reference?

The page is laid out line by line to the width, so that it reads the same in a terminal, a pipe and a log. Colour only
repeats what the words say.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from kafka_audit.model import Finding, Producer, Report, Suppressed
from kafka_audit.report import RuleText, advice, words
from kafka_audit.report.plain import client_noun, counted, inert_report, summary_line
from kafka_audit.report.sections import Section, sections

_Alarm = TypeVar("_Alarm", bound=Finding)

_NARROWEST = 60
_RULE = 80
_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_CONTEXTS = {"app": "in the application", "test": "in tests", "example": "in examples", "script": "in scripts"}
_ROLES = {"producer": "producing", "consumer": "consuming", "admin": "administering"}


def page(report: Report, texts: Mapping[str, RuleText], *, paths: Sequence[str], width: int, color: bool) -> str:
    """Return the whole page, `width` columns wide (60 at least), with escape codes only if `color`."""
    safe = inert_report(report)
    sheet = _Sheet(max(width, _NARROWEST))
    groups = sections(safe)
    _opening(sheet, safe)
    _producers(sheet, safe, groups)
    _loose_alarms(sheet, safe)
    _causes(sheet, advice.causes(safe, texts))
    _checklist(sheet, advice.checklist(safe, groups, texts))
    _files(sheet, advice.files(safe))
    _commands(sheet, advice.commands(safe, paths) if safe.producers or safe.findings else [])
    _problems(sheet, safe)
    sheet.rule()
    sheet.add("", summary_line(safe))
    return sheet.print(color)


class _Sheet:
    """A page in the making: lines that already fit the width."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[Text] = []
        self._console = Console(file=io.StringIO(), width=width, _environ={})

    def add(self, lead: str, body: str = "", *, style: str = "", styled: int | None = None) -> None:
        """Add a paragraph: `lead` before its first line, as much blank before the others; long words fold.

        `style` is that of the first `styled` characters, or of all.
        """
        hang = cell_len(lead)
        text = Text(_foldable(body, self.width - hang))
        text.stylize(style, 0, styled)
        for index, line in enumerate(text.wrap(self._console, self.width - hang, overflow="fold")):
            whole = Text(lead if index == 0 else " " * hang).append_text(line)
            whole.rstrip()
            self.lines.append(whole)

    def command(self, lead: str, parts: Sequence[str]) -> None:
        """Add a command that can be pasted: it breaks only between its words, and says so to the shell."""
        room = self.width - len(lead) - len(" \\")
        rows = [parts[0]]
        for part in parts[1:]:
            if cell_len(rows[-1]) + 1 + cell_len(part) <= room:
                rows[-1] += f" {part}"
            else:
                rows.append(part)
        ends = [" \\"] * (len(rows) - 1) + [""]
        self.lines.extend(Text(f"{lead}{row}{end}") for row, end in zip(rows, ends, strict=True))

    def blank(self) -> None:
        self.lines.append(Text(""))

    def rule(self) -> None:
        self.lines.append(Text("=" * min(self.width, _RULE)))

    def title(self, text: str) -> None:
        self.rule()
        self.add("", text, style="bold")
        self.rule()
        self.blank()

    def print(self, color: bool) -> str:
        if not color:
            return "".join(f"{line.plain}\n" for line in self.lines)
        console = Console(
            file=io.StringIO(), width=self.width, force_terminal=True, color_system="standard", _environ={}
        )
        with console.capture() as captured:
            for line in self.lines:
                console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)
        return captured.get()


def _foldable(text: str, room: int) -> str:
    """Break words longer than `room` behind a slash if they have one: `path:line` stays whole as long as it can."""
    return re.sub(rf"\S{{{room + 1},}}", lambda word: _folded(word[0], room), text)


def _folded(word: str, room: int) -> str:
    rows = [""]
    for piece in re.findall(r"[^/]*/|[^/]+", word):
        if rows[-1] and len(rows[-1]) + len(piece) > room:
            rows.append("")
        rows[-1] += piece
    return "\n".join(rows)


def _opening(sheet: _Sheet, report: Report) -> None:
    noun, found = client_noun(report), len(report.producers)
    sheet.title(f"KAFKA {noun.upper()} INITIALISATION QUICK REFERENCE")
    sheet.add("FOUND: ", f"{found} Kafka {noun} initialisation {'point' if found == 1 else 'points'}", style="bold")
    if found:
        sheet.add("Where: ", ", ".join(_tally((item.context for item in report.producers), _CONTEXTS)))
    if noun == "client":
        sheet.add("Roles: ", ", ".join(_tally((item.role for item in report.producers), _ROLES)))
    seen, analysed = report.summary.files_seen, report.summary.files_analysed
    sheet.add("Looked at: ", f"{counted(seen, 'Python file')}, {analysed} of them analysed")
    sheet.blank()


def _tally(found: Iterable[str], phrases: Mapping[str, str]) -> Iterator[str]:
    numbers = Counter(found)
    return (f"{numbers[key]} {phrase}" for key, phrase in phrases.items() if numbers[key])


def _producers(sheet: _Sheet, report: Report, groups: Sequence[Section]) -> None:
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
    sheet: _Sheet, number: int, producer: Producer, findings: Iterable[Finding], suppressed: Iterable[Suppressed]
) -> None:
    lead = f"{number}. "
    sheet.add(lead, words.heading(producer), style="bold")
    pad = " " * len(lead)
    for label, text in _status(producer):
        sheet.add(f"{pad}{label}: ", text)
    for silenced in suppressed:
        sheet.add(f"{pad}Suppressed: ", words.silenced(silenced))
    for finding in findings:
        _alarm(sheet, pad, finding, producer)
    sheet.blank()


def _status(producer: Producer) -> Iterator[tuple[str, str]]:
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
    yield "Verdict", words.VERDICTS[producer.released.verdict]


def _alarm(sheet: _Sheet, pad: str, finding: Finding, producer: Producer | None) -> None:
    styled = len(f"{finding.code} {finding.severity}")
    sheet.add(f"{pad}- ", words.alarm(finding, producer), style=_STYLES[finding.severity], styled=styled)
    for index, step in enumerate(words.evidence(finding, producer), start=1):
        sheet.add(f"{pad}    {index}. ", step)


def _loose_alarms(sheet: _Sheet, report: Report) -> None:
    known = {item.id for item in report.producers}
    loose = [item for item in report.findings if item.producer not in known]
    if not loose:
        return
    sheet.title(f"ALARMS THAT BELONG TO NO {client_noun(report).upper()}")
    for finding in loose:
        _alarm(sheet, "", finding, None)
    sheet.blank()


def _causes(sheet: _Sheet, causes: Sequence[advice.Cause]) -> None:
    if causes:
        sheet.title("ROOT CAUSES")
    for cause in causes:
        sheet.add("", f"{cause.code} {cause.name} ({counted(cause.alarms, 'alarm')})", style="bold")
        if cause.text:
            sheet.add("  ", cause.text)
        sheet.blank()


def _checklist(sheet: _Sheet, groups: Sequence[advice.TaskGroup]) -> None:
    if groups:
        sheet.title("SOLUTION CHECKLIST")
    number = 0
    for group in groups:
        sheet.add("", f"{group.title}:")
        sheet.blank()
        for task in group.tasks:
            number += 1
            _task(sheet, f"[ ] {number}. ", task)


def _task(sheet: _Sheet, lead: str, task: advice.Task) -> None:
    pad = " " * len(lead)
    sheet.add(lead, f"{task.title} ({task.code})")
    for place in task.places:
        sheet.add(f"{pad}- ", place)
    for reason in task.refused:
        sheet.add(pad, f"No automatic repair: {reason}")
    sheet.blank()


def _files(sheet: _Sheet, files: Sequence[advice.FileWork]) -> None:
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


def _commands(sheet: _Sheet, commands: Iterable[advice.Command]) -> None:
    for number, command in enumerate(commands, start=1):
        if number == 1:
            sheet.title("VERIFICATION COMMANDS")
        lead = f"{number}. "
        sheet.add(lead, f"{command.purpose}:")
        sheet.command(" " * len(lead), command.words)
        sheet.blank()


def _problems(sheet: _Sheet, report: Report) -> None:
    if not report.problems:
        return
    sheet.title("NOT JUDGED (files, or parts of them, that this report says nothing about)")
    if report.summary.complete:
        sheet.add("", "The audit is complete without them: they mention no Kafka client.")
        sheet.blank()
    for problem in report.problems:
        sheet.add("- ", f"{problem.path}:{problem.line} {problem.kind}: {problem.message}")
    sheet.blank()

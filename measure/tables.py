"""How are the figures told? As text for a terminal, as Markdown for a page, as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from kafka_audit.model import Record
from measure.counts import Leaks, Row, Share, Sites
from measure.marks import ASPECTS, Mark
from measure.remarks import FAULTS, Fault, Remark, remark_on

HEADINGS = (
    "code base", "producers", "inv.", "others", "inv.", "kind", "created", "started", "start line", "release",
    "true", "false", "missed", "silent",
)  # fmt: skip

LEGEND = (
    "producers, others: sites found of those labelled; inv.: reported and not labelled; kind to release: answers as",
    "labelled; true, false, missed, silent: alarms that are true, that are false, that are missed, and rightly none",
)

LISTED = 48
"""Characters of a code base's name in the text table."""


class Measured(Record, frozen=True, kw_only=True):
    """All there is to tell: the figures, the total last; what disagrees; and which code bases had no report."""

    rows: tuple[Row, ...]
    disagreements: tuple[Mark, ...]
    remarks: tuple[Remark, ...] = ()
    without_report: tuple[str, ...] = ()


def text(measured: Measured) -> str:
    """A table, the leak verdicts in numbers, and every disagreement with its reasons."""
    cells = [HEADINGS, *(_cells(row) for row in measured.rows)]
    cells = [(row[0][:LISTED], *row[1:]) for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    table = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in cells
    ]
    lines = [*table, "", *LEGEND, "", _leak_line(measured.rows[-1].leaks), ""]
    lines += [f"no report: {name}" for name in measured.without_report]
    for mark in measured.disagreements:
        lines += [_headline(mark)]
        remark = remark_on(mark, measured.remarks)
        lines += [f"    {remark.fault}: {remark.text}"] if remark else []
        lines += [f"    label: {mark.why}"] if mark.why else []
    return "\n".join(lines) + "\n"


def markdown(measured: Measured) -> str:
    """The same as tables of a page; the labels' own reasons are left out, the remarks stand for them."""
    lines = [_markdown_row(HEADINGS), _markdown_row(["---", *["---:"] * (len(HEADINGS) - 1)])]
    lines += [_markdown_row([_code(cells[0]), *cells[1:]]) for cells in map(_cells, measured.rows)]
    lines += ["", " ".join(LEGEND) + ".", "", f"{_leak_line(measured.rows[-1].leaks)}.", ""]
    lines += (
        [f"Without a report: {', '.join(map(_code, measured.without_report))}.", ""] if measured.without_report else []
    )
    lines += _faults(measured)
    for aspect in ASPECTS:
        those = [mark for mark in measured.disagreements if mark.aspect == aspect]
        if those:
            lines += [f"### {aspect.capitalize()}: {len(those)}", "", *_disagreements(those, measured.remarks), ""]
    return "\n".join(lines)


def json(measured: Measured) -> str:
    """One document with `rows`, `disagreements`, `remarks` and `without_report`."""
    return msgspec.json.format(msgspec.json.encode(measured), indent=2).decode() + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    leaks = row.leaks
    shares = (row.kind, row.created, row.started, row.start_line, row.release)
    alarms = (leaks.true_alarms, leaks.false_alarms, leaks.missed_alarms, leaks.rightly_silent)
    return (
        row.code_base,
        *_site_cells(row.producers),
        *_site_cells(row.others),
        *(_share(share) for share in shares),
        *(str(count) if sum(alarms) else "-" for count in alarms),
    )


def _site_cells(sites: Sites) -> tuple[str, str]:
    return _share(Share(right=sites.found, of=sites.labelled)), str(sites.invented)


def _share(share: Share) -> str:
    return f"{share.right}/{share.of}" if share.of else "-"


def _leak_line(leaks: Leaks) -> str:
    shares = (("precision", leaks.precision), ("recall", leaks.recall), ("F1", leaks.f1))
    return "leak verdicts: " + ", ".join(
        f"{name} {'-' if share is None else format(share, '.2f')}" for name, share in shares
    )


def _headline(mark: Mark) -> str:
    place = f"{mark.code_base} {mark.path}:{mark.line}"
    return f"{mark.aspect} {mark.outcome}: {place}: labelled {mark.labelled}, reported {mark.reported}"


def _faults(measured: Measured) -> list[str]:
    """Who is wrong how often, by the remarks."""
    remarks = [remark_on(mark, measured.remarks) for mark in measured.disagreements]
    counted: Counter[Fault] = Counter(remark.fault if remark else "open" for remark in remarks)
    if not counted:
        return ["Labels and reports agree everywhere."]
    lines = [_markdown_row(("who is wrong", "", "disagreements")), _markdown_row(("---", "---", "---:"))]
    return [*lines, *(_markdown_row((fault, words, str(counted[fault]))) for fault, words in FAULTS.items()), ""]


def _disagreements(marks: Sequence[Mark], remarks: Sequence[Remark]) -> list[str]:
    lines = [_markdown_row(("place", "labelled", "reported", "who is wrong, and why")), _markdown_row(["---"] * 4)]
    for mark in marks:
        remark = remark_on(mark, remarks)
        said = f"{remark.fault}: {remark.text}" if remark else "open"
        place = f"{mark.code_base}<br>{_code(f'{mark.path}:{mark.line}')}"
        lines.append(_markdown_row((place, mark.labelled, f"{mark.reported} ({mark.outcome})", said)))
    return lines


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str) -> str:
    return f"`{text}`"

"""How is a report told: as text for people, as one line for each alarm, or as JSON?

Input is `kafka_audit.model.Report` and nothing else: no analysis happens here and no source file is read.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import IO, Literal

from kafka_audit.model import Record, Report
from kafka_audit.report.concise import lines
from kafka_audit.report.json import document
from kafka_audit.report.plain import write

Format = Literal["text", "concise", "json"]


class RuleText(Record, frozen=True, kw_only=True):
    """What a rule says about itself: one sentence, and what a repair is called."""

    summary: str
    fix_title: str


def render(
    report: Report,
    format: Format,
    *,
    stream: IO[str],
    texts: Mapping[str, RuleText] | None = None,
    paths: Sequence[str] = (".",),
    width: int | None = None,
    color: bool = False,
) -> None:
    """Write `report` to `stream`; only the text format uses the arguments after `stream`.

    `texts` maps a rule's code to its words, `paths` are what the audit was asked to look at (for the commands that
    check again), `width` is in columns (default: the terminal's, 80 elsewhere). Without `color` no escape code is
    written. Rich is imported only for text.
    """
    if format == "json":
        write(stream, document(report))
    elif format == "concise":
        write(stream, lines(report))
    else:
        from kafka_audit.report.text import page  # here, because importing rich costs more than a small audit

        write(stream, page(report, texts or {}, paths=paths, width=width or columns(stream), color=color))


def columns(stream: IO[str]) -> int:
    """Return how wide the terminal behind `stream` is; 80 for files and pipes, so that logs do not depend on it."""
    return shutil.get_terminal_size((80, 24)).columns if stream.isatty() else 80

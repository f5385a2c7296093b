"""How do the results become the report: what was asked for, under the names the reader knows, counted?"""

from __future__ import annotations

import io
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec

from kafka_audit import __version__
from kafka_audit.discover import Discovery
from kafka_audit.facts.decoding import Unreadable, encoding_of
from kafka_audit.impact.schema import TestImpact
from kafka_audit.model import (
    RANK,
    SCHEMA_VERSION,
    Dossier,
    Finding,
    Problem,
    Producer,
    Release,
    Replacement,
    Report,
    Root,
    Step,
    Summary,
    Tool,
)
from kafka_audit.pipeline.saving import destinations, save
from kafka_audit.report.plain import write
from kafka_audit.settings import Format, Settings

if TYPE_CHECKING:
    from kafka_audit.pipeline.sifting import Sifted
    from kafka_audit.report import RuleText

_Place = TypeVar("_Place", Release, Replacement, Root, Step)
_Alarm = TypeVar("_Alarm", bound=Finding)
INCOMPLETE = "KA901"
"""The rule that says that the audit is incomplete."""


def report(
    found: Discovery,
    producers: Sequence[Producer],
    sifted: Sifted,
    problems: Sequence[Problem],
    *,
    analysed: int,
    complete: bool,
) -> Report:
    """The report on the asked part of the project; `analysed` counts the asked files that were parsed for clients."""
    paths = {file.name: file.path for file in found.files}
    told = tuple(_producer(each, paths) for each in producers if each.path in found.asked)
    alarms = tuple(moved(each, paths) for each in sifted.findings)
    silenced = tuple(moved(each, paths) for each in sifted.suppressed)
    summary = Summary(
        files_seen=len(found.asked),
        files_analysed=analysed,
        producers=len(told),
        by_kind=_counts(each.kind for each in told),
        findings=len(alarms),
        by_code=_counts(each.code for each in alarms),
        by_severity=_counts(each.severity for each in alarms),
        suppressed=len(silenced),
        problems=len(problems),
        complete=complete,
        skipped=found.skipped,
    )
    return Report(
        schema_version=SCHEMA_VERSION,
        tool=Tool(name="kafka-audit", version=__version__),
        producers=tuple(sorted(told, key=lambda each: (each.path, each.line, each.column))),
        findings=tuple(sorted(alarms, key=_order)),
        suppressed=tuple(sorted(silenced, key=_order)),
        problems=tuple(sorted(set(problems), key=lambda each: (each.path, each.line, each.kind, each.message))),
        summary=summary,
    )


def exit_code(report: Report, settings: Settings) -> int:
    """0 clean, 1 alarms at or above the threshold, 3 no such alarms but the audit is incomplete.

    The alarm that says so does not count as one of them: exit code 3 is what it means.
    """
    if settings.exit_zero:
        return 0
    if any(is_severe(each, settings) for each in report.findings if each.code != INCOMPLETE):
        return 1
    return 0 if report.summary.complete else 3


def is_severe(finding: Finding, settings: Settings) -> bool:
    """Whether an alarm is at or above the threshold."""
    return RANK[finding.severity] <= RANK[settings.fail_on]


def deliver(
    report: Report,
    settings: Settings,
    sources: Mapping[str, bytes] | None = None,
    tests: Sequence[TestImpact] = (),
    texts: Mapping[str, RuleText] | None = None,
) -> None:
    """Write the report everywhere it was asked for: to the standard output, and to files, which change all at once.

    `sources` are the bytes of the files that alarms are in, by path, `tests` is what test files bring to life, `texts`
    are the words of rules that are known already. Raises `ConfigError` when a file cannot be written.
    """
    codes = sorted({each.code for each in (*report.findings, *report.suppressed)})
    words = {**(texts or {}), **rule_texts(code for code in codes if code not in (texts or {}))}
    lines = {path: text_lines(data) for path, data in (sources or {}).items()}
    for place in destinations(settings):
        if place.file is None:
            _write(report, settings, place.format, words, lines, tests, sys.stdout)
        else:
            text = io.StringIO()
            _write(report, settings, place.format, words, lines, tests, text)
            save(place.file, text.getvalue())


def deliver_text(text: str, settings: Settings) -> None:
    """Write a text where it was asked for, as `deliver` writes a report that is told as text."""
    for place in destinations(settings):
        if place.file is None:
            write(sys.stdout, text)
        else:
            save(place.file, text)


def wants_color(settings: Settings, stream: IO[str]) -> bool:
    """Whether escape codes are welcome: what was asked for, then NO_COLOR and FORCE_COLOR, then what the stream is."""
    if settings.color != "auto":
        return settings.color == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def _write(
    report: Report,
    settings: Settings,
    format: Format,
    texts: Mapping[str, RuleText],
    lines: Mapping[str, list[str]],
    tests: Sequence[TestImpact],
    stream: IO[str],
) -> None:
    """Write the report in one format."""
    from kafka_audit.report import render

    render(
        report,
        format,
        stream=stream,
        texts=texts,
        sources=lines,
        paths=settings.paths,
        color=wants_color(settings, stream),
        exit_code=exit_code(report, settings),
        tests=tests,
    )


def rule_texts(codes: Iterable[str]) -> dict[str, RuleText]:
    """The words of these rules, by code, as far as this version has them."""
    from kafka_audit.report import RuleText
    from kafka_audit.report.rules import page
    from kafka_audit.rules import rule_of

    return {
        rule.code: RuleText(
            summary=rule.summary,
            fix_title=rule.fix_note,
            name=rule.name,
            category=rule.category,
            severity=rule.severity,
            rationale=rule.rationale,
            page=page(rule),
        )
        for rule in filter(None, map(rule_of, codes))
    }


def text_lines(data: bytes) -> list[str]:
    """The lines of a source without their ends, as far as it can be decoded."""
    try:
        text = data.decode(encoding_of(data), "replace")
    except (Unreadable, ValueError):  # which the codecs raise that know no replacing
        text = data.decode("utf-8", "replace")
    return re.split(r"\r\n?|\n", text)


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _producer(producer: Producer, paths: Mapping[str, str]) -> Producer:
    """The producer with every place in it under the path that the reader knows."""
    started = producer.started
    released = producer.released
    return msgspec.structs.replace(
        producer,
        path=paths[producer.path],
        started=msgspec.structs.replace(started, path=started.path and paths[started.path]),
        released=msgspec.structs.replace(released, by=tuple(_moved(each, paths) for each in released.by)),
        roots=tuple(_moved(each, paths) for each in producer.roots),
    )


def moved(finding: _Alarm, paths: Mapping[str, str]) -> _Alarm:
    """The alarm with every step of its chain, and every edit, under the path that the reader knows."""
    trace = tuple(_moved(step, paths) for step in finding.trace)
    fix = finding.fix
    if fix is not None:
        fix = msgspec.structs.replace(fix, edits=tuple(_moved(each, paths) for each in fix.edits))
    return msgspec.structs.replace(finding, path=paths.get(finding.path, finding.path), trace=trace, fix=fix)


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.code


def told(dossier: Dossier, found: Discovery) -> Dossier:
    """The dossier with every place in it under the path that the reader knows."""
    paths = {file.name: file.path for file in found.files}
    return msgspec.structs.replace(
        dossier,
        producer=_producer(dossier.producer, paths),
        places=tuple(_moved(each, paths) for each in dossier.places),
        ways=tuple(_moved(each, paths) for each in dossier.ways),
        starts=tuple(_moved(each, paths) for each in dossier.starts),
        releases=tuple(_moved(each, paths) for each in dossier.releases),
        losses=tuple(_moved(each, paths) for each in dossier.losses),
        gaps=tuple(_moved(each, paths) for each in dossier.gaps),
        findings=tuple(moved(each, paths) for each in dossier.findings),
    )


def _moved(place: _Place, paths: Mapping[str, str]) -> _Place:
    return msgspec.structs.replace(place, path=paths.get(place.path, place.path))  # a baseline is no audited file

"""In which order, and under which headings, are the producers told?

The application's come first: globals, instances, pools, then the other kinds. Tests, examples and scripts follow. In
each group those with the worst alarms lead.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafka_audit.model import RANK, Context, Kind, Producer, Record, Report
from kafka_audit.report.plain import client_noun, counted


class Section(Record, frozen=True, kw_only=True):
    """One group of producers: its heading, what its kind means, how the checklist calls it, its priority."""

    title: str
    meaning: str
    label: str
    priority: str
    producers: tuple[Producer, ...]


class _Kind(Record, frozen=True, kw_only=True):
    title: str
    meaning: str
    label: str
    priority: str = ""


_KINDS: dict[Kind, _Kind] = {
    "global": _Kind(
        title="GLOBAL SINGLETON {}",
        meaning="shared by the whole process",
        label="global singletons",
        priority="HIGH PRIORITY",
    ),
    "instance": _Kind(
        title="INSTANCE {}", meaning="one for each owner object", label="instance {}", priority="MEDIUM PRIORITY"
    ),
    "pooled": _Kind(title="POOLED {}", meaning="kept in a container", label="pooled {}", priority="MEDIUM PRIORITY"),
    "managed": _Kind(title="MANAGED {}", meaning="bound to a with block or an exit stack", label="managed {}"),
    "local": _Kind(title="LOCAL {}", meaning="kept by one function only", label="local {}"),
    "returned": _Kind(title="RETURNED {}", meaning="handed to the caller", label="returned {}"),
    "delegated": _Kind(title="DELEGATED {}", meaning="handed to another owner", label="delegated {}"),
    "fixture": _Kind(title="FIXTURE {}", meaning="made by a pytest fixture", label="fixture {}"),
    "unknown": _Kind(title="{} OF UNKNOWN OWNER", meaning="could not be followed", label="{} of unknown owner"),
}
_ORDER: tuple[Kind, ...] = tuple(_KINDS)

_OTHERS: tuple[tuple[Context, str], ...] = (("test", "TEST"), ("example", "EXAMPLE"), ("script", "SCRIPT"))


def sections(report: Report) -> list[Section]:
    """Return the groups that have a producer, in telling order."""
    by_severity = sorted(report.findings, key=lambda item: RANK[item.severity], reverse=True)
    alarmed = {item.producer: RANK[item.severity] for item in by_severity}
    noun = f"{client_noun(report)}s"
    groups = [_by_kind(report, kind, noun, alarmed) for kind in _ORDER]
    groups += [_by_context(report, context, word, noun, alarmed) for context, word in _OTHERS]
    return [group for group in groups if group.producers]


def _by_kind(report: Report, kind: Kind, noun: str, alarmed: Mapping[str | None, int]) -> Section:
    words = _KINDS[kind]
    found = (item for item in report.producers if item.context == "app" and item.kind == kind)
    producers = tuple(sorted(found, key=lambda item: alarmed.get(item.id, len(RANK))))
    is_open = any(item.id in alarmed or item.released.verdict in ("sometimes", "never") for item in producers)
    return Section(
        title=words.title.format(noun.upper()),
        meaning=words.meaning,
        label=words.label.format(noun),
        priority=words.priority if is_open else "",
        producers=producers,
    )


def _by_context(report: Report, context: Context, word: str, noun: str, alarmed: Mapping[str | None, int]) -> Section:
    found = sorted((item for item in report.producers if item.context == context), key=_place)
    producers = tuple(sorted(found, key=lambda item: alarmed.get(item.id, len(RANK))))
    return Section(
        title=f"{word} {noun.upper()}",
        meaning=f"{counted(len(producers), noun[:-1])} outside the application",
        label=f"{word.lower()} {noun}",
        priority="",
        producers=producers,
    )


def _place(item: Producer) -> tuple[int, str, int, int]:
    return (_ORDER.index(item.kind), item.path, item.line, item.column)

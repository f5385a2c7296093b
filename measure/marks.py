"""Where do a report and the labels agree, and where not? Every comparison becomes a mark; the rest is counting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from kafka_audit.model import Producer, Record, Report, Role
from measure.labels import CodeBase, Label

Aspect = Literal["site", "kind", "created", "started", "start line", "release", "leak"]
Outcome = Literal[
    "found", "missed", "invented", "right", "wrong", "true alarm", "false alarm", "missed alarm", "rightly silent"
]

ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
AGREEMENTS: tuple[Outcome, ...] = ("found", "right", "true alarm", "rightly silent")

KINDS = {"class_attribute": "global", "container": "pooled", "argument": "delegated", "context_manager": "managed"}
"""Words of labels for what a report calls otherwise."""

RELEASES = {"yes": "always", "no": "never"}
"""Likewise for whether the client is released."""

ALARM_CATEGORIES = ("lifecycle", "import-time")
ALARM_SEVERITIES = ("warning", "error")


class Mark(Record, frozen=True, kw_only=True):
    """One comparison at one place: what was asked, what the label says, what the report says, and how that came out.

    `path` and `line` are the label's; `why` is the label's own reason, or empty.
    """

    code_base: str
    path: str
    line: int
    role: Role
    aspect: Aspect
    outcome: Outcome
    labelled: str
    reported: str
    why: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the label and the report say the same."""
        return self.outcome in AGREEMENTS


def marks(base: CodeBase, report: Report) -> list[Mark]:
    """Every comparison of the code base's labels with the report on it, sorted by place.

    A site is found when the report has a client of the label's role at the label's line. What is not found cannot be
    compared further, but for its leak, which is then a missed alarm.
    """
    left = list(report.producers)
    alarmed = _alarmed(report)
    result: list[Mark] = []
    for label in base.labels:
        if label.looks_like is not None:
            continue
        site = _site(label, left)
        if site is not None:
            left.remove(site)
        result += _compare(base, label, site, alarmed.get(site.id, "") if site else "")
    result += [_invented(base, site) for site in left]
    return sorted(result, key=lambda mark: (mark.path, mark.line, ASPECTS.index(mark.aspect), mark.reported))


def _alarmed(report: Report) -> dict[str, str]:
    """The producers that the report says leak, with the codes of the alarms that say so."""
    codes: dict[str, set[str]] = {}
    for finding in report.findings:
        if finding.producer and finding.category in ALARM_CATEGORIES and finding.severity in ALARM_SEVERITIES:
            codes.setdefault(finding.producer, set()).add(finding.code)
    return {producer: ", ".join(sorted(each)) for producer, each in codes.items()}


def _site(label: Label, sites: list[Producer]) -> Producer | None:
    """The reported client that the label is about: the one of its class if its line has several."""
    here = [site for site in sites if site.line == label.line and site.role == label.role and _same(label, site)]
    exact = [site for site in here if site.path == label.path] or here
    class_name = label.client.partition(" ")[0].rpartition(".")[2]
    return min(
        exact, key=lambda site: (site.client.rpartition(".")[2] != class_name, site.path, site.column), default=None
    )


def _same(label: Label, site: Producer) -> bool:
    """Whether both are in one file. A released package may be unpacked into a folder of its own, or have a `src`."""
    return f"/{site.path}".endswith(f"/{label.path}")


def _compare(base: CodeBase, label: Label, site: Producer | None, alarm: str) -> Iterator[Mark]:
    def mark(aspect: Aspect, outcome: Outcome, labelled: str, reported: str) -> Mark:
        return Mark(
            code_base=base.name,
            path=label.path,
            line=label.line,
            role=label.role,
            aspect=aspect,
            outcome=outcome,
            labelled=labelled,
            reported=reported,
            why=label.why,
        )

    yield mark("site", "found" if site else "missed", label.client, site.client if site else "nothing")
    if site is not None and label.role == "producer":
        for aspect, accepted, reported in _answers(label, site):
            yield mark(aspect, "right" if reported in accepted else "wrong", " or ".join(accepted), reported)
    if label.leak in ("yes", "no") and label.confidence != "low":
        yield mark("leak", _leak_outcome(label, alarm), f"leak: {label.leak}", alarm or "no alarm")


def _answers(label: Label, site: Producer) -> Iterator[tuple[Aspect, tuple[str, ...], str]]:
    """What is asked of a producer: the aspect, the answers to accept, and the report's answer."""
    if label.bindings:
        yield "kind", tuple(dict.fromkeys(KINDS.get(word, word) for word in label.bindings)), site.kind
    if label.created_at:
        yield "created", (label.created_at,), site.created.when
    if label.started_at:
        yield "started", (_start(label.started_at, label.created_at),), _start(site.started.when, site.created.when)
    if label.start_line and label.started_at not in ("constructor", "n/a", "never"):
        yield "start line", (str(label.start_line),), str(site.started.line)
    if label.closed:
        yield "release", (RELEASES.get(label.closed, label.closed),), site.released.verdict


def _start(word: str, created: str | None) -> str:
    """When the client starts: one that starts itself does so when it is created."""
    return created or word if word in ("constructor", "n/a") else word


def _leak_outcome(label: Label, alarm: str) -> Outcome:
    if label.leak == "yes":
        return "true alarm" if alarm else "missed alarm"
    return "false alarm" if alarm else "rightly silent"


def _invented(base: CodeBase, site: Producer) -> Mark:
    """The mark of a site that no label knows, or that a label calls a look-alike."""
    alike = next((label for label in base.labels if label.line == site.line and _same(label, site)), None)
    known = alike.looks_like if alike and alike.looks_like else None
    return Mark(
        code_base=base.name,
        path=site.path,
        line=site.line,
        role=site.role,
        aspect="site",
        outcome="invented",
        labelled=f"look-alike: {known}" if known else "nothing",
        reported=site.client,
        why=alike.why if known and alike else "",
    )

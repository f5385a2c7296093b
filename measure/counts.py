"""What do the marks add up to, for each code base and in all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from kafka_audit.model import Record
from measure.marks import Aspect, Mark, Outcome

TOTAL = "all"


class Share(Record, frozen=True, kw_only=True):
    """How many of those that were asked about were answered as labelled."""

    right: int
    of: int


class Sites(Record, frozen=True, kw_only=True):
    """Construction sites: `labelled` = `found` + `missed`; `invented` are reported and not labelled."""

    labelled: int
    found: int
    missed: int
    invented: int


class Leaks(Record, frozen=True, kw_only=True):
    """Alarms against labels. A share is None where there is nothing to divide by."""

    true_alarms: int
    false_alarms: int
    missed_alarms: int
    rightly_silent: int
    precision: float | None
    recall: float | None
    f1: float | None


class Row(Record, frozen=True, kw_only=True):
    """The figures of one code base, or of all; `others` are consumers and admin clients."""

    code_base: str
    producers: Sites
    others: Sites
    kind: Share
    created: Share
    started: Share
    start_line: Share
    release: Share
    leaks: Leaks


def rows(marks: Sequence[Mark]) -> list[Row]:
    """The figures of each code base, sorted by name, and those of all of them together as the last row."""
    names = sorted({mark.code_base for mark in marks})
    return [
        *(_row(name, [mark for mark in marks if mark.code_base == name]) for name in names),
        _row(TOTAL, marks),
    ]


def _row(name: str, marks: Sequence[Mark]) -> Row:
    counted = Counter((mark.aspect, mark.outcome) for mark in marks)

    def share(aspect: Aspect) -> Share:
        right = counted[aspect, "right"]
        return Share(right=right, of=right + counted[aspect, "wrong"])

    return Row(
        code_base=name,
        producers=_sites(mark for mark in marks if mark.role == "producer"),
        others=_sites(mark for mark in marks if mark.role != "producer"),
        kind=share("kind"),
        created=share("created"),
        started=share("started"),
        start_line=share("start line"),
        release=share("release"),
        leaks=_leaks(Counter(mark.outcome for mark in marks)),
    )


def _sites(marks: Iterable[Mark]) -> Sites:
    counted = Counter(mark.outcome for mark in marks if mark.aspect == "site")
    found, missed = counted["found"], counted["missed"]
    return Sites(labelled=found + missed, found=found, missed=missed, invented=counted["invented"])


def _leaks(counted: Counter[Outcome]) -> Leaks:
    true, false, missed = counted["true alarm"], counted["false alarm"], counted["missed alarm"]
    return Leaks(
        true_alarms=true,
        false_alarms=false,
        missed_alarms=missed,
        rightly_silent=counted["rightly silent"],
        precision=_quotient(true, true + false),
        recall=_quotient(true, true + missed),
        f1=_quotient(2 * true, 2 * true + false + missed),
    )


def _quotient(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

"""KA207: which producers whose release is a flush are never flushed?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.losses.waiting import polls_until_delivered
from kafka_audit.link.options.reported import is_reported_back
from kafka_audit.link.reach.refills import left_in_buffer, now_and_then, waits_for_refusal
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import confidence_of_absence, considered, created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.engine import Event
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.model import Confidence

BAD = """\
from confluent_kafka import Producer


class AuditLog:
    def __init__(self, servers: str) -> None:
        self._producer = Producer({"bootstrap.servers": servers})

    def record(self, entry: bytes) -> None:
        self._producer.produce("audit", entry)
        self._producer.poll(0)
"""

GOOD = """\
from confluent_kafka import Producer


class AuditLog:
    def __init__(self, servers: str) -> None:
        self._producer = Producer({"bootstrap.servers": servers})

    def record(self, entry: bytes) -> None:
        self._producer.produce("audit", entry)
        self._producer.poll(0)

    def close(self) -> None:
        self._producer.flush(10)


def main() -> None:
    log = AuditLog("kafka:9092")
    try:
        log.record(b"started")
    finally:
        log.close()


if __name__ == "__main__":
    main()
"""

RULE = Rule(
    code="KA207",
    name="buffer-never-flushed",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A producer that buffers is used to produce and nothing flushes it",
    rationale=(
        "confluent-kafka's `produce` only appends to a queue in memory; a native thread sends it later. When the "
        "process ends or the producer is collected, what is still queued is thrown away: a hundred of a hundred "
        "messages in every release tried from 2.0.2 on, with one log line on stderr and no exception. `poll(0)` serves "
        "delivery reports and waits for nothing; a loop that polls with a time limit until a report has come waits. "
        "`flush()` is the release in every version; `close()` and `with` exist since 2.13.0 and flush too. A producer "
        "that never produces has nothing to flush. A flush in front of `produce` sends what came before and leaves "
        "what comes now: it counts only if the function can end without filling the buffer again; and where nothing "
        "flushes but sends, each for itself, what the others have left is lost."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Call `flush` with a time limit where the producer's owner shuts down",
    since="0.1.0",
    references=(
        "confluent-kafka 2.0.2, 2.12.2, 2.13.0, 2.16.1: messages delivered at exit, counted against an embedded broker",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every producer whose release is a flush, that produces, and that no code which runs flushes."""
    for life in program.owing():
        if not life.site.client.flush_is_release or life.holding.kind in {"managed", "delegated"}:
            continue
        fills = life.fills
        left = _left(program, life, fills)
        is_anybodys = life.holding.kind == "global" or (life.holding.kind == "instance" and life.holding.scope is None)
        is_flushed = bool(program.discharge.effective(life) if is_anybodys else life.releases) and left is None
        if is_flushed or all(_is_followed(fill, life.releases) for fill in fills) or program.discharge.told(life):
            continue
        confidence = confidence_of_absence(program, life)
        is_waited_for = polls_until_delivered(life) or is_reported_back(program.lives.reach, life)
        if confidence is None or is_waited_for:
            continue
        yield _alarm(program, life, fills[0], left, confidence)


def _is_followed(fill: Event, flushes: Collection[Event]) -> bool:
    """Whether the function that produces flushes behind it itself: one that nothing calls leaves nothing, either."""
    return any(flush.unit is fill.unit and flush.line >= fill.line for flush in flushes)


def _left(program: Program, life: Life, fills: list[Event]) -> Event | None:
    """What fills the buffer of an application's client while only other sends flush.

    Of an object that the project makes and that can flush KA205 tells, and KA206 of functions that drop what they got.
    """
    flushing = {event.unit.method_of for event in life.releases}
    is_owned = any(owner.value.scope in flushing for owner in program.owning.roots(life))
    is_asked = life.releases and not life.in_test and not is_owned and not program.dropping(life)
    return left_in_buffer(program.lives.reach, fills, life.releases) if is_asked else None


def _alarm(program: Program, life: Life, filled: Event, left: Event | None, confidence: Confidence) -> Alarm:
    early = {flush: use for flush in life.undoings if (use := life.filled_after(flush)) is not None}
    rare = now_and_then((*life.undoings, *life.uses), life.site.client.dirtied_by)
    what = f"produces and nothing flushes it{' afterwards' if early else ', but now and then' if rare else ''}"
    absence = considered(program, life, "nothing flushes it afterwards")
    if left is not None:
        what = f"keeps what {where(owner_name(left.unit))} produces: it is flushed behind other messages only"
        confidence, absence = "medium", [_flushed_behind(flush) for flush in life.releases]
    return Alarm(
        path=life.path,
        at=life.site.node.at,
        message=f"{subject(life)} {what}",
        confidence=confidence,
        producer=life.id,
        trace=(
            created(life),
            *map(_flushed_before, early),
            _filled(left or next(iter(early.values()), filled)),
            *(_flushed_rarely(life, flush) for flush in life.undoings if flush in rare),
            *absence,
        ),
    )


def _flushed_rarely(life: Life, flush: Event) -> Step:
    fills = {fill.node for fill in life.fills if fill.unit is flush.unit}
    condition = "when a message is refused" if waits_for_refusal(flush, fills) else "once it has counted so far"
    message = f"{where(owner_name(flush.unit))} flushes only {condition}"
    return Step(path=flush.unit.module.path, line=flush.line, message=message)


def _flushed_behind(flush: Event) -> Step:
    message = f"{where(owner_name(flush.unit))} flushes behind a message of its own, and nothing leads to both"
    return Step(path=flush.unit.module.path, line=flush.line, message=message)


def _filled(use: Event) -> Step:
    message = f"`{use.method}` in {where(owner_name(use.unit))} fills its buffer"
    return Step(path=use.unit.module.path, line=use.line, message=message)


def _flushed_before(flush: Event) -> Step:
    message = f"{where(owner_name(flush.unit))} flushes what is in its buffer before it fills it again"
    return Step(path=flush.unit.module.path, line=flush.line, message=message)

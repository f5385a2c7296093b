"""KA204: which containers of clients does nothing ever drain?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.losses.pools import lost_checkouts
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import confidence_of_absence, considered, created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.facts import schema as s
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program

BAD = """\
from aiokafka import AIOKafkaProducer


class ProducerPool:
    def __init__(self, size: int) -> None:
        self._size = size
        self._producers: list[AIOKafkaProducer] = []

    async def open(self) -> None:
        for _ in range(self._size):
            producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
            await producer.start()
            self._producers.append(producer)

    async def publish(self, key: int, event: bytes) -> None:
        producer = self._producers[key % self._size]
        await producer.send_and_wait("events", event)
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class ProducerPool:
    def __init__(self, size: int) -> None:
        self._size = size
        self._producers: list[AIOKafkaProducer] = []

    async def open(self) -> None:
        for _ in range(self._size):
            producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
            await producer.start()
            self._producers.append(producer)

    async def publish(self, key: int, event: bytes) -> None:
        producer = self._producers[key % self._size]
        await producer.send_and_wait("events", event)

    async def close(self) -> None:
        stops = [producer.stop() for producer in self._producers]
        await asyncio.gather(*stops, return_exceptions=True)
        self._producers.clear()
"""

RULE = Rule(
    code="KA204",
    name="pool-never-drained",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="Kafka clients are kept in a container whose elements nothing releases",
    rationale=(
        "A pool multiplies a leak by its size: every element holds its own connections and background work, and each "
        "has its own buffer to lose. Emptying the container is no release, it only forgets the clients. Something has "
        "to visit every element, a loop, a `gather` or an exit stack, and elements that are checked out while the pool "
        "is closed need a release as well."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Release every element in a method that the pool's owner calls, and do not let one failure skip the rest",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: stop() run over a list by asyncio.gather",
        "https://docs.python.org/3/library/asyncio-task.html#asyncio.gather",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client kept in a container whose elements no code releases, or loses what is taken out of it."""
    for life in program.owing():
        if life.holding.kind != "pooled" or life.site.client.flush_is_release:
            continue
        drained = life.releases if life.holding.scope is not None else program.discharge.effective(life)
        lost = lost_checkouts(program.lives, life)
        confidence = confidence_of_absence(program, life)
        if (drained and not lost) or confidence is None:
            continue
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is one of a pool that "
            + ("loses what is taken out" if drained else "nothing drains"),
            confidence=confidence,
            producer=life.id,
            trace=(
                created(life),
                *started(program, life),
                *(_lost(*each) for each in lost),
                *_reasons(program, life, lost),
            ),
        )


def _lost(unit: Unit, node: s.Call) -> Step:
    message = f"{where(owner_name(unit))} takes one out and neither puts it back nor releases it"
    return Step(path=unit.module.path, line=node.at[0], message=message)


def _reasons(program: Program, life: Life, lost: list[tuple[Unit, s.Call]]) -> list[Step]:
    return [] if lost else considered(program, life)

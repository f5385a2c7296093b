"""KA401: which assignments replace a client that is still open?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives import owner_name
from kafka_audit.link.overwrites import overwrites, replacements
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Publisher:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")

    async def start(self) -> None:
        await self._producer.start()

    async def reconnect(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await producer.start()
        self._producer = producer

    async def publish(self, event: bytes) -> None:
        await self._producer.send_and_wait("events", event)

    async def stop(self) -> None:
        await self._producer.stop()


async def main() -> None:
    publisher = Publisher()
    try:
        await publisher.start()
        await publisher.publish(b"before")
        await publisher.reconnect()
        await publisher.publish(b"after")
    finally:
        await publisher.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Publisher:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")

    async def start(self) -> None:
        await self._producer.start()

    async def reconnect(self) -> None:
        await self._producer.stop()
        producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await producer.start()
        self._producer = producer

    async def publish(self, event: bytes) -> None:
        await self._producer.send_and_wait("events", event)

    async def stop(self) -> None:
        await self._producer.stop()


async def main() -> None:
    publisher = Publisher()
    try:
        await publisher.start()
        await publisher.publish(b"before")
        await publisher.reconnect()
        await publisher.publish(b"after")
    finally:
        await publisher.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA401",
    name="overwritten-while-open",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="The place that holds an open Kafka client is assigned again",
    rationale=(
        "After the assignment nothing refers to the old client, so nothing can release it: whatever it had not sent "
        "is lost, and its connections and background work go on or are cut. It typically happens in a `reconnect`, in "
        "a second `start` of a long-lived object, or in an error handler that sets the place to `None` and forgets "
        "what was there. The release that does exist only ever ends the last client."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Release what the place holds before another client is put there",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: tasks and connections left by a producer that is not stopped, counted",
        "https://docs.python.org/3/reference/datamodel.html#objects-values-and-types",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every assignment that empties the place of a client in a function that does not release it."""
    for life in program.owing():
        if not life.releases or life.site.client.flush_is_release:
            continue  # never released at all: another rule's alarm
        found = overwrites(program.lives, life) + replacements(program.lives, life)
        for unit, node in found:
            path, name = unit.module.path, where(owner_name(unit))
            yield Alarm(
                path=path,
                at=(node.line, 1, node.line, 1),
                message=f"{subject(life)} may still be open when {name} assigns its place",
                confidence="medium",
                producer=life.id,
                trace=(
                    created(life),
                    *started(program, life),
                    Step(path=path, line=node.line, message=f"{name} assigns the place and releases nothing"),
                ),
            )

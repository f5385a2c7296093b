"""KA401: which assignments replace a client that is still open?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.overwrites import overwrites, reconnections, replacements
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.paths.states import Stage
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.lives.life import Life
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
    fix="safe",
    fix_note="Release what the place holds before another client is put there",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: tasks and connections left by a producer that is not stopped, counted",
        "https://docs.python.org/3/reference/datamodel.html#objects-values-and-types",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every assignment that lets go of a client which may be open, and that nothing has released; each once."""
    told: set[tuple[str, int]] = set()
    for life in program.owing():
        for unit, line, what in _found(program, life):
            if (unit.module.path, line) in told:
                continue
            told.add((unit.module.path, line))
            name = where(owner_name(unit))
            yield Alarm(
                path=unit.module.path,
                at=(line, 1, line, 1),
                message=f"{subject(life)} may still be open when {name} {what}",
                confidence="medium",
                producer=life.id,
                trace=(
                    created(life),
                    *started(program, life),
                    Step(path=unit.module.path, line=line, message=f"{name} {what} and releases nothing before"),
                ),
            )


def _replaces(life: Life, unit: Unit) -> str:
    """What a function does that puts a client in the place of this one, which it may have made before itself."""
    return "puts another in its place" + ("" if unit is life.site.unit else f" (made in {where(life.owner)})")


def _found(program: Program, life: Life) -> list[tuple[Unit, int, str]]:
    """(function, line, what it does) of each such assignment."""
    lost = [loss for loss in program.losses(life) if loss.overwritten and not loss.by_exception]
    is_owed = bool(life.releases) or life.value in life.site.unit.result.values  # else KA203 tells of it
    found = [
        (life.site.unit, loss.line, "makes another one" if loss.again else "assigns its name")
        for loss in lost
        if loss.stage is Stage.OPEN or (loss.again and is_owed)
    ]
    if life.releases and not life.site.client.flush_is_release:
        found += [(unit, node.line, "empties its place") for unit, node in overwrites(program.lives, life)]
        found += [(unit, node.line, _replaces(life, unit)) for unit, node in replacements(program.lives, life)]
    if (life.releases or program.lives.loses_nothing(life)) and not life.site.client.flush_is_release:
        again = reconnections(program.lives, life)  # of one that loses messages and is never released KA202 tells
        found += [(unit, node.at[0], "has another made in its place after an error") for unit, node in again]
    return found

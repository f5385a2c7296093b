"""KA503: which releases are put into a task that nobody waits for?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.rules import Alarm, Rule

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send("reports", b"done")
    finally:
        asyncio.create_task(producer.stop())


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send("reports", b"done")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA503",
    name="fire-and-forget-release",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="The release of an asynchronous Kafka client is put into a task that nobody waits for",
    rationale=(
        "`create_task(client.stop())` returns at once, and the release begins when the loop next has time. As the "
        "last act of a coroutine it never gets that time: `asyncio.run` cancels every task that is left, the buffered "
        "messages are lost, and there is no output at all, neither a warning nor an error. A loop that goes on may "
        "finish the task, unless it is collected first, for the loop itself keeps only a weak reference. Await the "
        "release, or keep the task and await it before the loop ends."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Await the release itself, or the task that it is put into",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: create_task(stop()) at the end of a coroutine, messages counted against an embedded broker",
        "https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every release of an asynchronous client in a task that is neither kept nor awaited."""
    yield from ()

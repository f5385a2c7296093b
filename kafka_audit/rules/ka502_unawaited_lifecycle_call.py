"""KA502: which starts and releases of asynchronous clients are called and not awaited?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.flow.engine import position
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    try:
        await producer.start()
        await producer.send("reports", b"done")
    finally:
        producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    try:
        await producer.start()
        await producer.send("reports", b"done")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA502",
    name="unawaited-lifecycle-call",
    category="lifecycle",
    severity="error",
    default=True,
    summary="A start or release of an asynchronous Kafka client is called without await",
    rationale=(
        "Calling a coroutine function runs none of it: the line reads like a release and does nothing. An un-awaited "
        "`stop()` leaves the connections open and loses every buffered message; after an un-awaited `start()` the "
        'first send hangs. The interpreter only says "coroutine was never awaited" once the object is collected, which '
        "in a shutdown path is often never seen. Returning the coroutine, gathering it, wrapping it in a task that is "
        "awaited, or giving the method itself to an exit stack are all fine."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Await the call, or run it on the loop that the client was started on when the caller is not a coroutine",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0 and confluent-kafka 2.16.1 (AIOProducer): un-awaited start, stop and close, run",
        "https://docs.python.org/3/library/asyncio-dev.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every start or release of an asynchronous client, or of a class that wraps one, whose coroutine is dropped."""
    for dropped in program.dropped_lifecycle_calls:
        at, path, owner = position(dropped.node), dropped.unit.module.path, where(owner_name(dropped.unit))
        yield Alarm(
            path=path,
            at=at,
            message=f"`{dropped.text}` in {owner} is never awaited, so nothing is {dropped.effect}",
            confidence="high",
            producer=dropped.producer,
            trace=(
                *(Step(path=p, line=line, message=message) for p, line, message in dropped.behind),
                Step(path=path, line=at[0], message=f"called in {owner} without await"),
            ),
        )

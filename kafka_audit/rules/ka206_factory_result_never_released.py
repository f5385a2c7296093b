"""KA206: which clients that a function makes for its callers do the callers drop?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.context import context_of
from kafka_audit.link.lives import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import confidence_of_absence, created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.lives import Life
    from kafka_audit.link.program import Program
    from kafka_audit.link.reach import Edge

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    return producer


async def main() -> None:
    producer = await connect()
    await producer.send("reports", b"ready")


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    return producer


async def main() -> None:
    producer = await connect()
    try:
        await producer.send("reports", b"ready")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA206",
    name="factory-result-never-released",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A function returns a new Kafka client and its caller drops it",
    rationale=(
        "A function called `connect` or `get_producer` looks like a getter, so its callers treat what it returns as "
        "something that belongs to somebody else. When every call makes a new client, the caller is its only owner: "
        "dropping it loses the buffered messages and leaves another set of sockets, tasks or threads behind with each "
        "call. The alarm stands at the constructor and its chain leads to the callers that drop the client. A getter "
        "that returns the same cached client every time only lends it, and is no alarm."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Release the client in the caller's `finally`, or make the function a context manager that releases it",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: messages still buffered when main returns, counted against an embedded broker",
        "https://docs.python.org/3/library/contextlib.html#contextlib.asynccontextmanager",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that a function returns and that none of the callers releases or keeps."""
    for life in program.owing():
        callers = _callers(program, life)
        if life.holding.kind != "returned" or life.site.client.flush_is_release or life.releases or not callers:
            continue
        confidence = confidence_of_absence(program, life)
        if confidence is None:
            continue
        drops = [
            Step(
                path=edge.caller.module.path,
                line=edge.line,
                message=f"{where(owner_name(edge.caller))} gets it and drops it",
            )
            for edge in callers
        ]
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is returned, and no caller releases it",
            confidence=confidence,
            producer=life.id,
            trace=(created(life), *started(program, life), *drops),
        )


def _callers(program: Program, life: Life) -> list[Edge]:
    """The calls of the making function, fixtures and (for application code) tests left out."""
    edges = program.lives.reach.incoming.get(life.site.unit, ())
    counting = [e for e in edges if life.in_test or context_of(e.caller.module.path) != "test"]
    return [] if any(program.engine.flagged(e.caller, "fixture") for e in counting) else counting

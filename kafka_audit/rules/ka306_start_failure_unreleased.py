"""KA306: which clients are dropped when their start raises?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.losses.makers import failed_start
from kafka_audit.link.paths.states import Stage
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, leaves, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send_and_wait("reports", b"done")
    finally:
        await producer.stop()


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
        await producer.send_and_wait("reports", b"done")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA306",
    name="start-failure-unreleased",
    category="lifecycle",
    severity="info",
    default=False,
    summary="A Kafka client whose start raises is dropped without a release",
    rationale=(
        "When no broker answers, `start()` of an aiokafka client raises with little held: no task and no socket is "
        "left. The client is not closed, though, so aiokafka logs an `Unclosed` error and Python warns of the "
        "resource when the object goes, which hides the real error in the log and fails a test run that makes "
        "warnings errors. Only `start()` inside the `try` whose `finally` stops the client is without it; `async "
        "with` is not. The rule is opt-in, because aiokafka's own documentation starts the client before the `try`; a "
        "start that leaves tasks behind is KA303."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Let the `try` whose `finally` stops the client begin before its start",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: what is left after a start without a broker, and after one inside `async with`, run",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client whose failing start ends the function that made it, without a release."""
    for life in program.owing():
        losses = program.losses(life)
        failed = [loss for loss in losses if loss.stage is Stage.FAILED]
        if failed and not (failed_start(life, losses) or program.retry(life)):
            yield Alarm(
                path=life.path,
                at=life.site.node.at,
                message=f"{subject(life)} is dropped unreleased when its start fails in {where(life.owner)}",
                confidence="high",
                producer=life.id,
                trace=(created(life), *started(program, life), *leaves(life, failed)),
            )

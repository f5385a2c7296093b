"""KA404: which clients are started again, while they run or after they were stopped?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.engine import position
from kafka_audit.link.lives import owner_name
from kafka_audit.link.losses import repeats_of
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    async with producer:
        await producer.send_and_wait("reports", b"ready")


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    async with producer:
        await producer.send_and_wait("reports", b"ready")


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA404",
    name="started-twice",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is started a second time",
    rationale=(
        "`async with` starts the client itself. A second `start()` of a running aiokafka producer replaces its sender "
        "task, and the first one is cancelled by nobody; a consumer fails with an assertion. After `stop()` it is "
        "worse: `start()` succeeds, every send raises ProducerClosed, and the next `stop()` returns at once, so all "
        "that the second start opened is leaked. Retrying a start that failed to reach the broker is fine."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Drop the explicit start before `async with`, and make a new client instead of starting a stopped one",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: start before async with, start twice and start after stop, run",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every start of a client that is started, or was released, by then."""
    for life in program.living:
        for unit, repeat in repeats_of(program.failing, life) if life.site.client.start else ():
            if repeat.what != "start":
                continue
            at, path, name = position(repeat.node), unit.module.path, where(owner_name(unit))
            yield Alarm(
                path=path,
                at=at,
                message=f"{subject(life)} is started a second time in {name}",
                confidence="high",
                producer=life.id,
                trace=(
                    created(life),
                    *(
                        Step(path=e.unit.module.path, line=e.line, message="started here")
                        for e in life.starts
                        if e.unit is unit
                    ),
                    Step(
                        path=path,
                        line=at[0],
                        message="started again here, on a path on which it is started or released already",
                    ),
                ),
            )

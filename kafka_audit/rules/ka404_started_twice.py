"""KA404: which clients are started again, while they run or after they were stopped?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.flow.engine import position
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.losses.makers import repeats_of
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
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
        "that the second start opened is leaked. So it goes with a function that starts a client which outlives the "
        "call, and sends: each message leaves a task behind, also where a flag is asked that nothing ever puts up. "
        "Retrying a start that failed to reach the broker is fine."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Start each client once, where it is made, and make a new one instead of starting a stopped one",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: start before async with, start twice and start after stop, run",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every start of a client that is started, or was released, by then."""
    for life in program.living:
        if life.site.client.start:
            yield from _in_one_call(program, life)
            yield from _in_every_call(program, life)


def _in_one_call(program: Program, life: Life) -> Iterator[Alarm]:
    for unit, repeat in repeats_of(program.failing, life):
        if repeat.what == "start":
            at, path, name = position(repeat.node), unit.module.path, where(owner_name(unit))
            again = "started again here, on a path on which it is started or released already"
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
                    Step(path=path, line=at[0], message=again),
                ),
            )


def _in_every_call(program: Program, life: Life) -> Iterator[Alarm]:
    for start in program.restarted(life):
        path, name = start.unit.module.path, where(owner_name(start.unit))
        outlives = "the client outlives the call, nothing here ends it, and nothing keeps the next call from this start"
        yield Alarm(
            path=path,
            at=position(start.node),
            message=f"{subject(life)} is started again by every call of {name}",
            confidence="medium",
            producer=life.id,
            trace=(created(life), Step(path=path, line=start.line, message=outlives)),
        )

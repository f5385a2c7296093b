"""KA804: which messages may be lost without anybody being told?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.reading.words import words
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        await producer.send("orders", b"paid")


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        await producer.send_and_wait("orders", b"paid")


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA804",
    name="delivery-never-checked",
    category="configuration",
    severity="info",
    default=False,
    summary="A message is given to a Kafka producer and nothing looks whether it was delivered",
    rationale=(
        "Sending puts a message into a buffer; whether a broker took it is known later, and told to whoever asks: by "
        "the future that kafka-python's and aiokafka's `send` gives, by the callback of confluent-kafka's `produce`, "
        "by the number of undelivered messages that its `flush` with a time limit returns. Where nobody looks, a "
        "message that is too large, a topic that does not exist or a broker that is away for too long loses messages "
        "in silence. A function of the project that turns every failure into what it returns passes the question on to "
        "its callers. Where an offset is committed after such a send, the input is gone as well. With `acks=0` brokers "
        "confirm nothing, and nobody can know. Opt-in, because for some messages that is what is wanted."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Wait for the delivery, give a callback, or look at what `flush` returns, where the message matters",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: `await producer.send(...)` gives a future of the delivery, `send_and_wait` waits for it, run",
        "confluent-kafka 2.16.1: flush(0.5) with the broker down returns the number of messages left, run",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every producer without acknowledgement, and every send or flush whose outcome is thrown away."""
    for life, entry in program.unacknowledged():
        path, line = entry.unit.module.path, entry.line
        yield Alarm(
            path=path,
            at=(line, 1, line, 1),
            message=f"{subject(life)} asks for no acknowledgement, so nobody knows whether its messages arrive",
            confidence="high",
            producer=life.id,
            trace=(created(life), Step(path=path, line=line, message=f"`{entry.name}` is 0")),
        )
    for unchecked in program.unchecked():
        path, line, owner = unchecked.unit.module.path, unchecked.node.at[0], where(owner_name(unchecked.unit))
        yield Alarm(
            path=path,
            at=unchecked.node.at,
            message=f"`{words(unchecked.node)}` in {owner}: {unchecked.why}",
            confidence="medium",
            producer=program.id_of(unchecked.receiver),
            trace=(Step(path=path, line=line, message=unchecked.why),),
        )

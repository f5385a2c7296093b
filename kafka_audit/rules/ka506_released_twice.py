"""KA506: which clients are released a second time, although that raises?"""

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
    from kafka_audit.link.flow.engine import Node
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from confluent_kafka.aio import AIOProducer


async def main() -> None:
    async with AIOProducer({"bootstrap.servers": "kafka:9092"}) as producer:
        delivery = await producer.produce("reports", b"done")
        await delivery
        await producer.close()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from confluent_kafka.aio import AIOProducer


async def main() -> None:
    async with AIOProducer({"bootstrap.servers": "kafka:9092"}) as producer:
        delivery = await producer.produce("reports", b"done")
        await delivery


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA506",
    name="released-twice",
    category="lifecycle",
    severity="error",
    default=True,
    summary="A Kafka client that cannot be released twice is released twice",
    rationale=(
        "Most clients can be released any number of times. confluent-kafka's asyncio clients cannot: the second "
        "`close()` of an AIOProducer or AIOConsumer raises RuntimeError, in the middle of a shutdown, where it hides "
        "the first error and skips every release that follows. The usual cause is `async with`, which closes the "
        "client, around an explicit `close()`. Serializing producers, aiokafka and kafka-python do not mind, and are "
        "no alarm."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Release the client in one place only",
    since="0.1.0",
    references=(
        "confluent-kafka 2.16.1: close called twice on every client, run",
        "https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/index.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every second release of a client for which a second release raises."""
    for life in program.owed_once():
        for unit, node in _second_releases(program, life):
            at, path, name = position(node), unit.module.path, where(owner_name(unit))
            yield Alarm(
                path=path,
                at=at,
                message=f"{subject(life)} is released twice in {name}, and the second release raises",
                confidence="high",
                producer=life.id,
                trace=(
                    created(life),
                    Step(path=path, line=at[0], message="released here, and once more on the same path"),
                ),
            )


def _second_releases(program: Program, life: Life) -> list[tuple[Unit, Node]]:
    """Releases after a release, and releases inside a block that releases at its end."""
    found: dict[Node, Unit] = {r.node: unit for unit, r in repeats_of(program.failing, life) if r.what == "release"}
    for inner in life.releases:
        outer = next((e for e in life.releases if e.unit is inner.unit and e.via == "with"), None)
        if inner.via == "call" and outer is not None and inner.line > outer.line:
            found[inner.node] = inner.unit
    return [(unit, node) for node, unit in found.items()]

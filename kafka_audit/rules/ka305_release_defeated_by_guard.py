"""KA305: which releases are called after a failure, and return at once?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.defects.rollbacks import Defeated
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Feed:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        self._started = False

    async def start(self) -> None:
        await self._producer.start()
        if not await self._producer.partitions_for("feed"):
            raise LookupError("the topic `feed` is missing")
        self._started = True

    async def stop(self) -> None:
        if not self._started:
            return
        await self._producer.stop()
        self._started = False

    async def publish(self, item: bytes) -> None:
        await self._producer.send_and_wait("feed", item)


async def main() -> None:
    feed = Feed()
    try:
        await feed.start()
        await feed.publish(b"ready")
    finally:
        await feed.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Feed:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")

    async def start(self) -> None:
        await self._producer.start()
        if not await self._producer.partitions_for("feed"):
            raise LookupError("the topic `feed` is missing")

    async def stop(self) -> None:
        await self._producer.stop()

    async def publish(self, item: bytes) -> None:
        await self._producer.send_and_wait("feed", item)


async def main() -> None:
    feed = Feed()
    try:
        await feed.start()
        await feed.publish(b"ready")
    finally:
        await feed.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA305",
    name="release-defeated-by-guard",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="The release of a Kafka client is called after a failed start, and a flag makes it return at once",
    rationale=(
        "`stop()` returns early unless `_started` is true, and `start()` sets that flag as its very last act. When "
        "anything in between fails, the client is open and the flag is not set: the caller's `finally` runs, calls "
        "the release, and nothing is released. Reading the code confirms what it seems to do, and a test with a "
        "healthy broker never takes that path. The release has to ask whether there is a client, not whether starting "
        "went well."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Guard the release with the client itself, or with nothing: stopping one that never started does no harm",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: stop without start, and stop after a failed start, run",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client whose rollback after a failed start returns at once, because a flag is still false."""
    for life in program.owing():
        defeated = program.rollbacks.defeated(life)
        if defeated is not None:
            yield Alarm(
                path=life.path,
                at=life.site.node.at,
                message=f"{subject(life)} stays open when its start fails: {_guard(defeated)}",
                confidence="high",
                producer=life.id,
                trace=(created(life), *started(program, life), *_steps(defeated)),
            )


def _guard(defeated: Defeated) -> str:
    name, state = defeated.asked
    return f"`{owner_name(defeated.method)}` returns at once while `{name}` is {f'not `{state}`' if state else 'false'}"


def _steps(defeated: Defeated) -> list[Step]:
    rollback, method, starter = defeated.rollback, defeated.method, defeated.starter
    name, state = defeated.flag
    makes = f"makes `{name}` {f'`{state}`' if state else 'true'}"
    return [
        Step(
            path=rollback.module.path,
            line=defeated.rollback_line,
            message=f"{where(owner_name(rollback))} calls {where(owner_name(method))} when the start fails",
        ),
        Step(path=method.module.path, line=defeated.guard_line, message=f"{_guard(defeated)}, so nothing is released"),
        Step(
            path=starter.module.path,
            line=defeated.set_line,
            message=f"{where(owner_name(starter))} {makes} only after the start",
        ),
    ]

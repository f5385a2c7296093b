"""KA405: which clients are kept for the whole process, though it enters more than one event loop?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.impact.loops import strangers
from kafka_audit.link.defects.kept import second_loops
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.defects.kept import Kept
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer

_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    if _producer is not None:
        return _producer
    async with asyncio.Lock():
        producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await producer.start()
        _producer = producer
        return producer


async def publish(event: bytes) -> None:
    producer = await get_producer()
    await producer.send_and_wait("events", event)


def publish_sync(event: bytes) -> None:
    asyncio.run(publish(event))


async def close() -> None:
    if _producer is not None:
        await _producer.stop()


async def main() -> None:
    try:
        await publish(b"started")
    finally:
        await close()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer

_producer: AIOKafkaProducer | None = None
_loop: asyncio.AbstractEventLoop | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer, _loop
    if _producer is not None and _loop is asyncio.get_running_loop():
        return _producer
    async with asyncio.Lock():
        producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await producer.start()
        _producer, _loop = producer, asyncio.get_running_loop()
        return producer


async def publish(event: bytes) -> None:
    producer = await get_producer()
    await producer.send_and_wait("events", event)


def publish_sync(event: bytes) -> None:
    asyncio.run_coroutine_threadsafe(publish(event), _loop).result()


async def close() -> None:
    if _producer is not None:
        await _producer.stop()


async def main() -> None:
    try:
        await publish(b"started")
    finally:
        await close()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA405",
    name="loop-bound-singleton",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client that is bound to one event loop is handed out to whoever asks, in whatever loop",
    rationale=(
        "An asynchronous client belongs to the loop that it was started in: its tasks run there, and its futures "
        "resolve there. A getter that keeps the first client and hands it out later does not look at the loop. As soon "
        "as the same process enters a second one, by a synchronous wrapper that calls `asyncio.run` for each message, "
        "or by a worker thread with a loop of its own, the client that is handed out has no loop that runs: `send` "
        "waits until its time limit, or for ever where there is none, and `stop` raises. Where nothing else enters a "
        "second loop, tests that get the client do, which is information only: each usually runs in a loop of its own. "
        "Those that replace the client's class, empty the place or release the client are left alone."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Keep one client for each loop, or run everything on one loop that stays open",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: a producer used from a second loop hangs, and its stop raises, run",
        "https://docs.python.org/3/library/asyncio-runner.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every getter of a loop-bound client that functions with loops of their own reach, or else tests with theirs."""
    seen: set[object] = set()
    for kept in program.loop_bound():
        wrapped = [] if kept.made in seen else _wrapped(program, kept)
        entering = wrapped or ([] if kept.made in seen else _tested(program, kept))
        if not entering:
            continue
        seen.add(kept.made)
        life, path = kept.life, kept.unit.module.path
        owner = where(owner_name(kept.unit))
        yield Alarm(
            path=path,
            at=(kept.line, 1, kept.line, 1),
            message=f"{subject(life)} is bound to one event loop, and {owner} hands it out in any",
            confidence="medium",
            producer=life.id,
            trace=(
                created(life),
                *started(program, life),
                Step(path=path, line=kept.line, message=f"{owner} hands out what is there, whatever loop is running"),
                *entering[:3],
            ),
            severity=None if wrapped else "info",
        )


def _wrapped(program: Program, kept: Kept) -> list[Step]:
    """The synchronous functions that bring a loop to the getter."""
    return [
        Step(
            path=wrapper.unit.module.path,
            line=wrapper.line,
            message=f"`{owner_name(wrapper.unit)}` runs `{wrapper.text}` on a loop of its own",
        )
        for wrapper in second_loops(program.lives, kept)
    ]


def _tested(program: Program, kept: Kept) -> list[Step]:
    """The tests that bring a loop to the getter."""
    return [
        Step(
            path=test.unit.module.path,
            line=test.unit.line,
            message=f"`{test.name}` gets what is there, in an event loop of its own",
        )
        for test in strangers(program, kept)
    ]

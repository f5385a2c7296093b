"""KA205: which objects that own a client can release it, and are never asked to?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.frequency import is_left_to_users, runs_once
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import owner_chain, where

if TYPE_CHECKING:
    from kafka_audit.link.ownership.owning import Owner
    from kafka_audit.link.program import Program
    from kafka_audit.model import Severity

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Outbox:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def send(self, event: bytes) -> None:
        await self._producer.send_and_wait("events", event)


async def main() -> None:
    outbox = Outbox()
    await outbox.start()
    await outbox.send(b"ready")


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Outbox:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def send(self, event: bytes) -> None:
        await self._producer.send_and_wait("events", event)


async def main() -> None:
    outbox = Outbox()
    await outbox.start()
    try:
        await outbox.send(b"ready")
    finally:
        await outbox.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA205",
    name="owner-never-released",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="An object that owns a Kafka client can release it, and the code that creates the object never asks it to",
    rationale=(
        "Somebody wrote the release, which makes the class look safe: whoever reviews it sees a `stop` and goes on. "
        "The leak is one level up, where the object is created and dropped, and behind two or three such wrappers "
        "nobody sees it any more. What the client still buffers is lost and its connections, tasks or threads stay, "
        "exactly as if the class had no release at all. The alarm stands where the owner is created, for that is the "
        "line that has to change. A program that makes one, flushes and ends loses nothing with a client that closes "
        "itself at exit: the alarm is information only."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Call the owner's release in a `finally` where it is created, or give the owner to something that does",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: messages still buffered when main returns, counted against an embedded broker",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every creation of an owner outside of globals whose release exists and is never asked for."""
    for owner in program.unreleased_owners():
        if owner.holding.kind != "global" and not program.owning.exit_hooks(owner):
            yield Alarm(
                path=owner.path,
                at=owner.at,
                message=f"{_subject(owner)} owns a client, and nothing releases it",
                confidence="medium",
                producer=owner.life.id,
                trace=owner_chain(program, owner),
                severity=_severity(program, owner),
            )


def _severity(program: Program, owner: Owner) -> Severity | None:
    """A program that makes one, flushes and ends loses nothing: its process is the release.

    How many the users of a library make is theirs to say, where none keeps a message.
    """
    lives, maker = program.lives, owner.origin.unit
    is_one = lives.loses_nothing(owner.life) and runs_once(lives, maker)
    return "info" if is_one or (lives.keeps_nothing(owner.life) and is_left_to_users(lives, maker)) else None


def _subject(owner: Owner) -> str:
    name, place = owner.value.scope.name, owner.holding.place
    return f"{name} in `{place}`" if place else f"{name} created in {where(owner.owner)}"

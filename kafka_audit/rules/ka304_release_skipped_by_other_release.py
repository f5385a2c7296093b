"""KA304: which releases does the failure of another release skip?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.shapes import second_releases
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Journal:
    def __init__(self) -> None:
        self._events = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        self._audit = AIOKafkaProducer(bootstrap_servers="archive:9092")

    async def start(self) -> None:
        await self._events.start()
        await self._audit.start()

    async def write(self, entry: bytes) -> None:
        await self._events.send_and_wait("events", entry)
        await self._audit.send_and_wait("audit", entry)

    async def stop(self) -> None:
        await self._events.stop()
        await self._audit.stop()


async def main() -> None:
    journal = Journal()
    try:
        await journal.start()
        await journal.write(b"ready")
    finally:
        await journal.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


class Journal:
    def __init__(self) -> None:
        self._events = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        self._audit = AIOKafkaProducer(bootstrap_servers="archive:9092")

    async def start(self) -> None:
        await self._events.start()
        await self._audit.start()

    async def write(self, entry: bytes) -> None:
        await self._events.send_and_wait("events", entry)
        await self._audit.send_and_wait("audit", entry)

    async def stop(self) -> None:
        try:
            await self._events.stop()
        finally:
            await self._audit.stop()


async def main() -> None:
    journal = Journal()
    try:
        await journal.start()
        await journal.write(b"ready")
    finally:
        await journal.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA304",
    name="release-skipped-by-other-release",
    category="lifecycle",
    severity="info",
    default=False,
    summary="One Kafka client stays open when the release of another one fails",
    rationale=(
        "A release talks to the brokers, so it can fail or be cancelled like any other call: an aiokafka producer "
        "sends what it still holds before it closes. When two clients are released one after the other, the failure "
        "of the first one leaves the second one open, and what that one holds is lost although its cluster may be "
        "fine. The same holds for objects that own a client, and for a loop over several clients, which the first "
        "failure ends. A `finally` for each release, an exit stack, or `gather` with `return_exceptions=True` reaches "
        "them all. The rule is opt-in, because the process usually ends right after."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Release the second client in a `finally` of the first release, or both through an exit stack",
    since="0.1.0",
    references=(
        "https://docs.python.org/3/library/contextlib.html#contextlib.AsyncExitStack",
        "https://docs.python.org/3/library/asyncio-task.html#asyncio.gather",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every release that follows an unprotected release of another client in the same block, or the same loop."""
    for unit, life, node, before in second_releases(program.failing, program.owing()):
        path, name = unit.module.path, where(owner_name(unit))
        is_loop = node is before
        yield Alarm(
            path=path,
            at=node.at,
            message=(
                f"{subject(life)} is released in a loop of {name}, which the first failure ends"
                if is_loop
                else f"{subject(life)} is not released when the release before it in {name} fails"
            ),
            confidence="high",
            producer=life.id,
            trace=(
                created(life),
                Step(
                    path=path,
                    line=before.at[0],
                    message=f"{name} releases {'one client after the other' if is_loop else 'another client'}, "
                    "which can fail",
                ),
                *([] if is_loop else [_after(path, name, node.at[0])]),
            ),
        )


def _after(path: str, name: str, line: int) -> Step:
    return Step(path=path, line=line, message=f"{name} gets here only if nothing failed before")

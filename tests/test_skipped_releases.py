"""Which releases does a failing release before them skip? What KA304 tells of, on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafka_audit.pipeline import audit
from kafka_audit.settings import Settings

HEAD = """\
import asyncio
import contextlib

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


class Outbox:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")

    async def end(self) -> None:
        await self._producer.stop()

    async def end_quietly(self) -> None:
        try:
            await self._producer.stop()
        except Exception:
            print("not ended")


class Feed:
    def __init__(self) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers="kafka:9092")

    async def follow(self) -> None:
        await self._consumer.start()
        try:
            async for message in self._consumer:
                print(message)
        finally:
            await self._consumer.stop()


async def job(text: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send_and_wait("jobs", text)
    finally:
        await producer.stop()


class Desk:
    def __init__(self) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers="kafka:9092")
        self._outbox, self._feed = Outbox(), Feed()
        self._pool = [AIOKafkaProducer(bootstrap_servers="kafka:9092") for _ in range(3)]

    async def end(self) -> None:
"""

SKIPPED = [
    ("await self._consumer.stop()", "await self._outbox.end()"),
    ("await self._outbox.end()", "await self._consumer.stop()"),
    ("if self._outbox:\n            await self._outbox.end()", "await self._consumer.stop()"),
    ("for each in self._pool:", "    await each.stop()"),
    ("for each in self._pool:\n            print(each)", "    await each.stop()"),
]

REACHED = [
    "await self._outbox.end_quietly()\n        await self._consumer.stop()",
    "try:\n            await self._consumer.stop()\n        finally:\n            await self._outbox.end()",
    "with contextlib.suppress(Exception):\n            await self._consumer.stop()\n        await self._outbox.end()",
    "await asyncio.gather(self._consumer.stop(), self._outbox.end(), return_exceptions=True)",
    "for each in self._pool:\n            with contextlib.suppress(Exception):\n                await each.stop()",
    "for each in self._pool:\n            try:\n                await each.stop()\n            except Exception:\n"
    "                print(each)",
    "for _ in range(3):\n            await self._consumer.stop()",
    "await job(b'1')\n        await job(b'2')",
    "task = asyncio.create_task(self._outbox.end())\n        await self._consumer.stop()\n        await task",
    "await self._feed.follow()\n        await self._consumer.stop()",
    "for each in self._pool:\n            await each.flush()",
]


def alarms(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a function's body that the rule tells of, as they are written."""
    (folder / "main.py").write_text(f"{HEAD}        {text}\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    report = audit(Settings(paths=(".",), select=("KA304",), roles=("producer", "consumer"), jobs=1))
    assert not report.problems
    return [(HEAD + "        " + text).splitlines()[finding.line - 1].strip() for finding in report.findings]


@pytest.mark.parametrize(("before", "skipped"), SKIPPED)
def test_what_follows_a_release_that_can_fail_is_told(
    before: str, skipped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert alarms(f"{before}\n        {skipped}", tmp_path, monkeypatch) == [skipped.strip()]


@pytest.mark.parametrize("text", REACHED)
def test_what_is_reached_whatever_fails_is_not_told(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert alarms(text, tmp_path, monkeypatch) == []

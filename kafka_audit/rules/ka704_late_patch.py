"""KA704: which patches begin to hold when it is too late?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.impact.misses import Miss, misses
from kafka_audit.impact.trace import Happening
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import mock_chain

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
# file: shop.py
from aiokafka import AIOKafkaProducer


async def announce() -> None:
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        await producer.send_and_wait("shops", b"open")
# file: conftest.py
from unittest.mock import AsyncMock

import aiokafka
import shop


def pytest_configure(config) -> None:
    aiokafka.AIOKafkaProducer = AsyncMock
# file: test_shop.py
import asyncio

from shop import announce


def test_announce() -> None:
    asyncio.run(announce())
"""

GOOD = """\
# file: shop.py
from aiokafka import AIOKafkaProducer


async def announce() -> None:
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        await producer.send_and_wait("shops", b"open")
# file: conftest.py
from unittest.mock import AsyncMock

import aiokafka


def pytest_configure(config) -> None:
    aiokafka.AIOKafkaProducer = AsyncMock
# file: test_shop.py
import asyncio

from shop import announce


def test_announce() -> None:
    asyncio.run(announce())
"""

RULE = Rule(
    code="KA704",
    name="late-patch",
    category="tests",
    severity="error",
    default=True,
    summary="A Kafka client class is replaced for tests after the code under test has bound the real one",
    rationale=(
        "The name is the right one and the moment is wrong. What a `conftest.py` imports at its top is loaded before "
        "its `pytest_configure` runs, and what it loads has bound the real class by then; a plugin given by `-p` is "
        "earlier still. A client that a module creates when it is imported exists before any patch of that module can "
        "begin, because resolving the patch's target is what imports the module. The tests then talk to a real broker, "
        "or wait for one, although everything looks mocked."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Replace the class before anything imports the code under test, or replace the name in the module itself",
    since="0.1.0",
    references=(
        "pytest 9.2: conftest.py bodies, pytest_configure and -p plugins in their order, run",
        "https://docs.pytest.org/en/stable/how-to/writing_plugins.html#plugin-discovery-order-at-tool-startup",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every patch before whose beginning the client, or the name that makes it, is there already."""
    for miss in misses(program):
        found, why = _late(miss)
        if found is None:
            continue
        name = found.life.site.client.name.rpartition(".")[2]
        yield Alarm(
            path=miss.mock.unit.module.path,
            at=(miss.mock.line, 1, miss.mock.line, 1),
            message=f"`{miss.mock.target}` is replaced too late for the {name} that `{found.life.owner}` creates",
            confidence="high",
            producer=found.life.id,
            trace=mock_chain(miss.mock, found, why),
        )


def _late(miss: Miss) -> tuple[Happening | None, str]:
    """The client that the mock comes too late for, and why."""
    for found in miss.early:
        return found, "the client exists already when this begins to hold"
    for found in miss.unmet:
        if found.mock is not None and found.mock.effect == "too late":
            return found, found.mock.why
    return None, ""

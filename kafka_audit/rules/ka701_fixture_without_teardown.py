"""KA701: which fixtures hand out a client that nothing releases?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.impact.fixtures import kept
from kafka_audit.link.lives.life import owner_name
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import confidence_of_absence, considered, created, owner_chain, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.ownership.owning import Owner
    from kafka_audit.link.program import Program

BAD = """\
# file: conftest.py
import pytest_asyncio
from aiokafka import AIOKafkaProducer


@pytest_asyncio.fixture
async def producer():
    producer = AIOKafkaProducer(bootstrap_servers="localhost:9092")
    await producer.start()
    return producer
# file: test_orders.py
async def test_order(producer) -> None:
    await producer.send_and_wait("orders", b"order 1")
"""

GOOD = """\
# file: conftest.py
import pytest_asyncio
from aiokafka import AIOKafkaProducer


@pytest_asyncio.fixture
async def producer():
    producer = AIOKafkaProducer(bootstrap_servers="localhost:9092")
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()
# file: test_orders.py
async def test_order(producer) -> None:
    await producer.send_and_wait("orders", b"order 1")
"""

RULE = Rule(
    code="KA701",
    name="fixture-without-teardown",
    category="tests",
    severity="warning",
    default=True,
    summary="A fixture hands out a started Kafka client, or an object that owns one, and nothing releases it",
    rationale=(
        "Every test that uses the fixture leaves a client behind. Its tasks die with the test's event loop, which "
        'prints "Task was destroyed but it is pending!" from a place that has nothing to do with it, often in another '
        "test; its threads and sockets stay until the run ends, or keep it from ending. A fixture that returns has no "
        "place for a release. One that yields has: what stands behind the `yield` runs when the test fails, too."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Yield the client instead of returning it, and release it behind the `yield`",
    since="0.1.0",
    references=(
        "pytest 9.2 and pytest-asyncio 1.5: code behind the yield when a test fails, run",
        "https://docs.pytest.org/en/stable/how-to/fixtures.html#teardown-cleanup-aka-fixture-finalization",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client of a fixture that nothing releases, and every owner that nobody asks to."""
    for life, owner in kept(program):
        if owner is None:
            yield from _client(program, life)
        elif owner.opens and not owner.is_released and life.releases:
            yield _owner(program, owner)


def _client(program: Program, life: Life) -> Iterator[Alarm]:
    client = life.site.client
    if life.releases or client.flush_is_release or (client.start and not life.starts):
        return
    confidence = confidence_of_absence(program, life)
    if confidence is not None:
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is handed out by the fixture {where(life.owner)} and never released",
            confidence=confidence,
            producer=life.id,
            trace=(created(life), *started(program, life), *considered(program, life)),
        )


def _owner(program: Program, owner: Owner) -> Alarm:
    fixture = where(owner_name(owner.origin.unit))
    return Alarm(
        path=owner.path,
        at=owner.at,
        message=f"{owner.name}, which owns a client, is handed out by the fixture {fixture} and never released",
        confidence="medium",
        producer=owner.life.id,
        trace=owner_chain(program, owner),
    )

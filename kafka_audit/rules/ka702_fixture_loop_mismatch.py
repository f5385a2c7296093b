"""KA702: which fixtures start a client in another event loop than the tests that use it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.impact.loops import mismatches
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
# file: conftest.py
import pytest_asyncio
from aiokafka import AIOKafkaProducer


@pytest_asyncio.fixture(scope="session")
async def producer():
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        yield producer
# file: test_orders.py
import pytest


@pytest.mark.asyncio
async def test_order(producer) -> None:
    await producer.send_and_wait("orders", b"order 1")
"""

GOOD = """\
# file: conftest.py
import pytest_asyncio
from aiokafka import AIOKafkaProducer


@pytest_asyncio.fixture(scope="session")
async def producer():
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        yield producer
# file: test_orders.py
import pytest


@pytest.mark.asyncio(loop_scope="session")
async def test_order(producer) -> None:
    await producer.send_and_wait("orders", b"order 1")
"""

RULE = Rule(
    code="KA702",
    name="fixture-loop-mismatch",
    category="tests",
    severity="error",
    default=True,
    summary="A fixture starts a Kafka client in another event loop than that of the tests that use it",
    rationale=(
        "An asyncio client belongs to the loop that it was started in. A fixture of a wide scope runs in a loop of "
        "that scope, and a test in one of its own unless it says otherwise: what the test awaits then waits for "
        'another loop, which raises "attached to a different loop" or never comes back. With pytest-asyncio the scope '
        "of a fixture and that of its loop are two things; both, and the tests, have to agree."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Give the tests the fixture's loop (`loop_scope=`), or let the fixture live for one test",
    since="0.1.0",
    references=(
        "pytest-asyncio 1.5: loop_scope of fixtures and tests, and the defaults in the configuration, run",
        "https://pytest-asyncio.readthedocs.io/en/stable/concepts.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every asynchronous fixture with a loop-bound client that some test uses in another loop."""
    for found in mismatches(program):
        fixture, test = found.fixture, found.test
        yield Alarm(
            path=fixture.module.path,
            at=(fixture.line, 1, fixture.line, 1),
            message=(
                f"{subject(found.life)} is started by the fixture {where(owner_name(fixture))} in the event loop of "
                f"the {found.fixture_loop}, and `{test.name}` uses it in that of the {found.test_loop}"
            ),
            confidence="medium",
            producer=found.life.id,
            trace=(
                created(found.life),
                *started(program, found.life),
                Step(
                    path=test.unit.module.path,
                    line=test.unit.line,
                    message=f"`{test.name}` asks for the fixture and runs in the event loop of the {found.test_loop}",
                ),
            ),
        )

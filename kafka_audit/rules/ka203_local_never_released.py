"""KA203: which clients in a local variable are simply dropped?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.frequency import runs_once
from kafka_audit.link.flow.scopes import Unit, lookup
from kafka_audit.link.reading.context import context_of
from kafka_audit.model import Severity
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import confidence_of_absence, considered, created, ends, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program

BAD = """\
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaProducer


async def forward(readings: AsyncIterator[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    async for reading in readings:
        await producer.send("readings", reading)
"""

GOOD = """\
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaProducer


async def forward(readings: AsyncIterator[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        async for reading in readings:
            await producer.send("readings", reading)
"""

RULE = Rule(
    code="KA203",
    name="local-never-released",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client in a local variable is dropped without being released",
    rationale=(
        "When the function returns nothing refers to the client any more, so nothing can release it. Messages that "
        "`send` only buffered are lost, and each call leaves another set of sockets, tasks or threads behind: a "
        "kafka-python 3 consumer or admin client keeps its thread even after garbage collection. A client that is "
        "returned, stored or handed to an owner is not dropped and no alarm; in a script whose messages are flushed "
        "the process ends anyway, and the alarm ranks lower."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Use the client as a context manager where its version has one, else release it in a `finally`",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: messages still buffered when the function returns, counted against an embedded broker",
        "kafka-python 3.0.12: threads alive after garbage collection, run",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client in a local variable that is neither released nor kept by anything else."""
    for life in program.owing():
        keeper = _keeper(life)
        is_reached = bool(life.releases) and (keeper is life.site.unit or bool(program.discharge.effective(life)))
        if life.holding.kind != "local" or life.site.client.flush_is_release or is_reached:
            continue
        if life.site.client.start and not life.starts:
            continue  # never started: nothing is held yet
        confidence = confidence_of_absence(program, life)
        if confidence is None:
            continue
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is dropped at the end of {where(keeper.qualname)} without being released",
            confidence=confidence,
            producer=life.id,
            trace=(created(life), *started(program, life), *(considered if life.releases else ends)(program, life)),
            severity=_severity(program, life),
        )


def _keeper(life: Life) -> Unit:
    """The function whose variable keeps the client: one around that which makes it, if that says `nonlocal`."""
    unit, is_bound = lookup(life.site.unit, life.holding.place or "")
    return unit if is_bound and unit.kind == "function" else life.site.unit


def _severity(program: Program, life: Life) -> Severity:
    """A script or command that sends nothing, or flushes and ends, loses nothing: its process is the release."""
    is_script = context_of(life.path) == "script" or life.site.guarded
    flushed = any(event.method == "flush" for event in life.uses)
    is_idle = life.site.client.closes_at_exit and not life.fills
    ends = (is_idle or program.lives.loses_nothing(life)) and runs_once(program.lives, life.site.unit)
    return "info" if ends or (is_script and flushed and not life.site.client.is_async) else "warning"

"""KA302: which clients are released on one normal path, and lost on another?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.frequency import runs_once
from kafka_audit.link.losses.makers import left_open
from kafka_audit.link.losses.messages import leaves_some_unsent
from kafka_audit.link.paths.states import Stage
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import SKIPPED, created, leaves, owner_chain, released, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.model import Severity

BAD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    if not rows:
        return
    try:
        for row in rows:
            await producer.send("rows", row)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

GOOD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    if not rows:
        return
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        for row in rows:
            await producer.send("rows", row)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

RULE = Rule(
    code="KA302",
    name="release-skipped-on-early-return",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is left open when the function returns early",
    rationale=(
        "The function releases its client at the end, and a `return`, a `break` or a condition leads past that. "
        "Nothing fails and nothing is logged, so the leak is found by counting sockets days later: each call that "
        "takes the short way out leaves one more client behind, with whatever it had buffered."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Let the `try` whose `finally` releases the client begin right after the client is made, or make it later",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: tasks and connections left by a producer that is not stopped, counted",
        "https://docs.python.org/3/reference/compound_stmts.html#finally-clause",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that is released on some way out of the function that makes it, and not on another normal one."""
    for life in program.owing():
        if not life.releases:
            continue
        losses = [
            loss for loss in left_open(program.losses(life)) if not loss.by_exception and loss.stage is not Stage.FAILED
        ]
        if not losses:
            continue
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} stays open on a normal way out of {where(life.owner)}",
            confidence="high",
            producer=life.id,
            trace=(created(life), *started(program, life), *released(life), *leaves(life, losses)),
            severity=_severity(program, life, life.site.unit),
        )
    yield from _owners(program)


def _owners(program: Program) -> Iterator[Alarm]:
    """The same for objects that own a client, in the functions that make and release them."""
    for owner, every in program.owners_left_open():
        losses, name = [loss for loss in every if not loss.by_exception], where(owner.owner)
        if not losses:
            continue
        ends = [
            Step(path=owner.path, line=loss.line, message=f"{name} can end here, and nothing releases the {owner.name}")
            for loss in losses
        ]
        yield Alarm(
            path=owner.path,
            at=owner.at,
            message=f"{owner.name} owns a client and stays open on a normal way out of {name}",
            confidence="medium",
            producer=owner.life.id,
            trace=(*owner_chain(program, owner, SKIPPED), *ends),
            severity=_severity(program, owner.life, owner.origin.unit),
        )


def _severity(program: Program, life: Life, unit: Unit) -> Severity | None:
    """A program that flushes what it sends and ends loses nothing on a short way out: its process is the release."""
    if not runs_once(program.lives, unit):
        return None
    has_sent_all = (
        life.site.client.closes_at_exit and life.site.unit is unit and not leaves_some_unsent(program.failing, life)
    )
    return "info" if has_sent_all or program.lives.loses_nothing(life) else None

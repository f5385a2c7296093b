"""KA303: which clients are dropped half-started?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.frequency import is_called_once
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.losses.makers import AGAIN, GOES_ON, failed_start
from kafka_audit.link.paths.states import Stage
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, leaves, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.defects.retries import Retry
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.model import Severity

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers="kafka:9092", enable_idempotence=True
    )
    await asyncio.wait_for(producer.start(), timeout=5)
    try:
        await producer.send_and_wait("jobs", b"ready")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers="kafka:9092", enable_idempotence=True
    )
    try:
        await asyncio.wait_for(producer.start(), timeout=5)
        await producer.send_and_wait("jobs", b"ready")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA303",
    name="leaked-by-failed-start",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client whose start fails half-way is dropped without a release",
    rationale=(
        "A start that is cancelled or times out has often come a long way: an idempotent aiokafka producer that waits "
        "for its producer id keeps its metadata task, a consumer in the middle of its group join keeps three tasks "
        "and as many connections. Only `stop()` cleans that up, and it may be called on a client that never finished "
        "starting. `wait_for(client.start(), ...)` makes that exit an everyday one, and code that swallows the "
        "failure and builds another client at the next attempt, in its own loop, its caller's or by a decorator that "
        "calls it again, leaves one behind per attempt. Where a function goes on "
        "without the client, that is information only if a process calls it once, as an application's start-up hook, "
        "or if the client is an aiokafka producer without idempotence and transactions, which connects or does not, "
        "and only warns that it is unclosed when it is dropped. A plain `start()` before the `try`, which simply "
        "raises, is the documented idiom and no alarm."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Let the `try` whose `finally` stops the client begin before its start: `stop` takes a half-started one",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: tasks and sockets left after a start that was cancelled, run against an embedded broker",
        "aiokafka 0.14.0: no task and no socket left of a plain producer that finds no broker, run",
        "https://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client whose start can fail half-way, on a path that drops it without a release."""
    for life in program.owing():
        losses = program.losses(life)
        reason = failed_start(life, losses)
        left = [loss for loss in losses if loss.stage is Stage.FAILED]
        retry = program.retry(life) if not reason else None
        if not life.releases or (not reason and retry is None):
            continue  # what nothing releases anyway is told by others
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is dropped unreleased when its start fails, and {reason or AGAIN}",
            confidence="medium",
            producer=life.id,
            trace=(created(life), *started(program, life), *(_retried(retry) if retry else leaves(life, left))),
            severity=_severity(program, life, reason),
        )


def _retried(retry: Retry) -> Iterator[Step]:
    """How the error of a start leaves the attempt, and where the next one is made."""
    path, name = retry.unit.module.path, where(owner_name(retry.unit))
    for loss in retry.losses[:1]:
        yield Step(path=path, line=loss.line, message=f"{name} can fail here, and nothing releases it")
    again = where(owner_name(retry.again))
    yield Step(path=retry.again.module.path, line=retry.line, message=f"{again} makes the next attempt")


def _severity(program: Program, life: Life, reason: str) -> Severity | None:
    is_harmless = is_called_once(program.lives, life.site.unit) or not program.starts_in_steps(life)
    return "info" if reason == GOES_ON and is_harmless else None

"""KA206: which clients that a function returns does a caller drop?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.frequency import runs_once
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.losses.makers import Caller, is_dependency
from kafka_audit.model import Severity, Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import BEHIND, confidence_of_absence, created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.ownership.siblings import Keeper
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    return producer


async def main() -> None:
    producer = await connect()
    await producer.send("reports", b"ready")


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    return producer


async def main() -> None:
    producer = await connect()
    try:
        await producer.send("reports", b"ready")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA206",
    name="factory-result-never-released",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A function returns a new Kafka client and its caller drops it",
    rationale=(
        "A function called `connect` or `get_producer` looks like a getter, so its callers treat what it returns as "
        "something that belongs to somebody else. When every call makes a new client, the caller is its only owner: "
        "dropping it loses the buffered messages and leaves another set of sockets, tasks or threads behind with each "
        "call, and so does a class that keeps its own and never releases it, beside others that do. The alarm stands "
        "at the constructor and its chain leads to the callers that drop the client. A getter that returns the same "
        "cached client every time only lends it, and is no alarm. Programs that flush and end lose nothing with a "
        "client that closes itself at exit: the alarm is information only."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Release the client in the caller's `finally`, or make the function a context manager that releases it",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: messages still buffered when main returns, counted against an embedded broker",
        "https://docs.python.org/3/library/contextlib.html#contextlib.asynccontextmanager",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that a function returns and that a caller neither releases nor returns, nor keeps to release it."""
    for life in program.owing():
        if life.site.client.flush_is_release and not life.releases:
            continue  # never flushed at all: KA207
        dropping, keeping = program.dropping(life), program.keeping(life)
        confidence = confidence_of_absence(program, life)
        if confidence is None or not (dropping or keeping):
            continue
        if not dropping:
            yield _kept(program, life, keeping)
            continue
        drops = [
            Step(
                path=each.unit.module.path,
                line=each.loss.line,
                message=_ending(life, each),
            )
            for each in dropping
        ]
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is returned, and {_fate(dropping)}",
            confidence=confidence,
            producer=life.id,
            trace=(created(life), *started(program, life), *drops),
            severity=_severity(program, life, dropping),
        )


def _kept(program: Program, life: Life, keeping: list[Keeper]) -> Alarm:
    """The alarm on classes that keep what a factory made for them."""
    steps = [
        Step(path=each.unit.module.path, line=each.line, message=f"`{each.scope.name}` got one, and never releases it")
        for each in keeping
    ]
    loses_nothing = all(program.lives.loses_nothing(life, each.unit.module) for each in keeping)
    return Alarm(
        path=life.path,
        at=life.site.node.at,
        message=f"{subject(life)} is made for several, and `{keeping[0].scope.name}` never releases its own",
        confidence="medium",
        producer=life.id,
        trace=(created(life), *started(program, life), *steps),
        severity="info" if loses_nothing else None,
    )


def _severity(program: Program, life: Life, dropping: list[Caller]) -> Severity | None:
    """Programs that flush and end lose nothing: their process is the release."""
    lives, units = program.lives, {each.unit for each in dropping}
    ends = lives.loses_nothing(life) and all(lives.loses_nothing(life, unit.module) for unit in units)
    return "info" if ends and all(runs_once(lives, unit) for unit in units) else None


def _ending(life: Life, each: Caller) -> str:
    """What becomes of the client in one caller; a framework that is only told of the function calls it itself."""
    if is_dependency(each.node):
        return "for each request that depends on it one is made here, and nothing releases it"
    if any(event.unit is each.unit for event in life.unreached):
        return f"{where(owner_name(each.unit))} got it and releases it {BEHIND}"
    return f"{where(owner_name(each.unit))} got it and ends here without releasing it"


def _fate(dropping: list[Caller]) -> str:
    """What becomes of it in the first caller that loses it, in the order of the files."""
    first = min({each.unit for each in dropping}, key=lambda unit: (unit.module.path, unit.line))
    own = [each for each in dropping if each.unit is first]
    if all(is_dependency(each.node) for each in own):
        return "every request that depends on it drops one"
    releases = all(each.releases for each in own)
    if first.kind == "module" and not releases:
        return f"{where(owner_name(first))} never releases it"
    return f"{where(owner_name(first))} {'leaves it open on a normal way out' if releases else 'drops it'}"

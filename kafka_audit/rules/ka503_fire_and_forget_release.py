"""KA503: which releases are put into a task that nobody waits for?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.facts import schema as s
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.losses.coroutines import is_forgotten
from kafka_audit.link.reach.exits import is_exit_registrar
from kafka_audit.link.reading.walk import calls_in, statements, within
from kafka_audit.model import Severity, Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.engine import Event
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send("reports", b"done")
    finally:
        asyncio.create_task(producer.stop())


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send("reports", b"done")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA503",
    name="fire-and-forget-release",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="The release of an asynchronous Kafka client is put into a task that nobody waits for",
    rationale=(
        "`create_task(client.stop())` returns at once, and the release begins when the loop next has time. As the "
        "last act of a coroutine it never gets that time: `asyncio.run` cancels every task that is left, the buffered "
        "messages are lost, and there is no output at all, neither a warning nor an error. A loop that goes on may "
        "finish the task, unless it is collected first, for the loop itself keeps only a weak reference. Await the "
        "release, or keep the task and await it before the loop ends."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Await the release itself, or the task that it is put into",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: create_task(stop()) at the end of a coroutine, messages counted against an embedded broker",
        "https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every release that is put into a task which nothing keeps or waits for."""
    for life in program.owing():
        hooks = program.discharge.weak_hooks(life, "exit")
        at_exit = {w.handler for w in hooks if w.registration is None or is_exit_registrar(w.registration.target)}
        for event in life.releases:
            found = _task(program, life, event)
            if found is None or found[0] in at_exit:
                continue  # a task that is made in an exit handler: KA501 tells it
            unit, task = found
            path, name = unit.module.path, where(owner_name(unit))
            yield Alarm(
                path=path,
                at=task.at,
                message=f"{subject(life)} is released in a task that {name} starts and nothing waits for",
                confidence="medium",
                producer=life.id,
                trace=(created(life), Step(path=path, line=task.at[0], message=f"{name} starts the task and drops it")),
                severity=_severity(program, unit),
            )


def _task(program: Program, life: Life, event: Event) -> tuple[Unit, s.Call] | None:
    """The call that makes a task of the release, or of what leads to it, and whose result nothing waits for.

    A task in which the client is made, or works, as well lives as long as the client: `asyncio.run` cancels it at the
    end, and waits for its `finally`.
    """
    reach = program.lives.reach
    lives_in_task = life.site.unit in reach.below(event.unit) or _ends_work(event)
    leading = [
        edge.fact.node for edge in reach.incoming.get(event.unit, ()) if edge.fact is not None and not lives_in_task
    ]
    for node in (event.node, *leading):
        fact = program.engine.calls.get(node)
        unit = event.unit if node is event.node else fact.unit if fact is not None else None
        if unit is None or program.engine.runners.get(node) != "task":
            continue
        for call in calls_in(unit.body):
            if any(argument.value is node for argument in call.arguments) and is_forgotten(program.engine, unit, call):
                return unit, call
    return None


def _ends_work(event: Event) -> bool:
    """Whether the release stands in the `finally` of a loop: the function goes on with the client until then."""
    tries = (statement for statement in statements(event.unit.body) if isinstance(statement, s.Try))
    return any(
        within(attempt.final, {event.node})
        and any(isinstance(inner, s.For | s.While) for inner in statements(attempt.body))
        for attempt in tries
    )


def _severity(program: Program, unit: Unit) -> Severity:
    """In a handler that runs beside a server the loop goes on, and the task has a chance."""
    handed = program.engine.registrations.get(unit, {}).values()
    return "info" if any(not is_exit_registrar(each.target) for each in handed) else "warning"

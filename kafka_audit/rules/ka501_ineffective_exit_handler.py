"""KA501: which exit handlers try to release an asynchronous client, and cannot?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.flow.engine import position
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, registered_at, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.facts.schema import At
    from kafka_audit.link.program import Program
    from kafka_audit.link.release.discharge import Weak

BAD = """\
import asyncio
import atexit

from aiokafka import AIOKafkaProducer

_lock = asyncio.Lock()
_producer: AIOKafkaProducer | None = None


async def publish(event: bytes) -> None:
    global _producer
    async with _lock:
        if _producer is None:
            producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
            await producer.start()
            _producer = producer
    await _producer.send("events", event)


def _close() -> None:
    if _producer is not None:
        asyncio.run(_producer.stop())


atexit.register(_close)


if __name__ == "__main__":
    asyncio.run(publish(b"ready"))
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer

_lock = asyncio.Lock()
_producer: AIOKafkaProducer | None = None


async def publish(event: bytes) -> None:
    global _producer
    async with _lock:
        if _producer is None:
            producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
            await producer.start()
            _producer = producer
    await _producer.send("events", event)


async def close() -> None:
    global _producer
    async with _lock:
        producer, _producer = _producer, None
        if producer is not None:
            await producer.stop()


async def main() -> None:
    try:
        await publish(b"ready")
    finally:
        await close()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA501",
    name="ineffective-exit-handler",
    category="lifecycle",
    severity="error",
    default=True,
    summary="An exit handler is meant to release an asynchronous Kafka client and cannot",
    rationale=(
        "When an exit handler or `__del__` runs, the client's event loop has ended. `asyncio.run(client.stop())` "
        "there starts another loop: it raises after the client was marked as closed, so the messages are lost and "
        'even the "Unclosed" warning is gone, and when the old loop is only idle it hangs for ever; '
        "`get_event_loop().run_until_complete` finds no loop; registering the coroutine function itself makes a "
        "coroutine that nobody runs; setting private attributes only hides the leak. What works is to stop inside the "
        "loop: `async with`, a `finally` in the coroutine that `asyncio.run` runs, or the framework's shutdown hook. "
        "From an exit handler only two ways work: `loop.run_until_complete(client.stop())` on the client's own loop, "
        "kept open and idle, and `asyncio.run_coroutine_threadsafe(client.stop(), loop).result(5)` while a thread "
        "still runs that loop. Clients that need no loop are fine there: `atexit.register(producer.flush)` for "
        "confluent-kafka, `close` for kafka-python. No exit handler runs when SIGTERM ends the process by default."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Release the client before its loop ends: in a `finally` around the work, or in the framework's hook",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: every way named here to stop a producer at exit, run against an embedded broker",
        "confluent-kafka 2.16.1 and kafka-python 2.0.2 to 3.0.12: flush and close registered with atexit, run",
        "https://docs.python.org/3/library/atexit.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every asynchronous client that only an exit handler would release, where its event loop is gone."""
    for life in program.owing():
        if program.discharge.effective(life):
            continue
        seen: set[tuple[str, At]] = set()
        for weak in [*program.discharge.weak_hooks(life, "exit"), *program.discharge.pretences(life)]:
            path, at = place_of(weak)
            if (path, at) in seen:
                continue
            seen.add((path, at))
            name = where(owner_name(weak.handler))
            yield Alarm(
                path=path,
                at=at,
                message=f"{subject(life)} is left to {_registrar(weak)}, where its event loop is gone",
                confidence="medium",
                producer=life.id,
                trace=(created(life), *started(program, life), *_steps(program, weak, name, path, at)),
            )
    yield from _owners(program)


def _owners(program: Program) -> Iterator[Alarm]:
    """The same for objects that own such a client, and that a handler asks to release it."""
    for owner in program.unreleased_owners():
        for weak in program.owning.exit_hooks(owner)[:1]:
            (path, at), name = place_of(weak), where(owner_name(weak.handler))
            kept = f"{owner.name} in `{owner.holding.place}`"
            made = Step(path=owner.path, line=owner.at[0], message=f"{owner.name} is created in {where(owner.owner)}")
            yield Alarm(
                path=path,
                at=at,
                message=f"{kept} is left to {_registrar(weak)}, where the event loop of its client is gone",
                confidence="medium",
                producer=owner.life.id,
                trace=(made, created(owner.life), *_steps(program, weak, name, path, at)),
            )


def place_of(weak: Weak) -> tuple[str, At]:
    """Where the handler is registered, or where `__del__` is defined."""
    registration = weak.registration
    if registration is not None:
        path = registration.unit.module.path
        at = registered_at(registration)
        return path, at
    if weak.event.via == "callback":
        return weak.event.unit.module.path, position(weak.event.node)
    return weak.handler.module.path, (weak.handler.line, 1, weak.handler.line, 1)


def _registrar(weak: Weak) -> str:
    if weak.registration is not None:
        return f"`{weak.registration.target}`"
    named = weak.target.rpartition(".")[2] if weak.target != "object.__del__" else ""
    return f"`{weak.event.registrar or named or '__del__'}`"


def _steps(program: Program, weak: Weak, name: str, path: str, at: At) -> list[Step]:
    """The release, the handler, and each way in which the handler tries to run it."""
    event, reach = weak.event, program.lives.reach
    if event.what == "use":
        return [
            Step(path=path, line=at[0], message=f"{name} runs at exit and releases nothing"),
            *_pokes(program, weak),
        ]
    release = Step(path=event.unit.module.path, line=event.line, message=f"{where(owner_name(event.unit))} releases it")
    handler = Step(path=path, line=at[0], message=f"{name} runs at exit and cannot await that on the client's own loop")
    towards = reach.callers(event.unit)
    edges = [edge for edge in reach.outgoing.get(weak.handler, ()) if edge.callee in towards]
    tries = [
        Step(path=weak.handler.module.path, line=edge.line, message=f"`{owner_name(edge.callee)}` {_TRIES[runner]}")
        for edge in edges
        if edge.fact is not None and (runner := program.engine.runners.get(edge.fact.node, "")) in _TRIES
    ]
    return [release, handler, *tries, *_pokes(program, weak)]


def _pokes(program: Program, weak: Weak) -> list[Step]:
    """Where the handler sets the client's own mark of being closed, which ends the warning and nothing else."""
    below, client = program.lives.reach.below(weak.handler), weak.event.receiver
    return [
        Step(path=unit.module.path, line=line, message="the client is only marked as closed: what it holds stays open")
        for (value, unit), line in program.engine.pokes.items()
        if value is client and unit in below
    ]


_OTHER_LOOP = "is run on a loop that is not the client's"
_TRIES = {"run": _OTHER_LOOP, "new": _OTHER_LOOP, "task": "is put into a task that nothing runs any more"}
"""What the ways of running a coroutine come to at exit, by what runs it."""

"""KA201: which clients of a module, a class or a cached factory does nothing ever release?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.overwrites import overwrites
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.reading.context import context_of
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import (
    confidence_of_absence,
    considered,
    created,
    import_chain,
    owner_chain,
    started,
    subject,
    where,
)

if TYPE_CHECKING:
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.ownership.owning import Owner
    from kafka_audit.link.program import Program
    from kafka_audit.model import Severity

BAD = """\
# file: events.py
import asyncio

from aiokafka import AIOKafkaProducer

_lock = asyncio.Lock()
_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    async with _lock:
        if _producer is None:
            producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
            await producer.start()
            _producer = producer
        return _producer

# file: app.py
from fastapi import FastAPI

from events import get_producer

app = FastAPI()


@app.post("/orders")
async def order(body: dict) -> None:
    producer = await get_producer()
    await producer.send_and_wait("orders", repr(body).encode())
"""

GOOD = """\
# file: events.py
import asyncio

from aiokafka import AIOKafkaProducer

_lock = asyncio.Lock()
_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    async with _lock:
        if _producer is None:
            producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
            await producer.start()
            _producer = producer
        return _producer


async def close_producer() -> None:
    global _producer
    async with _lock:
        if _producer is not None:
            producer, _producer = _producer, None
            await producer.stop()

# file: app.py
from contextlib import asynccontextmanager

from fastapi import FastAPI

from events import close_producer, get_producer


@asynccontextmanager
async def lifespan(app: FastAPI):
    try:
        yield
    finally:
        await close_producer()


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict) -> None:
    producer = await get_producer()
    await producer.send_and_wait("orders", repr(body).encode())
"""

RULE = Rule(
    code="KA201",
    name="global-never-released",
    category="lifecycle",
    severity="error",
    default=True,
    summary="A process-wide Kafka client is never released",
    rationale=(
        "A client in a module variable, a class attribute or a cached factory belongs to no function, so no `finally` "
        "and no `with` ends it: unless a shutdown hook does, it lives until the interpreter dies. What its buffer "
        "still holds is then lost: ten of ten messages with aiokafka, a hundred of a hundred with confluent-kafka, and "
        "the exit status is 0. An aiokafka client also leaves its sender and metadata tasks behind, the ones that "
        '"Task was destroyed but it is pending!" complains of when the loop is closed over them. Tests stay green, '
        "because pytest hides the warning that would tell. A client that a dependency container makes ends with the "
        "container: code behind the `yield` of a provider runs when the container is closed, which most integrations "
        "leave to the application."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Release the client, or close the container that made it, in the application's shutdown hook",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0 and confluent-kafka 2.16.1: messages buffered at exit, counted against an embedded broker",
        "dishka 1.10, dependency-injector 4.49, that-depends 4.2, wireup 2.13: what only their closing ends, run",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client, and every project object that owns one, that lives in a process-wide place, never released."""
    for life in program.audited:
        if program.injection.unclosed(life):
            yield _left_to_container(program, life)
    for life in program.owing():
        provider = program.injection.endless(life)
        if provider is not None and not life.site.client.flush_is_release:
            yield from _provided(program, life, provider)
        if life.holding.kind == "global" and not life.site.client.flush_is_release:
            yield from _client(program, life)
    yield from _owners(program)


def _client(program: Program, life: Life) -> Iterator[Alarm]:
    confidence = confidence_of_absence(program, life)
    if program.discharge.effective(life) or confidence is None or program.discharge.told(life):
        return
    reason = "the release that exists is never reached" if life.releases else "never released"
    yield Alarm(
        path=life.path,
        at=life.site.node.at,
        message=f"{subject(life)} lives as long as the process: {reason}",
        confidence=confidence,
        producer=life.id,
        trace=(created(life), *started(program, life), *considered(program, life)),
        severity=_severity(program, life),
    )


def _provided(program: Program, life: Life, provider: Unit) -> Iterator[Alarm]:
    """The alarm on a client that a container hands out and that nothing at all releases."""
    if confidence_of_absence(program, life) is None:
        return
    ends = f"{where(owner_name(provider))} provides it to a dependency container, and never releases it"
    yield Alarm(
        path=life.path,
        at=life.site.node.at,
        message=f"{subject(life)} is handed out by a dependency container, and nothing releases it",
        confidence="medium",
        producer=life.id,
        trace=(
            created(life),
            *started(program, life),
            Step(path=provider.module.path, line=provider.line, message=ends),
        ),
        severity=_severity(program, life),
    )


def _left_to_container(program: Program, life: Life) -> Alarm:
    """The alarm on a client whose provider is resumed when its container is closed, which nothing does."""
    steps: list[Step] = []
    for unclosed in program.injection.unclosed(life):
        provider, unit, line = unclosed.provider, unclosed.unit, unclosed.line
        ends = f"{where(owner_name(provider))} provides it, and releases it when its container is closed"
        callers = [edge for edge in program.lives.reach.incoming.get(unit, ()) if unit.kind == "function"]
        opened = f"the container of {where(owner_name(unit))} is never closed"
        steps.append(Step(path=provider.module.path, line=provider.line, message=ends))
        steps += import_chain(edge for edge in callers if context_of(edge.caller.module.path) == context_of(life.path))
        steps.append(Step(path=unit.module.path, line=line, message=opened))
    return Alarm(
        path=life.path,
        at=life.site.node.at,
        message=f"{subject(life)} ends with a dependency container that nothing closes",
        confidence="medium",
        producer=life.id,
        trace=(created(life), *started(program, life), *dict.fromkeys(steps)),
        severity=_severity(program, life),
    )


def _severity(program: Program, life: Life) -> Severity:
    """A client that closes itself at exit, and is flushed after use, holds threads but loses nothing.

    What a script makes ends with the script at the latest. One that is forgotten after an error has a successor.
    """
    if program.lives.loses_nothing(life):
        return "warning" if overwrites(program.lives, life) else "info"
    is_programs = _is_of_the_program(program, life.site.unit, is_guarded=life.site.guarded)
    if not (is_programs or program.ends_with_its_script(life)):
        return "error"
    is_empty = not life.fills or program.lives.waits_for_all(life)
    return "info" if life.site.client.closes_at_exit and is_empty else "warning"


def _is_of_the_program(program: Program, unit: Unit, *, is_guarded: bool) -> bool:
    """Whether a main guard makes it, or calls what does: then it ends with the program that runs below the guard."""
    if unit.kind == "module":
        return is_guarded
    callers = program.lives.reach.incoming.get(unit, ())
    return bool(callers) and all(edge.caller.kind == "module" and edge.guarded for edge in callers)


def _owners(program: Program) -> Iterator[Alarm]:
    for owner in program.unreleased_owners():
        if owner.holding.kind != "global" or program.owning.exit_hooks(owner):
            continue  # KA501 tells of a handler that cannot work
        name = owner.value.scope.name
        yield Alarm(
            path=owner.path,
            at=owner.at,
            message=f"{name} in `{owner.holding.place}` owns a client and lives as long as the process, never released",
            confidence="medium",
            producer=owner.life.id,
            trace=owner_chain(program, owner),
            severity=_owner_severity(program, owner),
        )


def _owner_severity(program: Program, owner: Owner) -> Severity | None:
    if program.lives.loses_nothing(owner.life):
        return "info"
    is_of_it = _is_of_the_program(program, owner.origin.unit, is_guarded=owner.origin.guarded)
    return "warning" if is_of_it else None

"""KA101: which clients are constructed while a module is imported?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kafka_audit.catalog.clients import import_severity
from kafka_audit.facts import schema as s
from kafka_audit.link.defects.waits import waits_when_made
from kafka_audit.link.reach.scripts import is_imported_by_workers, is_without_tests
from kafka_audit.link.reading.context import context_of
from kafka_audit.model import Severity, Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, import_chain, subject

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program

BAD = """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")


@asynccontextmanager
async def lifespan(app: FastAPI):
    try:
        await producer.start()
        yield
    finally:
        await producer.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict) -> None:
    await producer.send_and_wait("orders", repr(body).encode())
"""

GOOD = """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with AIOKafkaProducer(bootstrap_servers="kafka:9092") as producer:
        app.state.producer = producer
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict, request: Request) -> None:
    producer = request.app.state.producer
    await producer.send_and_wait("orders", repr(body).encode())
"""

RULE = Rule(
    code="KA101",
    name="client-created-at-import",
    category="import-time",
    severity="error",
    default=True,
    summary="A Kafka client is constructed while a module is imported",
    rationale=(
        "Whoever imports the module, a test collector, a migration or a command that only wants a constant, then pays "
        "for the client. aiokafka clients and confluent's AIOProducer need a running event loop and raise RuntimeError "
        "without one, so the program starts under one server and dies under the next; an aiokafka client that is "
        "given a loop there belongs to that loop, which is information only. A kafka-python client probes "
        "the broker in its constructor: with Kafka down the import hangs for up to 30 seconds and then raises, unless "
        "the client is told the `api_version`. "
        "The other confluent clients never wait, but start native threads that do not survive a fork: a pre-forked "
        "worker inherits a producer that delivers nothing, which is information only where each worker imports the "
        "application for itself, as with FastAPI, and nothing forks. Bodies of modules and classes, decorators and "
        "default arguments all run at import, and so does every function that they call; code under a `__main__` guard "
        "does not. A file that nobody imports is a script, and no alarm, if it acts like a program at its top level: "
        "reads its command line, runs a coroutine, waits, listens, ends its client or itself. A main guard, a call of "
        "its own function and a use of its client say so, too, unless it uses a framework whose server, worker or "
        "scheduler imports such files."
    ),
    bad=BAD,
    good=GOOD,
    fix="unsafe",
    fix_note="Construct the client where the application starts, and hand it to the code that sends",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0, kafka-python 3.0.12, confluent-kafka 2.16.1: constructors run without a loop and a broker",
        "https://docs.python.org/3/library/asyncio-eventloop.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every construction that some import reaches, with the calls that lead to it."""
    for life in program.audited:
        if life.created_at_import is None or (life.site.client.needs_running_loop and _has_loop(life)):
            continue
        if program.ends_with_its_script(life):
            continue
        chain = import_chain(life.created_at_import)
        module = life.created_at_import[0].caller.module.path if chain else life.path
        when = "its module" if module == life.path else f"`{PurePosixPath(module).name}`"
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is created while {when} is imported",
            confidence="high",
            producer=life.id,
            trace=(*chain, created(life), Step(path=life.path, line=life.site.node.at[0], message=_effect(life))),
            severity=_severity(program, life),
        )


def _has_loop(life: Life) -> bool:
    """Whether the constructor runs in a coroutine: then a loop is running, and what matters is that it ends."""
    return life.site.unit.is_async or any(edge.callee.is_async for edge in life.created_at_import or ())


def _severity(program: Program, life: Life) -> Severity:
    """The client's own, lowered where it harms no import: in a test or script, or made by an application factory; one
    that only starts threads also where each worker imports the application, any in a program that is called a test."""
    client = life.site.client
    waits = waits_when_made(client, life.site.node)
    crosses = context_of(life.path) != "app" or any(
        edge.caller.module is not edge.callee.module for edge in life.created_at_import or ()
    )
    first = life.created_at_import[0].caller.module.path if life.created_at_import else life.path
    if is_without_tests(program.engine, first):
        return "info"
    only_starts = not client.needs_running_loop and not waits
    if only_starts and (crosses or is_imported_by_workers(program.engine, life.path)):
        return "info"
    if _is_given_loop(life):
        return "info"
    return "warning" if only_starts else import_severity(client)


def _is_given_loop(life: Life) -> bool:
    """Whether the constructor is given an event loop, and so does not ask for the running one."""
    name = life.site.client.loop_argument
    given = (each.value for each in life.site.node.arguments if name and each.keyword == name)
    return any(not isinstance(value, s.Constant) for value in given)


def _effect(life: Life) -> str:
    client = life.site.client
    if _is_given_loop(life):
        return "it belongs to the loop that it is given here, and starts in no other"
    if client.needs_running_loop:
        return "its constructor raises without a running event loop"
    if waits_when_made(client, life.site.node):
        return "its constructor waits for a broker, and raises when there is none"
    threads = "threads" if client.blocks_on_construct else "native threads"
    return f"its constructor starts {threads}, which do not survive a fork"

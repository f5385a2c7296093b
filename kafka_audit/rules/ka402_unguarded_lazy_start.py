"""KA402: which clients are created on first use, so that two first users create two?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.kept import Kept
from kafka_audit.link.defects.shapes import race_in_getter
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Lives
    from kafka_audit.link.program import Program

BAD = """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    if _producer is None:
        producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await producer.start()
        _producer = producer
    return _producer


@asynccontextmanager
async def lifespan(app: FastAPI):
    try:
        yield
    finally:
        if _producer is not None:
            await _producer.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict) -> None:
    producer = await get_producer()
    await producer.send_and_wait("orders", repr(body).encode())
"""

GOOD = """\
import asyncio
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

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


@asynccontextmanager
async def lifespan(app: FastAPI):
    try:
        yield
    finally:
        if _producer is not None:
            await _producer.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict) -> None:
    producer = await get_producer()
    await producer.send_and_wait("orders", repr(body).encode())
"""

RULE = Rule(
    code="KA402",
    name="unguarded-lazy-start",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is created on first use, and two first users can each create one",
    rationale=(
        "The place is tested, the client is built, and only then is the place assigned. Between the test and the "
        "assignment the event loop runs whatever else is ready, and the start of a client waits for the network: "
        "every request that arrives in the meantime finds the place empty and builds a client of its own. The last "
        "one to finish stays in the place, and nothing refers to the others any more: they keep their tasks and "
        "connections, and what they had buffered is lost. It happens under load, and with threads between any two "
        "statements, as in handlers of Flask and plain functions of FastAPI; not where a program calls the getter, one "
        "call after the other, or the start of an application calls it before it serves. A "
        "producer of kafka-python that nothing refers to any more closes itself: where whatever is sent is flushed or "
        "waited for, the second one loses nothing, and the severity is `info`. Where the place is assigned first and "
        "the client started then, the second caller gets one that is not started yet: its first message fails, nothing "
        "leaks, and the severity is `info`."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Hold one lock from the test of the place to its assignment, or start the client with the application",
    since="0.1.0",
    references=(
        "https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock",
        "aiokafka 0.14.0: tasks and connections left by a producer that is not stopped, counted",
        "kafka-python 2.0.2 to 3.0.12: threads and sockets left by a producer that is dropped, counted: none",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every getter that makes and starts the client it looked for in vain, without a lock across the await."""
    early = {each.kept.life.id for each in program.published_early()}  # KA406 tells of those
    lives = program.lives
    yield from _met(lives, program.met_in_threads(), "threads meet", "while one thread is in the constructor, another")
    yield from _met(lives, program.met_in_tasks(), "callers meet", "while one caller waits for the start, another")
    for life in program.owing():
        race, name = race_in_getter(program.lives, life), where(life.owner)
        if not race or (race == "unstarted client" and life.id in early):
            continue
        is_lost = race == "second client"
        finds = "finds no client either" if is_lost else "finds the client before it is started"
        happens = "is made twice" if is_lost else "is handed out before it is started"
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} {happens} when two callers meet in {name}",
            confidence="medium",
            producer=life.id,
            trace=(
                created(life),
                *started(program, life),
                Step(
                    path=life.path,
                    line=life.site.node.at[0],
                    message=f"while {name} waits for the start, a second caller {finds}",
                ),
            ),
            severity=None if is_lost else "info",
        )


def _met(lives: Lives, found: Iterator[Kept], meet: str, meanwhile: str) -> Iterator[Alarm]:
    """The getters of synchronous clients, and of objects that own a client, in which two of these meet."""
    for kept in found:
        life, path, owner = kept.life, kept.unit.module.path, where(owner_name(kept.unit))
        last = f"{meanwhile} finds nothing in `{kept.place.name}` either"
        yield Alarm(
            path=path,
            at=kept.made.at,
            message=f"{subject(life)} is made twice when two {meet} in {owner}",
            confidence="medium",
            producer=life.id,
            trace=(created(life), Step(path=path, line=kept.made.at[0], message=last)),
            severity="info" if lives.loses_nothing(life) else None,
        )

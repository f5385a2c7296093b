"""KA406: which clients can be had before they are started, and stay to be had when the start fails?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.hidden import hiding
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.program import Program

BAD = """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    if _producer is None:
        _producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await _producer.start()
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
    code="KA406",
    name="published-before-started",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is kept for later callers before its start has succeeded",
    rationale=(
        "The place is assigned, and only then is the client started. When the start fails, because the broker is away "
        "for a moment, the place keeps the client: every later caller finds it there, takes it for started, and sends "
        "into nothing. With aiokafka such a send waits without a limit. One failure at the wrong moment turns into a "
        "service that is broken until it is restarted. A second caller that comes while the start is under way gets "
        "the same unfinished client. Where nothing on the way up takes the error of the failed start, or the "
        "application does not begin without it, somebody is told of it, and the severity is `info`."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Assign the place after the start has succeeded, or empty it again when the start raises",
    since="0.1.0",
    references=("aiokafka 0.14.0: a send on a producer that never started waits without a limit, run",),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every place that is asked before a client is made, and assigned before that client is started."""
    for early in program.published_early():
        kept, life = early.kept, early.kept.life
        path, owner = kept.unit.module.path, where(owner_name(kept.unit))
        taker = hiding(program.failing, early)
        yield Alarm(
            path=path,
            at=kept.made.at,
            message=f"{subject(life)} can be had from `{kept.place.name}` before {owner} has started it",
            confidence="medium",
            producer=life.id,
            trace=(
                created(life),
                Step(path=path, line=kept.line, message=f"{owner} makes one only when `{kept.place.name}` is empty"),
                Step(path=path, line=early.assigned, message=f"`{kept.place.name}` is assigned"),
                Step(path=path, line=early.started, message="the start can fail, and the place is not emptied then"),
                *(_hidden(taker) if taker is not None and taker is not kept.unit else ()),
            ),
            severity=None if taker is not None else "info",
        )


def _hidden(taker: Unit) -> list[Step]:
    message = f"{where(owner_name(taker))} takes the error, and whoever comes next gets what did not start"
    return [Step(path=taker.module.path, line=taker.line, message=message)]

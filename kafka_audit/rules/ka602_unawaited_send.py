"""KA602: which messages are given to an asynchronous client by a call that nothing awaits?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.flow.engine import position
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Fix, Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
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
    request.app.state.producer.send("orders", repr(body).encode())
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
    await request.app.state.producer.send("orders", repr(body).encode())
"""

RULE = Rule(
    code="KA602",
    name="unawaited-send",
    category="async",
    severity="error",
    default=True,
    summary="A message is given to an asynchronous Kafka client by a call that nothing awaits",
    rationale=(
        "`send` of aiokafka and `produce` of confluent-kafka's asynchronous producer are coroutine functions: calling "
        "one without `await` makes an object and sends nothing. The synchronous clients have methods of the same "
        'names that need no `await`, so the line looks right to the eye. "Coroutine was never awaited" is printed '
        "when the object is collected, once, and is gone in most logs; the message is lost every time. The same holds "
        "for a coroutine of the project that sends."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Await the call, or keep a task that something awaits",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0 and confluent-kafka 2.16.1 (AIOProducer): un-awaited send and produce, run",
        "https://docs.python.org/3/library/asyncio-dev.html#detect-never-awaited-coroutines",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every send of an asynchronous client, or of a coroutine that sends, whose coroutine is dropped."""
    for dropped in program.dropped_sends():
        at, path, owner = position(dropped.node), dropped.unit.module.path, where(owner_name(dropped.unit))
        yield Alarm(
            path=path,
            at=at,
            message=f"`{dropped.text}` in {owner} is never awaited, so nothing is sent",
            confidence="high",
            producer=dropped.producer,
            trace=(
                *(Step(path=p, line=line, message=message) for p, line, message in dropped.behind),
                Step(path=path, line=at[0], message=f"called in {owner} without await"),
            ),
            fix=Fix(safety="unsafe", title="Await the call") if dropped.unit.is_async else None,
        )

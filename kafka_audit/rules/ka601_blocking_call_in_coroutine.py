"""KA601: which calls in a coroutine wait in the thread of its event loop?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.flow.engine import position
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.reading.context import context_of
from kafka_audit.model import Confidence, Fix, Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import where

if TYPE_CHECKING:
    from kafka_audit.link.defects.blocking import Blocked
    from kafka_audit.link.program import Program

BAD = """\
from contextlib import asynccontextmanager

from confluent_kafka import Producer
from fastapi import FastAPI

producer = None


@asynccontextmanager
async def lifespan(app: FastAPI):
    global producer
    producer = Producer({"bootstrap.servers": "kafka:9092"})
    yield
    producer.flush()


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict) -> None:
    producer.produce("orders", repr(body).encode())
"""

GOOD = """\
import asyncio
from contextlib import asynccontextmanager

from confluent_kafka import Producer
from fastapi import FastAPI

producer = None


@asynccontextmanager
async def lifespan(app: FastAPI):
    global producer
    producer = Producer({"bootstrap.servers": "kafka:9092"})
    yield
    await asyncio.to_thread(producer.flush)


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict) -> None:
    producer.produce("orders", repr(body).encode())
"""

RULE = Rule(
    code="KA601",
    name="blocking-call-in-coroutine",
    category="async",
    severity="warning",
    default=True,
    summary="A coroutine calls something of a synchronous Kafka client that waits, and its event loop waits with it",
    rationale=(
        "The clients of confluent-kafka and kafka-python wait in the thread that calls them: `flush`, `close`, leaving "
        "a `with`, `list_topics`, `poll` with a timeout, `get` of a future, looping over a consumer, and the "
        "constructors of kafka-python. While a coroutine is in such a call, no other coroutine of its loop runs: "
        "requests, health checks and timeouts stand still, for three seconds with a slow broker and for minutes with "
        "none. The call may stand in a helper, several calls away; the chain names the coroutine and every call on "
        "the way. In tests, examples and scripts, where nobody else waits, the alarm is information only. `produce`, "
        "`poll(0)` and confluent-kafka's constructors return at once, and what is handed to a thread blocks nothing."
    ),
    bad=BAD,
    good=GOOD,
    fix="unsafe",
    fix_note="Hand the call to a thread with `await asyncio.to_thread(...)`, or use a client that is asynchronous",
    since="0.1.0",
    references=(
        "confluent-kafka 2.16.1 and kafka-python 3.0.12 with a broker of 500 ms round trip: the longest stall of the "
        "loop in each call, run",
        "https://docs.python.org/3/library/asyncio-task.html#running-in-threads",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every call in a coroutine that waits, itself or by way of synchronous functions of the project."""
    for blocked in program.blocked_calls():
        path, wait = blocked.unit.module.path, blocked.wait
        line = blocked.line
        client = " or ".join(name.rpartition(".")[2] for name in blocked.clients)
        owner = where(owner_name(blocked.unit))
        way = f" by way of `{owner_name(blocked.through[0].callee)}`" if blocked.through else ""
        yield Alarm(
            path=path,
            at=position(blocked.node) if blocked.node is not None else (line, 1, line, 1),
            message=f"{owner} stops its event loop{way}: `{wait.text}` of {client} waits in this thread",
            confidence=_confidence(blocked),
            severity=None if context_of(path) == "app" else "info",
            producer=program.id_of(wait.receiver),
            trace=(*_chain(blocked), Step(path=wait.unit.module.path, line=wait.line, message=f"`{wait.text}` waits")),
            fix=Fix(safety="unsafe", title="Hand the call to a thread with `await asyncio.to_thread(...)`"),
        )


def _chain(blocked: Blocked) -> Iterator[Step]:
    """The calls from the coroutine to the one that waits."""
    path, owner = blocked.unit.module.path, owner_name(blocked.unit)
    if not blocked.through:
        yield Step(path=path, line=blocked.unit.line, message=f"`{owner}` is a coroutine: it runs in an event loop")
    for edge in blocked.through:
        caller = "the coroutine " if edge.caller is blocked.unit else ""
        message = f"{caller}{where(owner_name(edge.caller))} calls `{owner_name(edge.callee)}`"
        yield Step(path=edge.caller.module.path, line=edge.line, message=message)


def _confidence(blocked: Blocked) -> Confidence:
    """Low where nobody else waits for the loop: in tests, examples and scripts."""
    if context_of(blocked.unit.module.path) != "app":
        return "low"
    return "medium" if blocked.through else "high"

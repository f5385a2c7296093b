"""KA403: which clients live for one message, request, task or turn of a loop only?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.shapes import is_per_call
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

app = FastAPI()


@app.post("/orders")
async def order(body: dict) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send_and_wait("orders", repr(body).encode())
    finally:
        await producer.stop()
"""

GOOD = """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request


@asynccontextmanager
async def lifespan(app: FastAPI):
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        app.state.producer = producer
        yield
    finally:
        await producer.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict, request: Request) -> None:
    producer = request.app.state.producer
    await producer.send_and_wait("orders", repr(body).encode())
"""

RULE = Rule(
    code="KA403",
    name="client-per-call",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is created for each message, request, task or turn of a loop",
    rationale=(
        "A new client knows nothing: it connects, asks for the cluster's metadata, perhaps logs in, and only then "
        "sends, so one small message costs several round trips and a few sockets. Nothing can be batched, because "
        "each client has one message, and under load the brokers see a storm of connections. The producers of every "
        "library are made to be shared, by all tasks of a loop or by all threads. Scripts, tests and main functions "
        "run once and are no alarm."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Create the client once, when the application starts, and release it when the application ends",
    since="0.1.0",
    references=(
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
        "https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/index.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that an application makes for each request, task, message or turn of a loop."""
    for life in program.audited:
        reason = is_per_call(program.lives, life)
        if reason:
            yield Alarm(
                path=life.path,
                at=life.site.node.at,
                message=f"{subject(life)} is meant to be shared, but {reason}",
                confidence="medium",
                producer=life.id,
                trace=(created(life), Step(path=life.path, line=life.site.node.at[0], message=reason)),
            )

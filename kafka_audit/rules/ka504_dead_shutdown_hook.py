"""KA504: which shutdown hooks that release a client are never run?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, registered_at, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request


@asynccontextmanager
async def lifespan(app: FastAPI):
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    app.state.producer = producer
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders")
async def order(body: dict, request: Request) -> None:
    producer = request.app.state.producer
    await producer.send_and_wait("orders", repr(body).encode())


@app.on_event("shutdown")
async def close_producer() -> None:
    await app.state.producer.stop()
"""

GOOD = """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request


@asynccontextmanager
async def lifespan(app: FastAPI):
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    app.state.producer = producer
    try:
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
    code="KA504",
    name="dead-shutdown-hook",
    category="lifecycle",
    severity="error",
    default=True,
    summary="A hook that releases a Kafka client is registered where nothing ever runs it",
    rationale=(
        "The release is written and registered, and the framework never calls it. FastAPI runs `on_event` and "
        "`add_event_handler` handlers only in its default lifespan: an application that is given a `lifespan` of its "
        "own ignores them without a word, and the lifespan of a mounted sub-application is not run by its parent. "
        "Everything looks right in review, and the buffered messages are lost at each deployment. Releasing in the "
        "hook that does run costs one line."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Move the release behind the `yield` of the lifespan that runs",
    since="0.1.0",
    references=(
        "FastAPI 0.162 and Starlette: on_event beside an explicit lifespan, and a mounted application's lifespan, run",
        "https://fastapi.tiangolo.com/advanced/events/",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client whose only release hangs off a hook that its framework never runs."""
    for life in program.owing():
        if program.discharge.effective(life):
            continue
        for weak in program.discharge.weak_hooks(life, "dead"):
            registration = weak.registration
            if registration is None:
                continue
            path = registration.unit.module.path
            at = registered_at(registration)
            name = where(owner_name(weak.handler))
            yield Alarm(
                path=path,
                at=at,
                message=f"{subject(life)} is released by {name}, a hook that an explicit lifespan silences",
                confidence="high",
                producer=life.id,
                trace=(
                    created(life),
                    *started(program, life),
                    Step(path=path, line=registration.line, message=f"{name} is registered here and never runs"),
                ),
            )

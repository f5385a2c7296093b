"""KA504: which shutdown hooks that release a client are never run?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, registered_at, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.catalog.schema import Need
    from kafka_audit.link.program import Program
    from kafka_audit.model import Confidence

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
        "The release is written and registered, and the framework never calls it. FastAPI runs the handlers of "
        "`on_event`, `add_event_handler` and `on_shutdown=` only in its default lifespan: an application that is given "
        "a `lifespan` of its own ignores them without a word. The hooks of a mounted application, its lifespan "
        "included, are not run by its parent, and those of a router or a blueprint only once an application includes "
        "it. Everything looks right in review, and the buffered messages are lost at each deployment. Releasing in the "
        "hook that does run costs one line."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Move the release behind the `yield` of the lifespan that runs",
    since="0.1.0",
    references=(
        "FastAPI 0.165, Starlette 1.10: handlers beside an explicit lifespan, and a mounted application's hooks, run",
        "Quart 0.22 and Sanic 25.12: the hooks of a blueprint that is not registered, run",
        "https://fastapi.tiangolo.com/advanced/events/",
    ),
)


WHY: Final[dict[Need, tuple[str, Confidence]]] = {
    "no lifespan": ("that an explicit lifespan silences", "high"),
    "unmounted": ("of an application that is only mounted in another one", "medium"),
    "included": ("of a router that no application includes", "medium"),
}
"""What each unmet need makes of the hook, and how sure that is: other code may serve an application or a router."""


def check(program: Program) -> Iterator[Alarm]:
    """Every client whose only release hangs off a hook that its framework never runs."""
    for life in program.owing():
        if program.discharge.effective(life):
            continue
        for weak in program.discharge.weak_hooks(life, "dead"):
            registration = weak.registration
            need = program.discharge.hosts.unmet(registration) if registration is not None else None
            if registration is None or need not in WHY:
                continue
            path = registration.unit.module.path
            at = registered_at(registration)
            name = where(owner_name(weak.handler))
            why, confidence = WHY[need]
            yield Alarm(
                path=path,
                at=at,
                message=f"{subject(life)} is released by {name}, a hook {why}",
                confidence=confidence,
                producer=life.id,
                trace=(
                    created(life),
                    *started(program, life),
                    Step(path=path, line=registration.line, message=f"{name} is registered here and never runs"),
                ),
            )

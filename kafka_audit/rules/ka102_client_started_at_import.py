"""KA102: which clients are started while a module is imported?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kafka_audit.link.flow.engine import position
from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, import_chain, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import asyncio
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    return producer


producer = asyncio.run(connect())


@asynccontextmanager
async def lifespan(app: FastAPI):
    try:
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


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    return producer


@asynccontextmanager
async def lifespan(app: FastAPI):
    producer = await connect()
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
    code="KA102",
    name="client-started-at-import",
    category="import-time",
    severity="error",
    default=True,
    summary="A Kafka client is started while a module is imported",
    rationale=(
        "`start()` ties the client's sockets and background tasks to the loop that runs it. At import that loop is the "
        "one that `asyncio.run` or `run_until_complete` made for the occasion, and it is dead or idle once the "
        'statement is over: the first send fails with "attached to a different loop" or waits for ever, and the '
        "later `stop()` raises because its loop is closed. Under a server that imports the application inside its own "
        "loop the same line raises at once. Besides, every import now needs a broker. A script that nobody imports "
        "and that starts, uses and stops its client inside one `asyncio.run`, or on one loop of its own, is no alarm."
    ),
    bad=BAD,
    good=GOOD,
    fix="unsafe",
    fix_note="Start the client inside the loop that will use it, in the application's start-up hook",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: a client started by asyncio.run in a module body, run",
        "https://docs.python.org/3/library/asyncio-runner.html#asyncio.run",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every start that some import reaches, with the calls that lead to it."""
    for life in program.living:
        for event in program.starts_at_import(life) if not program.ends_with_its_script(life) else ():
            path = event.unit.module.path
            chain = import_chain(program.lives.reach.import_chain(event.unit, event.node))
            module = chain[0].path if chain else path
            when = "its module" if module == path else f"`{PurePosixPath(module).name}`"
            last = Step(path=path, line=event.line, message=f"started in {where(owner_name(event.unit))}")
            yield Alarm(
                path=path,
                at=position(event.node),
                message=f"{subject(life)} is started while {when} is imported",
                confidence="high",
                producer=life.id,
                trace=(*chain, created(life), last),
            )

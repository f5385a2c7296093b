"""KA403: which clients live for one message, request, task or turn of a loop only?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.per_call import PerCall, clients_per_call, left_to_exit, owners_per_call
from kafka_audit.link.lives.life import Life, owner_name
from kafka_audit.link.reach.exits import is_exit_registrar
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.ownership.owning import Owner
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
        "library are made to be shared, by all tasks of a loop or by all threads. A consumer joins its group each "
        "time, which takes seconds, and stops the other members meanwhile. Scripts, tests and main functions "
        "run once and are no alarm. Where each client is released again, whatever happens, or asks for no release, "
        "nothing is lost, and the severity is `info`."
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
    seen: set[object] = set()
    for life in program.living:
        for found in clients_per_call(program.lives, life):
            is_released = program.asks_for_nothing(life) or program.verdict(life) == "always"
            chain = (created(life), *started(program, life))
            yield _alarm(life, subject(life), found, chain, is_released=is_released)
            seen.add(found.node)
    for life in program.owing():
        owners = program.owning.roots(life)
        for owner in owners:
            for found in owners_per_call(program.lives, owner, owners):
                if found.node not in seen:
                    name = f"{owner.name}, which makes a client of its own,"
                    made = Step(
                        path=owner.path, line=owner.at[0], message=f"{owner.name} is created in {where(owner.owner)}"
                    )
                    left = _left_to_the_end(program, owner)
                    chain = (made, created(life), *started(program, life), *left)
                    is_only_kept = owner.holding.kind == "global" and not program.owning.is_ended_where_given(owner)
                    is_only_kept = is_only_kept or program.owning.is_ended_apart(owner, found.unit)
                    is_released = owner.is_released and not is_only_kept and not left
                    yield _alarm(life, name, found, chain, is_released=is_released)
                    seen.add(found.node)


def _left_to_the_end(program: Program, owner: Owner) -> tuple[Step, ...]:
    """That each of the objects is kept until the process ends."""
    hook, method = owner.hook, left_to_exit(program.owning, owner)
    if hook is not None and is_exit_registrar(hook.target):
        name, path, line = where(owner_name(hook.unit)), hook.unit.module.path, hook.line
        message = f"{name} leaves the release to `{hook.target}`: each stays until the process ends"
    elif method is not None:
        path, line = method.module.path, method.line
        message = f"{where(owner_name(method))} is called when the process ends: each stays until then"
    else:
        return ()
    return (Step(path=path, line=line, message=message),)


def _alarm(life: Life, name: str, found: PerCall, chain: tuple[Step, ...], *, is_released: bool) -> Alarm:
    """One alarm; where each is released it is only slow, and nothing is lost."""
    path, at = found.unit.module.path, found.node.at
    inside = "" if found.unit.kind == "module" else f"in {where(owner_name(found.unit))} "
    here = Step(path=path, line=at[0], message=f"{inside}{found.why}")
    return Alarm(
        path=path,
        at=at,
        message=f"{name} is meant to be {'kept' if life.site.client.role == 'consumer' else 'shared'}, but {found.why}",
        confidence="medium",
        producer=life.id,
        trace=(*chain, here),
        severity="info" if is_released else None,
    )

"""KA505: which hooks of one request or of another process release a process-wide client?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, registered_at, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import threading

from flask import Flask, request
from kafka import KafkaProducer

app = Flask(__name__)
_lock = threading.Lock()
_producer: KafkaProducer | None = None


def get_producer() -> KafkaProducer:
    global _producer
    with _lock:
        if _producer is None:
            _producer = KafkaProducer(bootstrap_servers="kafka:9092")
        return _producer


@app.post("/orders")
def order() -> tuple[str, int]:
    get_producer().send("orders", request.get_data())
    return "", 202


@app.teardown_appcontext
def close_producer(error: BaseException | None) -> None:
    if _producer is not None:
        _producer.close()
"""

GOOD = """\
import atexit
import threading

from flask import Flask, request
from kafka import KafkaProducer

app = Flask(__name__)
_lock = threading.Lock()
_producer: KafkaProducer | None = None


def get_producer() -> KafkaProducer:
    global _producer
    with _lock:
        if _producer is None:
            _producer = KafkaProducer(bootstrap_servers="kafka:9092")
        return _producer


@app.post("/orders")
def order() -> tuple[str, int]:
    get_producer().send("orders", request.get_data())
    return "", 202


@atexit.register
def close_producer() -> None:
    if _producer is not None:
        _producer.close()
"""

RULE = Rule(
    code="KA505",
    name="wrong-scope-hook",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A hook that runs for each request, or in another process, releases a process-wide Kafka client",
    rationale=(
        "A hook has a scope, and so has a client. Flask's `teardown_appcontext` runs at the end of every request and "
        "every command: a process-wide producer that it closes serves one request and refuses the next, or is torn "
        "down while another thread sends. A hook of the parent process, such as Celery's `worker_shutdown` under a "
        "pre-forking pool, never runs in the children that hold the clients. Both pass a test that makes a single "
        "request."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Register the release with a hook that runs once, when the process that holds the client ends",
    since="0.1.0",
    references=(
        "Flask 3.1: teardown_appcontext runs at the end of each request, run",
        "https://docs.celeryq.dev/en/stable/userguide/signals.html",
        "https://flask.palletsprojects.com/en/stable/appcontext/",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every process-wide client that a hook of each request releases."""
    for life in program.owing():
        if life.holding.kind != "global":
            continue
        for weak in program.discharge.per_request_hooks(life):
            registration = weak.registration
            if registration is None:
                continue
            path, name = registration.unit.module.path, where(owner_name(weak.handler))
            at = registered_at(registration)
            yield Alarm(
                path=path,
                at=at,
                message=f"{subject(life)} serves the whole process, but {name} releases it after every request",
                confidence="high",
                producer=life.id,
                trace=(
                    created(life),
                    Step(path=weak.event.unit.module.path, line=weak.event.line, message="released here"),
                    Step(path=path, line=registration.line, message=f"{name} runs at the end of each request"),
                ),
            )

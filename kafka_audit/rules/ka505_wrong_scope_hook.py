"""KA505: which hooks of one request or of another process release a process-wide client?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives.life import owner_name
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, registered_at, subject, where

if TYPE_CHECKING:
    from kafka_audit.facts.schema import At
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.link.release.discharge import Weak
    from kafka_audit.model import Confidence

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
        "A hook has a scope, and so has a client. Flask's `teardown_appcontext`, and the code behind the `yield` of a "
        "FastAPI dependency, run at the end of every request: a process-wide producer that they release serves one "
        "request and refuses the next, or is torn down while another one sends. A hook of the parent process, such as "
        "Celery's `worker_shutdown` under a pre-forking pool or Sanic's `main_process_stop`, never runs in the "
        "children that hold the clients. Both pass a test that makes a single request."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Register the release with a hook that runs once, when the process that holds the client ends",
    since="0.1.0",
    references=(
        "Flask 3.1, Quart 0.22, FastAPI 0.165: what runs at the end of each request, run",
        "Celery 5.7, Sanic 25.12 and gunicorn 27.0: which hooks run in the parent process, run",
        "https://docs.celeryq.dev/en/stable/userguide/signals.html",
        "https://flask.palletsprojects.com/en/stable/appcontext/",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that a hook of each request, of each task or of the parent process releases."""
    for life in program.owing():
        for weak in program.discharge.early_hooks(life):
            name = where(owner_name(weak.handler))
            yield from _alarm(
                life,
                weak,
                f"{subject(life)} serves the whole process, but {name} releases it after every {weak.why}",
                f"{name} runs at the end of each {weak.why}",
                "high",
            )
        for weak in [] if program.discharge.effective(life) else program.discharge.weak_hooks(life, "scope"):
            name = where(owner_name(weak.handler))
            yield from _alarm(
                life,
                weak,
                f"{subject(life)} is made in the workers, but {name}, which releases it, runs in their parent process",
                f"{name} runs in the parent process, which has no such client",
                "high" if program.discharge.misfits.is_certain(life) else "medium",
            )


def _alarm(life: Life, weak: Weak, message: str, last: str, confidence: Confidence) -> Iterator[Alarm]:
    path, at = registered(weak)
    yield Alarm(
        path=path,
        at=at,
        message=message,
        confidence=confidence,
        producer=life.id,
        trace=(
            created(life),
            Step(path=weak.event.unit.module.path, line=weak.event.line, message="released here"),
            Step(path=path, line=at[0], message=last),
        ),
    )


def registered(weak: Weak) -> tuple[str, At]:
    """Where the handler is registered, or where it is defined when the framework finds it by its name."""
    if weak.registration is not None:
        return weak.registration.unit.module.path, registered_at(weak.registration)
    return weak.handler.module.path, (weak.handler.line, 1, weak.handler.line, 1)

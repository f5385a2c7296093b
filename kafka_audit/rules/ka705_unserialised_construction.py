"""KA705: which clients are created without the lock that the project takes elsewhere?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.lives.locks import lock_around
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
import threading

from confluent_kafka import Producer

_creation_lock = threading.Lock()


def send_order(order: bytes) -> None:
    with _creation_lock:
        producer = Producer({"bootstrap.servers": "kafka:9092"})
    producer.produce("orders", order)
    producer.flush()


def send_invoice(invoice: bytes) -> None:
    producer = Producer({"bootstrap.servers": "kafka:9092"})
    producer.produce("invoices", invoice)
    producer.flush()
"""

GOOD = """\
import threading

from confluent_kafka import Producer

_creation_lock = threading.Lock()


def send_order(order: bytes) -> None:
    with _creation_lock:
        producer = Producer({"bootstrap.servers": "kafka:9092"})
    producer.produce("orders", order)
    producer.flush()


def send_invoice(invoice: bytes) -> None:
    with _creation_lock:
        producer = Producer({"bootstrap.servers": "kafka:9092"})
    producer.produce("invoices", invoice)
    producer.flush()
"""

RULE = Rule(
    code="KA705",
    name="unserialised-construction",
    category="tests",
    severity="info",
    default=False,
    summary="A project creates Kafka clients under a lock in one place and without it in another",
    rationale=(
        "A lock that not everybody takes protects nothing. Projects take one because creating several confluent-kafka "
        "clients at once is said to crash tests. The evidence for such a race is weak: the constructor holds Python's "
        "global lock, librdkafka initialises itself once, the issues that are cited are about ending consumers and "
        "about garbage collection, and tens of thousands of clients created and dropped by eight threads showed no "
        "crash (2.0.2, 2.3.0 and 2.16.1, run). So this rule only holds the project to its own decision, and dropping "
        "the lock everywhere is as good an answer. What is real is the cost of a client for each call, which KA403 "
        "tells of."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Take the same lock in every place, or in none",
    since="0.1.0",
    references=(
        "confluent-kafka 2.0.2, 2.3.0 and 2.16.1: 8 threads creating and dropping clients for 40 seconds, run",
        "https://github.com/confluentinc/librdkafka/issues/3608",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that is created without a lock while another one of its class is created under one.

    Both in files that imports connect: other programs of a repository have nothing to do with the lock.
    """
    lives, group = program.audited, program.engine.related.group
    locked = {life: line for life in lives if (line := lock_around(program.lives, life.site)) is not None}
    for life in lives:
        alike = (each for each in locked if each.site.client is life.site.client)
        first = next((each for each in alike if group(each.path) == group(life.path)), None)
        if first is None or life in locked:
            continue
        lock = Step(path=first.path, line=locked[first], message=f"{where(first.owner)} takes a lock")
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is created without the lock that {where(first.owner)} takes",
            confidence="low",
            producer=life.id,
            trace=(lock, created(first), created(life)),
        )

"""KA202: which clients kept on an instance can the class not release?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.frequency import is_left_to_users, runs_often, runs_once
from kafka_audit.link.defects.kept import kept_for_all
from kafka_audit.link.defects.overwrites import overwrites
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.reach.components import component_of
from kafka_audit.link.reach.entries import PLAIN_BASES
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import confidence_of_absence, considered, created, started, subject

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program

BAD = """\
from kafka import KafkaProducer


class OrderPublisher:
    def __init__(self, servers: list[str]) -> None:
        self._producer = KafkaProducer(bootstrap_servers=servers)

    def publish(self, order: bytes) -> None:
        self._producer.send("orders", order)
"""

GOOD = """\
from kafka import KafkaProducer


class OrderPublisher:
    def __init__(self, servers: list[str]) -> None:
        self._producer = KafkaProducer(bootstrap_servers=servers)

    def publish(self, order: bytes) -> None:
        self._producer.send("orders", order)

    def close(self) -> None:
        self._producer.close()


def main() -> None:
    publisher = OrderPublisher(["kafka:9092"])
    try:
        publisher.publish(b"order 1")
    finally:
        publisher.close()


if __name__ == "__main__":
    main()
"""

ENTERS = frozenset({"__enter__", "__aenter__"})

RULE = Rule(
    code="KA202",
    name="instance-never-released",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is kept on an instance and no method of its class releases it",
    rationale=(
        "Whoever creates the instance cannot end its client properly: the only handle is a private attribute. Each "
        "instance that is dropped leaves sockets and background work behind, and takes with it whatever was not sent "
        "yet. Python does not help: aiokafka prints a warning that default settings hide, confluent-kafka none at all, "
        "and kafka-python's own exit hook saved nothing before 3.0.7. Where the buffer is flushed after use and one "
        "object lives as long as the process, the alarm is information only. A release may have any name and may be "
        "inherited: what counts is whether some method of the class reaches it."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Give the class a method that releases its client and call it where the instance is done with",
    since="0.1.0",
    references=(
        "kafka-python 2.0.2 to 3.0.12: messages buffered at exit, counted against an embedded broker",
        "https://aiokafka.readthedocs.io/en/stable/producer.html",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client on an instance that no method of the class, inherited ones included, releases."""
    for life in program.owing():
        if life.holding.kind != "instance" or life.site.client.flush_is_release or _is_released(program, life):
            continue
        confidence = confidence_of_absence(program, life)
        if confidence is None:
            continue
        absence = _absence(program, life)
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} is never released: {absence}",
            confidence=confidence,
            producer=life.id,
            trace=(created(life), *started(program, life), *considered(program, life, absence)),
            severity="info" if program.lives.loses_nothing(life) and not _is_many(program, life) else None,
        )


def _absence(program: Program, life: Life) -> str:
    made = component_of(program.engine, life.holding.scope)
    if made is not None and life.releases:
        return f"{made.framework.capitalize()} calls no method that does"
    optional = program.lives.left_out(life)
    if optional:
        return f"no call tells `{owner_name(optional[0].unit)}` to do so"
    return f"no method of `{life.holding.scope.name}` releases it" if life.holding.scope else "nothing releases it"


def _is_many(program: Program, life: Life) -> bool:
    """Whether more than one of them may be open: the program makes many objects that keep one, or another client after
    an error, or whenever a block enters the object.

    One that an object makes on first use, and asks for from then on, is as many as that object. How many objects the
    users of a library make is theirs to say, where none keeps a message.
    """
    maker = life.site.unit
    is_entered = maker.function is not None and maker.function.name in ENTERS
    if overwrites(program.lives, life) or (is_entered and not runs_once(program.lives, maker)):
        return True
    if life.created_at_import is not None:
        return False
    owners = program.owning.roots(life)
    asked = {kept.value for kept in kept_for_all(program.owning, life, frozenset({"instance"}))}
    often = [
        owner
        for owner in owners
        if owner.holding.kind != "global"
        and owner.value not in asked
        and runs_often(program.lives, owner.origin.unit)
        and not (program.lives.keeps_nothing(life) and is_left_to_users(program.lives, owner.origin.unit))
    ]
    is_theirs = program.lives.keeps_nothing(life) and not _is_made_by_a_library(program, life)
    return bool(often) or (not owners and not is_theirs)


def _is_made_by_a_library(program: Program, life: Life) -> bool:
    """Whether the class that keeps it derives from a library's, which may make objects of it."""
    bases = ancestry(program.engine, life.holding.scope) if life.holding.scope is not None else ()
    return any(isinstance(base, str) and not base.startswith(PLAIN_BASES) for base in bases)


def _is_released(program: Program, life: Life) -> bool:
    """Whether a method of the class releases it; for an object that a framework makes, or one of another library,
    whether anything that runs does."""
    scope = life.holding.scope
    if not life.releases or (scope is not None and component_of(program.engine, scope) is None):
        return bool(life.releases)
    return program.discharge.told(life) or bool(program.discharge.effective(life))

"""KA507: which releases call a method that the client does not have?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import position
from kafka_audit.link.flow.values import External, Instance
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.paths.optional import is_optional
from kafka_audit.link.reading.context import context_of
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.engine import Event
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send_and_wait("reports", b"done")
    finally:
        await producer.close()


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        await producer.send_and_wait("reports", b"done")
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA507",
    name="wrong-release-method",
    category="lifecycle",
    severity="error",
    default=True,
    summary="A Kafka client is released by a method that it does not have",
    rationale=(
        "The names differ from client to client: aiokafka's producers and consumers have `stop` and no `close`, its "
        "admin client has `close` and no `stop`, and confluent-kafka's producers have `close` and `with` only since "
        "2.13.0, kafka-python's clients `with` only since 3.0.0. The wrong one raises AttributeError or TypeError "
        "exactly when the program shuts down, so nothing is released and the real error is hidden. Behind a `hasattr` "
        "test it is worse: nothing is raised, and nothing is ever released, unless a `flush` stands before it. The "
        "version is the one that the project declares, else the newest."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Call the release method of this client in the version that the project declares",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0, confluent-kafka 2.0.2 to 2.16.1, kafka-python 2.0.2 to 3.0.12: methods of every client, run",
        "https://aiokafka.readthedocs.io/en/stable/api.html",
    ),
)


MOCKS = ("unittest.mock.", "mock.")
"""Where the beginnings of the names of things come from that tests put in a client's place."""


def check(program: Program) -> Iterator[Alarm]:
    """Every call of a method that the client does not have, made in the belief that it releases."""
    mixed = {event.node for life in program.lives.all for event in life.releases}  # right for another receiver
    for life in program.living:
        yield from _too_new(program, life)
        for event in life.uses:
            if event.method not in life.site.client.absent or event.node in mixed or _may_be_other(program, event):
                continue
            name = where(owner_name(event.unit))
            said = f"{subject(life)} has no `{event.method}`: {name} cannot release it that way"
            yield _alarm(life, event, said, f"`{event.method}` is called, which the client does not have")


def _may_be_other(program: Program, event: Event) -> bool:
    """Whether the object can also be something of the project's or of another library's, which has such a method."""
    function = event.node.function if isinstance(event.node, s.Call) else None
    receiver = function.value if isinstance(function, s.Attribute) else None
    held = program.engine.look(event.unit, receiver) if receiver is not None else ()
    return any(
        (isinstance(value, Instance) and context_of(value.scope.module.path) != "test")
        or (isinstance(value, External) and not value.dotted.startswith(MOCKS))
        for value in held
    )


def _too_new(program: Program, life: Life) -> Iterator[Alarm]:
    """The releases that only a later release of the library has than the one that the project declares."""
    for event in life.releases:
        lacking = program.configured.lacks(life, _name(event))
        if lacking is not None and not _is_extra(program, life, event):
            note, declared = lacking
            version = f"{declared.distribution} {declared.specifier.lstrip('= ')}"
            said = f"{subject(life)} has no `{_name(event)}` before {note.since}, and {declared.path} says {version}"
            yield _alarm(life, event, said, f"`{_name(event)}` is used, which this version does not have")


def _name(event: Event) -> str:
    return {"__exit__": "with", "__aexit__": "async with"}.get(event.method, event.method)


def _is_extra(program: Program, life: Life, event: Event) -> bool:
    """Whether the function has released the client before, and goes on where there is no such method."""
    before = (each for each in life.releases if each.unit is event.unit and each.line < event.line)
    has_released = any(program.configured.lacks(life, _name(each)) is None for each in before)
    return has_released and is_optional(event.unit, event.node, event.method)


def _alarm(life: Life, event: Event, said: str, step: str) -> Alarm:
    path = event.unit.module.path
    return Alarm(
        path=path,
        at=position(event.node),
        message=said,
        confidence="high",
        producer=life.id,
        trace=(created(life), Step(path=path, line=event.line, message=step)),
    )

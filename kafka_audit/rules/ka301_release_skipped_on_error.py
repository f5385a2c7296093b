"""KA301: which clients are released on the normal path, and lost when something raises?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.link.defects.frequency import runs_once
from kafka_audit.link.defects.hidden import ends_the_program
from kafka_audit.link.flow.engine import position
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.losses.makers import Caller, left_open
from kafka_audit.link.paths.states import Stage
from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import SKIPPED, created, leaves, owner_chain, released, started, subject, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.engine import Node
    from kafka_audit.link.flow.scopes import Unit
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.ownership.owning import Owner
    from kafka_audit.link.paths.states import Loss
    from kafka_audit.link.program import Program
    from kafka_audit.model import Severity

BAD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    for row in rows:
        if not row.strip():
            raise ValueError("empty row")
        await producer.send("rows", row)
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

GOOD = """\
import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
    await producer.start()
    try:
        for row in rows:
            if not row.strip():
                raise ValueError("empty row")
            await producer.send("rows", row)
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(export(sys.stdin.buffer.readlines()))
"""

RULE = Rule(
    code="KA301",
    name="release-skipped-on-error",
    category="lifecycle",
    severity="warning",
    default=True,
    summary="A Kafka client is released only when nothing raises",
    rationale=(
        "The release stands at the end of the function, and an exception jumps over it. That is when it matters most: "
        "the broker is slow or gone, the call is retried, and each attempt leaves another open client with its "
        "sockets, tasks or threads behind. Only exits that the code itself names are judged: a `raise`, a call on the "
        "client that can fail, a `yield` at which the user of a context manager can raise. A call on the client fails "
        "through every function of the project that leads to it and handles no error of the library, so an object "
        "that owns the client, the caller of a factory and the function that runs the application are judged alike. "
        "`start()` before the `try` is the idiom of aiokafka's own documentation and no alarm. Where the error "
        "ends the program and the client closes itself at exit, as kafka-python's do, this is information only."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Release the client in a `finally`, or use it as a context manager where its version has one",
    since="0.1.0",
    references=(
        "aiokafka 0.14.0: tasks and connections left by a producer that is not stopped, counted",
        "https://docs.python.org/3/reference/compound_stmts.html#finally-clause",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every client that an error past its start loses, while the normal path releases it."""
    told: set[str] = set()
    for life in program.owing():
        losses = [] if life.holding.kind == "global" and not life.releases else left_open(program.losses(life))
        if any(loss.overwritten for loss in program.losses(life)):
            continue  # KA401 tells where it is lost for good
        normal = any(not loss.by_exception and loss.stage is not Stage.FAILED for loss in losses)
        skipped = [loss for loss in losses if loss.by_exception and loss.stage is not Stage.FAILED]
        if normal or not skipped or not (life.releases or life.holding.kind in {"instance", "pooled"}):
            continue
        yield Alarm(
            path=life.path,
            at=life.site.node.at,
            message=f"{subject(life)} stays open when {where(life.owner)} fails after creating it",
            confidence="medium",
            producer=life.id,
            trace=(created(life), *started(program, life), *released(life), *leaves(life, skipped)),
            severity=_severity(program, life, life.site.unit),
        )
        told.add(life.id)
    yield from _exits(program)
    yield from _owners(program)
    callers: set[tuple[str, Unit]] = set()
    yield from _callers(program, told, callers)
    yield from _shared(program, told, callers)


def _severity(program: Program, life: Life, unit: Unit) -> Severity | None:
    """Where the error ends the program, a client that closes itself at exit is as good as released."""
    if not life.site.client.closes_at_exit:
        return None
    return "info" if runs_once(program.lives, unit) or ends_the_program(program.lives, unit) else None


def _ends_well(program: Program, owner: Owner) -> bool:
    """Whether the error ends a program that has flushed what it sent: its process is the release."""
    return program.lives.loses_nothing(owner.life) and runs_once(program.lives, owner.origin.unit)


def _owners(program: Program) -> Iterator[Alarm]:
    """The same for objects that own a client, in the functions that make, use and release them."""
    for owner, losses in program.owners_left_open():
        if not all(loss.by_exception for loss in losses):
            continue  # KA302 tells of the normal way out
        name = where(owner.owner)
        yield Alarm(
            path=owner.path,
            at=owner.at,
            message=f"{owner.name} owns a client and stays open when {name} fails after creating it",
            confidence="medium",
            producer=owner.life.id,
            trace=(
                *owner_chain(program, owner, SKIPPED),
                *_failing(owner.path, name, losses, f"releases the {owner.name}"),
            ),
            severity="info" if _ends_well(program, owner) else None,
        )


def _exits(program: Program) -> Iterator[Alarm]:
    """The same for context managers that release it only after a block that went well."""
    for life in program.owing():
        for unit, losses in (*program.ends.of_exit(life), *program.ends.of_entered(life)):
            path, name = unit.module.path, where(owner_name(unit))
            ends = [
                Step(path=path, line=each.line, message=f"{name} can end here when the block raised") for each in losses
            ]
            yield Alarm(
                path=life.path,
                at=life.site.node.at,
                message=f"{subject(life)} stays open when the block that {name} ends has raised",
                confidence="high",
                producer=life.id,
                trace=(created(life), *started(program, life), *released(life), *ends),
            )


def _callers(program: Program, told: set[str], callers: set[tuple[str, Unit]]) -> Iterator[Alarm]:
    """The same for functions that get a fresh client from another one, use it and release it: they become `callers`."""
    for life in program.owing():
        if not life.releases or life.id in told:
            continue
        by_call: dict[Node, list[Caller]] = {}
        for each in program.caller_losses(life):
            if each.loss.stage is not Stage.FAILED:
                by_call.setdefault(each.node, []).append(each)
        for node, found in by_call.items():
            unit, losses = found[0].unit, [each.loss for each in found]
            if not all(each.only_by_error for each in found):
                continue  # dropped on a normal way out: KA206
            path, name = unit.module.path, where(owner_name(unit))
            callers.add((life.id, unit))
            got = Step(path=path, line=position(node)[0], message=f"{name} gets it from {where(life.owner)}")
            yield Alarm(
                path=path,
                at=position(node),
                message=f"{subject(life)} stays open when {name}, which gets it, fails",
                confidence="medium",
                producer=life.id,
                trace=(created(life), *started(program, life), got, *released(life), *_failing(path, name, losses)),
                severity=_severity(program, life, unit),
            )


def _shared(program: Program, told: set[str], callers: set[tuple[str, Unit]]) -> Iterator[Alarm]:
    """The same for functions that run an application, use an object, or are run by a thread, and release its client."""
    for life in program.owing():
        ends = program.ends
        ending = (*ends.of_shared(life), *ends.of_kept(life), *ends.of_handed(life)) if life.id not in told else ()
        for unit, losses in ending:
            if (life.id, unit) in callers:
                continue  # it got the client from another function, and was told of
            path, name = unit.module.path, where(owner_name(unit))
            yield Alarm(
                path=life.path,
                at=life.site.node.at,
                message=f"{subject(life)} stays open when {name}, which is to release it, fails before",
                confidence="medium",
                producer=life.id,
                trace=(created(life), *started(program, life), *released(life), *_failing(path, name, losses)),
                severity=_severity(program, life, unit),
            )


def _failing(path: str, name: str, losses: list[Loss], nothing: str = "releases it") -> list[Step]:
    """The ways out by an exception of a function that got the client, or its owner, from elsewhere."""
    return [Step(path=path, line=loss.line, message=f"{name} can fail here, and nothing {nothing}") for loss in losses]

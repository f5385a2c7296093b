"""How do rules word the steps of a chain: creation, start, and the releases that do not count?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kafka_audit.link.flow.engine import position
from kafka_audit.link.flow.families import client_base
from kafka_audit.link.lives.life import Life, owner_name
from kafka_audit.link.ownership.owning import Owner
from kafka_audit.link.paths.states import Loss, Stage
from kafka_audit.link.release.considered import TOO_LATE, why_not
from kafka_audit.model import Confidence, Step

if TYPE_CHECKING:
    from kafka_audit.facts.schema import At
    from kafka_audit.impact.mocks import Mock
    from kafka_audit.impact.trace import Edge as Walked
    from kafka_audit.impact.trace import Happening
    from kafka_audit.link.flow.engine import Event, Registration
    from kafka_audit.link.program import Program
    from kafka_audit.link.reach.entries import Edge


SKIPPED = "not on the way out that follows"
"""Why a release does not count that other ways out get to."""


def subject(life: Life) -> str:
    """The client as messages name it: its class and the place it is kept in."""
    name = life.site.client.name.rpartition(".")[2]
    kind, place = life.holding.kind, life.holding.place
    if place is None or kind == "returned":
        return f"{name} created in {where(life.owner)}"
    return f"{name} in `{place}`"


def where(owner: str) -> str:
    """An owner in a sentence."""
    return "the module body" if owner == "<module>" else f"`{owner}`"


def created(life: Life) -> Step:
    """The first step: the constructor."""
    name = life.site.client.name.rpartition(".")[2]
    kept = f", kept in `{life.holding.place}`" if life.holding.place else ""
    return Step(path=life.path, line=life.site.node.at[0], message=f"{name} is created in {where(life.owner)}{kept}")


def started(program: Program, life: Life) -> list[Step]:
    """The step that starts it, when there is one."""
    event = program.first_start(life)
    if event is None:
        return []
    message = f"started in {where(owner_name(event.unit))}"
    return [Step(path=event.unit.module.path, line=event.line, message=message)]


BEHIND = "behind a loop that never ends"
"""Where a release stands that control does not get to."""


def considered(program: Program, life: Life, absence: str = "nothing releases it") -> list[Step]:
    """Why each of the releases that exist does not count; `absence` says it when there is none."""
    if not life.releases:
        optional = [
            Step(
                path=event.unit.module.path,
                line=event.line,
                message=f"{where(owner_name(event.unit))} releases it only if it is told to, which no call does",
            )
            for event in program.lives.left_out(life)
        ]
        behind = [
            Step(
                path=event.unit.module.path,
                line=event.line,
                message=f"{where(owner_name(event.unit))} releases it here, {BEHIND}",
            )
            for event in life.unreached
        ]
        return optional or behind or [Step(path=life.path, line=life.site.node.at[0], message=absence)]
    return [
        Step(
            path=event.unit.module.path,
            line=event.line,
            message=f"{where(owner_name(event.unit))} releases it, but {why_not(program.discharge, life, event)}",
        )
        for event in life.releases
    ]


def registered_at(registration: Registration) -> At:
    """Where a handler is registered: the call, or the line of the function that a decorator registers."""
    if registration.node is not None:
        return position(registration.node)
    return (registration.line, 1, registration.line, 1)


def import_chain(edges: Iterable[Edge]) -> list[Step]:
    """The calls that run while a module is imported, outermost first."""
    return [
        Step(
            path=edge.caller.module.path,
            line=edge.line,
            message=f"{where(owner_name(edge.caller))} runs `{owner_name(edge.callee)}`",
        )
        for edge in edges
    ]


def confidence_of_absence(program: Program, life: Life) -> Confidence | None:
    """How sure "never released" is; None when something unresolved may well be the release.

    A call such as `x.producer.stop()` on an unknown object with the name of the place vetoes the claim.
    """
    if any(event.method in life.site.client.absent for event in life.uses):
        return None  # KA507 tells of the release that does not exist
    if life.holding.scope in program.engine.crowded:
        return None  # what becomes of the object that keeps it was not followed everywhere
    if program.likely_releases(life) or _is_ended_by_its_base(program, life):
        return None
    escapes = program.hands_over(life)
    return "medium" if escapes or life.possible or life.releases else "high"


def _is_ended_by_its_base(program: Program, life: Life) -> bool:
    """Whether the class that keeps the client derives from one whose own release ends what that field holds."""
    scope, place = life.holding.scope, life.holding.at
    base = client_base(program.engine, scope) if scope is not None else None
    return base is not None and place is not None and place.name in base.ends


def owner_chain(program: Program, owner: Owner, but: str = "") -> tuple[Step, ...]:
    """From the owner's creation to the client it keeps, and its releases; `but` says why they do not count.

    Without a reason nobody asks for them.
    """
    name = owner.value.scope.name
    made = Step(path=owner.path, line=owner.at[0], message=f"{name} is created in {where(owner.owner)}")
    reasons = {event: but or _unasked(program, owner, event) for event in owner.life.releases}
    chances = [
        Step(
            path=event.unit.module.path,
            line=event.line,
            message=f"{where(owner_name(event.unit))} releases the client, but {reason}",
        )
        for event, reason in reasons.items()
    ]
    return (made, created(owner.life), *started(program, owner.life), *chances)


def _unasked(program: Program, owner: Owner, event: Event) -> str:
    too_late = program.discharge.comes_too_late(owner.life, event)
    return TOO_LATE if too_late else f"nothing calls it on this {owner.value.scope.name}"


def leaves(life: Life, losses: Iterable[Loss]) -> list[Step]:
    """The ways out that lose the client, each with what leads there."""
    return [
        Step(
            path=life.path,
            line=loss.line,
            message="the constructor runs again while the client before is still there"
            if loss.again
            else f"{where(life.owner)} can {'fail' if loss.by_exception else 'end'} here, and nothing releases it",
        )
        for loss in losses
    ]


def ends(program: Program, life: Life) -> list[Step]:
    """The first normal way out of the function that makes a client, when nothing ever releases it."""
    lost = [loss for loss in program.losses(life) if not loss.by_exception and loss.stage is not Stage.FAILED]
    return leaves(life, lost[:1]) or considered(program, life)


def released(life: Life) -> list[Step]:
    """The releases that the ways out which follow do not get to."""
    return [
        Step(
            path=event.unit.module.path,
            line=event.line,
            message=f"{where(owner_name(event.unit))} releases it here, but {SKIPPED}",
        )
        for event in life.releases
    ]


def mock_chain(mock: Mock, found: Happening, why: str) -> tuple[Step, ...]:
    """From the mock by way of the calls to the client that does not meet it."""
    ways = [
        Step(
            path=edge.caller.module.path,
            line=edge.line,
            message=f"{where(owner_name(edge.caller))} {edge.how} {_callee(edge)}",
        )
        for edge in found.chain()
    ]
    name = found.life.site.client.name.rpartition(".")[2]
    return (
        Step(path=mock.unit.module.path, line=mock.line, message=f"`{mock.target}` is replaced, {mock.holds}"),
        *ways,
        Step(path=found.unit.module.path, line=found.line, message=f"the real {name} is created: {why}"),
    )


def _callee(edge: Walked) -> str:
    return f"`{edge.callee.module.path}`" if edge.how == "imports" else where(owner_name(edge.callee))

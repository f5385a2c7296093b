"""Who tries again when the start of a client has failed, and has another client made by that?"""

from __future__ import annotations

from collections.abc import Set

from kafka_audit.facts import schema as s
from kafka_audit.link.context import context_of
from kafka_audit.link.lives import Life, Lives
from kafka_audit.link.overwrites import asks_first
from kafka_audit.link.reach import Edge
from kafka_audit.link.scopes import Unit
from kafka_audit.link.states import catches_everything, caught_types
from kafka_audit.link.walk import holds, statements

UNCONNECTED = ("connection", "broker")
"""What names of errors have in them that come before anything is open (aiokafka 0.14.0: nothing is left, run)."""


def retrying_caller(lives: Lives, life: Life) -> Edge | None:
    """The call in a loop by which somebody has a client made again each time that its start fails.

    Whoever makes or asks for it releases nothing in between, and does not look what is there already.
    """
    unit, place = life.site.unit, life.holding.at
    ends = [*life.releases, *life.undoings]
    releasing = {each for event in ends for each in lives.reach.callers(event.unit)}
    if not any(event.unit is unit for event in life.starts) or not releasing.isdisjoint(lives.reach.below(unit)):
        return None
    if place is not None and asks_first(unit, place.name):
        return None
    for edge in lives.reach.incoming.get(unit, ()):
        node = edge.fact.node if edge.fact is not None else None
        in_test = context_of(edge.caller.module.path) == "test" and not life.in_test
        if isinstance(node, s.Call) and not in_test and lives.reach.runs(edge):
            ending: set[object] = {event.node for event in ends if event.unit is edge.caller}
            ending |= {
                each.fact.node
                for each in lives.reach.outgoing.get(edge.caller, ())
                if each.callee in releasing and each.fact is not None and each.fact.node is not node
            }
            if _tries_again(edge.caller, node, ending):
                return edge
    return None


def _tries_again(unit: Unit, node: s.Call, ends: Set[object]) -> bool:
    """Whether the call stands in a `try` inside a loop, one of whose handlers takes the failure and lets it go on."""
    return any(
        isinstance(attempt, s.Try)
        and any(holds(each, {node}) for each in attempt.body)
        and any(_goes_on(handler) for handler in attempt.handlers)
        and not any(holds(each, ends) for handler in attempt.handlers for each in handler.body)
        and not any(holds(each, ends) for each in attempt.final)
        for loop in statements(unit.body)
        if isinstance(loop, s.While | s.For) and not any(holds(each, ends) for each in loop.body)
        for attempt in statements(loop.body)
    )


def _goes_on(handler: s.Handler) -> bool:
    """Whether the handler takes a failed start and does not leave the loop, whatever comes."""
    named = (each for each in caught_types(handler) if isinstance(each, s.Name | s.Attribute))
    names = [(each.id if isinstance(each, s.Name) else each.name).lower() for each in named]
    takes = any("kafka" in name and not any(word in name for word in UNCONNECTED) for name in names)
    leaves = any(isinstance(each, s.Raise | s.Return | s.Break) for each in handler.body)
    return (takes or catches_everything(handler)) and not leaves

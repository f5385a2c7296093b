"""Which functions start, each time they are called, a client that runs already?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kafka_audit.facts import schema as s
from kafka_audit.link.defects.frequency import runs_often
from kafka_audit.link.defects.per_call import SHORT_LIVED, clients_per_call, owners_per_call
from kafka_audit.link.flow.engine import Engine, Event
from kafka_audit.link.lives.life import Life
from kafka_audit.link.ownership.owning import Owning
from kafka_audit.link.reading.walk import holds, statements, within


def restarted(owning: Owning, life: Life) -> Iterator[Event]:
    """The starts, each in a function that goes on to use the client, that every call after the first one repeats.

    The client is one that outlives the call, and the function neither makes it nor ends it.
    """
    reach = owning.reach
    for start in life.starts:
        unit = start.unit
        below = reach.below(unit)
        is_used = any(use.unit is unit and use.line > start.line for use in life.uses)
        is_another = life.site.unit in below or any(end.unit in below for end in (*life.releases, *life.undoings))
        if unit.function is None or start.via != "call" or not is_used or is_another:
            continue
        is_repeated = runs_often(owning.lives, unit, beginnings=False)
        if is_repeated and _outlives_calls(owning, life) and _is_unasked(owning.engine, unit.body, start):
            yield start


def _outlives_calls(owning: Owning, life: Life) -> bool:
    """Whether there is one client for many calls: in a global, or in objects of which none is made for a call."""
    lives, owners = owning.lives, owning.roots(life)
    holdings = [life.holding, *(owner.holding for owner in owners)]
    if all(each.kind != "global" for each in holdings) or any(each.kind in SHORT_LIVED for each in holdings):
        return False
    made_for_calls = (found for owner in owners for found in owners_per_call(lives, owner, owners))
    return not any(chain(clients_per_call(lives, life), made_for_calls))


def _is_unasked(engine: Engine, body: s.Body, start: Event) -> bool:
    """Whether nothing that is asked before can keep the start from being made: a flag that stays down keeps nothing."""
    for statement in body:
        match statement:
            case s.Try(body=inner) | s.With(body=inner) if within(inner, {start.node}):
                return _is_unasked(engine, inner, start)
            case s.If(test, inner) if within(inner, {start.node}):
                return _stays_true(engine, test) and _is_unasked(engine, inner, start)
            case s.If() | s.Try() | s.With() | s.For() | s.While() | s.Match():
                if holds(statement, {start.node}) or _may_leave(statement):
                    return False
            case _ if holds(statement, {start.node}):
                return True
    return False


def _may_leave(statement: s.Stmt) -> bool:
    """Whether a part of the statement can end the function, so that what follows is not always reached."""
    return any(isinstance(each, s.Return | s.Raise | s.Break | s.Continue) for each in statements((statement,)))


def _stays_true(engine: Engine, test: s.Expr) -> bool:
    """Whether the test is true, as if it asks for a flag to be down which nothing ever puts up: `not self.started`."""
    match test:
        case s.Constant(value):
            return bool(value)
        case s.Not(s.Attribute(_, name)) | s.Compare(s.Attribute(_, name), "is" | "==", s.Constant(False)):
            values = [*_assigned(engine, name)]
            return bool(values) and all(isinstance(value, s.Constant) and value.value is False for value in values)
    return False


def _assigned(engine: Engine, name: str) -> Iterator[s.Expr | None]:
    """What the project assigns to attributes of this name."""
    for module in engine.modules.values():
        for unit in module.units:
            for statement in statements(unit.body):
                match statement:
                    case s.Assign(targets, value) if any(_is_called(target, name) for target in targets):
                        yield value
                    case s.Augment(target) | s.For(target) if _is_called(target, name):
                        yield None


def _is_called(target: s.Expr, name: str) -> bool:
    match target:
        case s.Attribute(_, attribute):
            return attribute == name
        case s.Sequence(_, elements):
            return any(_is_called(element, name) for element in elements)
    return False

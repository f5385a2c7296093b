"""Assignments that let go of an open client: `self._producer = None` where nothing has released it."""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.facts import schema as s
from kafka_audit.link.attributes import ancestry, descendants
from kafka_audit.link.context import context_of
from kafka_audit.link.lives import Life, Lives
from kafka_audit.link.scopes import ClassScope, Unit, lookup
from kafka_audit.link.walk import statements

BEGINNINGS = frozenset({"__init__", "__new__", "__post_init__", "__setstate__"})
"""Methods that set up an object: nothing is open yet."""


def overwrites(lives: Lives, life: Life) -> list[tuple[Unit, s.Assign]]:
    """Where the place of the client is emptied in a function that releases nothing."""
    releasing = {event.unit for event in (*life.releases, *life.undoings)}
    found = []
    for unit in _units(lives, life):
        if not releasing.isdisjoint(lives.reach.below(unit)) or _name(unit) in BEGINNINGS:
            continue
        if unit in lives.reach.callers(life.site.unit):
            continue  # it makes the client: what it empties before is a beginning, after a failure an undoing
        found += [
            (unit, node) for node in statements(unit.body) if isinstance(node, s.Assign) and _empties(life, unit, node)
        ]
    return found


def _units(lives: Lives, life: Life) -> Iterator[Unit]:
    """The functions that can write the place by its own name: methods of the class, or functions of the module."""
    place = life.holding.at
    if place is None:
        return
    if life.holding.kind == "instance" and life.holding.scope is not None:
        family = [life.holding.scope, *descendants(life.holding.scope)]
        family += [base for base in ancestry(lives.engine, life.holding.scope) if isinstance(base, ClassScope)]
        for scope in dict.fromkeys(family):
            for methods in scope.methods.values():
                yield from methods
    elif life.holding.kind == "global" and isinstance(place.owner, Unit) and place.kind == "module":
        yield from (unit for unit in place.owner.module.units if unit.kind == "function")


def _empties(life: Life, unit: Unit, node: s.Assign) -> bool:
    if context_of(unit.module.path) == "test" and not life.in_test:
        return False
    if not isinstance(node.value, s.Constant) or node.value.value is not None:
        return False
    place = life.holding.at
    assert place is not None
    for target in node.targets:
        if place.kind == "field" and isinstance(target, s.Attribute) and isinstance(target.value, s.Name):
            if target.name == place.name and target.value.id == "self":
                return True
        if place.kind == "module" and isinstance(target, s.Name) and target.id == place.name:
            return lookup(unit, target.id)[0] is place.owner
    return False


def _name(unit: Unit) -> str:
    return unit.function.name if unit.function is not None else ""

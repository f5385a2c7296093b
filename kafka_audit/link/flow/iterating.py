"""What a loop goes through, and what one over an object of the project runs: its `__iter__`, and then `__next__`."""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import attribute_of
from kafka_audit.link.flow.containers import iterate
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.scopes import lookup
from kafka_audit.link.flow.values import Instance, Value
from kafka_audit.link.reading.walk import given_once


def step_through(engine: Engine, values: Values, node: s.For) -> Values:
    """What the loop binds, one after the other."""
    begins, goes_on = ("__aiter__", "__anext__") if node.is_async else ("__iter__", "__next__")
    found = iterate(engine, values) | {engine.text(each) for each in _spelled(engine, node.iterable)}
    for value in values:
        for iterator in _run(engine, value, begins, node):
            found = found | iterate(engine, {iterator}) | _run(engine, iterator, goes_on, node)
    return found


def _spelled(engine: Engine, iterable: s.Expr) -> Iterator[str]:
    """The strings that a loop goes through where they are written down, there or in a constant of the module: names of
    methods to look for. No container holds strings.
    """
    if isinstance(iterable, s.Name) and _is_of_module(engine, iterable.id):
        iterable = given_once(engine.unit.module.facts.body, iterable.id) or iterable
    if isinstance(iterable, s.Sequence):
        for element in iterable.elements:
            if isinstance(element, s.Constant) and isinstance(element.value, str):
                yield element.value


def _is_of_module(engine: Engine, name: str) -> bool:
    owner, is_bound = lookup(engine.unit, name)
    return is_bound and owner.kind == "module"


def _run(engine: Engine, value: Value, name: str, node: s.For) -> Values:
    """What the method gives, if the object's class has it."""
    bound = attribute_of(engine, value, name) if isinstance(value, Instance) else set()
    return set().union(*(engine.apply_bound(each, node) for each in bound))

"""What a loop over an object of the project runs: its `__iter__`, and `__next__` of what that gives."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.attributes import attribute_of
from kafka_audit.link.containers import iterate
from kafka_audit.link.engine import Engine, Values
from kafka_audit.link.values import Instance, Value


def step_through(engine: Engine, values: Values, node: s.For) -> Values:
    """What the loop binds, one after the other."""
    begins, goes_on = ("__aiter__", "__anext__") if node.is_async else ("__iter__", "__next__")
    found = iterate(engine, values)
    for value in values:
        for iterator in _run(engine, value, begins, node):
            found = found | iterate(engine, {iterator}) | _run(engine, iterator, goes_on, node)
    return found


def _run(engine: Engine, value: Value, name: str, node: s.For) -> Values:
    """What the method gives, if the object's class has it."""
    bound = attribute_of(engine, value, name) if isinstance(value, Instance) else set()
    return set().union(*(engine.apply_bound(each, node) for each in bound))

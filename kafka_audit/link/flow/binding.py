"""Assigning: which place a target means, and how values reach it."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import store_attribute
from kafka_audit.link.flow.containers import element_store, is_more_than_data, iterate, unpack
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.scopes import lookup
from kafka_audit.link.flow.values import Place
from kafka_audit.link.reading.words import words


def variable(engine: Engine, name: str) -> Place:
    """The place that assigning to `name` in the current unit writes."""
    unit, _ = lookup(engine.unit, name)
    return unit.place(name)


def bind(engine: Engine, target: s.Expr, values: Values, line: int) -> None:
    """Assign `values` to a target of any shape."""
    if type(target) is s.Name:  # nearly all of them, and a pattern takes its time
        engine.write(variable(engine, target.id), values)
        return
    match target:
        case s.Attribute(base, name):
            store_attribute(engine, engine.evaluate(base), name, values, words(target), line)
        case s.Subscript(base, key):
            engine.evaluate(key)
            element_store(engine, base, engine.evaluate(base), key, values, line)
        case s.Sequence(_, elements):
            for index, element in enumerate(elements):
                if isinstance(element, s.Starred):
                    _bind_rest(engine, element, values, line)
                else:
                    bind(engine, element, unpack(engine, values, index), line)


def _bind_rest(engine: Engine, target: s.Starred, values: Values, line: int) -> None:
    """`first, *rest = values`: the rest is a list, in which any of the values can be."""
    found = iterate(engine, values)
    if is_more_than_data(found):
        container = engine.container(target, "list", line)
        engine.write(container.rest, found)
        bind(engine, target.value, {container}, line)

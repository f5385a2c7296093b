"""What each kind of expression can be."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from kafka_audit.catalog.hosts import INJECTED, MARKERS
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import items_of, load_attribute
from kafka_audit.link.flow.binding import bind
from kafka_audit.link.flow.calls import evaluate_call
from kafka_audit.link.flow.containers import display, element_load, is_more_than_data, iterate
from kafka_audit.link.flow.engine import NOTHING, Engine, Values
from kafka_audit.link.flow.imports import star_values
from kafka_audit.link.flow.scopes import lookup
from kafka_audit.link.flow.values import (
    ClassValue,
    ClientObject,
    ClientType,
    External,
    FunctionValue,
    Instance,
    Manager,
    Unread,
)
from kafka_audit.link.reading.conditions import sought_by_name

_BUILTINS = frozenset(dir(builtins))


def evaluate(engine: Engine, expression: s.Expr) -> Values:
    """Everything the expression can be; effects of the calls in it are recorded on the way."""
    return _EVALUATE[type(expression)](engine, expression)


def _name(engine: Engine, node: s.Name) -> Values:
    place = engine.unit.seen.get(node.id)
    if place is not None:
        return engine.read(place)
    unit, is_bound = lookup(engine.unit, node.id)
    if is_bound:
        place = engine.unit.seen[node.id] = unit.place(node.id)
        return engine.read(place)
    if unit.stars:
        through = star_values(engine, unit, node.id, {unit.module})
        if through and not (node.id in _BUILTINS and all(isinstance(value, Unread) for value in through)):
            return through
    if node.id in _BUILTINS:
        return {engine.external(f"builtins.{node.id}")}
    return engine.read(unit.place(node.id))


def _attribute(engine: Engine, node: s.Attribute) -> Values:
    return load_attribute(engine, evaluate(engine, node.value), node.name)


def _await(engine: Engine, node: s.Await) -> Values:
    if isinstance(node.value, s.Call):
        engine.modes[node.value] = "awaited"
    return evaluate(engine, node.value)


def _constant(engine: Engine, node: s.Constant) -> Values:
    return {engine.text(node.value)} if isinstance(node.value, str) else NOTHING


def _subscript(engine: Engine, node: s.Subscript) -> Values:
    base = evaluate(engine, node.value)
    key = evaluate(engine, node.key)
    marks = {value.dotted for value in base if isinstance(value, External)}
    for mark in marks & MARKERS:
        engine.hosting.closings.setdefault((mark, None, node), engine.unit)
    if marks & INJECTED:
        return iterate(engine, key) | {value for value in key if isinstance(value, ClientObject | Instance)}
    # A subscripted class is the class: `SerializingProducer[str, User]`.
    classes = {value for value in base if isinstance(value, ClientType | ClassValue)}
    # A pair is taken for what is in it: `producers.popitem()[1]`.
    paired = (ClientObject, Instance) if _is_pair(node.value) else ClientObject
    inside = {value for value in base if isinstance(value, paired)}
    return classes | inside | items_of(engine, base) | element_load(engine, node.value, base, node.key)


def _is_pair(expression: s.Expr) -> bool:
    match expression:
        case s.Call(s.Attribute(_, "popitem")):
            return True
    return False


def _lambda(engine: Engine, node: s.Lambda) -> Values:
    unit = engine.unit.module.unit_of[node]
    for parameter in node.parameters:
        if parameter.default is not None:
            engine.write(unit.place(parameter.name), evaluate(engine, parameter.default))
    return {engine.function(unit)}


def _choice(engine: Engine, node: s.Choice) -> Values:
    evaluate(engine, node.test)
    return evaluate(engine, node.then) | evaluate(engine, node.otherwise)


def _logic(engine: Engine, node: s.Logic) -> Values:
    found: Values = set()
    for operand in node.operands:
        found |= evaluate(engine, operand)
    return found


def _not(engine: Engine, node: s.Not) -> Values:
    evaluate(engine, node.value)
    return NOTHING


def _compare(engine: Engine, node: s.Compare) -> Values:
    if not sought_by_name(node):  # which gives no object to anybody
        evaluate(engine, node.left)
        evaluate(engine, node.right)
    return NOTHING


def _comprehension(engine: Engine, node: s.Comprehension) -> Values:
    for generator in node.generators:
        bind(engine, generator.target, iterate(engine, evaluate(engine, generator.iterable)), 0)
        for condition in generator.conditions:
            evaluate(engine, condition)
    if node.key is not None:
        evaluate(engine, node.key)
    values = evaluate(engine, node.element)
    if not is_more_than_data(values):
        return NOTHING
    container = engine.container(node, "list" if node.kind == "set" else node.kind, 0)
    engine.write(container.rest, values)
    return {container}


def _walrus(engine: Engine, node: s.Walrus) -> Values:
    values = evaluate(engine, node.value)
    bind(engine, s.Name(node.name), values, 0)
    return values


def _starred(engine: Engine, node: s.Starred) -> Values:
    return iterate(engine, evaluate(engine, node.value))


def _yield(engine: Engine, node: s.Yield) -> Values:
    values = evaluate(engine, node.value) if node.value is not None else NOTHING
    engine.write(engine.unit.yields, iterate(engine, values) if node.is_from else values)
    if not node.is_from:
        return NOTHING
    return set().union(*(engine.read(value.unit.result) for value in values if isinstance(value, Manager)))


def _opaque(engine: Engine, node: s.Opaque) -> Values:
    """Arithmetic and formatting make new objects, but joining lists keeps what is in them."""
    found: Values = set()
    for part in node.parts:
        found |= {v for v in evaluate(engine, part) if not isinstance(v, External | FunctionValue)}
    return found


def _slice(engine: Engine, node: s.Slice) -> Values:
    """No value of its own; evaluating its bounds has their effects."""
    for bound in node.bounds:
        evaluate(engine, bound)
    return NOTHING


def _below(engine: Engine, node: s.Below) -> Values:
    """A path below another one is data; evaluating what it starts from has its own effects."""
    return {v for v in evaluate(engine, node.base) if not isinstance(v, External | FunctionValue)}


def _joined(engine: Engine, node: s.Joined) -> Values:
    """A text; evaluating what it is made of has its own effects."""
    for part in node.parts:
        evaluate(engine, part)
    return set()


_EVALUATE: dict[type, Callable[[Engine, Any], Values]] = {
    s.Name: _name,
    s.Attribute: _attribute,
    s.Call: evaluate_call,
    s.Await: _await,
    s.Constant: _constant,
    s.Sequence: display,
    s.Mapping: display,
    s.Subscript: _subscript,
    s.Lambda: _lambda,
    s.Choice: _choice,
    s.Logic: _logic,
    s.Not: _not,
    s.Compare: _compare,
    s.Comprehension: _comprehension,
    s.Walrus: _walrus,
    s.Starred: _starred,
    s.Yield: _yield,
    s.Opaque: _opaque,
    s.Slice: _slice,
    s.Below: _below,
    s.Joined: _joined,
}

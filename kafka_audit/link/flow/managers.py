"""Entering and leaving `with` blocks and exit stacks."""

from __future__ import annotations

from kafka_audit.catalog.hosts import MANAGED
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import attribute_of
from kafka_audit.link.flow.engine import Engine, Node, Values
from kafka_audit.link.flow.events import client_of, note_client_event
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClientObject,
    Closing,
    External,
    ForeignClient,
    Instance,
    Manager,
    Value,
)


def enter(engine: Engine, item: s.Item, values: Values, is_async: bool) -> Values:
    """What `with value as target` binds; what entering and leaving does is recorded."""
    found: Values = set()
    for value in values:
        found |= enter_value(engine, value, item, is_async)
    return found


def enter_value(engine: Engine, value: Value, node: Node, is_async: bool | None) -> Values:
    """Enter one value; `is_async` is None for exit stacks, which take both kinds."""
    match value:
        case ClientObject() | ForeignClient():
            return _enter_client(engine, value, node, is_async)
        case Instance():
            return _enter_instance(engine, value, node, is_async)
        case Manager(unit):
            return set(engine.read(unit.yields))
        case Closing(inner, ""):
            return {inner}
        case Closing(inner, method):
            engine.managed[inner] = node
            if isinstance(inner, ClientObject | ForeignClient):
                note_client_event(engine, inner, method, node, "with")
            else:
                for bound in attribute_of(engine, inner, method):
                    engine.apply_bound(bound, node)
            return {inner}
        case External(dotted, made):
            if dotted in MANAGED:
                engine.hosting.closings.setdefault((dotted, made, node), engine.unit)
            return {value}
    return set()


def _enter_client(engine: Engine, value: ClientObject | ForeignClient, node: Node, is_async: bool | None) -> Values:
    overrides = [v for name in _pair(is_async) for v in attribute_of(engine, value, name) if isinstance(v, BoundMethod)]
    for bound in overrides:
        engine.apply_bound(bound, node)
    if client_of(value).managed_by or client_of(value).start:
        note_client_event(engine, value, "__aenter__" if is_async is not False else "__enter__", node, "with")
        note_client_event(engine, value, "__aexit__" if is_async is not False else "__exit__", node, "with")
    engine.managed[value] = node
    return {value}


def _enter_instance(engine: Engine, value: Instance, node: Node, is_async: bool | None) -> Values:
    """An object of the project: `__enter__` says what is bound, `__exit__` what is released."""
    engine.managed[value] = node
    found: Values = set()
    for name in _pair(is_async):
        for bound in attribute_of(engine, value, name):
            result = engine.apply_bound(bound, node)
            found |= result if "enter" in name else set()
    return found or {value}


def _pair(is_async: bool | None) -> tuple[str, ...]:
    plain, asynchronous = ("__enter__", "__exit__"), ("__aenter__", "__aexit__")
    return plain + asynchronous if is_async is None else asynchronous if is_async else plain


def leave_at_end(engine: Engine, dotted: str, node: s.Call, values: Values) -> None:
    """`stack.push_async_exit(producer)`: the stack leaves what was entered, or started, by hand."""
    for value in values:
        if isinstance(value, ClientObject):
            name = "__aexit__" if "async" in dotted else "__exit__"
            note_client_event(engine, value, name, node, "callback", dotted)

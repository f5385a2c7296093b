"""Handing objects and functions to code that cannot be seen.

A library that is given a function may call it: that registers the function. A library that is given an object may keep
it, may release it, and may give it back (`instrument(producer)`), so the object comes out again.
"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.containers import contents
from kafka_audit.link.engine import Arguments, Engine, Node, Registration, Values
from kafka_audit.link.events import note_client_event
from kafka_audit.link.values import (
    BoundMethod,
    ClassValue,
    ClientMethod,
    ClientObject,
    Container,
    External,
    ForeignClient,
    FunctionValue,
    Instance,
    Partial,
    Text,
    Value,
)


def hand_over(engine: Engine, target: str, node: s.Call, arguments: Arguments) -> Values:
    """Give the arguments to `target`, a dotted name (`?` when unknown); returns what may come back."""
    select = _first_text(arguments)
    back: Values = set()
    for index, values in enumerate(arguments.positional):
        back |= _give(engine, target, node, values, select)
        for value in values:
            if isinstance(value, FunctionValue) and isinstance(value.unit.node, s.Function | s.Lambda):
                # `atexit.register(close, producer)`: what follows the function is what it is called with.
                rest = arguments.positional[index + 1 :]
                for parameter, given in zip(value.unit.node.parameters, rest, strict=False):
                    engine.write(value.unit.place(parameter.name), given)
    for keyword, values in arguments.keywords.items():
        back |= _give(engine, target, node, values, keyword)
    return back | _give(engine, target, node, arguments.spread, select)


def _first_text(arguments: Arguments) -> str:
    first = arguments.positional[0] if arguments.positional else set()
    return min((value.text for value in first if isinstance(value, Text)), default="")


def _give(engine: Engine, target: str, node: s.Call, values: Values, select: str) -> Values:
    back: Values = set()
    for value in values:
        match value:
            case External() | Text():
                pass
            case ClientObject() | Instance() | ForeignClient():
                engine.note_escape(value, target, node)
                back.add(value)
            case ClassValue():
                engine.note_escape(value, target, node)
            case Container():
                # One level: lists of callbacks are common, deeper nesting is data, and a list may contain itself.
                inner = {v for v in contents(engine, value) if not isinstance(v, Container)}
                _give(engine, target, node, inner, select)
            case _:
                register(engine, target, node, value, select)
    return back


def register(engine: Engine, target: str, node: Node, value: Value, select: str) -> None:
    """Record that `target` was given a function to call."""
    line = node.at[0] if isinstance(node, s.Call) else node.line
    match value:
        case FunctionValue(unit):
            engine.note_registration(unit, Registration(target, select, engine.unit, line, "argument", None, node))
        case BoundMethod(unit, receiver):
            engine.note_registration(unit, Registration(target, select, engine.unit, line, "argument", receiver, node))
        case ClientMethod(receiver, name):
            note_client_event(engine, receiver, name, node, "callback", target)
        case Partial(inner):
            register(engine, target, node, inner, select)

"""Handing objects and functions to code that cannot be seen.

A library that is given a function may call it: that registers the function. A library that is given an object may keep
it, may release it, and may give it back (`instrument(producer)`), so the object comes out again.
"""

from __future__ import annotations

from kafka_audit.catalog.hosts import INCLUDES, closes, host_named
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.containers import contents
from kafka_audit.link.flow.engine import NOTHING, Arguments, Engine, Node, Registration, Values
from kafka_audit.link.flow.events import note_client_event
from kafka_audit.link.flow.passing import bind_later
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClassValue,
    ClientMethod,
    ClientObject,
    Container,
    External,
    ForeignClient,
    FunctionValue,
    Instance,
    Made,
    Partial,
    Passed,
    Text,
    Unread,
    Value,
)


def hand_over(engine: Engine, target: str, node: s.Call, arguments: Arguments, host: Made | None = None) -> Values:
    """Give the arguments to `target`, a dotted name (`?` when unknown); returns what may come back.

    `host` is the object that the target belongs to, or that the call makes.
    """
    select = _first_text(arguments)
    if target.rpartition(".")[2] in INCLUDES and not arguments.get(0, "router"):
        engine.hosting.blind.setdefault(node, engine.unit)
    for_functions = bind_later(engine, target, arguments)
    back: Values = set()
    for index, values in enumerate(arguments.positional):
        if index not in for_functions:
            back |= _give(engine, target, node, values, select, host)
    for keyword, values in arguments.keywords.items():
        if keyword not in for_functions:
            back |= _give(engine, target, node, values, keyword, host)
    return back | _give(engine, target, node, arguments.spread, select, host)


def has_news(arguments: Arguments) -> bool:
    """Whether handing the arguments over means anything."""
    return any(_is_news(value) for values in arguments.all() for value in values)


def _is_news(value: Value) -> bool:
    """Whether handing the value over means anything: texts and what is known of a library by name do not."""
    if type(value) is External:
        return value.made is not None or closes(value.dotted)
    return type(value) is not Text


def _first_text(arguments: Arguments) -> str:
    first = arguments.positional[0] if arguments.positional else set()
    return min((value.text for value in first if isinstance(value, Text)), default="")


def _give(engine: Engine, target: str, node: s.Call, values: Values, select: str, host: Made | None) -> Values:
    """Give each value once; returns the objects among all that were ever given, which may come back."""
    news = {value for value in values if _is_news(value)}
    if not news:
        return NOTHING
    given, back = engine.given.setdefault((target, node, select, host), (set(), set()))
    for value in news - given:
        if isinstance(value, Container):
            # One level: lists of callbacks are common, deeper nesting is data, and a list may contain itself.
            for inner in contents(engine, value) - given:
                if not isinstance(inner, Container):
                    _give_one(engine, target, node, inner, select, host)
            continue  # what is in it may still grow
        given.add(value)
        _give_one(engine, target, node, value, select, host)
        if isinstance(value, ClientObject | Instance | ForeignClient):
            back.add(value)
    return back


def _give_one(engine: Engine, target: str, node: s.Call, value: Value, select: str, host: Made | None) -> None:
    match value:
        case External(dotted, made):
            if made is not None:
                engine.hosting.passed.setdefault((made, node), Passed(dotted, target, engine.unit))
            if closes(dotted):
                engine.hosting.closings.setdefault((dotted, made, node), engine.unit)
        case Unread(path) if host_named(target):
            engine.wanted.add(path)  # a lifespan in a file of its own: it may release what carries no client there
        case ClientObject() | Instance() | ForeignClient() | ClassValue():
            engine.note_escape(value, target, node)
        case _:
            register(engine, target, node, value, select, host)


def register(engine: Engine, target: str, node: Node, value: Value, select: str, host: Made | None = None) -> None:
    """Record that `target` was given a function to call."""
    line = node.at[0] if isinstance(node, s.Call) else node.line
    match value:
        case FunctionValue(unit):
            given = Registration(target, select, engine.unit, line, "argument", None, node, host)
            engine.note_registration(unit, given)
        case BoundMethod(unit, receiver):
            given = Registration(target, select, engine.unit, line, "argument", receiver, node, host)
            engine.note_registration(unit, given)
        case ClientMethod(receiver, name):
            note_client_event(engine, receiver, name, node, "callback", target)
        case Partial(inner):
            register(engine, target, node, inner, select, host)

"""Attributes that the code reads and writes by name: `getattr`, `setattr`."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import any_client, attribute_of, store_attribute
from kafka_audit.link.flow.engine import Arguments, Engine, Values
from kafka_audit.link.flow.handover import hand_over
from kafka_audit.link.flow.values import ClientObject, Text
from kafka_audit.link.reading.words import words


def read_by_name(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`getattr(x, name)`. By a name that is not known, it may be any client that the object has, or any method."""
    names = [value.text for value in arguments.get(1) if isinstance(value, Text)]
    found = set(arguments.get(2))
    for value in arguments.get(0):
        for name in names:
            found |= attribute_of(engine, value, name)
    if not names and not engine.settled:
        engine.wait()
    elif not names:
        clients: Values = {value for value in arguments.get(0) if isinstance(value, ClientObject)}
        hand_over(engine, "?", node, Arguments([clients]))
        found = found.union(*(any_client(engine, value) for value in arguments.get(0)))
    return found


def write_by_name(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`setattr(x, name, value)`. By a name that is not known, some attribute keeps the value."""
    target = f"{words(node.arguments[0].value)}." if len(node.arguments) == 3 else ""  # not of a `partial`
    names = [value for value in arguments.get(1) if isinstance(value, Text)]
    if not names:
        return hand_over(engine, "?", node, Arguments([arguments.get(2)]))
    for name in names:
        text = f"{target}{name.text}"
        store_attribute(engine, arguments.get(0), name.text, arguments.get(2), text, node.at[0])
    return set()

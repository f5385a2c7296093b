"""What does a test replace while it runs? Names in the strings of `patch` and its kind, and keys of `sys.modules`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit, enclosing
from kafka_audit.link.reading.walk import expressions, inside, statements

PATCHES = frozenset({"patch", "object", "setattr", "setitem", "dict", "multiple"})
"""Last names of what replaces attributes for a while: `mock.patch`, `patch.object`, `monkeypatch.setattr`."""


def replaces(unit: Unit, through: Iterable[Unit], client: str) -> bool:
    """Whether the function, or a decorator around it, replaces the client or a function on the way to it."""
    wanted = {client, *(name for each in through for name in _names(each))}
    return not wanted.isdisjoint(_replaced(unit))


def _names(callee: Unit) -> Iterator[str]:
    """The names that lead to a function: its own, its class's, its module's."""
    yield from callee.qualname.split(".")
    yield PurePosixPath(callee.module.path).stem


def _replaced(unit: Unit) -> set[str]:
    """Last names of everything that is replaced while the unit runs."""
    found: set[str] = set()
    for outer in enclosing(unit):
        decorators = outer.node.decorators if isinstance(outer.node, s.Function | s.Class) else ()
        for decorator in decorators:
            found.update(_in(decorator))
    for statement in statements(unit.body):
        for expression in expressions(statement):
            found.update(_in(expression))
    return found


def _in(expression: s.Expr) -> Iterator[str]:
    for part in inside(expression):
        match part:
            case s.Call(s.Name(name) | s.Attribute(_, name), arguments) if name in PATCHES:
                for argument in arguments[:2]:
                    yield from _words(argument.value)
            case s.Subscript(s.Attribute(s.Name("sys"), "modules"), key):
                yield from _words(key)


def _words(expression: s.Expr) -> Iterator[str]:
    """The parts of a dotted string, and the names of an expression."""
    match expression:
        case s.Constant(str() as text):
            yield from text.split(".")[-2:]
        case s.Name(name):
            yield name
        case s.Attribute(value, name):
            yield name
            yield from _words(value)

"""What does a body do that matters while tests run, in its order?

An act is a call, an import, an assignment to something that other code looks up, a `with`, a `try`, a class body or a
`yield`. Branches and loops are taken for straight lines: what may happen is told, whether it does is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kafka_audit.facts import schema as s
from kafka_audit.link.scopes import Unit
from kafka_audit.link.statements import is_main_guard, is_typing_guard
from kafka_audit.link.walk import expressions, inside
from kafka_audit.link.words import words


@dataclass(frozen=True, slots=True)
class Call:
    """A call, after those in its arguments."""

    node: s.Call


@dataclass(frozen=True, slots=True)
class Load:
    """One imported name."""

    node: s.Import


@dataclass(frozen=True, slots=True)
class Store:
    """An assignment to an attribute or an element."""

    target: s.Attribute | s.Subscript
    value: s.Expr
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A `with` and what runs inside it."""

    node: s.With
    body: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A `try`: its body, what runs when an import in it fails, what runs after any other failure, and the rest.

    `catches` says that a failing import does not leave the statement.
    """

    body: tuple[Act, ...]
    without: tuple[Act, ...]
    handlers: tuple[Act, ...]
    rest: tuple[Act, ...]
    catches: bool


@dataclass(frozen=True, slots=True)
class ClassBody:
    """A class statement, which runs its body."""

    node: s.Class


@dataclass(frozen=True, slots=True)
class Pause:
    """A `yield`: a fixture hands over here."""


@dataclass(frozen=True, slots=True)
class Under:
    """What runs only on a condition that does not hold unless somebody sees to it: a switch that is off by default, or
    an exception. `condition` is the condition in words."""

    condition: str
    body: tuple[Act, ...]


Act = Call | Load | Store | Block | Attempt | ClassBody | Pause | Under

_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError"})
_ANY_ERROR = frozenset({"Exception", "BaseException"})


def acts_of(unit: Unit) -> tuple[Act, ...]:
    """The acts of a unit's own body."""
    return _acts(unit.body)


def _acts(body: s.Body) -> tuple[Act, ...]:
    return tuple(act for statement in body for act in _of_statement(statement))


def _of_statement(statement: s.Stmt) -> Iterator[Act]:
    if isinstance(statement, s.If) and is_typing_guard(statement.test):
        yield from _acts(statement.orelse)
        return
    for expression in expressions(statement):
        yield from _of_expression(expression)
    special = _SPECIAL.get(type(statement))
    if special is not None:
        yield from special(statement)


def _of_expression(expression: s.Expr) -> Iterator[Act]:
    """The calls and yields of an expression, inner ones first."""
    for part in reversed(list(inside(expression))):
        if isinstance(part, s.Call):
            yield Call(part)
        elif isinstance(part, s.Yield):
            yield Pause()


def _if(node: s.If) -> Iterator[Act]:
    switch = _switch(node.test)
    if switch:
        yield Under(f"`{switch}` is set", _acts(node.body))
    elif not is_main_guard(node.test):
        yield from _acts(node.body)
    yield from _acts(node.orelse)


def _switch(test: s.Expr) -> str:
    """The name of a switch that is off unless somebody turns it on: an environment variable, a `getattr` that defaults
    to nothing."""
    if isinstance(test, s.Compare):
        return _switch(test.left) if test.operator in {"==", "in"} else ""
    if isinstance(test, s.Call) and isinstance(test.function, s.Attribute) and test.function.name in _SAME_TEXT:
        return _switch(test.function.value)
    if not isinstance(test, s.Call):
        return ""
    values = [argument.value for argument in test.arguments if argument.keyword is None]
    constants = [value.value if isinstance(value, s.Constant) else ... for value in values]
    match words(test.function), constants:
        case "getattr", [_, str(name), False | None | 0 | ""]:
            return name
        case "os.getenv" | "getenv" | "os.environ.get" | "environ.get", [str(name)]:
            return name
        case "os.getenv" | "getenv" | "os.environ.get" | "environ.get", [
            str(name),
            None | "" | "0" | "false" | "False",
        ]:
            return name
    return ""


_SAME_TEXT = frozenset({"lower", "strip", "upper", "casefold"})


def _loop(node: s.For | s.While) -> Iterator[Act]:
    yield from _acts(node.body)
    yield from _acts(node.orelse)


def _try(node: s.Try) -> Iterator[Act]:
    without = [handler for handler in node.handlers if _names(handler, _IMPORT_ERRORS)]
    others = [handler for handler in node.handlers if handler not in without]
    yield Attempt(
        _acts(node.body),
        tuple(act for handler in without for act in _acts(handler.body)),
        tuple(_failed(handler) for handler in others if handler.body),
        (*_acts(node.orelse), *_acts(node.final)),
        bool(without) or any(handler.types is None or _names(handler, _ANY_ERROR) for handler in others),
    )


def _failed(handler: s.Handler) -> Under:
    return Under(f"what line {handler.line} catches is raised", _acts(handler.body))


def _names(handler: s.Handler, types: frozenset[str]) -> bool:
    """Whether the handler names one of these exceptions, alone or among others."""
    named = handler.types.elements if isinstance(handler.types, s.Sequence) else (handler.types,)
    return any(isinstance(each, s.Name) and each.id in types for each in named)


def _match(node: s.Match) -> Iterator[Act]:
    for case in node.cases:
        yield from _acts(case.body)


def _assign(node: s.Assign) -> Iterator[Act]:
    for target in node.targets:
        if isinstance(target, s.Attribute | s.Subscript) and node.value is not None:
            yield Store(target, node.value, node.line)


_SPECIAL: dict[type, Callable[[Any], Iterator[Act]]] = {
    s.Assign: _assign,
    s.Class: lambda node: iter((ClassBody(node),)),
    s.For: _loop,
    s.If: _if,
    s.Import: lambda node: iter((Load(node),)),
    s.Match: _match,
    s.Try: _try,
    s.While: _loop,
    s.With: lambda node: iter((Block(node, _acts(node.body)),)),
}

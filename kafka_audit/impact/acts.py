"""What does a body do that matters while tests run, in its order?

An act is a call, an import, an assignment to something that other code looks up, a `with`, a `try`, a class body or a
`yield`. Loops and most branches are taken for straight lines: what may happen is told, whether it does is not known.
Two kinds of branches are read (`impact/branches.py`): on switches, and on variables that are filled once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kafka_audit.facts import schema as s
from kafka_audit.impact.branches import Branches, Switches, Variable
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.statements import is_main_guard, is_typing_guard
from kafka_audit.link.reading.walk import expressions, inside


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
    """What runs only on a condition that does not hold unless somebody sees to it. `condition` says it in words."""

    condition: str
    body: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """An assignment to a variable that outlives the call; `is_empty` when it is None that is assigned."""

    variable: Variable
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Lazy:
    """A branch on whether a variable that outlives the call is filled."""

    variable: Variable
    filled: tuple[Act, ...]
    empty: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Switched:
    """A branch on switches."""

    switches: Switches
    on: tuple[Act, ...]
    off: tuple[Act, ...]


Act = Call | Load | Store | Block | Attempt | ClassBody | Pause | Under | Fill | Lazy | Switched

_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError"})
_ANY_ERROR = frozenset({"Exception", "BaseException"})


class Reader:
    """Reads the bodies of one program."""

    def __init__(self, engine: Engine, is_act: Callable[[s.Call], bool]) -> None:
        """`is_act` says of a call whether it can do anything that matters."""
        self._branches = Branches(engine)
        self._is_act = is_act
        self._unit: Unit

    def acts_of(self, unit: Unit) -> tuple[Act, ...]:
        """The acts of a unit's own body."""
        self._unit = unit
        return self._acts(unit.body)

    def _acts(self, body: s.Body) -> tuple[Act, ...]:
        found: list[Act] = []
        for index, statement in enumerate(body):
            if isinstance(statement, s.If):
                rest = body[index + 1 :] if _always_leaves(statement.body) and not statement.orelse else None
                branch = self._branch(statement, rest)
                if branch is not None:
                    found += [act for e in expressions(statement) for act in self._of_expression(e)]
                    found.append(branch)
                    if rest is not None:
                        break
                    continue
            found += self._of_statement(statement)
        return tuple(found)

    def _branch(self, node: s.If, rest: s.Body | None) -> Act | None:
        """A branch of a kind that is read; `rest` is what follows a body that leaves the unit, and so its `else`."""
        otherwise = node.orelse if rest is None else rest
        switches = self._branches.switches(self._unit, node.test)
        if switches is not None:
            bodies = (node.body, otherwise) if switches.is_on else (otherwise, node.body)
            return Switched(switches, self._acts(bodies[0]), self._acts(bodies[1]))
        lazy = self._branches.variable(self._unit, node.test)
        if lazy is None:
            return None
        variable, is_filled = lazy
        bodies = (node.body, otherwise) if is_filled else (otherwise, node.body)
        return Lazy(variable, self._acts(bodies[0]), self._acts(bodies[1]))

    def _of_statement(self, statement: s.Stmt) -> Iterator[Act]:
        if isinstance(statement, s.If) and is_typing_guard(statement.test):
            yield from self._acts(statement.orelse)
            return
        for expression in expressions(statement):
            yield from self._of_expression(expression)
        special = _SPECIAL.get(type(statement))
        if special is not None:
            yield from special(self, statement)

    def _of_expression(self, expression: s.Expr) -> Iterator[Act]:
        """The calls and yields of an expression, inner ones first."""
        for part in reversed(list(inside(expression))):
            if isinstance(part, s.Call):
                if self._is_act(part):
                    yield Call(part)
            elif isinstance(part, s.Yield):
                yield Pause()

    def _if(self, node: s.If) -> Iterator[Act]:
        if not is_main_guard(node.test):
            yield from self._acts(node.body)
        yield from self._acts(node.orelse)

    def _loop(self, node: s.For | s.While) -> Iterator[Act]:
        yield from self._acts(node.body)
        yield from self._acts(node.orelse)

    def _try(self, node: s.Try) -> Iterator[Act]:
        without = [handler for handler in node.handlers if _names(handler, _IMPORT_ERRORS)]
        others = [handler for handler in node.handlers if handler not in without]
        yield Attempt(
            self._acts(node.body),
            tuple(act for handler in without for act in self._acts(handler.body)),
            tuple(self._failed(handler) for handler in others if handler.body),
            (*self._acts(node.orelse), *self._acts(node.final)),
            bool(without) or any(handler.types is None or _names(handler, _ANY_ERROR) for handler in others),
        )

    def _failed(self, handler: s.Handler) -> Under:
        return Under(f"what line {handler.line} catches is raised", self._acts(handler.body))

    def _match(self, node: s.Match) -> Iterator[Act]:
        for case in node.cases:
            yield from self._acts(case.body)

    def _assign(self, node: s.Assign) -> Iterator[Act]:
        for target in node.targets:
            variable = self._branches.lasting(self._unit, target) if node.value is not None else None
            if variable is not None:
                yield Fill(variable, isinstance(node.value, s.Constant) and node.value.value is None)
            if isinstance(target, s.Attribute | s.Subscript) and node.value is not None:
                yield Store(target, node.value, node.line)

    def _class(self, node: s.Class) -> Iterator[Act]:
        yield ClassBody(node)

    def _import(self, node: s.Import) -> Iterator[Act]:
        yield Load(node)

    def _with(self, node: s.With) -> Iterator[Act]:
        yield Block(node, self._acts(node.body))


def _always_leaves(body: s.Body) -> bool:
    return bool(body) and isinstance(body[-1], s.Return | s.Raise)


def _names(handler: s.Handler, types: frozenset[str]) -> bool:
    """Whether the handler names one of these exceptions, alone or among others."""
    named = handler.types.elements if isinstance(handler.types, s.Sequence) else (handler.types,)
    return any(isinstance(each, s.Name) and each.id in types for each in named)


_SPECIAL: dict[type, Callable[[Reader, Any], Iterator[Act]]] = {
    s.Assign: Reader._assign,
    s.Class: Reader._class,
    s.For: Reader._loop,
    s.If: Reader._if,
    s.Import: Reader._import,
    s.Match: Reader._match,
    s.Try: Reader._try,
    s.While: Reader._loop,
    s.With: Reader._with,
}

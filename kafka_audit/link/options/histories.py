"""What does a variable or field hold after the statements before some point: a dict that is built step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.externals import INERT, LOGS
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClassValue, ClientType, External
from kafka_audit.link.options.known import UNKNOWN, Entry, Known
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements, target_names

if TYPE_CHECKING:
    from kafka_audit.link.options.dicts import Dicts

COPIES = frozenset({"copy.copy", "copy.deepcopy", "builtins.dict", "types.MappingProxyType"})
"""Functions whose result has the entries of the dict that they are given."""


class History:
    """What one place holds after the statements of one unit up to some point."""

    def __init__(self, dicts: Dicts, unit: Unit, target: s.Expr, depth: int) -> None:
        self.dicts, self.unit, self.target, self.depth = dicts, unit, target, depth
        self.known: Known | None = None
        self.around: set[s.Stmt] = set()
        self.at: s.Node | None = None

    def after(self, body: s.Body, at: s.Node | None, known: Known | None = None) -> Known | None:
        """What the place holds at `at`, or at the end; None when nothing assigns it."""
        self.known, self.at = known, at
        self.around = set(_path_to(body, at)) if at is not None else set()
        self._block(body, is_certain=True)
        return self.known

    def _block(self, body: s.Body, *, is_certain: bool) -> bool:
        """Follow a block; whether the point was reached in it."""
        for statement in body:
            branches = bool(child_bodies(statement)) and not _runs_through(statement)
            is_around = statement in self.around
            if not child_bodies(statement) or not is_around:
                if statement is self.at or any(part is self.at for e in expressions(statement) for part in inside(e)):
                    return True
                self._statement(statement, is_certain=is_certain)
            for inner in child_bodies(statement):
                is_here = is_around and any(st in self.around or self._holds(st) for st in inner)
                certain = is_certain and (is_here or not branches) and not _handles(statement, inner)
                if is_around and not is_here and branches:
                    continue  # another branch than the one that leads to the point
                if self._block(inner, is_certain=certain):
                    return True
        return False

    def _holds(self, statement: s.Stmt) -> bool:
        return statement is self.at or any(part is self.at for e in expressions(statement) for part in inside(e))

    def _statement(self, statement: s.Stmt, *, is_certain: bool) -> None:
        match statement:
            case s.Assign(targets, value) if value is not None:
                for target in targets:
                    self._assign(target, value, statement, is_certain=is_certain)
            case s.Augment(target, value) if self._is_it(target):
                self._merge(self.dicts.of(self.unit, value, statement, self.depth + 1), is_certain=is_certain)
            case s.Delete(targets):
                for target in targets:
                    if isinstance(target, s.Subscript) and self._is_it(target.value):
                        self._remove(target.key)
        if any(self._is_it(s.Name(name)) for name in bound(statement)) and not isinstance(
            statement, s.Assign | s.Augment
        ):
            self.known = UNKNOWN
        for expression in expressions(statement):
            for part in inside(expression):
                if isinstance(part, s.Call):
                    self._call(part, statement, is_certain=is_certain)

    def _assign(self, target: s.Expr, value: s.Expr, statement: s.Assign, *, is_certain: bool) -> None:
        if self._is_it(target):
            given = self.dicts.of(self.unit, value, statement, self.depth + 1)
            before = self.known.perhaps() if self.known is not None else None
            if is_certain or before is None:
                self.known = given if is_certain else given.perhaps()
            else:
                self.known = Known((*before.entries, *given.perhaps().entries), False)
        elif isinstance(target, s.Subscript) and self._is_it(target.value):
            key = self.dicts.text(self.unit, target.key)
            if key is not None:
                self._set(Entry(key, value, self.unit, statement.line, is_certain))
            elif self.known is not None:
                self.known = replace(self.known.with_hidden_values(), is_complete=False)
        elif isinstance(target, s.Sequence) and any(self._is_it(element) for element in target.elements):
            self.known = UNKNOWN

    def _call(self, node: s.Call, statement: s.Stmt, *, is_certain: bool) -> None:
        function = node.function
        if isinstance(function, s.Attribute) and self._is_it(function.value):
            self._method(node, function.name, statement, is_certain=is_certain)
        elif self.known is not None and self._is_handed_over(node):
            self.known = UNKNOWN

    def _method(self, node: s.Call, name: str, statement: s.Stmt, *, is_certain: bool) -> None:
        first = node.arguments[0].value if node.arguments else None
        if name == "update":
            given = self.dicts.dict_call(self.unit, node, statement, self.depth)
            self._merge(given, is_certain=is_certain)
        elif name == "setdefault":
            key = self.dicts.text(self.unit, first)
            second = node.arguments[1].value if len(node.arguments) > 1 else None
            if self.known is not None and key is not None and all(e.name != key for e in self.known.entries):
                value = second if self.known.is_complete else None
                self._set(Entry(key, value, self.unit, node.at[0], is_certain))
        elif name in {"pop", "__delitem__"} and first is not None:
            self._remove(first)
        elif name in {"clear", "popitem"}:
            self.known = UNKNOWN

    def _merge(self, given: Known, *, is_certain: bool) -> None:
        if self.known is not None:
            self.known = self.known.merged(given if is_certain else given.perhaps())

    def _set(self, entry: Entry) -> None:
        if self.known is not None:
            self.known = self.known.with_entry(entry)

    def _remove(self, key: s.Expr) -> None:
        name = self.dicts.text(self.unit, key)
        if self.known is not None:
            self.known = self.known.without(name) if name is not None else UNKNOWN

    def _is_it(self, expression: s.Expr) -> bool:
        match self.target, expression:
            case s.Name(name), s.Name(other):
                return name == other
            case s.Attribute(s.Name(base), name), s.Attribute(s.Name(other_base), other):
                return (base, name) == (other_base, other)
        return False

    def _is_handed_over(self, node: s.Call) -> bool:
        """Whether the dict itself goes to code that may change it: no client, no copy, nothing that only prints it."""
        if not any(self._is_it(argument.value) and not argument.star for argument in node.arguments):
            return False
        if isinstance(node.function, s.Attribute) and node.function.name in LOGS:
            return False
        callees = self.dicts.engine.look(self.unit, node.function)
        harmless = [
            isinstance(value, ClientType | ClassValue)
            or (isinstance(value, External) and (value.dotted in COPIES or value.dotted in INERT))
            for value in callees
        ]
        return not harmless or not all(harmless)


def bound(statement: s.Stmt) -> list[str]:
    """The plain names that a statement binds itself."""
    match statement:
        case s.Assign(targets) | s.Delete(targets):
            return [name for target in targets for name in target_names(target)]
        case s.Augment(target) | s.For(target):
            return list(target_names(target))
        case s.With(items):
            return [name for item in items if item.target is not None for name in target_names(item.target)]
        case s.Function(name) | s.Class(name):
            return [name]
        case s.Import(_, _, bound):
            return [bound]
    return []


def _path_to(body: s.Body, at: s.Node) -> Iterator[s.Stmt]:
    """The statements around a node, outermost first."""
    for statement in body:
        for inner in child_bodies(statement):
            if any(
                st is at or any(part is at for e in expressions(st) for part in inside(e)) for st in statements(inner)
            ):
                yield statement
                yield from _path_to(inner, at)
                return


def _runs_through(statement: s.Stmt) -> bool:
    """Whether the first block of a compound statement runs whenever the statement does."""
    always = isinstance(statement, s.If) and isinstance(statement.test, s.Constant) and bool(statement.test.value)
    return always or isinstance(statement, s.With | s.Try)


def _handles(statement: s.Stmt, inner: s.Body) -> bool:
    return isinstance(statement, s.Try) and any(handler.body is inner for handler in statement.handlers)

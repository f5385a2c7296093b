"""What does a module of the interpreter's own syntax tree say, in the words of `schema`?

The counterpart of `concrete.statements`, node for node.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from kafka_audit.facts import schema
from kafka_audit.facts.abstract.expressions import Expressions
from kafka_audit.facts.symbols import Symbols, asks_for_main


class Statements(Expressions):
    """Lowers the statements of one module."""

    __slots__ = ("_globals", "_is_module_level", "symbols")

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.symbols = Symbols()
        self._globals: set[str] = set()
        self._is_module_level = True

    def statements(self, nodes: Iterable[Any]) -> schema.Body:
        """Lower statements in order; raises `NotTheSame`."""
        body: list[schema.Stmt] = []
        self.deeper()
        if self._is_module_level:
            for node in nodes:
                self._define(node, body)
        else:
            for node in nodes:
                _STATEMENTS[type(node)](self, node, body)
        self.depth -= 1
        return tuple(body)

    def _define(self, node: Any, body: list[schema.Stmt]) -> None:
        """Lower a statement of the module's own scope: what it mentions is said of the names it binds."""
        around, start = (self.mentions, self.bound, self._globals), len(body)
        self.mentions, self.bound, self._globals = set(), set(), set()
        _STATEMENTS[type(node)](self, node, body)
        self._is_module_level = True
        self.symbols.add(body[start:], self.bound | self._globals, self.mentions)
        self.mentions, self.bound, self._globals = around

    def _evaluate(self, node: Any, body: list[schema.Stmt]) -> None:
        if type(node.value) is ast.Constant:
            return
        value = self.expression(node.value)
        if type(value) is schema.Constant or (type(value) is schema.Opaque and not value.parts):
            return
        body.append(schema.Evaluate(value, node.lineno))

    def _assign(self, node: Any, body: list[schema.Stmt]) -> None:
        value = self.expression(node.value)
        targets = tuple([self.expression(target) for target in node.targets])
        body.append(schema.Assign(targets, value, None, node.lineno))

    def _annotated(self, node: Any, body: list[schema.Stmt]) -> None:
        target, annotation = self.expression(node.target), self.expression(node.annotation)
        body.append(schema.Assign((target,), self.optional(node.value), annotation, node.lineno))

    def _augment(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Augment(self.expression(node.target), self.expression(node.value), node.lineno))

    def _return(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Return(self.optional(node.value), node.lineno))

    def _raise(self, node: Any, body: list[schema.Stmt]) -> None:
        self.optional(node.cause)  # for its mentions
        body.append(schema.Raise(self.optional(node.exc), node.lineno))

    def _break(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Break(node.lineno))

    def _continue(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Continue(node.lineno))

    def _drop(self, node: Any, body: list[schema.Stmt]) -> None:
        """`pass` and `type` aliases decide nothing."""

    def _delete(self, node: Any, body: list[schema.Stmt]) -> None:
        targets = tuple([self.expression(target) for target in node.targets])
        if len(targets) == 1 and type(targets[0]) is schema.Sequence:
            targets = targets[0].elements
        body.append(schema.Delete(targets, node.lineno))

    def _assert(self, node: Any, body: list[schema.Stmt]) -> None:
        self.optional(node.msg)  # for its mentions
        body.append(schema.Assert(self.expression(node.test), node.lineno))

    def _global(self, node: Any, body: list[schema.Stmt]) -> None:
        self._globals.update(node.names)
        self.mentions.update(node.names)
        body.append(schema.Declare("global", tuple(node.names), node.lineno))

    def _nonlocal(self, node: Any, body: list[schema.Stmt]) -> None:
        self.mentions.update(node.names)
        body.append(schema.Declare("nonlocal", tuple(node.names), node.lineno))

    def _import(self, node: Any, body: list[schema.Stmt]) -> None:
        for alias in node.names:
            parts = alias.name.split(".")
            bound = alias.asname or parts[0]
            self.mentions.update((bound, *parts))
            body.append(schema.Import(alias.name, None, bound, 0, node.lineno))

    def _import_from(self, node: Any, body: list[schema.Stmt]) -> None:
        module = node.module or ""
        self.mentions.update(module.split(".") if module else ())
        for alias in node.names:
            bound = alias.asname or alias.name
            if bound != "*":
                self.mentions.update((alias.name, bound))
            body.append(schema.Import(module, alias.name, bound, node.level, node.lineno))

    def _if(self, node: Any, body: list[schema.Stmt]) -> None:
        test = self.expression(node.test)
        outer = self._is_module_level
        self._is_module_level = outer and not asks_for_main(test)
        then = self.statements(node.body)
        self._is_module_level = outer
        body.append(schema.If(test, then, self.statements(node.orelse), node.lineno))

    def _while(self, node: Any, body: list[schema.Stmt]) -> None:
        test = self.expression(node.test)
        body.append(schema.While(test, self.statements(node.body), self.statements(node.orelse), node.lineno))

    def _for(self, node: Any, body: list[schema.Stmt]) -> None:
        target, iterable = self.expression(node.target), self.expression(node.iter)
        then, orelse = self.statements(node.body), self.statements(node.orelse)
        body.append(schema.For(target, iterable, then, orelse, type(node) is ast.AsyncFor, node.lineno))

    def _handler(self, node: Any) -> schema.Handler:
        return schema.Handler(self.optional(node.type), node.name, self.statements(node.body), node.lineno)

    def _try(self, node: Any, body: list[schema.Stmt]) -> None:
        then = self.statements(node.body)
        handlers = tuple([self._handler(handler) for handler in node.handlers])
        orelse, final = self.statements(node.orelse), self.statements(node.finalbody)
        body.append(schema.Try(then, handlers, orelse, final, node.lineno))

    def _item(self, node: Any) -> schema.Item:
        target = self.optional(node.optional_vars)
        return schema.Item(self.expression(node.context_expr), target, node.context_expr.lineno)

    def _with(self, node: Any, body: list[schema.Stmt]) -> None:
        items = tuple([self._item(item) for item in node.items])
        body.append(schema.With(items, self.statements(node.body), type(node) is ast.AsyncWith, node.lineno))

    def _case(self, node: Any) -> schema.Case:
        names: set[str] = set()
        for part in ast.walk(node.pattern):
            name = getattr(part, "rest" if type(part) is ast.MatchMapping else "name", None)
            if name is not None:
                names.add(name)
        self._compared(node.pattern)
        guard, matches_all = self.optional(node.guard), _is_irrefutable(node.pattern)
        return schema.Case(tuple(sorted(names)), matches_all, guard, self.statements(node.body), node.pattern.lineno)

    def _compared(self, pattern: ast.AST) -> None:
        """Note what a pattern mentions: classes, constants, keys."""
        for part in ast.iter_child_nodes(pattern):
            if isinstance(part, ast.pattern):
                self._compared(part)
            else:
                self.expression(part)

    def _match(self, node: Any, body: list[schema.Stmt]) -> None:
        subject = self.expression(node.subject)
        body.append(schema.Match(subject, tuple([self._case(case) for case in node.cases]), node.lineno))

    def _function(self, node: Any, body: list[schema.Stmt]) -> None:
        decorators = tuple([self.expression(decorator) for decorator in node.decorator_list])
        parameters, returns = self.parameters(node.args), self.optional(node.returns)
        outer = (self.yields, self.nests, self.bound)
        self._is_module_level, self.yields, self.nests, self.bound = False, False, False, set()
        inner = self.statements(node.body)
        is_generator, is_nesting = self.yields, self.nests
        self.yields, self.nests, self.bound = outer
        is_async = type(node) is ast.AsyncFunctionDef
        body.append(
            schema.Function(
                node.name,
                parameters,
                decorators,
                returns,
                inner,
                is_async,
                is_generator,
                is_nesting,
                node.lineno,
                node.end_lineno,
            )
        )

    def _class(self, node: Any, body: list[schema.Stmt]) -> None:
        decorators = tuple([self.expression(decorator) for decorator in node.decorator_list])
        bases = self.arguments(node.bases, node.keywords)
        outer = self.bound
        self._is_module_level, self.bound = False, set()
        inner = self.statements(node.body)
        self.bound = outer
        body.append(schema.Class(node.name, bases, decorators, inner, node.lineno, node.end_lineno))


def _is_irrefutable(pattern: Any) -> bool:
    if type(pattern) is ast.MatchAs:
        return pattern.pattern is None or _is_irrefutable(pattern.pattern)
    return type(pattern) is ast.MatchOr and any(_is_irrefutable(each) for each in pattern.patterns)


_STATEMENTS: dict[type[ast.AST], Callable[[Statements, Any, list[schema.Stmt]], None]] = {
    ast.AnnAssign: Statements._annotated,
    ast.Assert: Statements._assert,
    ast.Assign: Statements._assign,
    ast.AsyncFor: Statements._for,
    ast.AsyncFunctionDef: Statements._function,
    ast.AsyncWith: Statements._with,
    ast.AugAssign: Statements._augment,
    ast.Break: Statements._break,
    ast.ClassDef: Statements._class,
    ast.Continue: Statements._continue,
    ast.Delete: Statements._delete,
    ast.Expr: Statements._evaluate,
    ast.For: Statements._for,
    ast.FunctionDef: Statements._function,
    ast.Global: Statements._global,
    ast.If: Statements._if,
    ast.Import: Statements._import,
    ast.ImportFrom: Statements._import_from,
    ast.Match: Statements._match,
    ast.Nonlocal: Statements._nonlocal,
    ast.Pass: Statements._drop,
    ast.Raise: Statements._raise,
    ast.Return: Statements._return,
    ast.Try: Statements._try,
    ast.While: Statements._while,
    ast.With: Statements._with,
}

_NEWER: dict[str, Callable[[Statements, Any, list[schema.Stmt]], None]] = {
    "TryStar": Statements._try,
    "TypeAlias": Statements._drop,
}
"""Node types that the oldest supported Python does not have."""

_STATEMENTS.update({getattr(ast, name): lower for name, lower in _NEWER.items() if hasattr(ast, name)})

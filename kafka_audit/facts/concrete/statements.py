"""What does a parsed module say, in the words of `schema`?

While it lowers, the pass collects what `FileFacts.symbols` needs: the identifiers each top-level statement mentions and
the module-level names it binds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from kafka_audit.facts import schema
from kafka_audit.facts.concrete.expressions import Expressions, TooDeep
from kafka_audit.facts.concrete.names import identifier
from kafka_audit.facts.concrete.patterns import captures, is_irrefutable, values
from kafka_audit.facts.concrete.positions import Positions
from kafka_audit.facts.symbols import Symbols, asks_for_main

_LONE = (cst.Ellipsis, cst.Integer, cst.SimpleString)


class Statements(Expressions):
    """Lowers the statements of one module.

    `flaws` grows by one for each statement that was dropped as too deep. `symbols` collects the definitions of the
    module's own scope.
    """

    __slots__ = ("_globals", "_is_module_level", "flaws", "symbols")

    def __init__(self, positions: Positions) -> None:
        super().__init__(positions)
        self.flaws: list[schema.Flaw] = []
        self.symbols = Symbols()
        self._globals: set[str] = set()
        self._is_module_level = True

    def statements(self, nodes: Iterable[Any]) -> schema.Body:
        """Lower statements in order; one that is too deep becomes a flaw."""
        body: list[schema.Stmt] = []
        depth = self.depth
        for node in nodes:
            if type(node) is cst.SimpleStatementLine:
                body.extend(self.statements(node.body))
                continue
            self.depth = depth + 1
            if self._is_module_level:
                self._define(node, body)
            else:
                self._lower(node, body)
            self.depth = depth
        return tuple(body)

    def _lower(self, node: Any, body: list[schema.Stmt]) -> None:
        yields = self.yields
        try:
            _STATEMENTS[type(node)](self, node, body)
        except TooDeep:
            self.yields = yields  # it may have been raised inside a lambda, which has yields of its own
            message = "The statement is nested too deeply to be followed."
            self.flaws.append(schema.Flaw("too-deep", self.line(node), message))

    def _define(self, node: Any, body: list[schema.Stmt]) -> None:
        """Lower a statement of the module's own scope: what it mentions is said of the names it binds.

        A block speaks for the names of its first line only; the statements inside speak for themselves.
        """
        around, start = (self.mentions, self.bound, self._globals), len(body)
        self.mentions, self.bound, self._globals = set(), set(), set()
        self._lower(node, body)
        self._is_module_level = True
        self.symbols.add(body[start:], self.bound | self._globals, self.mentions)
        self.mentions, self.bound, self._globals = around

    def line(self, node: Any) -> int:
        """The line where a statement, handler, item or case starts."""
        return self.positions.lines[id(node)]

    def _suite(self, node: Any) -> schema.Body:
        """The body of a compound statement, indented or on the line of its colon; empty when there is none."""
        if node is None:
            return ()
        if type(node) in (cst.Else, cst.Finally):
            node = node.body
        return self.statements((node,)) if type(node) is cst.If else self.statements(node.body)

    def _evaluate(self, node: Any, body: list[schema.Stmt]) -> None:
        if _is_lone(node.value):
            return
        value = self.expression(node.value)
        if type(value) is schema.Constant or (type(value) is schema.Opaque and not value.parts):
            return
        body.append(schema.Evaluate(value, self.line(node)))

    def _assign(self, node: Any, body: list[schema.Stmt]) -> None:
        value = self.expression(node.value)
        targets = tuple([self.expression(target.target) for target in node.targets])
        body.append(schema.Assign(targets, value, None, self.line(node)))

    def _annotated(self, node: Any, body: list[schema.Stmt]) -> None:
        target, annotation = self.expression(node.target), self.expression(node.annotation.annotation)
        body.append(schema.Assign((target,), self.optional(node.value), annotation, self.line(node)))

    def _augment(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Augment(self.expression(node.target), self.expression(node.value), self.line(node)))

    def _return(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Return(self.optional(node.value), self.line(node)))

    def _raise(self, node: Any, body: list[schema.Stmt]) -> None:
        if node.cause is not None:
            self.expression(node.cause.item)  # for its mentions
        body.append(schema.Raise(self.optional(node.exc), self.line(node)))

    def _break(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Break(self.line(node)))

    def _continue(self, node: Any, body: list[schema.Stmt]) -> None:
        body.append(schema.Continue(self.line(node)))

    def _drop(self, node: Any, body: list[schema.Stmt]) -> None:
        """`pass` and `type` aliases decide nothing."""

    def _delete(self, node: Any, body: list[schema.Stmt]) -> None:
        target = self.expression(node.target)
        targets = target.elements if type(target) is schema.Sequence else (target,)
        body.append(schema.Delete(targets, self.line(node)))

    def _assert(self, node: Any, body: list[schema.Stmt]) -> None:
        self.optional(node.msg)  # for its mentions
        body.append(schema.Assert(self.expression(node.test), self.line(node)))

    def _declare(self, node: Any, body: list[schema.Stmt]) -> None:
        names = tuple([identifier(item.name) for item in node.names])
        if type(node) is cst.Global:
            self._globals.update(names)
        self.mentions.update(names)
        body.append(schema.Declare("global" if type(node) is cst.Global else "nonlocal", names, self.line(node)))

    def _dotted(self, node: Any) -> str:
        """A dotted module name; its parts are mentioned."""
        parts: list[str] = []
        while type(node) is cst.Attribute:
            parts.append(identifier(node.attr))
            node = node.value
        parts.append(identifier(node))
        self.mentions.update(parts)
        return ".".join(reversed(parts))

    def _import(self, node: Any, body: list[schema.Stmt]) -> None:
        line = self.line(node)
        for alias in node.names:
            module = self._dotted(alias.name)
            bound = module.partition(".")[0] if alias.asname is None else identifier(alias.asname.name)
            self.mentions.add(bound)
            body.append(schema.Import(module, None, bound, 0, line))

    def _import_from(self, node: Any, body: list[schema.Stmt]) -> None:
        line, level = self.line(node), len(node.relative)
        module = "" if node.module is None else self._dotted(node.module)
        if type(node.names) is cst.ImportStar:
            body.append(schema.Import(module, "*", "*", level, line))
            return
        for alias in node.names:
            name = identifier(alias.name)
            bound = name if alias.asname is None else identifier(alias.asname.name)
            self.mentions.update((name, bound))
            body.append(schema.Import(module, name, bound, level, line))

    def _if(self, node: Any, body: list[schema.Stmt]) -> None:
        test = self.expression(node.test)
        outer = self._is_module_level
        self._is_module_level = outer and not asks_for_main(test)  # nobody imports what a script defines for itself
        then = self._suite(node.body)
        self._is_module_level = outer
        body.append(schema.If(test, then, self._suite(node.orelse), self.line(node)))

    def _while(self, node: Any, body: list[schema.Stmt]) -> None:
        test = self.expression(node.test)
        body.append(schema.While(test, self._suite(node.body), self._suite(node.orelse), self.line(node)))

    def _for(self, node: Any, body: list[schema.Stmt]) -> None:
        target, iterable = self.expression(node.target), self.expression(node.iter)
        then, orelse = self._suite(node.body), self._suite(node.orelse)
        body.append(schema.For(target, iterable, then, orelse, node.asynchronous is not None, self.line(node)))

    def _handler(self, node: Any) -> schema.Handler:
        types, name = self.optional(node.type), None
        if node.name is not None:
            name = identifier(node.name.name)
        return schema.Handler(types, name, self._suite(node.body), self.line(node))

    def _try(self, node: Any, body: list[schema.Stmt]) -> None:
        then = self._suite(node.body)
        handlers = tuple([self._handler(handler) for handler in node.handlers])
        orelse, final = self._suite(node.orelse), self._suite(node.finalbody)
        body.append(schema.Try(then, handlers, orelse, final, self.line(node)))

    def _item(self, node: Any) -> schema.Item:
        target = None if node.asname is None else self.expression(node.asname.name)
        return schema.Item(self.expression(node.item), target, self.line(node))

    def _with(self, node: Any, body: list[schema.Stmt]) -> None:
        items = tuple([self._item(item) for item in node.items])
        body.append(schema.With(items, self._suite(node.body), node.asynchronous is not None, self.line(node)))

    def _case(self, node: Any) -> schema.Case:
        for value in values(node.pattern):
            self.expression(value)  # for its mentions
        guard = self.optional(node.guard)
        names, matches_all = captures(node.pattern), is_irrefutable(node.pattern)
        return schema.Case(names, matches_all, guard, self._suite(node.body), self.line(node))

    def _match(self, node: Any, body: list[schema.Stmt]) -> None:
        subject = self.expression(node.subject)
        body.append(schema.Match(subject, tuple([self._case(case) for case in node.cases]), self.line(node)))

    def _decorators(self, node: Any) -> tuple[schema.Expr, ...]:
        return tuple([self.expression(decorator.decorator) for decorator in node.decorators])

    def _function(self, node: Any, body: list[schema.Stmt]) -> None:
        decorators, parameters = self._decorators(node), self.parameters(node.params)
        returns = None if node.returns is None else self.expression(node.returns.annotation)
        outer = (self.yields, self.nests, self.bound)
        self._is_module_level, self.yields, self.nests, self.bound = False, False, False, set()
        inner = self._suite(node.body)
        is_generator, is_nesting = self.yields, self.nests
        self.yields, self.nests, self.bound = outer
        body.append(
            schema.Function(
                identifier(node.name),
                parameters,
                decorators,
                returns,
                inner,
                node.asynchronous is not None,
                is_generator,
                is_nesting,
                self.line(node),
                self.positions.end_lines[id(node)],
            )
        )

    def _class(self, node: Any, body: list[schema.Stmt]) -> None:
        decorators = self._decorators(node)
        bases = tuple([self.argument(base) for base in (*node.bases, *node.keywords)])
        outer = self.bound
        self._is_module_level, self.bound = False, set()
        inner = self._suite(node.body)
        self.bound = outer
        line, end_line = self.line(node), self.positions.end_lines[id(node)]
        body.append(schema.Class(identifier(node.name), bases, decorators, inner, line, end_line))


def _is_lone(node: Any) -> bool:
    """Whether an expression is a constant, strings in a row included."""
    while type(node) is cst.ConcatenatedString and type(node.left) is cst.SimpleString:
        node = node.right
    return type(node) in _LONE


_STATEMENTS: dict[type[cst.CSTNode], Callable[[Statements, Any, list[schema.Stmt]], None]] = {
    cst.AnnAssign: Statements._annotated,
    cst.Assert: Statements._assert,
    cst.Assign: Statements._assign,
    cst.AugAssign: Statements._augment,
    cst.Break: Statements._break,
    cst.ClassDef: Statements._class,
    cst.Continue: Statements._continue,
    cst.Del: Statements._delete,
    cst.Expr: Statements._evaluate,
    cst.For: Statements._for,
    cst.FunctionDef: Statements._function,
    cst.Global: Statements._declare,
    cst.If: Statements._if,
    cst.Import: Statements._import,
    cst.ImportFrom: Statements._import_from,
    cst.Match: Statements._match,
    cst.Nonlocal: Statements._declare,
    cst.Pass: Statements._drop,
    cst.Raise: Statements._raise,
    cst.Return: Statements._return,
    cst.Try: Statements._try,
    cst.TryStar: Statements._try,
    cst.TypeAlias: Statements._drop,
    cst.While: Statements._while,
    cst.With: Statements._with,
}

_NEWER: dict[str, Callable[[Statements, Any, list[schema.Stmt]], None]] = {
    "LazyImport": Statements._import,
    "LazyImportFrom": Statements._import_from,
}
"""Node types that the oldest supported LibCST does not have."""

_STATEMENTS.update({getattr(cst, name): lower for name, lower in _NEWER.items() if hasattr(cst, name)})

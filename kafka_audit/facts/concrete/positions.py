"""Where do the nodes of a LibCST tree stand in the source?

LibCST nodes carry no positions. They follow from writing the tree out again: this module drives that writing with a
state that keeps no text and only counts lines and columns, which is several times cheaper than LibCST's own position
provider. It leans on LibCST's private code generation (run against 1.5.0 and 1.9.0); a test compares the two, so a
release that changes it is noticed.

Positions are found by `id(node)`, so they are good only while the tree is alive. A form feed that starts a line is not
in the tree: columns on that line are one too small.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

from kafka_audit.facts.schema import At

_SMALL = (
    cst.AnnAssign,
    cst.Assert,
    cst.Assign,
    cst.AugAssign,
    cst.Break,
    cst.Continue,
    cst.Del,
    cst.Expr,
    cst.Global,
    cst.Import,
    cst.ImportFrom,
    cst.Nonlocal,
    cst.Pass,
    cst.Raise,
    cst.Return,
    cst.TypeAlias,
    *[getattr(cst, name) for name in ("LazyImport", "LazyImportFrom") if hasattr(cst, name)],  # new in LibCST 1.9
)
_STARTS = (
    cst.Arg,
    cst.DictElement,
    cst.ExceptHandler,
    cst.ExceptStarHandler,
    cst.For,
    cst.If,
    cst.Match,
    cst.MatchCase,
    cst.StarredDictElement,
    cst.Try,
    cst.TryStar,
    cst.While,
    cst.With,
    cst.WithItem,
)
_SMALL_STATEMENT, _START, _SPAN, _BLOCK = range(4)
_INTEREST: dict[type[cst.CSTNode], int] = {
    **dict.fromkeys(_SMALL, _SMALL_STATEMENT),
    **dict.fromkeys(_STARTS, _START),
    **dict.fromkeys((cst.Call, cst.Lambda), _SPAN),
    **dict.fromkeys((cst.ClassDef, cst.FunctionDef), _BLOCK),
}


class _Quiet:
    """The context of a node whose end does not matter."""

    __slots__ = ("positions",)

    def __init__(self, positions: Positions) -> None:
        self.positions = positions

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None


class _SmallStatement(_Quiet):
    """Notes where the newest simple statement ended: a function ends where its last one does."""

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.positions.last_line = self.positions.line


class _Span(_Quiet):
    """Completes the span that was opened last; nodes nest, so one shared context and a stack are enough."""

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        positions = self.positions
        key, line, column = positions.open.pop()
        positions.spans[key] = (line, column + 1, positions.line, positions.column + 1)


class _Block(_Quiet):
    """Completes a function or class."""

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.positions.end_lines[self.positions.open.pop()[0]] = self.positions.last_line


class Positions(CodegenState):
    """The positions of one module's nodes, by `id(node)`.

    `lines`: first line of statements, arguments, dict and `with` items; `spans`: calls and lambdas without surrounding
    parentheses; `end_lines`: last line of the body of functions and classes.
    """

    __slots__ = (
        "_block",
        "_quiet",
        "_small",
        "_span",
        "column",
        "end_lines",
        "last_line",
        "line",
        "lines",
        "open",
        "spans",
    )

    def __init__(self, module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.tokens.append("")  # never empty: the module asks only that, to decide on a lone trailing newline
        self.line, self.column, self.last_line = 1, 0, 1
        self.lines: dict[int, int] = {}
        self.spans: dict[int, At] = {}
        self.end_lines: dict[int, int] = {}
        self.open: list[tuple[int, int, int]] = []
        self._quiet, self._small, self._span, self._block = (
            _Quiet(self),
            _SmallStatement(self),
            _Span(self),
            _Block(self),
        )
        module._codegen(self)

    def add_indent_tokens(self) -> None:
        """Count the current indentation."""
        for token in self.indent_tokens:
            self.column += len(token)

    def add_token(self, value: str) -> None:
        """Count the characters and lines of one token."""
        if "\n" in value or "\r" in value:
            self.line += value.count("\n") + value.count("\r") - value.count("\r\n")
            self.column = len(value) - max(value.rfind("\n"), value.rfind("\r")) - 1
        else:
            self.column += len(value)

    def pop_trailing_newline(self) -> None:
        """The last newline was counted already; nothing comes after it."""

    def record_syntactic_position(
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Any:
        """The context in which a node is written: note its start now, and its end if that matters."""
        interest = _INTEREST.get(type(node))
        if interest is None:
            return self._quiet
        if interest == _SPAN:
            self.open.append((id(node), self.line, self.column))
            return self._span
        self.lines[id(node)] = self.line
        if interest == _SMALL_STATEMENT:
            return self._small
        if interest == _START:
            return self._quiet
        self.open.append((id(node), self.line, self.column))
        return self._block

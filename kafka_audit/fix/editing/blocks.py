"""Statements as they are put together, taken apart and taken out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import libcst as cst

Block = cst.IndentedBlock | cst.Module
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement

LEAVING = (cst.Return, cst.Raise, cst.Break, cst.Continue, cst.Pass)


def statements_of(block: Block) -> list[Statement]:
    """The statements of a block that is no one-line suite: all of them have lines of their own."""
    return list(block.body)  # type: ignore[arg-type]


def split_lead(statement: Statement) -> tuple[Sequence[cst.EmptyLine], Statement]:
    """The blank lines before a statement, and the statement with the comments that are its own."""
    lines = list(statement.leading_lines)
    count = next((index for index, line in enumerate(lines) if line.comment is not None), len(lines))
    return lines[:count], statement.with_changes(leading_lines=lines[count:])


def suite(statements: Iterable[Statement]) -> cst.IndentedBlock:
    """A block of these statements; its first one follows the header without a blank line."""
    body = list(statements)
    if body:
        body[0] = split_lead(body[0])[1]
    return cst.IndentedBlock(body=body or [_PASS])


def protected(body: Sequence[Statement], final: Sequence[Statement]) -> cst.Try:
    """`try` with a `finally`, after the blank lines that stood before the first statement."""
    return cst.Try(
        leading_lines=split_lead(body[0])[0],
        body=suite(body),
        finalbody=cst.Finally(body=suite(final)),
    )


def undone(body: Sequence[Statement], undoing: Sequence[Statement]) -> cst.Try:
    """`try` around statements; whatever they raise is undone and raised on."""
    handler = cst.ExceptHandler(
        type=cst.Name("BaseException"),
        body=suite([*undoing, cst.SimpleStatementLine(body=[cst.Raise()])]),
    )
    return cst.Try(leading_lines=split_lead(body[0])[0], body=suite(body), handlers=[handler])


def only(statement: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """The one simple statement of a line; `None` for a block and for a line of several."""
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        return statement.body[0]
    return None


def plain_call(statement: cst.CSTNode) -> cst.Call | None:
    """The call of a statement that is nothing but `call()` or `await call()`."""
    small = only(statement)
    if not isinstance(small, cst.Expr):
        return None
    value = small.value.expression if isinstance(small.value, cst.Await) else small.value
    return value if isinstance(value, cst.Call) else None


def leaves_after(body: Sequence[cst.CSTNode], index: int, unwanted: Collection[cst.CSTNode]) -> bool:
    """Whether what follows a statement of a block only leaves it, or is to go as well."""
    return all(each in unwanted or isinstance(only(each), LEAVING) for each in body[index + 1 :])


def without(statement: cst.CSTNode, unwanted: Collection[cst.CSTNode]) -> list[Any]:
    """A statement with some of the statements in it taken out: itself, several, or nothing."""
    if statement in unwanted:
        return []
    if not unwanted:
        return [statement]
    left = statement.visit(Without(unwanted))
    if isinstance(left, cst.FlattenSentinel):
        return list(left)
    return [left]


class Without(cst.CSTTransformer):
    """Takes statements out, and with them the branches that did nothing else. Looks only into what is `around` one."""

    def __init__(self, unwanted: Collection[cst.CSTNode], around: Collection[cst.CSTNode] | None = None) -> None:
        super().__init__()
        self._unwanted, self._around = unwanted, around

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Look into what may change."""
        return self._around is None or node in self._around

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """Drop what is unwanted, and tidy what held it."""
        if original_node in self._unwanted:
            return cst.RemoveFromParent()
        tidy = _TIDY.get(type(original_node))
        if tidy is None or updated_node is original_node or updated_node.deep_equals(original_node):
            return updated_node
        return tidy(updated_node)


def _block(block: cst.IndentedBlock) -> cst.IndentedBlock:
    return block if block.body else block.with_changes(body=[_PASS])


def _try(node: cst.Try) -> Any:
    """A `try` without an empty `finally`; its body alone when nothing else is left."""
    if node.orelse is not None and _is_empty(node.orelse.body):
        node = node.with_changes(orelse=None)
    if node.finalbody is None or not _is_empty(node.finalbody.body):
        return node
    if node.handlers:
        return node.with_changes(finalbody=None)
    first, *rest = node.body.body
    lead = [*node.leading_lines, *first.leading_lines]  # type: ignore[union-attr]
    return cst.FlattenSentinel([first.with_changes(leading_lines=lead), *rest])


def _without_empty_else(node: Any) -> Any:
    if isinstance(node.orelse, cst.Else) and _is_empty(node.orelse.body):
        return node.with_changes(orelse=None)
    return node


def _is_empty(block: cst.BaseSuite) -> bool:
    return all(isinstance(only(each), cst.Pass) for each in block.body)


_PASS = cst.SimpleStatementLine(body=[cst.Pass()])
_TIDY: dict[type[cst.CSTNode], Callable[[Any], Any]] = {
    cst.IndentedBlock: _block,
    cst.Try: _try,
    cst.If: _without_empty_else,
    cst.For: _without_empty_else,
    cst.While: _without_empty_else,
}

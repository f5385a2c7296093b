"""A start that fails: what it left behind is released at once, and the error goes on."""

from __future__ import annotations

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.editing.blocks import statements_of, undone
from kafka_audit.fix.editing.edits import Edit, Tree
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import Subject
from kafka_audit.link.lives.life import Life
from kafka_audit.link.reading.walk import statements


def start_undone(tree: Tree, subject: Subject, life: Life) -> dict[cst.CSTNode, Edit]:
    """The edits that put a `try` around each start of the client in the function that makes it."""
    if not subject.starts:
        raise Refused("it is not started in the function that makes it")
    edits: dict[cst.CSTNode, Edit] = {}
    for at in sorted(subject.starts):
        call = tree.call(at)
        if not isinstance(call.func, cst.Attribute):
            raise Refused("its start is not called on a name")
        target = tree.code(call.func.value)
        function = tree.function(call)
        if function is None or function.asynchronous is None:
            raise Refused("it is started where nothing can be awaited")
        lines = [subject.releasing(target)]
        if _is_emptied(life, target):
            lines.append(f"{target} = None")
        statement = tree.statement(call)
        if not isinstance(statement, cst.SimpleStatementLine):
            raise Refused("its start is part of a larger statement")
        undoing = [tree.parsed(line) for line in lines]
        if life.holding.kind == "local" and len(subject.starts) == 1:
            return _undone_to_the_end(tree, statement, undoing)
        edits[statement] = lambda node, undoing=undoing: undone([node], undoing)  # type: ignore[misc]
    return edits


def _undone_to_the_end(
    tree: Tree, statement: cst.SimpleStatementLine, undoing: list[cst.SimpleStatementLine]
) -> dict[cst.CSTNode, Edit]:
    """The edits for a client that a `try` with handlers lets nobody have if anything in it fails after the start."""
    block = tree.block(statement)
    attempt = tree.parent(block) if isinstance(block, cst.IndentedBlock) else None
    body = statements_of(block)
    index = body.index(statement)
    if not isinstance(attempt, cst.Try) or attempt.body is not block or not attempt.handlers:
        return {statement: lambda node: undone([node], undoing)}
    ended = undone(body[index:], undoing)
    return {block: lambda node: node.with_changes(body=[*body[:index], ended])}


def _is_emptied(life: Life, target: str) -> bool:
    """Whether the place of the client, as the start names it, also holds `None`: others may ask for that."""
    place = life.holding.at
    if place is None or target != life.holding.place or life.holding.kind not in {"instance", "global"}:
        return False
    module = life.site.unit.module
    every = (statement for unit in module.units for statement in statements(unit.body))
    return any(_empties(statement, place.name) for statement in every)


def _empties(statement: s.Stmt, name: str) -> bool:
    if not isinstance(statement, s.Assign) or not isinstance(statement.value, s.Constant | None):
        return False
    if statement.value is None or statement.value.value is not None:
        return False
    return any(
        (isinstance(target, s.Name) and target.id == name) or (isinstance(target, s.Attribute) and target.name == name)
        for target in statement.targets
    )

"""Fixtures of tests: what they hand out is released behind the `yield`, also when the test fails."""

from __future__ import annotations

from typing import Any

import libcst as cst

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.changes.enclose import Made
from kafka_audit.fix.changes.owners import owner_subject
from kafka_audit.fix.editing.blocks import only, protected, statements_of
from kafka_audit.fix.editing.edits import Tree
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import Subject, client_subject


def without_teardown(case: Case) -> Repair:
    """A fixture that returns yields instead, and releases what it made once its user is done."""
    owner = case.owner
    subject = client_subject(case.program, case.life) if owner is None else owner_subject(case.program, owner)
    tree = case.tree(subject.path)
    title = f"Release the {subject.noun} behind the `yield` of its fixture"
    return Repair("safe", title, {tree.path: behind_the_yield(tree, subject)})


def behind_the_yield(tree: Tree, subject: Subject) -> bytes:
    """The file with a function that yields what it made, and releases it behind that."""
    made = Made(tree, subject)
    function = tree.function(made.statement)
    if function is None or made.block is not function.body:
        raise Refused("it is not made in the body of the function itself")
    body = statements_of(made.block)
    handing = _handing(tree, function, body[-1])
    skip = 0 if subject.tolerant else made.last_start()
    first = made.index + 1 + skip
    ended = protected([*body[first:-1], handing], [made.generated()])
    new: dict[str, Any] = {"body": made.block.with_changes(body=[*body[:first], ended])}
    needed: list[Needed] = []
    if handing is not body[-1] and function.returns is not None:
        kind = "AsyncIterator" if function.asynchronous is not None else "Iterator"
        code = f"{kind}[{tree.code(function.returns.annotation)}]"
        new["returns"] = function.returns.with_changes(annotation=cst.parse_expression(code))
        needed.append(Needed("collections.abc", kind))
    return tree.rewritten({function: lambda each: each.with_changes(**new)}, needed)


def _handing(tree: Tree, function: cst.FunctionDef, last: Any) -> Any:
    """The last statement of a fixture, as one that hands out by `yield`."""
    returns = [node for node in tree.every(cst.Return) if tree.function(node) is function]
    yields = [node for node in tree.every(cst.Yield) if tree.function(node) is function]
    if len(yields) == 1 and not returns:
        return last
    small = only(last)
    if not yields and isinstance(small, cst.Return) and returns == [small] and small.value is not None:
        return last.with_changes(body=[cst.Expr(cst.Yield(small.value))])
    raise Refused("the function hands out its client in more than one place")

"""Clients that are made on first use: a lock across the start, and a second look once it is held."""

from __future__ import annotations

from typing import Any

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.editing.blocks import only, split_lead, statements_of, suite
from kafka_audit.fix.editing.edits import Changes, Edit, Tree
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import Place


def unguarded(case: Case) -> Repair:
    """Two first users make one client."""
    life, owner = case.life, case.owner
    holding, at = (life.holding, life.site.node.at) if owner is None else (owner.holding, owner.at)
    place = holding.at
    if place is None or holding.kind not in {"global", "instance"}:
        raise Refused("it is not kept in a variable of a module or a field of a class")
    tree = case.tree(life.path if owner is None else owner.path)
    library = "asyncio" if life.site.client.is_async else "threading"
    name = holding.place or place.name
    lock = f"{name}_lock"
    changes = Changes()
    _lock_beside(changes, tree, place, lock, library)
    is_async = life.site.client.is_async
    _locked(changes, tree, tree.call(at), name, lock, is_async)
    title = f"Make the client under `{lock}`, and look again once it is held"
    return Repair("safe", title, {tree.path: tree.rewritten(changes, (Needed(library),))})


def _lock_beside(changes: Changes, tree: Tree, place: Place, lock: str, library: str) -> None:
    """The lock, made where the place is first made empty."""
    owner, short = place.owner, lock.rpartition(".")[2]
    if isinstance(owner, ClassScope):
        if short in owner.fields or short in owner.body.bound:
            raise Refused(f"`{lock}` means something else already")
        bodies = [unit.body for unit in owner.methods.get("__init__", ())]
    elif isinstance(owner, Unit) and owner.kind == "module" and owner.module.path == tree.path:
        if short in owner.bound:
            raise Refused(f"`{lock}` means something else already")
        bodies = [owner.body]
    else:
        raise Refused("it is not kept in a variable of this module or a field of a class")
    lines = [each.line for body in bodies for each in body if isinstance(each, s.Assign) and _empties(each, place.name)]
    for statement in tree.every(cst.SimpleStatementLine):
        if lines and tree.line(statement) == lines[0] and only(statement) is not None:
            changes.after(statement, tree.parsed(f"{lock} = {library}.Lock()"))
            return
    raise Refused("the place is not empty at first, so there is no line beside which the lock belongs")


def _empties(statement: s.Assign, name: str) -> bool:
    value = statement.value
    return (
        isinstance(value, s.Constant)
        and value.value is None
        and any(getattr(target, "id", getattr(target, "name", "")) == name for target in statement.targets)
    )


def _locked(changes: Changes, tree: Tree, call: cst.Call, name: str, lock: str, is_async: bool) -> None:
    """The lock around what makes the client, between two looks at the place.

    Where the place is filled before the client is started, a look without the lock would find a client that does not
    run yet: there the lock is around everything.
    """
    function = tree.function(call)
    if function is None or (is_async and function.asynchronous is None):
        raise Refused("it is made where nothing can be awaited")
    is_early = is_async and _fills(tree, call, name)
    around = (node for node in tree.around(call) if isinstance(node, cst.If))
    test = next((node for node in around if _asks(tree, node, name, "is None", "not ")), None)
    if test is not None and test.orelse is None and isinstance(test.body, cst.IndentedBlock):
        lead, own = split_lead(test)
        assert isinstance(own, cst.If)
        guarded = _with(lock, is_async, [own])
        whole: Any = guarded.with_changes(leading_lines=lead) if is_early else test.with_changes(body=suite([guarded]))
        changes[test] = lambda _: whole
        return
    changes[function.body] = _after_return(tree, statements_of(function.body), name, lock, is_async, is_early)  # type: ignore[arg-type]


def _after_return(tree: Tree, body: list[Any], name: str, lock: str, is_async: bool, is_early: bool) -> Edit:
    """The lock around all that follows `if place is not None: return place`, which is asked again under it."""
    for index, statement in enumerate(body):
        if isinstance(statement, cst.If) and _asks(tree, statement, name, "is not None", "") and _returns(statement):
            first = index if is_early else index + 1
            rest = body[first:]
            again = [] if is_early else [statement.with_changes(leading_lines=[])]
            guarded = _with(lock, is_async, [*again, *rest]).with_changes(leading_lines=split_lead(rest[0])[0])
            new = [*body[:first], guarded]
            return lambda each: each.with_changes(body=new)
    raise Refused(f"no test of `{name}` around or before it says when it is made")


def _fills(tree: Tree, call: cst.Call, name: str) -> bool:
    """Whether the construction goes into the place at once, before it is started."""
    small = only(tree.statement(call))
    targets = small.targets if isinstance(small, cst.Assign) else ()
    return any(tree.code(target.target) == name for target in targets)


def _asks(tree: Tree, node: cst.If, name: str, comparison: str, prefix: str) -> bool:
    return tree.code(node.test) in {f"{name} {comparison}", f"{prefix}{name}"}


def _returns(node: cst.If) -> bool:
    return node.orelse is None and isinstance(only(node.body.body[-1]), cst.Return)


def _with(lock: str, is_async: bool, body: list[Any]) -> cst.With:
    return cst.With(
        items=[cst.WithItem(cst.parse_expression(lock))],
        body=suite(body),
        asynchronous=cst.Asynchronous() if is_async else None,
    )

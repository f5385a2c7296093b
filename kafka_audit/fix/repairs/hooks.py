"""Handlers that their framework never runs: the lifespan that runs calls them, and they are registered no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.changes.keeper import Release, required
from kafka_audit.fix.changes.wiring import moved
from kafka_audit.fix.editing.blocks import plain_call
from kafka_audit.fix.editing.edits import Changes, Tree, Trees
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.scopes import enclosing
from kafka_audit.link.release.discharge import Weak

BY_HAND = {
    "included": "include its router in the application, or register the handler with the application itself",
    "unmounted": (
        "in the lifespan of the outer application, enter that of the inner one: "
        "`async with inner.router.lifespan_context(inner)`"
    ),
}
"""What to do about a hook that lacks something else than the absence of a lifespan."""


def dead(case: Case) -> Repair:
    """A handler that is silenced by a lifespan is called at the end of that."""
    found = case.program.discharge.weak_hooks(case.life, "dead")
    weak = next((each for each in found if _is_at(case, each)), None)
    if weak is None or weak.registration is None:
        raise Refused("it is not known which handler that is")
    need = case.program.discharge.hosts.unmet(weak.registration)
    if need != "no lifespan":
        raise Refused("what it is registered with is run by nothing", BY_HAND.get(need or ""))
    trees = Trees(case.tree)
    tree = trees[case.finding.path]
    release, removed = _handler(case, tree, weak)
    done = moved(case.program, trees, release, case.life.site.unit, {tree.path: removed})
    return Repair("safe", done.title, done.changed)


def _is_at(case: Case, weak: Weak) -> bool:
    given, finding = weak.registration, case.finding
    return given is not None and (given.unit.module.path, given.line) == (finding.path, finding.line)


def _handler(case: Case, tree: Tree, weak: Weak) -> tuple[Release, Changes]:
    """The handler as the lifespan is to call it, and the edits that take its registration out."""
    function, unit = weak.handler.function, weak.handler
    assert weak.registration is not None
    if function is None or unit.is_generator:
        raise Refused("the handler is no plain function")
    changes = Changes()
    if weak.registration.via == "decorator":
        if required(function) or unit.parent is not unit.module.top:
            raise Refused("the handler needs an argument, or is defined inside of a function")
        changes.remove(_decorator(case, tree, function.name))
        return Release(tree.path, function.name, unit.is_async), changes
    given = _given(case, tree, function.name, changes)
    own = required(function)[1:] if unit.method_of is not None else required(function)
    if own:
        raise Refused("the handler needs an argument")
    if isinstance(given, cst.Name) and unit.parent is unit.module.top and unit.module.path == tree.path:
        return Release(tree.path, function.name, unit.is_async), changes
    root = _root(given)
    bound = next((each for each in enclosing(weak.registration.unit) if root in each.bound), None)
    if bound is None:
        raise Refused("it is not known what the handler is read from")
    return Release(tree.path, tree.code(given), unit.is_async, bound), changes


def _root(node: cst.BaseExpression) -> str:
    while isinstance(node, cst.Attribute):
        node = node.value
    if not isinstance(node, cst.Name):
        raise Refused("the handler is written as a larger expression")
    return node.value


def _decorator(case: Case, tree: Tree, name: str) -> cst.Decorator:
    for function in tree.every(cst.FunctionDef):
        if function.name.value == name and tree.line(function) == case.finding.line:
            for decorator in function.decorators:
                if "event" in tree.code(decorator.decorator):
                    return decorator
    raise Refused("the registration of the hook is not found")


def _given(case: Case, tree: Tree, name: str, changes: Changes) -> cst.BaseExpression:
    """The expression of the handler in the call that registers it, which goes with the whole call or without it."""
    for call in tree.every(cst.Call):
        if tree.span(call) != case.at and case.finding.line != tree.span(call)[0]:
            continue
        for argument in call.args:
            if _names(argument.value, name) and plain_call(tree.statement(call)) is call:
                changes.remove(tree.statement(call))
                return argument.value
            for element in _elements(argument):
                if _names(element.value, name):
                    changes[call] = _without(argument, element)
                    return element.value
    raise Refused("the registration of the hook is not found")


def _names(node: cst.BaseExpression, name: str) -> bool:
    last = node.attr if isinstance(node, cst.Attribute) else node
    return isinstance(last, cst.Name) and last.value == name


def _elements(argument: cst.Arg) -> Iterator[cst.BaseElement]:
    is_list = argument.keyword is not None and argument.keyword.value == "on_shutdown"
    if is_list and isinstance(argument.value, cst.List | cst.Tuple):
        yield from argument.value.elements


def _without(argument: cst.Arg, element: cst.BaseElement) -> Any:
    """The edit of a call that takes a handler out of its list, and the list when it was the only one."""

    def edit(call: cst.Call) -> cst.Call:
        args = []
        for each in call.args:
            if each.keyword is None or each.keyword.value != "on_shutdown":
                args.append(each)
                continue
            assert isinstance(each.value, cst.List | cst.Tuple)
            left = [item for item in each.value.elements if not item.deep_equals(element)]
            if left:
                left[-1] = left[-1].with_changes(comma=each.value.elements[-1].comma)
                args.append(each.with_changes(value=each.value.with_changes(elements=left)))
        if args and len(args) < len(call.args):
            args[-1] = args[-1].with_changes(comma=call.args[-1].comma)
        return call.with_changes(args=args)

    return edit

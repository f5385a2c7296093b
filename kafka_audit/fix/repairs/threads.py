"""Calls that wait are handed to a thread, so that the event loop goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.editing.edits import Changes
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import External
from kafka_audit.link.program import Program
from kafka_audit.link.reading.walk import expressions, inside, statements

PLAIN = (cst.Expr, cst.Assign, cst.AnnAssign, cst.Return, cst.Arg)
"""What an `await` may stand in without parentheses."""

UNFIT = frozenset({"next", "iter", "enter_context", "super"})
"""Functions that do something else in a thread: `StopIteration` does not get out of one."""

FUTURES = frozenset({"set_result", "set_exception"})
"""Methods of futures, which only the loop's own thread may call."""

THREADSAFE = frozenset({"call_soon_threadsafe", "run_coroutine_threadsafe"})


def off_the_loop(case: Case) -> Repair:
    """A call in a coroutine that waits becomes `await asyncio.to_thread(...)`."""
    tree = case.tree(case.finding.path)
    call = tree.call(case.at)
    function = tree.function(call)
    if function is None or function.asynchronous is None:
        raise Refused("it does not stand in a coroutine's own code")
    if any(isinstance(each, cst.BaseComp | cst.WithItem) for each in tree.around(call)):
        raise Refused("it stands in a comprehension or at the head of a `with`")
    if tree.code(call.func).rpartition(".")[2] in UNFIT:
        raise Refused(f"`{tree.code(call.func)}` does something else in a thread")
    _check_callbacks(case)

    def edit(each: Any) -> cst.Await:
        thread = cst.Attribute(cst.Name("asyncio"), cst.Name("to_thread"))
        handed = each.with_changes(func=thread, args=[cst.Arg(each.func, comma=_comma(each)), *each.args])
        if isinstance(tree.parent(call), PLAIN):
            return cst.Await(handed)
        return cst.Await(handed, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])

    changes = Changes()
    changes[call] = edit
    title = f"Hand `{tree.code(call.func)}` to a thread and await it"
    return Repair("unsafe", title, {tree.path: tree.rewritten(changes, [Needed("asyncio")])})


def _comma(call: cst.Call) -> cst.Comma | cst.MaybeSentinel:
    """What stands between the function and its first argument, which keeps its own line if it has one."""
    if not call.args:
        return cst.MaybeSentinel.DEFAULT
    gap = call.whitespace_before_args
    if isinstance(gap, cst.ParenthesizedWhitespace):  # a comment stays where it is, before the function
        return cst.Comma(whitespace_after=cst.ParenthesizedWhitespace(indent=gap.indent, last_line=gap.last_line))
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _check_callbacks(case: Case) -> None:
    """Raise `Refused` if a client would call a function in that thread that belongs to the loop's."""
    engine, reach = case.program.engine, case.program.lives.reach
    clients, group = {each.name for each in engine.catalogue.clients}, engine.related.group(case.finding.path)
    for unit, registrations in engine.registrations.items():
        is_called_back = any(each.target.rpartition(".")[0] in clients for each in registrations.values())
        if not is_called_back or engine.related.group(unit.module.path) != group:
            continue
        touching = next((name for each in reach.below(unit) for name in _on_the_loop(case.program, each)), "")
        if touching:
            raise Refused(
                f"`{unit.qualname}` would be called back in that thread, where `{touching}` is not allowed",
                f"let it hand `{touching}` to the loop by `call_soon_threadsafe`, then hand the call to a thread",
            )


def _on_the_loop(program: Program, unit: Unit) -> Iterator[str]:
    """The methods that a function calls of futures, and of what asyncio made: they belong to the loop's thread."""
    every = (e for statement in statements(unit.body) for e in expressions(statement))
    for call in (part for e in every for part in inside(e) if isinstance(part, s.Call)):
        function = call.function
        if not isinstance(function, s.Attribute) or function.name in THREADSAFE:
            continue
        values = program.engine.look(unit, function.value)
        is_of_asyncio = any(isinstance(each, External) and each.dotted.startswith("asyncio.") for each in values)
        if function.name in FUTURES or is_of_asyncio:
            yield function.name

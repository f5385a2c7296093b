"""Calls that wait are handed to a thread, so that the event loop goes on."""

from __future__ import annotations

from typing import Any

import libcst as cst

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.edits import Changes
from kafka_audit.fix.imports import Needed
from kafka_audit.fix.refusal import Refused

PLAIN = (cst.Expr, cst.Assign, cst.AnnAssign, cst.Return, cst.Arg)
"""What an `await` may stand in without parentheses."""

UNFIT = frozenset({"next", "iter", "enter_context", "super"})
"""Functions that do something else in a thread: `StopIteration` does not get out of one."""


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

    def edit(each: Any) -> cst.Await:
        gap = cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")) if each.args else cst.MaybeSentinel.DEFAULT
        thread = cst.Attribute(cst.Name("asyncio"), cst.Name("to_thread"))
        handed = each.with_changes(func=thread, args=[cst.Arg(each.func, comma=gap), *each.args])
        if isinstance(tree.parent(call), PLAIN):
            return cst.Await(handed)
        return cst.Await(handed, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])

    changes = Changes()
    changes[call] = edit
    title = f"Hand `{tree.code(call.func)}` to a thread and await it"
    return Repair("unsafe", title, {tree.path: tree.rewritten(changes, [Needed("asyncio")])})

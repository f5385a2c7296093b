"""Repairs of single calls: those that are not awaited, not waited for, misnamed, or skipped by the one before."""

from __future__ import annotations

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.editing.blocks import only, plain_call, protected, split_lead, statements_of
from kafka_audit.fix.editing.edits import Changes, Tree
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import release_method


def unawaited(case: Case) -> Repair:
    """A call whose coroutine is thrown away is awaited."""
    tree = case.tree(case.finding.path)
    call = tree.call(case.at)
    _check_awaitable(tree, call)
    changes = Changes()
    changes[call] = lambda each: _awaited(tree, call, each)
    return Repair("safe", f"Await `{tree.code(call.func)}`", {tree.path: tree.rewritten(changes)})


def forgotten_task(case: Case) -> Repair:
    """A release in a task that nobody waits for is awaited on the spot."""
    tree = case.tree(case.finding.path)
    call = tree.call(case.at)
    _check_awaitable(tree, call)
    if plain_call(tree.statement(call)) is not call or len(call.args) != 1 or isinstance(tree.parent(call), cst.Await):
        raise Refused("the task is used for something else as well")
    released = call.args[0].value
    changes = Changes()
    changes[call] = lambda _: cst.Await(released)
    title = f"Await `{tree.code(released)}` instead of leaving it to a task"
    return Repair("safe", title, {tree.path: tree.rewritten(changes)})


def _check_awaitable(tree: Tree, node: cst.CSTNode) -> None:
    function = tree.function(node)
    if function is None or function.asynchronous is None:
        name = f"`{function.name.value}`" if function is not None else "the code around it"
        raise Refused(
            f"{name} is no coroutine function, so nothing can be awaited there",
            "make it one, or hand the call to the client's loop by `asyncio.run_coroutine_threadsafe`",
        )


def _awaited(tree: Tree, call: cst.Call, changed: cst.Call) -> cst.Await:
    """`await` around a call, in parentheses where something is done with what it gives."""
    if isinstance(tree.parent(call), cst.Attribute | cst.Subscript | cst.Call):
        return cst.Await(changed, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.Await(changed)


def misnamed(case: Case) -> Repair:
    """A release that the client does not have becomes the one that it has, also where `hasattr` asks for it."""
    life, tree = case.life, case.tree(case.finding.path)
    call = tree.call(case.at)
    if not isinstance(call.func, cst.Attribute):
        raise Refused("the method is not called on a name")
    wrong, right = call.func.attr.value, release_method(life)
    is_awaited = isinstance(tree.parent(call), cst.Await)
    function = tree.function(call)
    if life.site.client.is_async and function is not None and function.asynchronous is None:
        return _never_run(tree, call, call.func.value, wrong)
    if life.site.client.is_async and not is_awaited:
        _check_awaitable(tree, call)
    changes = Changes()
    renamed = call.with_deep_changes(call.func, attr=cst.Name(right))
    changes[call] = lambda _: _awaited(tree, call, renamed) if life.site.client.is_async and not is_awaited else renamed
    for around in tree.around(call):
        if isinstance(around, cst.If) and _is_only_asked(tree, around, call.func.value, wrong):
            changes.also(around, _opened)
        elif isinstance(around, cst.If):
            _rename_asked(changes, tree, around.test, wrong, right)
    title = f"Call `{right}`, which the client has, instead of `{wrong}`"
    return Repair("safe", title, {tree.path: tree.rewritten(changes)})


def _never_run(tree: Tree, call: cst.Call, receiver: cst.BaseExpression, wrong: str) -> Repair:
    """What stands under `hasattr(client, "close")` never runs: in a plain function, that cannot await, it goes."""
    for around in tree.around(call):
        if isinstance(around, cst.If) and around.orelse is None and _asks(tree, around.test, receiver, wrong):
            title = f"Remove what asks for `{wrong}`, which the client never has, so that it never runs"
            return Repair("safe", title, {tree.path: tree.without({around})})
        if isinstance(around, cst.FunctionDef):
            break
    _check_awaitable(tree, call)
    raise Refused("the release cannot be awaited there")


def _asks(tree: Tree, test: cst.BaseExpression, receiver: cst.BaseExpression, wrong: str) -> bool:
    """Whether a test is false unless the client has the method."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        return _asks(tree, test.left, receiver, wrong) or _asks(tree, test.right, receiver, wrong)
    if not isinstance(test, cst.Call) or len(test.args) != 2 or tree.code(test.func) != "hasattr":
        return False
    asked, text = (argument.value for argument in test.args)
    is_text = isinstance(text, cst.SimpleString) and text.evaluated_value == wrong
    return is_text and tree.code(asked) == tree.code(receiver)


def _is_only_asked(tree: Tree, node: cst.If, receiver: cst.BaseExpression, wrong: str) -> bool:
    """Whether an `if` asks for nothing but whether the client has the method."""
    is_plain = node.orelse is None and isinstance(node.test, cst.Call)
    return is_plain and _asks(tree, node.test, receiver, wrong) and isinstance(tree.parent(node), cst.IndentedBlock)


def _opened(node: cst.If) -> cst.FlattenSentinel[cst.BaseStatement]:
    """What an `if` does, without the question."""
    first, *rest = node.body.body
    lead = [*node.leading_lines, *first.leading_lines]  # type: ignore[union-attr]
    return cst.FlattenSentinel([first.with_changes(leading_lines=lead), *rest])


def _rename_asked(changes: Changes, tree: Tree, test: cst.CSTNode, wrong: str, right: str) -> None:
    for text in tree.every(cst.SimpleString):
        if text.evaluated_value == wrong and any(each is test for each in tree.around(text)):
            changes[text] = lambda each: each.with_changes(value=each.value.replace(wrong, right))


def skipped_by_another(case: Case) -> Repair:
    """A release that follows another one is reached whatever that raises."""
    tree = case.tree(case.finding.path)
    call = tree.call(case.at)
    statement = tree.statement(call)
    block = tree.block(statement)
    body = statements_of(block)
    while body[0] is statement and isinstance(tree.parent(block), cst.If):
        statement = tree.statement(block)
        block = tree.block(statement)
        body = statements_of(block)
    last = body.index(statement)
    releasing = _releasing(case, tree)
    first = next((i for i in range(last - 1, -1, -1) if any(_holds(tree, body[i], node) for node in releasing)), None)
    if first is None:
        raise Refused("the release before it does not stand in the same block")
    ended = protected(body[first:last], [split_lead(statement)[1]])
    changes = Changes()
    changes[block] = lambda each: each.with_changes(body=[*body[:first], ended, *body[last + 1 :]])
    return Repair(
        "safe", "Release each client whatever the release before it raises", {tree.path: tree.rewritten(changes)}
    )


def _releasing(case: Case, tree: Tree) -> list[cst.Call]:
    """The calls of the file that release a client."""
    nodes = {
        event.node.at
        for life in case.program.lives.all
        for event in (*life.releases, *life.undoings)
        if event.unit.module.path == tree.path and isinstance(event.node, s.Call)
    }
    return [call for call in tree.every(cst.Call) if tree.span(call) in nodes]


def _holds(tree: Tree, statement: cst.CSTNode, node: cst.CSTNode) -> bool:
    return any(each is statement for each in tree.around(node))


def overwritten(case: Case) -> Repair:
    """The client that a place holds is released before the place is given another value."""
    life, tree = case.life, case.tree(case.finding.path)
    place = life.holding.at
    if place is None or life.holding.kind not in {"instance", "global"}:
        raise Refused("the name is a local one, and what it holds depends on the way there")
    statement = next(
        (each for each in tree.every(cst.SimpleStatementLine) if tree.line(each) == case.finding.line), None
    )
    small = only(statement) if statement is not None else None
    targets = small.targets if isinstance(small, cst.Assign) else ()
    written = [tree.code(target.target) for target in targets]
    if statement is None or len(written) != 1 or written[0].rpartition(".")[2] != place.name:
        raise Refused("the place is not assigned by a statement of its own")
    client = life.site.client
    if client.is_async:
        _check_awaitable(tree, statement)
    waits = "await " if client.is_async else ""
    code = f"if {written[0]} is not None:\n    {waits}{written[0]}.{release_method(life)}()\n"
    lead, own = split_lead(statement)
    [before] = tree.parsed_all(code)
    changes = Changes()
    changes[statement] = lambda _: cst.FlattenSentinel([before.with_changes(leading_lines=lead), own])
    title = f"Release what `{written[0]}` holds before it is assigned"
    return Repair("safe", title, {tree.path: tree.rewritten(changes)})

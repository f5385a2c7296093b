"""Applications of FastAPI and Starlette: the end of their lifespan, or of a new one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.changes.endings import (
    Ending,
    Wire,
    around_all,
    at_the_end,
    ending,
    further_end,
    two_blank_lines_before_last,
)
from kafka_audit.fix.changes.keeper import Release
from kafka_audit.fix.editing.blocks import protected, statements_of
from kafka_audit.fix.editing.edits import Changes, Tree, Trees
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.engine import Registration
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import FunctionValue, Made
from kafka_audit.link.program import Program
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import statements


def at_application_end(program: Program, trees: Trees, release: Release, made: Made) -> Wire:
    """The release called where the application ends, by the hook of it that runs."""
    unit = lifespan_of(program, made)
    if unit is not None:
        return at_lifespan_end(trees, unit, ending(program, release, unit), release.name)
    if made.argument("on_startup") is not None or made.argument("on_shutdown") is not None:
        raise Refused("the application is given its hooks as lists", f"add `{release.name}` to its list `on_shutdown`")
    events = list(_events(program, made))
    if not events:
        return _new_lifespan(program, trees, release, made)
    ends = [unit for unit, registration in events if registration.select == "shutdown"]
    if len(ends) != 1:
        raise Refused(
            "the application has event handlers, but not one for its shutdown",
            f"register `{release.name}` for its event `shutdown`",
        )
    return at_the_end(program, trees, release, ends[0], "the application's shutdown handler")


def lifespan_of(program: Program, made: Made) -> Unit | None:
    """The function that is the application's lifespan, if it was given one."""
    given = list(_lifespans(program, made))
    values = (each for unit, value in given for each in program.engine.look(unit, value))
    found = {each.unit for each in values if isinstance(each, FunctionValue)}
    if given and len(found) != 1:
        raise Refused("the application's lifespan is no single function of the project")
    return found.pop() if found else None


def _lifespans(program: Program, made: Made) -> Iterator[tuple[Unit, s.Expr]]:
    """What the application has for its lifespan: what is assigned later, else the argument."""
    if made in program.engine.hosting.replaced:
        for unit in made.unit.module.units:
            for statement in statements(unit.body):
                if isinstance(statement, s.Assign) and statement.value is not None and _is_lifespan(statement):
                    yield unit, statement.value
        return
    argument = made.argument("lifespan")
    if argument is not None:
        yield made.unit, argument


def _is_lifespan(statement: s.Assign) -> bool:
    return any(isinstance(each, s.Attribute) and each.name == "lifespan_context" for each in statement.targets)


def _events(program: Program, made: Made) -> Iterator[tuple[Unit, Registration]]:
    """The functions that the application calls when it starts or stops."""
    for unit, registrations in program.engine.registrations.items():
        for registration in registrations.values():
            is_event = registration.target.startswith(f"{made.name}().") and "event" in registration.target
            is_own = registration.host is made or registration.host is None
            if is_event and is_own and context_of(unit.module.path) != "test":
                yield unit, registration


def at_lifespan_end(trees: Trees, unit: Unit, called: Ending, name: str) -> Wire:
    """The release in a `finally` around the `yield` of a lifespan; around all of it where a `with` ends other things.

    Those may use the client until they have ended.
    """
    tree = trees[unit.module.path]
    function = tree.function_at(unit)
    yields = [node for node in tree.every(cst.Yield) if tree.function(node) is function]
    if len(yields) != 1 or not isinstance(tree.parent(yields[0]), cst.Expr):
        raise Refused("the lifespan does not yield in one statement of its own")
    title = f"Call `{name}` at the end of the application's lifespan"
    inside = [*takewhile(lambda node: node is not function, tree.around(yields[0]))]
    if any(isinstance(node, cst.With) for node in inside):
        return around_all(trees, called, unit, name, "the application's lifespan")
    changes = Changes()
    for node in inside:
        if isinstance(node, cst.Try) and node.finalbody is not None and not _is_in(tree, yields[0], node.finalbody):
            return further_end(tree, node.finalbody, called, title)
    _protect_from(changes, tree, yields[0], [tree.parsed(called.statement)])
    return Wire(tree.path, changes, called.needed, title)


def _is_in(tree: Tree, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
    return any(each is outer for each in tree.around(node))


def _protect_from(changes: Changes, tree: Tree, node: cst.Yield, final: list[cst.SimpleStatementLine]) -> None:
    """Everything from the `yield` on becomes the body of a `try`."""
    statement = tree.statement(node)
    block = tree.block(statement)
    body = statements_of(block)
    index = body.index(statement)
    changes.also(block, lambda each: each.with_changes(body=[*body[:index], protected(body[index:], final)]))


def _new_lifespan(program: Program, trees: Trees, release: Release, made: Made) -> Wire:
    return new_lifespan(trees, made, ending(program, release, made.unit.module.top), release.name)


def new_lifespan(trees: Trees, made: Made, called: Ending, name: str) -> Wire:
    """A lifespan for an application that has no hook at all."""
    tree = trees[made.unit.module.path]
    call = tree.call(made.node.at)
    statement = tree.outermost(call)
    if "lifespan" in made.unit.module.top.bound or isinstance(statement, cst.ClassDef):
        raise Refused(
            "the application is made where no lifespan can be put before it",
            f"give it a lifespan that awaits `{name}` behind its `yield`",
        )
    kind = tree.code(call.func)
    returns = " -> AsyncIterator[None]" if tree.is_annotated else ""
    code = (
        f"@asynccontextmanager\nasync def lifespan(app: {kind}){returns}:\n"
        f'    """Release what the application keeps when it ends."""\n'
        f"    try:\n        yield\n    finally:\n        {called.statement}\n"
    )
    changes = Changes()
    changes.before(statement, *tree.definitions(code))
    changes.also(statement, two_blank_lines_before_last)
    argument = cst.Arg(cst.Name("lifespan"), cst.Name("lifespan"), equal=_EQUAL)
    changes.also(call, lambda each: each.with_changes(args=[*each.args, argument]))
    needed = [Needed("contextlib", "asynccontextmanager"), *called.needed]
    if tree.is_annotated:
        needed.append(Needed("collections.abc", "AsyncIterator"))
    return Wire(tree.path, changes, tuple(needed), f"Call `{name}` at the end of a lifespan of the application")


_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))

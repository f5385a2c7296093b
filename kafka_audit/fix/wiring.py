"""Who calls a release when the program ends: the application's one live hook, its main coroutine, or the interpreter.

Nothing is wired to a hook that cannot work: an asynchronous release needs the loop that its client lives in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import libcst as cst

from kafka_audit.catalog.hooks import HOOKS
from kafka_audit.catalog.hosts import WITH_LIFESPAN
from kafka_audit.facts import schema as s
from kafka_audit.fix.blocks import only, protected, split_lead, statements_of, suite
from kafka_audit.fix.edits import Changes, Tree
from kafka_audit.fix.imports import Needed
from kafka_audit.fix.keeper import Release
from kafka_audit.fix.naming import Reference, reference
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.context import context_of
from kafka_audit.link.engine import Registration
from kafka_audit.link.program import Program
from kafka_audit.link.scopes import Unit
from kafka_audit.link.values import FunctionValue, Made


class Wire(NamedTuple):
    """A change of one file that has the release called: the edits, the names to import, and what it does in words."""

    path: str
    changes: Changes
    needed: tuple[Needed, ...]
    title: str


class Trees:
    """The files of a project, each parsed once."""

    def __init__(self, tree_of: Callable[[str], Tree]) -> None:
        self._tree_of = tree_of
        self._known: dict[str, Tree] = {}

    def __getitem__(self, path: str) -> Tree:
        if path not in self._known:
            self._known[path] = self._tree_of(path)
        return self._known[path]


def wired(program: Program, trees: Trees, release: Release, maker: Unit) -> Wire:
    """The change that has a release called at the end of the program; `maker` is the function that makes the client."""
    if not release.is_async:
        return _at_exit(trees[release.path], release)
    group = program.engine.related.group(release.path)
    applications = [
        made
        for made in program.engine.hosting.made.values()
        if made.name in WITH_LIFESPAN and _counts(program, made.unit, group)
    ]
    if len(applications) > 1:
        raise Refused("there are several applications, and which of them ends the client is for the design to decide")
    if applications:
        return _application(program, trees, release, applications[0])
    hooks = list(_shutdown_hooks(program, group))
    if len(hooks) == 1:
        return _at_the_end(program, trees, release, hooks[0], "the application's shutdown hook")
    if hooks:
        raise Refused("there are several shutdown hooks, and which of them ends the client is for the design to decide")
    return _main(program, trees, release, maker)


def _counts(program: Program, unit: Unit, group: str) -> bool:
    path = unit.module.path
    return context_of(path) != "test" and program.engine.related.group(path) == group


# --- the interpreter's exit ------------------------------------------------------------------------------------------


def _at_exit(tree: Tree, release: Release) -> Wire:
    """`atexit`, which works for whatever needs no event loop."""
    changes = Changes()
    function = tree.definition(release.name)
    changes.after(function, *tree.definitions(f"atexit.register({release.name})\n"))
    return Wire(tree.path, changes, (Needed("atexit"),), f"Call `{release.name}` when the interpreter exits")


# --- applications ----------------------------------------------------------------------------------------------------


def _application(program: Program, trees: Trees, release: Release, made: Made) -> Wire:
    tree = trees[made.unit.module.path]
    lifespan = made.argument("lifespan")
    if lifespan is not None:
        found = [each.unit for each in program.engine.look(made.unit, lifespan) if isinstance(each, FunctionValue)]
        if len(found) != 1:
            raise Refused("the application's lifespan is no single function of the project")
        return _lifespan(program, trees, release, found[0])
    if made.argument("on_startup") is not None or made.argument("on_shutdown") is not None:
        raise Refused("the application is given its hooks as lists")
    events = [each for each in _registered(program, f"{made.name}().") if "event" in each[1].target]
    if not events:
        return _new_lifespan(program, trees, release, tree, made)
    ends = [unit for unit, registration in events if registration.select == "shutdown"]
    if len(ends) != 1:
        raise Refused("the application has event handlers, but not one for its shutdown")
    return _at_the_end(program, trees, release, ends[0], "the application's shutdown handler")


def _registered(program: Program, prefix: str) -> Iterator[tuple[Unit, Registration]]:
    for unit, registrations in program.engine.registrations.items():
        for registration in registrations.values():
            if registration.target.startswith(prefix) and context_of(unit.module.path) != "test":
                yield unit, registration


def _lifespan(program: Program, trees: Trees, release: Release, unit: Unit) -> Wire:
    """The release in a `finally` around the `yield` of a lifespan."""
    tree = trees[unit.module.path]
    function = tree.function_at(unit)
    called = reference(program, release, unit.module.path)
    yields = [node for node in tree.every(cst.Yield) if tree.function(node) is function]
    if len(yields) != 1 or not isinstance(tree.parent(yields[0]), cst.Expr):
        raise Refused("the lifespan does not yield in one statement of its own")
    title = f"Call `{release.name}` at the end of the application's lifespan"
    changes = Changes()
    for node in tree.around(yields[0]):
        if isinstance(node, cst.Try) and node.finalbody is not None and not _is_in(tree, yields[0], node.finalbody):
            return _further_end(tree, node.finalbody, called, title)
        if node is function:
            break
    _protect_from(changes, tree, yields[0], [tree.parsed(f"await {called.text}()")])
    return Wire(tree.path, changes, called.needed, title)


def _further_end(tree: Tree, final: cst.Finally, called: Reference, title: str) -> Wire:
    """One release more in a `finally`: by an exit stack, so that each is reached whatever the others raise."""
    assert isinstance(final.body, cst.IndentedBlock)
    changes = Changes()
    body = statements_of(final.body)
    first = body[0]
    is_stack = len(body) == 1 and isinstance(first, cst.With) and "AsyncExitStack()" in tree.code(first.items[0])
    if is_stack and isinstance(first, cst.With) and first.items[0].asname is not None:
        name = tree.code(first.items[0].asname.name)
        pushed = tree.parsed(f"{name}.push_async_callback({called.text})")
        assert isinstance(first.body, cst.IndentedBlock)
        changes.also(first.body, lambda block: block.with_changes(body=[pushed, *block.body]))
        return Wire(tree.path, changes, called.needed, title)
    pushed = tree.parsed(f"ending.push_async_callback({called.text})")
    stack = cst.With(
        items=[cst.WithItem(cst.parse_expression("AsyncExitStack()"), cst.AsName(cst.Name("ending")))],
        body=suite([pushed, *body]),
        asynchronous=cst.Asynchronous(),
    )
    changes.also(final.body, lambda _: suite([stack]))
    return Wire(tree.path, changes, (*called.needed, Needed("contextlib", "AsyncExitStack")), title)


def _is_in(tree: Tree, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
    return any(each is outer for each in tree.around(node))


def _protect_from(changes: Changes, tree: Tree, node: cst.Yield, final: list[cst.SimpleStatementLine]) -> None:
    """Everything from the `yield` on becomes the body of a `try`."""
    statement = tree.statement(node)
    block = tree.block(statement)
    body = statements_of(block)
    index = body.index(statement)
    changes.also(block, lambda each: each.with_changes(body=[*body[:index], protected(body[index:], final)]))


def _new_lifespan(program: Program, trees: Trees, release: Release, tree: Tree, made: Made) -> Wire:
    """A lifespan for an application that has no hook at all."""
    call = tree.call(made.node.at)
    statement = tree.statement(call)
    if "lifespan" in made.unit.module.top.bound or not isinstance(tree.block(statement), cst.Module):
        raise Refused("the application is made where no lifespan can be put before it")
    called = reference(program, release, tree.path)
    kind = tree.code(call.func)
    returns = " -> AsyncIterator[None]" if tree.is_annotated else ""
    code = (
        f"@asynccontextmanager\nasync def lifespan(app: {kind}){returns}:\n"
        f'    """Release what the application keeps when it ends."""\n'
        f"    try:\n        yield\n    finally:\n        await {called.text}()\n"
    )
    changes = Changes()
    changes.before(statement, *tree.definitions(code))
    changes.also(statement, _two_blank_lines_before_last)
    argument = cst.Arg(cst.Name("lifespan"), cst.Name("lifespan"), equal=_EQUAL)
    changes.also(call, lambda each: each.with_changes(args=[*each.args, argument]))
    needed = [Needed("contextlib", "asynccontextmanager"), *called.needed]
    if tree.is_annotated:
        needed.append(Needed("collections.abc", "AsyncIterator"))
    return Wire(tree.path, changes, tuple(needed), f"Call `{release.name}` at the end of a lifespan of the application")


# --- other hooks and the main coroutine ------------------------------------------------------------------------------


def _shutdown_hooks(program: Program, group: str) -> Iterator[Unit]:
    """The project's coroutine functions that a framework awaits once, when the application ends."""
    targets = {
        hook.target for hook in HOOKS if hook.phase == "shutdown" and hook.awaits and hook.scope in {"app", "process"}
    }
    for unit, registrations in program.engine.registrations.items():
        is_coroutine = unit.is_async and not unit.is_generator and _counts(program, unit, group)
        if is_coroutine and any(registration.target in targets for registration in registrations.values()):
            yield unit


def _main(program: Program, trees: Trees, release: Release, maker: Unit) -> Wire:
    """The one coroutine that is run and leads to the client: nothing of its loop outlives it."""
    leading = program.lives.reach.callers(maker)
    runs: dict[Unit, list[s.Call]] = {}
    for node, runner in program.engine.runners.items():
        fact = program.engine.calls.get(node)
        if runner != "new" or fact is None or not isinstance(node, s.Call):
            continue
        for unit in fact.callees:
            if unit in leading and unit.is_async and context_of(fact.unit.module.path) != "test":
                runs.setdefault(unit, []).append(node)
    if not runs:
        raise Refused(
            f"no application and no main coroutine was found that could call `{release.name}` before its loop ends"
        )
    if len(runs) > 1 or any(len(nodes) > 1 for nodes in runs.values()):
        raise Refused(
            f"several event loops are run, and which of them is to call `{release.name}` is not for a tool to say"
        )
    [(unit, _)] = runs.items()
    callers = {edge.caller for edge in program.lives.reach.incoming.get(unit, ())}
    if unit is maker or len(callers) > 1:
        return _around_the_run(program, trees, release, unit, runs[unit][0])
    return _at_the_end(program, trees, release, unit, f"`{unit.qualname}`")


def _around_the_run(program: Program, trees: Trees, release: Release, unit: Unit, node: s.Call) -> Wire:
    """A main coroutine around the one that is run, which is of use elsewhere, too."""
    caller = program.engine.calls[node].unit
    path = caller.module.path
    if caller is not caller.module.top or "main" in caller.bound:
        raise Refused(f"`{unit.qualname}` is run, and called elsewhere, so it cannot end what it has not made")
    tree, called = trees[path], reference(program, release, path)
    run = tree.call(node.at)
    returns = " -> None" if tree.is_annotated else ""
    code = (
        f"async def main(){returns}:\n"
        f"    try:\n        await {tree.code(run)}\n    finally:\n        await {called.text}()\n"
    )
    changes = Changes()
    statement = tree.outermost(run)
    changes[run] = lambda _: cst.Call(cst.Name("main"))
    changes.before(statement, *tree.definitions(code))
    changes.also(statement, _two_blank_lines_before_last)
    return Wire(
        path, changes, called.needed, f"Run `{unit.qualname}` in a `main` that calls `{release.name}` at its end"
    )


def _at_the_end(program: Program, trees: Trees, release: Release, unit: Unit, where: str) -> Wire:
    """The release in a `finally` around everything that a coroutine function does."""
    if not unit.is_async:
        raise Refused(f"{where} cannot await `{release.name}`")
    tree = trees[unit.module.path]
    function = tree.function_at(unit)
    called = reference(program, release, unit.module.path)
    if not isinstance(function.body, cst.IndentedBlock):
        raise Refused(f"{where} is written in one line")
    body = statements_of(function.body)
    first = next((i for i, each in enumerate(body) if not _is_preamble(each)), len(body))
    if first == len(body):
        first = len(body) - 1
    title = f"Call `{release.name}` at the end of {where}"
    only_try = body[first]
    is_ended = len(body) == first + 1 and isinstance(only_try, cst.Try) and not only_try.handlers
    if is_ended and only_try.finalbody is not None:  # type: ignore[union-attr]
        return _further_end(tree, only_try.finalbody, called, title)  # type: ignore[union-attr]
    ended = protected(body[first:], [tree.parsed(f"await {called.text}()")])
    changes = Changes()
    changes.also(function.body, lambda block: block.with_changes(body=[*body[:first], ended]))
    return Wire(tree.path, changes, called.needed, title)


def _two_blank_lines_before_last(node: Any) -> Any:
    """The statement that follows a new definition, two blank lines after it."""
    *new, last = list(node)
    blank = cst.EmptyLine(indent=False)
    return cst.FlattenSentinel(
        [*new, last.with_changes(leading_lines=[blank, blank, *split_lead(last)[1].leading_lines])]
    )


_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


def _is_preamble(statement: cst.CSTNode) -> bool:
    """Whether a statement only declares: a docstring, `global`, an import."""
    small = only(statement)
    if isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString | cst.ConcatenatedString):
        return True
    return isinstance(small, cst.Global | cst.Nonlocal | cst.Import | cst.ImportFrom)

"""Who calls a release when the program ends: the application's one live hook, its main coroutine, or the interpreter.

Nothing is wired to a hook that cannot work: an asynchronous release needs the loop that its client lives in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import libcst as cst

from kafka_audit.catalog.hooks import HOOKS
from kafka_audit.catalog.hosts import WITH_LIFESPAN
from kafka_audit.facts import schema as s
from kafka_audit.fix.changes.endings import Wire, at_the_end, ending, two_blank_lines_before_last
from kafka_audit.fix.changes.keeper import Release
from kafka_audit.fix.changes.lifespans import at_application_end
from kafka_audit.fix.editing.edits import Changes, Tree, Trees
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.program import Program
from kafka_audit.link.reading.context import context_of


class Wired(NamedTuple):
    """What has a release called: the new bytes of each file, and what that does in words."""

    changed: dict[str, bytes]
    title: str


NO_CHANGES: Mapping[str, Changes] = {}
MOST_PROGRAMS = 4
"""Main coroutines that are each given the release; of more than these, people want to say how their programs end."""


def wired(program: Program, trees: Trees, release: Release, maker: Unit) -> Wired:
    """Have a release called at the end of the program; `maker` is the function that makes the client."""
    if not release.is_async:
        return together(trees, [_at_exit(trees[release.path], release)], release)
    return moved(program, trees, release, maker, {})


def moved(program: Program, trees: Trees, release: Release, maker: Unit, also: Mapping[str, Changes]) -> Wired:
    """The same by what an event loop runs at its end; `also` are further changes, by file, that are made with it."""
    return together(trees, _wires(program, trees, release, maker), release, also)


def together(trees: Trees, wires: Sequence[Wire], release: Release, also: Mapping[str, Changes] = NO_CHANGES) -> Wired:
    """Several changes as one."""
    edits = {**also}
    needed: dict[str, list[Needed]] = {}
    for wire in wires:
        edits.setdefault(wire.path, Changes()).update(wire.changes)
        needed.setdefault(wire.path, []).extend(wire.needed)
    title = wires[0].title
    if len(wires) > 1:
        title = f"Call `{release.name}` at the end of each of the {len(wires)} coroutines that are run"
    return Wired({path: trees[path].rewritten(edits[path], needed.get(path, ())) for path in sorted(edits)}, title)


def _wires(program: Program, trees: Trees, release: Release, maker: Unit) -> list[Wire]:
    group = program.engine.related.group(release.path)
    applications = [
        made
        for made in program.engine.hosting.made.values()
        if made.name in WITH_LIFESPAN and _counts(program, made.unit, group)
    ]
    if len(applications) > 1:
        raise Refused(
            "there are several applications, and which of them ends the client is for the design to decide",
            f"await `{release.name}` behind the `yield` of the lifespan of the one whose requests use the client",
        )
    if applications:
        return [at_application_end(program, trees, release, applications[0])]
    hooks = list(_shutdown_hooks(program, group))
    if len(hooks) == 1:
        return [at_the_end(program, trees, release, hooks[0], "the application's shutdown hook")]
    if hooks:
        raise Refused(
            "there are several shutdown hooks, and which of them ends the client is for the design to decide",
            f"await `{release.name}` in that of the application which uses the client",
        )
    return _main(program, trees, release, maker)


def _counts(program: Program, unit: Unit, group: str) -> bool:
    path = unit.module.path
    return context_of(path) != "test" and program.engine.related.group(path) == group


# --- the interpreter's exit ------------------------------------------------------------------------------------------


def _at_exit(tree: Tree, release: Release) -> Wire:
    """`atexit`, which works for whatever needs no event loop."""
    changes = Changes()
    changes.after(
        tree.definition(release.name.partition(".")[0]), *tree.definitions(f"atexit.register({release.name})\n")
    )
    return Wire(tree.path, changes, (Needed("atexit"),), f"Call `{release.name}` when the interpreter exits")


# --- other hooks and the main coroutine ------------------------------------------------------------------------------


def _shutdown_hooks(program: Program, group: str) -> Iterator[Unit]:
    """The project's coroutine functions that a framework awaits once, when the application ends."""
    targets = {
        hook.target
        for hook in HOOKS
        if hook.phase == "shutdown" and hook.awaits and hook.scope in {"app", "process", "worker"}
    }
    for unit, registrations in program.engine.registrations.items():
        is_coroutine = unit.is_async and not unit.is_generator and _counts(program, unit, group)
        if is_coroutine and any(registration.target in targets for registration in registrations.values()):
            yield unit


def _main(program: Program, trees: Trees, release: Release, maker: Unit) -> list[Wire]:
    """The coroutines that are run and lead to the client: nothing of their loops outlives them.

    Several are right when each is a program of its own, and nothing else of the project calls it.
    """
    runs = _runs(program, maker)
    if not runs:
        raise Refused(
            f"no application and no main coroutine was found that could call `{release.name}` before its loop ends",
            f"await `{release.name}` where the loop that runs the client ends, in a `finally`",
        )
    callers = {unit: {edge.caller for edge in program.lives.reach.incoming.get(unit, ())} for unit in runs}
    if len(runs) > 1 or any(len(nodes) > 1 for nodes in runs.values()):
        are_programs = all(
            len(nodes) == 1 and callers[unit] == {_caller(program, nodes[0])} and _is_program(program, nodes[0])
            for unit, nodes in runs.items()
        )
        if not are_programs or maker in runs or len(runs) > MOST_PROGRAMS:
            raise _too_many(release, runs)
        return [at_the_end(program, trees, release, unit, f"`{unit.qualname}`") for unit in runs]
    [(unit, [node])] = runs.items()
    if unit is maker or len(callers[unit]) > 1:
        return [_around_the_run(program, trees, release, unit, node)]
    return [at_the_end(program, trees, release, unit, f"`{unit.qualname}`")]


def _runs(program: Program, maker: Unit) -> dict[Unit, list[s.Call]]:
    """The coroutines that are run and lead to the client, with the calls that run them."""
    leading = program.lives.reach.callers(maker)
    runs: dict[Unit, list[s.Call]] = {}
    for node, runner in program.engine.runners.items():
        fact = program.engine.calls.get(node)
        if runner not in {"run", "new"} or fact is None or not isinstance(node, s.Call):
            continue
        for unit in fact.callees:
            if unit in leading and unit.is_async and context_of(fact.unit.module.path) != "test":
                runs.setdefault(unit, []).append(node)
    return dict(sorted(runs.items(), key=lambda each: (each[0].module.path, each[0].line)))


def _caller(program: Program, node: s.Call) -> Unit:
    return program.engine.calls[node].unit


def _is_program(program: Program, node: s.Call) -> bool:
    """Whether a call is what a script does behind its main guard."""
    fact = program.engine.calls[node]
    return fact.guarded and fact.unit is fact.unit.module.top


def _too_many(release: Release, runs: Mapping[Unit, Sequence[s.Call]]) -> Refused:
    named = [f"`{unit.qualname}` in {unit.module.path}" for unit in runs][:2]
    count = sum(map(len, runs.values()))
    more = f" and {len(runs) - 2} more" if len(runs) > 2 else ""
    return Refused(
        f"{count} event loops are run that lead to the client, and which of them ends it is not for a tool to say",
        f"await `{release.name}` in a `finally` where each of them ends ({', '.join(named)}{more}), or keep to one",
    )


def _is_used_by_another_run(program: Program, maker: Unit, node: s.Call) -> bool:
    """Whether a client that a coroutine makes is used by another one that is given a loop of its own."""
    lives, calls = program.lives, program.engine.calls
    using = {event.unit for life in lives.all if life.site.unit is maker for event in life.uses}
    leading = frozenset[Unit]().union(*map(lives.reach.callers, using))
    others = (calls[other] for other, how in program.engine.runners.items() if how == "run" and other in calls)
    return any(fact.node is not node and not leading.isdisjoint(fact.callees) for fact in others)


def _around_the_run(program: Program, trees: Trees, release: Release, unit: Unit, node: s.Call) -> Wire:
    """A main coroutine around the one that is run, which is of use elsewhere, too."""
    caller = program.engine.calls[node].unit
    path = caller.module.path
    if caller is not caller.module.top or "main" in caller.bound:
        raise Refused(f"`{unit.qualname}` is run, and called elsewhere, so it cannot end what it has not made")
    if _is_used_by_another_run(program, unit, node):
        raise Refused(
            f"what `{unit.qualname}` makes is used on another event loop, after its own is closed",
            "make, use and release the client in one coroutine, and run that",
        )
    tree, called = trees[path], ending(program, release, caller)
    run = tree.call(node.at)
    returns = " -> None" if tree.is_annotated else ""
    code = (
        f"async def main(){returns}:\n"
        f"    try:\n        await {tree.code(run)}\n    finally:\n        {called.statement}\n"
    )
    changes = Changes()
    statement = tree.outermost(run)
    changes[run] = lambda _: cst.Call(cst.Name("main"))
    changes.before(statement, *tree.definitions(code))
    changes.also(statement, two_blank_lines_before_last)
    return Wire(
        path, changes, called.needed, f"Run `{unit.qualname}` in a `main` that calls `{release.name}` at its end"
    )

"""Handlers that run when the interpreter exits: can they still release an asynchronous client?

`atexit`, `__del__` and finalizers run without the client's event loop. Only two ways reach it: a loop that was kept
open and is not running (`kept_loop.run_until_complete`), and a loop that still runs in another thread
(`run_coroutine_threadsafe`). A new loop, whether by `asyncio.run` or otherwise, never works (aiokafka 0.14.0, run).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from kafka_audit.catalog.hooks import registered
from kafka_audit.catalog.runners import RUNNERS
from kafka_audit.facts import schema as s
from kafka_audit.link.engine import Engine, Event, Node
from kafka_audit.link.families import ancestry
from kafka_audit.link.reach import Reach
from kafka_audit.link.scopes import Unit
from kafka_audit.link.walk import calls_in

if TYPE_CHECKING:
    from kafka_audit.link.owning import Owner, Owning

EXIT_REGISTRARS = frozenset({"atexit.register", "weakref.finalize"})


CLEANUPS = frozenset(
    {"callback", "push_async_callback", "push_async_exit", "addCleanup", "addAsyncCleanup", "addfinalizer"}
)
"""Methods of exit stacks, test cases and fixtures, whatever object they are found on."""

_WAITS: Final = frozenset({"wait", "pause", "run_forever"})
"""What a program does until a signal comes, when it is asked for it without a time limit."""


def runs_later(target: str) -> bool:
    """Whether what is given a function runs it, in a thread or by and by."""
    return target.rpartition(".")[2] in RUNNERS


def is_exit_registrar(target: str) -> bool:
    """Whether the function that was given a handler calls it only when the interpreter or the object ends."""
    return target in EXIT_REGISTRARS


def _is_for_later(target: str, select: str, node: Node) -> bool:
    """Whether the call that was given a handler leaves it to another thread, or to the end of a block, a test or the
    program.

    That is no release yet: the client may be started or filled afterwards. A signal may never come.
    """
    if runs_later(target):
        return True
    last = node.function.name if isinstance(node, s.Call) and isinstance(node.function, s.Attribute) else ""
    ends = {hook.phase for hook in registered(target, select) if hook.scope != "process" or target in EXIT_REGISTRARS}
    return last in CLEANUPS or not ends.isdisjoint({"shutdown", "exit"})


def left_to_exit(owning: Owning, owner: Owner) -> Unit | None:
    """The method that releases an object only when the process ends, if a library calls it then and nobody before."""
    releasing, family = owning.closure(owner.life.releases), ancestry(owning.engine, owner.value.scope)
    if any(callee in releasing for _, callee in owning.calls_on(owner.value)):
        return None
    for unit in sorted(releasing, key=lambda each: (each.module.path, each.line)):
        phases = {hook.phase for entry in owning.reach.entries_at(unit) for hook in entry.hooks}
        if unit.method_of in family and phases == {"exit"}:
            return unit
    return None


def releases_at_exit(engine: Engine, reach: Reach, handler: Unit, event: Event) -> bool:
    """Whether `handler`, run at exit, can bring an asynchronous release about on the client's own loop."""
    towards = reach.callers(event.unit)
    seen, stack = {handler}, [handler]
    runners = [engine.runners.get(event.node, "")]
    while stack:
        for edge in reach.outgoing.get(stack.pop(), ()):
            if edge.callee in towards:
                runners.append(engine.runners.get(edge.fact.node, "") if edge.fact is not None else "")
                if edge.callee not in seen:
                    seen.add(edge.callee)
                    stack.append(edge.callee)
    return "kept" in runners


def releases_on_signal(engine: Engine, reach: Reach, handler: Unit, event: Event) -> bool:
    """Whether a plain signal handler can: it may schedule on the loop that it interrupts, not run one of its own."""
    return engine.runners.get(event.node) not in {"run", "new"} or releases_at_exit(engine, reach, handler, event)


def left_for_later(engine: Engine, unit: Unit, here: Iterable[Event], releasing: Iterable[Unit]) -> frozenset[Node]:
    """The calls of a unit that leave the release of the client to a later end, by handing it, or a function that
    releases it, to somebody.

    If that is the handler of a signal, they are those that wait until one comes.
    """
    found = {
        e.node for e in here if e.what == "release" and e.via == "callback" and _is_for_later(e.registrar, "", e.node)
    }
    for handler in releasing:
        for given in engine.registrations.get(handler, {}).values():
            if given.unit is not unit or given.node is None:
                continue
            if _is_for_later(given.target, given.select, given.node):
                found.add(given.node)
            elif _is_for_a_signal(given.target, given.select):
                found.update(call for call in calls_in(unit.body) if _waits(call))
    return frozenset(found)


def _is_for_a_signal(target: str, select: str) -> bool:
    """Whether a handler is called when a signal comes."""
    return any(hook.phase == "exit" and hook.scope == "process" for hook in registered(target, select))


def _waits(call: s.Call) -> bool:
    return isinstance(call.function, s.Attribute) and call.function.name in _WAITS and not call.arguments

"""Handlers that run when the interpreter exits: can they still release an asynchronous client?

`atexit`, `__del__` and finalizers run without the client's event loop. Only two ways reach it: a loop that was kept
open and is not running (`kept_loop.run_until_complete`), and a loop that still runs in another thread
(`run_coroutine_threadsafe`). A new loop, whether by `asyncio.run` or otherwise, never works (aiokafka 0.14.0, run).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kafka_audit.catalog.hooks import registered
from kafka_audit.catalog.runners import RUNNERS
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event, Node
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.reach.entries import Reach
from kafka_audit.link.reading.walk import calls_in

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

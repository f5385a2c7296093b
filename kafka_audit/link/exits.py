"""Handlers that run when the interpreter exits: can they still release an asynchronous client?

`atexit`, `__del__` and finalizers run without the client's event loop. Only two ways reach it: a loop that was kept
open and is not running (`kept_loop.run_until_complete`), and a loop that still runs in another thread
(`run_coroutine_threadsafe`). A new loop, whether by `asyncio.run` or otherwise, never works (aiokafka 0.14.0, run).
"""

from __future__ import annotations

from kafka_audit.link.engine import Engine, Event
from kafka_audit.link.reach import Reach
from kafka_audit.link.scopes import Unit

EXIT_REGISTRARS = frozenset({"atexit.register", "weakref.finalize"})


def is_exit_registrar(target: str) -> bool:
    """Whether the function that was given a handler calls it only when the interpreter or the object ends."""
    return target in EXIT_REGISTRARS


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

"""What does Python itself call at exit, on a signal, or at the end of a with statement?

Run on Python 3.10 to 3.13.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Hook, same_hooks

_NOT_WHEN_KILLED = (
    "not after SIGTERM with its default handler or os._exit(), nor before Python 3.13 in a forked multiprocessing child"
)

EXIT: Final = (
    Hook(
        framework="atexit",
        target="atexit.register",
        via="call",
        phase="exit",
        scope="process",
        live=_NOT_WHEN_KILLED,
        note="Python 3.11, run: the loop that ran the program is closed by then, so nothing can be awaited in it.",
    ),
    Hook(
        framework="weakref",
        target="weakref.finalize",
        via="call",
        phase="exit",
        scope="object",
        live=_NOT_WHEN_KILLED,
        note="Python 3.11, run: called when the object is collected, at the latest by atexit.",
    ),
    Hook(
        framework="signal",
        target="signal.signal",
        via="call",
        phase="exit",
        scope="process",
        live="not when a server replaces the handler by its own, as uvicorn and gunicorn do",
        note="Python 3.11, run: called between two instructions of the main thread; nothing can be awaited in it.",
    ),
    Hook(
        framework="asyncio",
        target="asyncio.AbstractEventLoop().add_signal_handler",
        via="call",
        phase="exit",
        scope="process",
        live="only while the loop runs",
        note="Python 3.11, run: a plain call inside the loop; it can set an event or cancel a task that then releases.",
    ),
)

_DIRECT = "Python 3.11, run: called by the with statement or exit stack that entered the object."

SPECIAL_METHODS: Final = (
    *same_hooks(
        "python",
        ("object", "__enter__", "startup"),
        ("object", "__exit__", "shutdown"),
        via="method",
        scope="object",
        live="only where the object is entered",
        note=_DIRECT,
    ),
    *same_hooks(
        "python",
        ("object", "__aenter__", "startup"),
        ("object", "__aexit__", "shutdown"),
        via="method",
        scope="object",
        awaits=True,
        live="only where the object is entered",
        note=_DIRECT,
    ),
    Hook(
        framework="python",
        target="object",
        via="method",
        select="__del__",
        phase="exit",
        scope="object",
        live="only when the object is collected before the interpreter takes its modules apart",
        note="Python 3.11, run: called by the collector in whatever thread it runs; nothing can be awaited in it.",
    ),
)

LOGGING: Final = same_hooks(
    "logging",
    ("logging.Handler", "flush", "exit"),
    ("logging.Handler", "close", "exit"),
    via="method",
    scope="process",
    live=_NOT_WHEN_KILLED,
    note="Python 3.11, run: logging.shutdown() calls both of every handler there is, and atexit calls that.",
)

CONTEXTLIB: Final = (
    *same_hooks(
        "contextlib",
        ("contextlib.contextmanager", "", "both"),
        via="decorator",
        scope="object",
        live="only where the result is entered; after an error only with try/finally around the yield",
        note="Python 3.11, run: the error is raised at the yield.",
    ),
    *same_hooks(
        "contextlib",
        ("contextlib.asynccontextmanager", "", "both"),
        via="decorator",
        scope="object",
        awaits=True,
        live="only where the result is entered; after an error only with try/finally around the yield",
        note="Python 3.11, run: the error is raised at the yield.",
    ),
    *same_hooks(
        "contextlib",
        ("contextlib.closing", "", "both"),
        via="call",
        scope="object",
        live="only where the result is entered, and only for an object whose close() is no coroutine",
        note="Python 3.11, run: calls close().",
    ),
    *same_hooks(
        "contextlib",
        ("contextlib.aclosing", "", "both"),
        via="call",
        scope="object",
        awaits=True,
        live="only where the result is entered, and only for an object that has aclose()",
        note="Python 3.11, run: awaits aclose(), which no Kafka client has.",
    ),
    *same_hooks(
        "contextlib",
        ("contextlib.ExitStack().callback", "", "shutdown"),
        ("contextlib.ExitStack().push", "", "shutdown"),
        ("contextlib.ExitStack().enter_context", "", "both"),
        ("contextlib.AsyncExitStack().callback", "", "shutdown"),
        ("contextlib.AsyncExitStack().push", "", "shutdown"),
        ("contextlib.AsyncExitStack().enter_context", "", "both"),
        via="call",
        scope="object",
        live="only when the stack is closed or left",
        note="Python 3.11, run: called in reverse order, each one even when another raised.",
    ),
    *same_hooks(
        "contextlib",
        ("contextlib.AsyncExitStack().push_async_callback", "", "shutdown"),
        ("contextlib.AsyncExitStack().push_async_exit", "", "shutdown"),
        ("contextlib.AsyncExitStack().enter_async_context", "", "both"),
        via="call",
        scope="object",
        awaits=True,
        live="only when the stack is closed or left",
        note="Python 3.11, run: awaited in reverse order, each one even when another raised.",
    ),
)

LANGUAGE_HOOKS: Final[tuple[Hook, ...]] = (*EXIT, *SPECIAL_METHODS, *LOGGING, *CONTEXTLIB)

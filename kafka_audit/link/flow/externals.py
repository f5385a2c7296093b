"""What calling functions of other libraries gives, where that matters for the flow of objects."""

from __future__ import annotations

from kafka_audit.catalog.driving import driver_named
from kafka_audit.catalog.hooks import HOOK_LIBRARIES
from kafka_audit.catalog.hosts import DEPENDENCIES, GIVINGS, SETUPS, SUPPLIERS, closes, host_named
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.containers import MAKERS, iterate, store_under
from kafka_audit.link.flow.engine import Arguments, Engine, Runner, Values
from kafka_audit.link.flow.functions import HANDLERS
from kafka_audit.link.flow.handover import hand_over
from kafka_audit.link.flow.managers import enter_value, leave_at_end
from kafka_audit.link.flow.provision import asked, later, provide, supply
from kafka_audit.link.flow.scopes import lookup
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClassValue,
    ClientMethod,
    ClientType,
    External,
    FunctionValue,
    Made,
    Partial,
    Value,
)

FOLLOWED = frozenset(HOOK_LIBRARIES) - frozenset({"pytest", "pytest_asyncio", "unittest"}) | frozenset(
    {"anyio", "asyncio", "concurrent", "contextlib", "contextvars", "functools", "logging", "threading", "uvicorn"}
)
"""Libraries whose objects are worth following: they run callbacks, hold state for an application, or own a loop."""

INERT = frozenset(
    [
        "builtins.print",
        "builtins.len",
        "builtins.isinstance",
        "builtins.issubclass",
        "builtins.hasattr",
        "builtins.str",
        "builtins.repr",
        "builtins.bool",
        "builtins.id",
        "builtins.callable",
        "builtins.hash",
        "builtins.int",
        "builtins.float",
        "builtins.any",
        "builtins.all",
        "builtins.sum",
        "builtins.range",
        "builtins.dir",
        "builtins.delattr",
        "json.dumps",
        "json.loads",
        "pprint.pprint",
        "warnings.warn",
    ]
)
"""Functions that neither keep nor return nor call what they are given."""

LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
"""Methods of loggers, whatever the library: they print what they are given."""

THROUGH = frozenset(
    [
        "asyncio.run",
        "asyncio.wait_for",
        "asyncio.shield",
        "asyncio.create_task",
        "asyncio.ensure_future",
        "asyncio.as_completed",
        "asyncio.gather",
        "asyncio.wait",
        "asyncio.run_coroutine_threadsafe",
        "anyio.run",
        "trio.run",
        "uvloop.run",
        "asgiref.sync.async_to_sync",
        "builtins.sorted",
        "builtins.reversed",
        "builtins.enumerate",
        "builtins.zip",
        "builtins.iter",
        "builtins.filter",
        "copy.copy",
        "copy.deepcopy",
        "itertools.chain",
        "itertools.cycle",
        "itertools.islice",
        "itertools.zip_longest",
        "random.choices",
        "random.sample",
        "typing.cast",
        "builtins.aiter",
    ]
)
"""Functions whose result is, or holds, what they are given (for coroutines: what the coroutine returns)."""

RUNS = frozenset({"asyncio.run", "anyio.run", "trio.run", "uvloop.run"})
"""Functions that open an event loop for one coroutine, and close it when that is done."""

THROUGH_METHODS = frozenset({"run_until_complete", "create_task"})
OFFLOADS = frozenset({"to_thread", "run_in_executor", "run_in_threadpool", "run_sync", "sync_to_async"})
"""Functions that run another one in a thread and give its result."""

POOLS = ("concurrent.futures.", "multiprocessing.pool.ThreadPool()")
"""Whose methods `submit` and `map` run a function in another thread or process."""

_ENTERS = frozenset({"enter_context", "enter_async_context", "enterContext", "enterAsyncContext", "with_resource"})
_PROVIDES = DEPENDENCIES | {"TaskiqDepends", "FromDishka"}


def call_external(engine: Engine, callee: External, node: s.Call, arguments: Arguments) -> Values:
    """Call a function of another library, known by its dotted name."""
    dotted = callee.dotted
    handler = HANDLERS.get(dotted)
    if handler is not None:
        return handler(engine, node, arguments)
    last = dotted.rpartition(".")[2]
    if dotted in INERT or last in LOGS:
        return set()
    if dotted in THROUGH or last in THROUGH_METHODS:
        hand_over(engine, dotted, node, _only_functions(arguments))
        mark_run(engine, node, dotted)
        return set().union(*arguments.all())
    if dotted in MAKERS:
        return _make_container(engine, dotted, node, arguments)
    if last in OFFLOADS:
        return _offload(engine, dotted, node, arguments)
    if last in {"submit", "map"} and dotted.startswith(POOLS):
        return _promise(engine, dotted, node, arguments)
    if last in _ENTERS:
        return _enter(engine, node, arguments)
    if last in {"push", "push_async_exit"} and "ExitStack" in dotted:
        leave_at_end(engine, dotted, node, arguments.get(0, "exit"))
    if dotted in SUPPLIERS:
        return supply(engine, dotted, node, arguments)
    if last in _PROVIDES:
        return provide(engine, dotted, node, arguments)
    if dotted in GIVINGS:
        return asked(engine, callee, node, arguments)
    if closes(dotted):
        engine.hosting.closings.setdefault((dotted, callee.made, node), engine.unit)
    if dotted in SETUPS:
        engine.write(
            engine.outside(SETUPS[dotted]), {v for v in arguments.get(0, "container") if isinstance(v, External)}
        )
    driver = driver_named(dotted)
    if driver is not None:
        return hand_over(engine, dotted, node, arguments) | driven(engine, dotted, arguments, callee.made)
    name = host_named(dotted)
    host = engine.hosting.host(name, node, engine.unit) if name else callee.made
    return hand_over(engine, dotted, node, arguments, host) | _result(engine, dotted, host)


def driven(engine: Engine, dotted: str, arguments: Arguments, made: Made | None = None) -> Values:
    """What runs an application in a test: it stands for the application that it is given, or that it was found on."""
    hosts = {value.made for values in arguments.all() for value in values if isinstance(value, External)} | {made}
    known = sorted((host for host in hosts if host is not None), key=lambda host: host.order)
    return {engine.external(f"{dotted}()", host) for host in known or (None,)}


def mark_run(engine: Engine, node: s.Call, dotted: str) -> None:
    """The coroutines that are made in the arguments of a runner run; on which loop is remembered."""
    for argument in node.arguments:
        if isinstance(argument.value, s.Call):
            engine.modes[argument.value] = "run"
            engine.runners[argument.value] = _runner(engine, node, dotted)
            fact = engine.calls.get(argument.value)
            if fact is not None:
                fact.mode = "run"


def _runner(engine: Engine, node: s.Call, dotted: str) -> Runner:
    """Which loop a runner uses: one that it opens and closes, a new one, one that somebody kept, or the current one."""
    last = dotted.rpartition(".")[2]
    if dotted in RUNS:
        return "run"
    if last == "run_coroutine_threadsafe":
        return "kept"
    if last in {"create_task", "ensure_future"}:
        # A task group waits for its tasks; of an unknown receiver nothing is said.
        return "task" if dotted.startswith("asyncio.") and "TaskGroup" not in dotted else "group"
    if last != "run_until_complete" or not isinstance(node.function, s.Attribute):
        return "new"
    loop = node.function.value
    if isinstance(loop, s.Name):
        unit, is_bound = lookup(engine.unit, loop.id)
        # A loop made or looked up in the handler itself is not the one that the client was started on.
        return "new" if is_bound and unit is engine.unit else "kept"
    return "kept" if isinstance(loop, s.Attribute) else "new"


def _result(engine: Engine, dotted: str, host: Made | None) -> Values:
    """What a library function returns: followed only for libraries whose objects take part in life cycles.

    What the methods of such objects return (`response.json().get(...)`) is data, and is not followed.
    """
    if dotted == "collections.namedtuple":
        return {engine.external(f"{dotted}()")}
    if "()" in dotted or dotted.partition(".")[0] not in FOLLOWED:
        return set()
    return {engine.external(f"{dotted}()", host)}


def _only_functions(arguments: Arguments) -> Arguments:
    """The arguments without objects: running a coroutine does not hand over what it returns."""

    def functions(values: Values) -> Values:
        return {value for value in values if isinstance(value, FunctionValue | BoundMethod)}

    keywords = {name: functions(values) for name, values in arguments.keywords.items()}
    return Arguments([functions(values) for values in arguments.positional], keywords, functions(arguments.spread))


def _make_container(engine: Engine, dotted: str, node: s.Call, arguments: Arguments) -> Values:
    kind = dotted.rpartition(".")[2].lower()
    container = engine.container(node, "dict" if "dict" in kind else kind, node.at[0])
    if kind == "defaultdict" and arguments.positional:
        engine.write(container.rest, later(engine, node, arguments.positional[0]))
    else:
        for values in arguments.positional:
            engine.write(container.rest, iterate(engine, values))
    for name, values in arguments.keywords.items():
        store_under(engine, container, name, values)
    return {container}


def _offload(engine: Engine, dotted: str, node: s.Call, arguments: Arguments) -> Values:
    """A function handed to a thread that waits for its result: it is called, with the arguments that follow it."""
    offset = next((i for i, values in enumerate(arguments.positional) if any(map(_is_callable, values))), None)
    if offset is None:
        return hand_over(engine, dotted, node, arguments)
    engine.offloaded.add(node)
    inner = Arguments(arguments.positional[offset + 1 :], arguments.keywords, arguments.spread)
    found: Values = set()
    for callee in arguments.positional[offset]:
        found |= engine.apply(callee, node, inner)
    return found


def _promise(engine: Engine, dotted: str, node: s.Call, arguments: Arguments) -> Values:
    """A function handed to a pool: what it returns can be had from the future or iterator that this gives."""
    results: Values = set()
    for callee in arguments.get(0, "fn"):
        if isinstance(callee, FunctionValue | BoundMethod):
            results |= engine.read(callee.unit.result)
        elif isinstance(callee, ClientType):
            results |= engine.apply(callee, node, Arguments(arguments.positional[1:], arguments.keywords))
    found = hand_over(engine, dotted, node, arguments) | results
    if not dotted.endswith(".map") or not results:
        return found
    container = engine.container(node, "list", node.at[0])
    engine.write(container.rest, results)
    return {container}


def _is_callable(value: Value) -> bool:
    return isinstance(value, ClientType | ClientMethod | ClassValue | FunctionValue | BoundMethod | Partial)


def _enter(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    found: Values = set()
    for value in arguments.get(0, "cm"):
        found |= enter_value(engine, value, node, is_async=None)
    return found

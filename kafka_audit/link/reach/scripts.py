"""Which files are run, and imported by nobody, although no guard says so?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from kafka_audit.catalog.hooks import HOOK_LIBRARIES
from kafka_audit.catalog.hosts import FORKING, SPAWNING
from kafka_audit.discover.notebooks import SUFFIX
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.related import imported_paths
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClientObject
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements

ENDS = frozenset(
    [
        "run",
        "run_until_complete",
        "run_forever",
        "loop_forever",
        "serve_forever",
        "start_consuming",
        "start_polling",
        "infinity_polling",
        "run_polling",
        "mainloop",
        "spin",
        "exit",
        "quit",
        "parse_args",
        "input",
        "sleep",
    ]
)
"""Calls that only a program makes at its top level: it runs a loop (asyncio's, that of an MQTT, AMQP, chat or window
library), reads its command line, waits, ends."""

SERVED = frozenset(HOOK_LIBRARIES) - {
    "asyncio",
    "atexit",
    "contextlib",
    "logging",
    "pytest",
    "pytest_asyncio",
    "signal",
    "unittest",
    "weakref",
}
"""Libraries whose programs are imported to be run: by a server, a worker, a scheduler."""


def unimported(engine: Engine) -> frozenset[str]:
    """The paths of the files that no other file imports, those left out that a test runner imports."""
    imported = {
        target
        for path, module in engine.modules.items()
        for unit in module.units
        for node in unit.imports
        for target in imported_paths(node, path, engine.paths)
        if target != path
    }
    return frozenset(path for path in engine.modules if path not in imported and not _is_collected(path))


def _is_collected(path: str) -> bool:
    """Whether a test runner imports the file: of those in a folder of tests it looks at the names."""
    stem = PurePosixPath(path).stem
    is_named_so = stem in {"conftest", "__init__"} or stem.startswith("test") or stem.rstrip("s").endswith("test")
    return context_of(path) == "test" and is_named_so


def is_without_tests(engine: Engine, path: str) -> bool:
    """Whether the file is called like one of tests and has none: people run it by hand, whatever a test runner does."""
    is_named_so = _is_collected(path) and PurePosixPath(path).stem not in {"conftest", "__init__"}
    return is_named_so and not any(
        isinstance(statement, s.Function | s.Class) and statement.name.lower().startswith("test")
        for statement in _run_at_once(engine.modules[path].facts.body)
    )


def is_script(engine: Engine, path: str) -> bool:
    """Whether the file is a program and nothing else.

    It cannot be imported by its name, as a notebook, or does at its top level what only a program does. A main guard,
    and a call of a function of its own, say so unless it uses a library that would import it all the same.
    """
    module = engine.modules[path]
    body = module.facts.body
    if path.endswith(SUFFIX) or not PurePosixPath(path).stem.isidentifier():
        return True
    if any(_is_programs(st) or _listens(engine, module.top, st) for st in _run_at_once(body)):
        return True
    own = {statement.name for statement in body if isinstance(statement, s.Function)}
    return not is_served(engine, path) and any(_is_guarded(st) or _is_call_of(st, own) for st in body)


def is_served(engine: Engine, path: str) -> bool:
    """Whether the file uses a library that imports the programs that use it."""
    imports = (node for unit in engine.modules[path].units for node in unit.imports)
    return any(node.module.partition(".")[0] in SERVED for node in imports)


def is_imported_by_workers(engine: Engine, path: str) -> bool:
    """Whether the file is of an application that each worker imports for itself, and nothing around it forks."""
    group = engine.related.group(path)
    around = [module for other, module in engine.modules.items() if engine.related.group(other) == group]
    imports = [node for module in around for unit in module.units for node in unit.imports]
    roots = {node.module.partition(".")[0] for node in imports if not node.level}
    forks = not FORKING.isdisjoint(roots) or any(node.name in {"fork", "ProcessPoolExecutor"} for node in imports)
    return not SPAWNING.isdisjoint(roots) and not forks


def _run_at_once(body: s.Body) -> Iterator[s.Stmt]:
    """The statements that run when the file does, whether it is the main program or not."""
    for statement in body:
        yield statement
        if not _is_guarded(statement):
            for inner in child_bodies(statement):
                yield from _run_at_once(inner)


def _is_guarded(statement: s.Stmt) -> bool:
    return isinstance(statement, s.If) and any(
        isinstance(part, s.Name) and part.id == "__name__" for part in inside(statement.test)
    )


def _is_call_of(statement: s.Stmt, names: Collection[str]) -> bool:
    match statement:
        case s.Evaluate(s.Call(s.Name(name))):
            return name in names
    return False


def _is_programs(statement: s.Stmt) -> bool:
    if isinstance(statement, s.Function | s.Class):
        return False
    return isinstance(statement, s.While) or any(
        _acts(part) for expression in expressions(statement) for part in inside(expression)
    )


def _listens(engine: Engine, unit: Unit, statement: s.Stmt) -> bool:
    """Whether the statement is a loop over the messages of a client, or calls a project's function that has one."""
    match statement:
        case s.For(iterable=iterable):
            return any(isinstance(value, ClientObject) for value in engine.look(unit, iterable))
        case s.Evaluate(s.Call() as call) if (fact := engine.calls.get(call)) is not None:
            loops = ((each, loop) for each in fact.callees for loop in statements(each.body) if isinstance(loop, s.For))
            return any(_listens(engine, each, loop) for each, loop in loops)
    return False


def _acts(part: s.Expr) -> bool:
    match part:
        case s.Call(s.Name(name) | s.Attribute(_, name), arguments):
            return name in ENDS or any(each.keyword == "block" and _is_true(each.value) for each in arguments)
        case s.Attribute(s.Name("sys"), "argv"):
            return True
    return False


def _is_true(value: s.Expr) -> bool:
    return isinstance(value, s.Constant) and value.value is True

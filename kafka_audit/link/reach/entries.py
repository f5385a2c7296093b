"""Who runs what: which code runs while modules are imported, and from which entries a function can be reached.

An entry is where control comes into the project from outside: a module body, a main guard, a function that a library
was given to call, a test.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Literal

from kafka_audit.catalog.hooks import Hook, hooks_for, registered
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import CallFact, Calling, Engine, Node, Registration
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit, is_special
from kafka_audit.link.flow.values import BoundMethod, Container, FunctionValue, Value
from kafka_audit.link.reach.components import hooks_of
from kafka_audit.link.reach.switches import NONE_OFF, Off, Switches
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import expressions, inside, statements

EntryKind = Literal["import", "main", "hook", "framework", "reference", "test", "name", "exit", "api"]

ENTRY_NAMES = frozenset({"main", "lambda_handler", "handler", "create_app", "app_factory"})
"""Functions that are started from outside by convention: console scripts, cloud functions, application factories."""

NOWHERE: s.At = (0, 0, 0, 0)

_TURNS = frozenset({"run_forever", "run_until_complete"})
"""Methods of an event loop in which the tasks that it has been given run."""

PLAIN_BASES = (
    "builtins.",
    "abc.",
    "typing.",
    "typing_extensions.",
    "enum.",
    "dataclasses.",
    "collections.abc.",
    "pydantic.",
    "contextlib.Abstract",
)
"""Bases of other libraries that call no method of their subclasses on their own account."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`caller` runs `callee` at `line`; `fact` is the call, if there is one in the text."""

    caller: Unit
    callee: Unit
    line: int
    guarded: bool
    fact: CallFact | None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One way in which a unit is run: the call, what ran the caller, and what cannot happen in it then."""

    edge: Edge | None = None
    before: Run | None = None
    off: Off = NONE_OFF


@dataclass(frozen=True, slots=True)
class Entry:
    """A way into the project: the kind, the unit that control enters, and for hooks what calls it.

    `hooks` are the catalogue's rows of that: several when it cannot be told which event calls.
    """

    kind: EntryKind
    unit: Unit
    path: str
    target: str = ""
    registration: Registration | None = None
    hooks: tuple[Hook, ...] = ()

    @property
    def order(self) -> tuple[str, str, str, str, int, tuple[str, s.At]]:
        """A fixed order of entries, in which no two are the same."""
        given = self.registration
        line, host = (given.line, given.host) if given is not None else (0, None)
        return (self.kind, self.path, self.unit.qualname, self.target, line, host.order if host else ("", NOWHERE))


class Reach:
    """The call graph of a solved engine, and the questions asked of it."""

    def __init__(self, engine: Engine, scripts: Collection[str] = ()) -> None:
        self.engine = engine
        self._scripts = frozenset(scripts)
        self.outgoing: dict[Unit, list[Edge]] = {}
        self.incoming: dict[Unit, list[Edge]] = {}
        for edge in _edges(engine):
            self.outgoing.setdefault(edge.caller, []).append(edge)
            self.incoming.setdefault(edge.callee, []).append(edge)
        self._callers: dict[Unit, frozenset[Unit]] = {}
        self._below: dict[Unit, frozenset[Unit]] = {}
        self._entries: dict[tuple[Unit, bool], list[Entry]] = {}
        self._referenced = _referenced(engine)
        self._named = _named(engine)
        self.switches = Switches(engine)
        self._at_import = self._run_at_import()

    def runs_at_import(self, unit: Unit, node: Calling) -> bool:
        """Whether what stands in `unit` runs when a module is imported."""
        return any(node not in run.off for run in self._at_import.get(unit, ()))

    def import_chain(self, unit: Unit, node: Node) -> list[Edge]:
        """The calls that lead from a module body to what stands in `unit`, while the module is imported."""
        chain: list[Edge] = []
        run = next((run for run in self._at_import.get(unit, ()) if node not in run.off), None)
        while run is not None and run.edge is not None:
            chain.append(run.edge)
            run = run.before
        return chain[::-1]

    def entries(self, unit: Unit, *, tests: bool) -> list[Entry]:
        """The entries from which control can reach `unit`; those of test code only when `tests` is true."""
        if (unit, tests) not in self._entries:
            self._entries[unit, tests] = self._find_entries(unit, tests)
        return self._entries[unit, tests]

    def _find_entries(self, unit: Unit, tests: bool) -> list[Entry]:
        found: dict[tuple[object, ...], Entry] = {}
        for current, edge in self._backwards(unit, lambda e: tests or context_of(e.caller.module.path) != "test"):
            for entry in self._entries_at(current, edge):
                if tests or context_of(entry.path) != "test":
                    found.setdefault(entry.order, entry)
        return sorted(found.values(), key=lambda entry: entry.order)

    def is_entered(self, unit: Unit) -> bool:
        """Whether control comes from outside to the unit itself; a coroutine called `main` waits to be run."""
        return any(not (entry.kind == "name" and unit.is_async) for entry in self._entries_at(unit, None))

    def entries_at(self, unit: Unit) -> list[Entry]:
        """The ways by which control comes from outside to the unit itself."""
        return list(self._entries_at(unit, None))

    def callers(self, unit: Unit) -> frozenset[Unit]:
        """Every unit from which `unit` can be reached by calls, itself included."""
        if unit not in self._callers:
            self._callers[unit] = frozenset(current for current, _ in self._backwards(unit, lambda _: True))
        return self._callers[unit]

    def from_top(self, unit: Unit, top: Unit) -> list[Edge]:
        """The calls that stand in a module body and from which `unit` can be reached."""
        return [edge for current, edge in self._backwards(unit, lambda _: True) if current is top and edge is not None]

    def below(self, unit: Unit) -> frozenset[Unit]:
        """Every unit that `unit` can reach by calls, itself included."""
        if unit not in self._below:
            self._below[unit] = frozenset(self._forwards(unit))
        return self._below[unit]

    def _forwards(self, unit: Unit) -> set[Unit]:
        seen, stack = {unit}, [unit]
        while stack:
            for edge in self.outgoing.get(stack.pop(), ()):
                if edge.callee not in seen:
                    seen.add(edge.callee)
                    stack.append(edge.callee)
        return seen

    def _backwards(self, unit: Unit, follow: Callable[[Edge], bool]) -> Iterator[tuple[Unit, Edge | None]]:
        seen = {unit}
        queue: deque[Unit] = deque([unit])
        yield unit, None
        while queue:
            for edge in self.incoming.get(queue.popleft(), ()):
                if not follow(edge):
                    continue
                if edge.caller.kind == "module" or edge.caller not in seen:
                    yield edge.caller, edge
                if edge.caller not in seen:
                    seen.add(edge.caller)
                    queue.append(edge.caller)

    def _entries_at(self, unit: Unit, edge: Edge | None) -> Iterator[Entry]:
        if unit.kind == "module":
            guarded = edge is not None and edge.guarded
            yield Entry("main" if guarded else "import", unit, unit.module.path)
            return
        for registration in self.registrations(unit):
            rows = registered(registration.target, registration.select)
            yield Entry("hook", unit, registration.unit.module.path, registration.target, registration, rows)
        if unit in self._named:
            hook = self._named[unit]
            yield Entry("hook", unit, unit.module.path, f"{hook.target}.{hook.select}", None, (hook,))
        if unit in self._referenced:
            yield Entry("reference", unit, unit.module.path)
        if unit.function is None:
            return
        name = unit.function.name
        is_command = unit.parent is unit.module.top and (name in ENTRY_NAMES or self._is_script(unit))
        callers = (edge.caller for edge in self.incoming.get(unit, ()))
        is_asked = any(context_of(caller.module.path) != "test" for caller in callers)
        if not (is_command or is_asked) and unit not in self.engine.registrations:
            yield Entry("api", unit, unit.module.path)
        in_test = context_of(unit.module.path) == "test"
        if in_test and (name.startswith("test") or self.engine.flagged(unit, "fixture")):
            yield Entry("test", unit, unit.module.path)
        if is_command:
            yield Entry("name", unit, unit.module.path)
        if name == "__del__":
            yield Entry("exit", unit, unit.module.path, "object.__del__")
        if unit.method_of is not None and self._is_framework_method(unit.method_of, name):
            yield Entry("framework", unit, unit.module.path, "", None, self._overridden(unit.method_of, name))

    def is_left_out(self, unit: Unit, node: Node, *, tests: bool) -> bool:
        """Whether what every call of a function passes keeps it from what stands there; not if others may call it."""
        edges = [e for e in self.incoming.get(unit, ()) if tests or context_of(e.caller.module.path) != "test"]
        if unit.function is None or unit in self.engine.registrations or unit in self._referenced:
            return False
        if unit.method_of is not None and self._is_framework_method(unit.method_of, unit.function.name):
            return False
        return bool(edges) and all(node in self.switches.off(edge.fact, unit) for edge in edges)

    def registrations(self, unit: Unit) -> list[Registration]:
        """To whom the function was given; without those to an unknown host where the host is known, too."""
        every = self.engine.registrations.get(unit, {}).values()
        known = {(each.target, each.line) for each in every if each.host is not None}
        return [each for each in every if each.host is not None or (each.target, each.line) not in known]

    def _is_script(self, unit: Unit) -> bool:
        """Whether the project declares the function as a command: `package.module:function`."""
        parts = PurePosixPath(unit.module.path).with_suffix("").parts
        dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        return any(
            function == unit.qualname and (dotted == module or dotted.endswith(f".{module}"))
            for module, _, function in (script.partition(":") for script in self._scripts)
        )

    def _is_framework_method(self, scope: ClassScope, name: str) -> bool:
        """Whether a library can call this method: it overrides one of a library's class, or Python itself calls it."""
        if name in {"__call__", "__iter__", "__aiter__", "__next__", "__anext__"} or hooks_of(self.engine, scope, name):
            return True
        bases = [base for base in ancestry(self.engine, scope) if isinstance(base, str)]
        return any(not base.startswith(PLAIN_BASES) for base in bases)

    def is_left_to_base(self, unit: Unit) -> bool:
        """Whether a library's base class calls the method, and nothing in the project: a private one, a thread's `run`,
        one that is called for every object of the class when the process ends, or one that goes on to the base's own.
        """
        name, scope = unit.function.name if unit.function is not None else "", unit.method_of
        if scope is None or self.incoming.get(unit) or unit in self.engine.registrations:
            return False
        is_private = name.startswith("_") and not is_special(name)
        is_threads = name == "run" and "threading.Thread" in ancestry(self.engine, scope)
        is_last = any(hook.phase == "exit" and hook.scope == "process" for hook in self._overridden(scope, name))
        is_the_bases = is_private or _goes_on_to_base(unit, name)
        return is_threads or is_last or (is_the_bases and self._is_framework_method(scope, name))

    def _overridden(self, scope: ClassScope, name: str) -> tuple[Hook, ...]:
        """The hooks that a method of this name is, by the library's classes that its class derives from."""
        bases = [base for base in ancestry(self.engine, scope) if isinstance(base, str)]
        rows = [hook for base in bases for hook in hooks_for(base)]
        overridden = tuple(hook for hook in rows if hook.via == "method" and hook.select == name)
        return overridden + hooks_of(self.engine, scope, name)

    def _run_at_import(self) -> dict[Unit, list[Run]]:
        """What runs when the application's modules are imported, and for other files also what their own bodies run.

        What an example or a test runs at its top level says nothing about importing the application.
        """
        tops = [self.engine.modules[path].top for path in sorted(self.engine.modules)]
        inside = self._spread([top for top in tops if context_of(top.module.path) == "app"])
        everywhere = self._spread(tops)
        outside = {unit: runs for unit, runs in everywhere.items() if context_of(unit.module.path) != "app"}
        return outside | inside

    def _spread(self, tops: list[Unit]) -> dict[Unit, list[Run]]:
        """Breadth first from these module bodies, so that the chain to each unit is a shortest one."""
        runs = {top: [Run()] for top in tops}
        queue = deque((top, runs[top][0]) for top in tops)
        while queue:
            unit, run = queue.popleft()
            for edge in self.outgoing.get(unit, ()):
                if edge.guarded or (edge.fact is not None and edge.fact.node in run.off) or not self.runs(edge):
                    continue
                if edge.fact is not None and self.is_put_off(unit, edge.fact.node):
                    continue
                others = runs.setdefault(edge.callee, [])
                if any(not other.off for other in others):
                    continue  # it is known to run as a whole
                off = self.switches.off(edge.fact, edge.callee)
                if all(other.off != off for other in others):
                    others.append(Run(edge, run, off))
                    queue.append((edge.callee, others[-1]))
        return runs

    def is_put_off(self, unit: Unit, node: Calling) -> bool:
        """Whether the coroutine becomes a task of a loop that `unit`, no coroutine itself, leaves to others to run."""
        if unit.is_async or self.engine.runners.get(node) not in {"task", "group"}:
            return False
        return not any(
            isinstance(part, s.Call) and isinstance(part.function, s.Attribute) and part.function.name in _TURNS
            for statement in statements(unit.body)
            for expression in expressions(statement)
            for part in inside(expression)
        )

    def runs(self, edge: Edge) -> bool:
        """Whether the call really runs the callee's body.

        A coroutine must be awaited or given to a runner. A function that a library's decorator replaced (a task, a
        command) may do anything else when called.
        """
        if edge.fact is None:
            return True
        replaced = self.engine.registrations.get(edge.callee, {}).values()
        if any(registration.via == "decorator" for registration in replaced):
            return False
        if not edge.callee.is_async or not isinstance(edge.fact.node, s.Call):
            return True
        return edge.fact.mode in {"awaited", "run"}


def _goes_on_to_base(unit: Unit, name: str) -> bool:
    """Whether a method calls the inherited one of its name: `await super().close()`."""
    return any(
        isinstance(part, s.Attribute) and part.name == name and isinstance(part.value, s.Call) and _is_super(part.value)
        for statement in statements(unit.body)
        for expression in expressions(statement)
        for part in inside(expression)
    )


def _is_super(call: s.Call) -> bool:
    return isinstance(call.function, s.Name) and call.function.id == "super"


def _edges(engine: Engine) -> Iterator[Edge]:
    edges = [
        Edge(fact.unit, callee, node.at[0] if isinstance(node, s.Call) else node.line, fact.guarded, fact)
        for node, fact in engine.calls.items()
        for callee in fact.callees
    ]
    edges += [Edge(caller, callee, line, False, None) for (caller, callee), line in engine.implicit.items()]
    return iter(sorted(edges, key=_edge_order))


def _edge_order(edge: Edge) -> tuple[str, int, str, str, str]:
    callee = edge.callee
    return (edge.caller.module.path, edge.line, callee.module.path, callee.qualname, edge.caller.qualname)


def _referenced(engine: Engine) -> set[Unit]:
    """Functions kept where anything may pick them up: fields, containers, attributes of other libraries' objects.

    A list that is only an argument (`on_shutdown=[close]`) is seen by nobody but the library that it is given to.
    """
    places = [place for place in engine.all_places() if place.values]
    kept = {value for place in places for value in place.values if isinstance(value, Container)}
    found: set[Unit] = set()
    for place in places:
        owner = place.owner
        if place.kind in {"field", "outside"} or (
            isinstance(owner, Container) and (owner in kept or owner.kind == "unknown")
        ):
            found.update(unit for value in place.values if (unit := _function_in(value)) is not None)
    return found


def _named(engine: Engine) -> dict[Unit, Hook]:
    """Functions that a framework finds by their name in a class or file of a certain name, and which hook each is."""
    found: dict[Unit, Hook] = {}
    modules = [(PurePosixPath(path).stem, engine.modules[path]) for path in sorted(engine.modules)]
    for hook in engine.catalogue.hooks:
        if hook.via != "named" or hook.target == "*":
            continue
        for stem, module in modules:
            tops = [module.top] if fnmatchcase(stem, hook.target) else []
            bodies = [scope.body for scope in module.classes if fnmatchcase(scope.name, hook.target)]
            for unit in (*tops, *bodies):
                values = unit.places[hook.select].values if hook.select in unit.places else ()
                for value in values:
                    if isinstance(value, FunctionValue):
                        found.setdefault(value.unit, hook)
    return found


def _function_in(value: Value) -> Unit | None:
    return value.unit if isinstance(value, FunctionValue | BoundMethod) else None

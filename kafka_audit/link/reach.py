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

from kafka_audit.catalog.hooks import HOOKS
from kafka_audit.facts import schema as s
from kafka_audit.link.attributes import ancestry
from kafka_audit.link.context import context_of
from kafka_audit.link.engine import CallFact, Engine
from kafka_audit.link.scopes import ClassScope, Unit
from kafka_audit.link.values import BoundMethod, FunctionValue, Value

EntryKind = Literal["import", "main", "hook", "framework", "reference", "test", "name", "exit", "api"]

ENTRY_NAMES = frozenset({"main", "lambda_handler", "handler", "create_app", "app_factory"})
"""Functions that are started from outside by convention: console scripts, cloud functions, application factories."""

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


@dataclass(frozen=True, slots=True)
class Entry:
    """A way into the project: the kind, the unit that control enters, and for hooks what calls it."""

    kind: EntryKind
    unit: Unit
    path: str
    target: str = ""


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
        self._referenced = _referenced(engine)
        self._named = _named(engine)
        self.at_import = self._run_at_import()

    def import_chain(self, unit: Unit) -> list[Edge]:
        """The calls that lead from a module body to `unit` while the module is imported; empty for the body itself."""
        chain: list[Edge] = []
        edge = self.at_import.get(unit)
        while edge is not None:
            chain.append(edge)
            edge = self.at_import.get(edge.caller) or self._everywhere.get(edge.caller)
        return chain[::-1]

    def entries(self, unit: Unit, *, tests: bool) -> list[Entry]:
        """The entries from which control can reach `unit`; those of test code only when `tests` is true."""
        found: dict[tuple[EntryKind, str, str, str], Entry] = {}
        for current, edge in self._backwards(unit, lambda e: tests or context_of(e.caller.module.path) != "test"):
            for entry in self._entries_at(current, edge):
                if tests or context_of(entry.path) != "test":
                    found.setdefault((entry.kind, entry.path, entry.unit.qualname, entry.target), entry)
        return [found[key] for key in sorted(found)]

    def callers(self, unit: Unit) -> set[Unit]:
        """Every unit from which `unit` can be reached by calls, itself included."""
        return {current for current, _ in self._backwards(unit, lambda _: True)}

    def below(self, unit: Unit) -> set[Unit]:
        """Every unit that `unit` can reach by calls, itself included."""
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
        for registration in self.engine.registrations.get(unit, {}).values():
            yield Entry("hook", unit, registration.unit.module.path, registration.target)
        if unit in self._named:
            yield Entry("hook", unit, unit.module.path, self._named[unit])
        if unit in self._referenced:
            yield Entry("reference", unit, unit.module.path)
        if unit.function is None:
            return
        callers = (edge.caller for edge in self.incoming.get(unit, ()))
        if unit not in self.engine.registrations and all(context_of(c.module.path) == "test" for c in callers):
            yield Entry("api", unit, unit.module.path)
        name = unit.function.name
        in_test = context_of(unit.module.path) == "test"
        if in_test and (name.startswith("test") or self.engine.flagged(unit, "fixture")):
            yield Entry("test", unit, unit.module.path)
        if unit.parent is unit.module.top and (name in ENTRY_NAMES or self._is_script(unit)):
            yield Entry("name", unit, unit.module.path)
        if name == "__del__":
            yield Entry("exit", unit, unit.module.path, "object.__del__")
        if unit.method_of is not None and self._is_framework_method(unit.method_of, name):
            yield Entry("framework", unit, unit.module.path)

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
        if name in {"__call__", "__iter__", "__aiter__", "__next__", "__anext__"}:
            return True
        bases = [base for base in ancestry(self.engine, scope) if isinstance(base, str)]
        return any(not base.startswith(PLAIN_BASES) for base in bases)

    def _run_at_import(self) -> dict[Unit, Edge | None]:
        """What runs when the application's modules are imported, and for other files also what their own bodies run.

        What an example or a test runs at its top level says nothing about importing the application.
        """
        tops = [self.engine.modules[path].top for path in sorted(self.engine.modules)]
        inside = self._spread([top for top in tops if context_of(top.module.path) == "app"])
        self._everywhere = self._spread(tops)
        outside = {unit: edge for unit, edge in self._everywhere.items() if context_of(unit.module.path) != "app"}
        return outside | inside

    def _spread(self, tops: list[Unit]) -> dict[Unit, Edge | None]:
        """Breadth first from these module bodies, so that the chain to each unit is a shortest one."""
        reached: dict[Unit, Edge | None] = dict.fromkeys(tops)
        queue = deque(tops)
        while queue:
            for edge in self.outgoing.get(queue.popleft(), ()):
                if edge.callee not in reached and not edge.guarded and self.runs(edge):
                    reached[edge.callee] = edge
                    queue.append(edge.callee)
        return reached

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
        if not edge.callee.is_async or isinstance(edge.fact.node, s.Item):
            return True
        return edge.fact.mode in {"awaited", "run"}


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
    """Functions kept where anything may pick them up: fields, containers, attributes of other libraries' objects."""
    found: set[Unit] = set()
    for place in engine.all_places():
        if place.kind in {"field", "element", "outside"}:
            found.update(unit for value in place.values if (unit := _function_in(value)) is not None)
    return found


def _named(engine: Engine) -> dict[Unit, str]:
    """Functions that a framework finds by their name in a class or file of a certain name, and the hook's target."""
    found: dict[Unit, str] = {}
    for hook in HOOKS:
        if hook.via != "named" or hook.target == "*":
            continue
        for path in sorted(engine.modules):
            module = engine.modules[path]
            tops = [module.top] if fnmatchcase(PurePosixPath(path).stem, hook.target) else []
            bodies = [scope.body for scope in module.classes if fnmatchcase(scope.name, hook.target)]
            for unit in (*tops, *bodies):
                values = unit.places[hook.select].values if hook.select in unit.places else ()
                for value in values:
                    if isinstance(value, FunctionValue):
                        found.setdefault(value.unit, f"{hook.target}.{hook.select}")
    return found


def _function_in(value: Value) -> Unit | None:
    return value.unit if isinstance(value, FunctionValue | BoundMethod) else None

"""Which calls in a coroutine keep its event loop from running anything else?

A call blocks when it is one of a synchronous client's that wait, or when it runs a function of the project that makes
one, however many calls away. What is handed to a thread is not called here; nor does a function wait for its caller by
what it does only when it fails, or when it is told to by an argument that this call leaves out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kafka_audit.link.defects.waits import Wait, can_wait, waits
from kafka_audit.link.flow.engine import Calling, Engine
from kafka_audit.link.flow.events import client_of
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit, enclosing, is_special
from kafka_audit.link.flow.values import ClientObject, ForeignClient, Instance
from kafka_audit.link.lives.life import Lives
from kafka_audit.link.lives.selves import Classes, Selves, called_on
from kafka_audit.link.reach.entries import Edge
from kafka_audit.link.reach.replaced import replaces
from kafka_audit.link.reach.switches import Off
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import handled_calls
from kafka_audit.model import Role


@dataclass(frozen=True, slots=True)
class Blocked:
    """A call in a coroutine that waits: the calls that lead from it to the operation, outermost first.

    `clients` are the names of those that can be the one there: the audited one of `wait` first.
    """

    unit: Unit
    node: Calling | None
    line: int
    wait: Wait
    through: tuple[Edge, ...]
    clients: tuple[str, ...]


def blocked_calls(engine: Engine, lives: Lives, roles: Collection[Role]) -> list[Blocked]:
    """Every call in a coroutine that blocks its loop, sorted; one for each call."""
    by_unit: dict[Unit, list[Wait]] = {}
    for wait in waits(engine, lives, roles):
        by_unit.setdefault(wait.unit, []).append(wait)
    for here in by_unit.values():
        here.sort(key=lambda wait: wait.order)
    found: dict[tuple[Unit, int, object], Blocked] = {}
    selves = Selves(engine, lives)
    for unit, here in by_unit.items():
        if unit.is_async:
            for wait in here:
                if (unit, wait.line, wait.node) not in found:
                    clients = _clients(selves, wait, None)
                    found[unit, wait.line, wait.node] = Blocked(unit, wait.node, wait.line, wait, (), clients)
    search = _Search(engine, lives, by_unit, selves)
    for edge in search.from_coroutines():
        way = search.way(edge)
        node = edge.fact.node if edge.fact is not None else None
        if way is not None and (edge.caller, edge.line, node) not in found:
            clients = _clients(selves, way.wait, way.classes)
            through = (edge, *way.through)
            found[edge.caller, edge.line, node] = Blocked(edge.caller, node, edge.line, way.wait, through, clients)
    threads = _Threads(engine, lives)
    kept = [each for each in found.values() if not _is_replaced(each) and not threads.has(each.unit)]
    return sorted(kept, key=lambda each: (each.unit.module.path, each.line, each.wait.text))


def _clients(selves: Selves, wait: Wait, classes: Classes) -> tuple[str, ...]:
    """The clients that wait there: those that the same object can hold as well, whatever their role."""
    held, own = called_on(wait.node), wait.client.name
    values = selves.engine.look(wait.unit, held) if held is not None else ()
    others = {
        client_of(value).name
        for value in values
        if isinstance(value, ClientObject | ForeignClient)
        and can_wait(client_of(value), wait.node)
        and selves.may_hold(wait.unit, held, value, classes)
    }
    return (own, *sorted(others - {own}))


def _is_replaced(blocked: Blocked) -> bool:
    """Whether a test puts something else in the place of the client, or of what leads to it."""
    in_test = context_of(blocked.unit.module.path) == "test"
    through = (edge.callee for edge in blocked.through)
    return in_test and replaces(blocked.unit, through, blocked.wait.client.name.rpartition(".")[2])


class _Threads:
    """Coroutines whose loop belongs to a thread of their own: nothing else waits for it."""

    def __init__(self, engine: Engine, lives: Lives) -> None:
        self.engine, self.lives = engine, lives
        self._makers: dict[ClassScope, set[Unit]] = {}
        for value in engine.values():
            if isinstance(value, Instance) and value.origin is not None:
                self._makers.setdefault(value.scope, set()).add(value.origin.unit)

    def has(self, unit: Unit, seen: frozenset[Unit] = frozenset()) -> bool:
        """Whether the coroutine is one of a thread class, or all its callers are.

        When nothing calls it, those count that make the objects of its class.
        """
        if any(self._is_thread(outer.method_of) for outer in enclosing(unit) if outer.method_of is not None):
            return True
        callers = _outside_tests({edge.caller for edge in self.lives.reach.incoming.get(unit, ())} - seen - {unit})
        if not callers and unit.method_of is not None:
            callers = _outside_tests(self._makers.get(unit.method_of, set()) - seen)
        return bool(callers) and all(self.has(caller, seen | {unit}) for caller in callers)

    def _is_thread(self, scope: ClassScope) -> bool:
        bases = ancestry(self.engine, scope)
        return any(isinstance(base, str) and base.rpartition(".")[2].endswith("Thread") for base in bases)


def _outside_tests(units: set[Unit]) -> set[Unit]:
    return {unit for unit in units if context_of(unit.module.path) != "test"}


class _Run(NamedTuple):
    """A function as it is called: what cannot happen in it, and the classes of the object that it runs on."""

    unit: Unit
    off: Off
    classes: Classes


class _Way(NamedTuple):
    """The calls that lead to an operation that waits, and the classes of the object whose method that stands in."""

    through: tuple[Edge, ...]
    wait: Wait
    classes: Classes


class _Search:
    """Ways from a coroutine's call, by synchronous functions alone, to an operation that waits."""

    def __init__(self, engine: Engine, lives: Lives, waits: dict[Unit, list[Wait]], selves: Selves) -> None:
        self.engine, self.lives, self.waits, self.selves = engine, lives, waits, selves
        self._ways: dict[_Run, _Way | None] = {}
        self._on_failure: dict[Unit, Off] = {}
        self._leading = _callers(lives, waits)

    def from_coroutines(self) -> Iterator[Edge]:
        """The calls in coroutines that can lead to an operation that waits."""
        for unit in self._leading:
            for edge in self.lives.reach.incoming.get(unit, ()):
                if edge.caller.is_async and self._runs(edge, None):
                    yield edge

    def way(self, edge: Edge) -> _Way | None:
        """The shortest way from the function that the edge calls, by what can happen in it when called so."""
        run = self._run(edge, None)
        if run not in self._ways:
            self._ways[run] = self._shortest(run)
        return self._ways[run]

    def _run(self, edge: Edge, before: Classes) -> _Run:
        off = self.lives.reach.switches.off(edge.fact, edge.callee)
        return _Run(edge.callee, off, self.selves.after(edge.fact, edge.callee, before))

    def _shortest(self, start: _Run) -> _Way | None:
        came: dict[_Run, tuple[Edge, ...]] = {start: ()}
        queue = deque(came)
        while queue:
            unit, off, classes = run = queue.popleft()
            idle = off | self._failing(unit)
            here = [wait for wait in self.waits.get(unit, ()) if wait.node not in idle and self._is_held(wait, classes)]
            if here:
                return _Way(came[run], here[0], classes)
            for edge in self.lives.reach.outgoing.get(unit, ()):
                is_run = edge.callee in self._leading and self._runs(edge, classes)
                if is_run and edge.fact and edge.fact.node not in idle:
                    further = self._run(edge, classes)
                    if further not in came:
                        came[further] = (*came[run], edge)
                        queue.append(further)
        return None

    def _is_held(self, wait: Wait, classes: Classes) -> bool:
        return self.selves.may_hold(wait.unit, called_on(wait.node), wait.receiver, classes)

    def _failing(self, unit: Unit) -> Off:
        """What a function does only on its way out by an error that it hands on: ending what it could not finish."""
        if unit not in self._on_failure:
            self._on_failure[unit] = frozenset(handled_calls(unit.body, raising=True))
        return self._on_failure[unit]

    def _runs(self, edge: Edge, classes: Classes) -> bool:
        """Whether the call runs the synchronous function here and now, in a method of an object of these classes."""
        fact = edge.fact
        if edge.callee.is_async or fact is None or fact.node in self.engine.offloaded:
            return False
        if not self.selves.may_run(fact, edge.callee, classes):
            return False
        replaced = self.engine.registrations.get(edge.callee, {}).values()
        if fact.mode == "awaited" or any(each.via == "decorator" for each in replaced):
            return False
        # A coroutine would have been awaited.
        others = [each for each in fact.callees if not each.is_async and self.selves.may_run(fact, each, classes)]
        return all(other in self._leading for other in others if _is_choice(edge.callee, other))


def _is_choice(callee: Unit, other: Unit) -> bool:
    """Whether a call that reaches both runs only one: creating an object and `with` run several, by their names."""
    names = [unit.function.name if unit.function is not None else "" for unit in (callee, other)]
    return names[0] == names[1] or not all(is_special(name) for name in names)


def _callers(lives: Lives, waits: dict[Unit, list[Wait]]) -> dict[Unit, None]:
    """The synchronous functions that lead to an operation that waits, nearest first."""
    found = dict.fromkeys(unit for unit in waits if not unit.is_async)
    queue = deque(found)
    while queue:
        for edge in lives.reach.incoming.get(queue.popleft(), ()):
            if edge.caller not in found and not edge.caller.is_async:
                found[edge.caller] = None
                queue.append(edge.caller)
    return found

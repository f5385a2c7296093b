"""On which event loops does a function run, of those that `asyncio.run` opens for one coroutine and closes after it?"""

from __future__ import annotations

from collections.abc import Iterator, Set

from kafka_audit.link.flow.engine import Calling, Engine, Event
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life
from kafka_audit.link.reach.entries import Edge, Reach
from kafka_audit.link.reading.context import context_of

Ways = tuple[frozenset[Calling], bool]
"""Coroutines that lead to something, and whether nothing else does."""


class Loops:
    """Answers for one program."""

    def __init__(self, engine: Engine, reach: Reach) -> None:
        self.engine, self.reach = engine, reach
        self._of: dict[tuple[Unit, bool], Ways] = {}

    def part(self, life: Life, release: Event) -> bool:
        """Whether the release only runs on loops that are opened for it, and the client is started on others.

        What runs while a module is imported is another matter (KA102).
        """
        ends, is_sole = self._around(release, tests=life.in_test)
        begins = [self._around(start, tests=life.in_test)[0] for start in life.starts]
        starting = {start.unit for start in life.starts}
        at_import = any(self.reach.runs_at_import(start.unit, start.node) for start in life.starts)
        if not (ends and is_sole and any(begins)) or at_import:
            return False
        return not any(self._leads_to(end, starting) for end in ends)

    def _leads_to(self, node: Calling, units: Set[Unit]) -> bool:
        """Whether a coroutine that is given to `asyncio.run` gets to one of these functions."""
        fact = self.engine.calls.get(node)
        return fact is None or not all(units.isdisjoint(self.reach.below(callee)) for callee in fact.callees)

    def _around(self, event: Event, *, tests: bool) -> Ways:
        """The coroutines given to `asyncio.run` by which control gets to an event, and whether by these alone."""
        if self._opens(event.unit, event.node, guarded=event.guarded):
            return frozenset({event.node}), True
        if (event.unit, tests) not in self._of:
            self._of[event.unit, tests] = self._find(event.unit, tests)
        return self._of[event.unit, tests]

    def _find(self, unit: Unit, tests: bool) -> Ways:
        found: set[Calling] = set()
        seen, waiting = {unit}, [unit]
        is_sole = True
        while waiting:
            current = waiting.pop()
            is_sole = is_sole and not self.reach.is_entered(current)
            for edge in self._running(current, tests):
                node = edge.fact.node if edge.fact is not None else None
                if node is not None and self._opens(edge.caller, node, guarded=edge.guarded):
                    found.add(node)
                elif edge.caller not in seen:
                    seen.add(edge.caller)
                    waiting.append(edge.caller)
        return frozenset(found), is_sole

    def _opens(self, unit: Unit, node: Calling, *, guarded: bool) -> bool:
        """Whether a loop is opened for the coroutine of this call, and not by an import."""
        return self.engine.runners.get(node) == "run" and (guarded or not self.reach.runs_at_import(unit, node))

    def _running(self, unit: Unit, tests: bool) -> Iterator[Edge]:
        for edge in self.reach.incoming.get(unit, ()):
            if self.reach.runs(edge) and (tests or context_of(edge.caller.module.path) != "test"):
                yield edge

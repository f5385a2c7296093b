"""On which event loops does a function run, of those that `asyncio.run` opens for one coroutine and closes after it?"""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.link.context import context_of
from kafka_audit.link.engine import Calling, Engine, Event
from kafka_audit.link.lives import Life
from kafka_audit.link.reach import Edge, Reach
from kafka_audit.link.scopes import Unit


class Loops:
    """Answers for one program."""

    def __init__(self, engine: Engine, reach: Reach) -> None:
        self.engine, self.reach = engine, reach
        self._of: dict[tuple[Unit, bool], frozenset[Calling]] = {}

    def part(self, life: Life, release: Event) -> bool:
        """Whether every loop that the client is started on is closed before the release runs, on a loop of its own."""
        ends = self._around(release, tests=life.in_test)
        begins = [self._around(start, tests=life.in_test) for start in life.starts]
        return bool(ends and begins) and all(each and each.isdisjoint(ends) for each in begins)

    def _around(self, event: Event, *, tests: bool) -> frozenset[Calling]:
        """The coroutines given to `asyncio.run` by which alone control gets to an event; none if by others, too.

        What runs while a module is imported is another matter (KA102).
        """
        if self._opens(event.unit, event.node, guarded=event.guarded):
            return frozenset({event.node})
        if (event.unit, tests) not in self._of:
            self._of[event.unit, tests] = self._find(event.unit, tests)
        return self._of[event.unit, tests]

    def _find(self, unit: Unit, tests: bool) -> frozenset[Calling]:
        found: set[Calling] = set()
        seen, waiting = {unit}, [unit]
        while waiting:
            current = waiting.pop()
            if self.reach.is_entered(current):
                return frozenset()
            for edge in self._running(current, tests):
                node = edge.fact.node if edge.fact is not None else None
                if node is not None and self._opens(edge.caller, node, guarded=edge.guarded):
                    found.add(node)
                elif edge.caller not in seen:
                    seen.add(edge.caller)
                    waiting.append(edge.caller)
        return frozenset(found)

    def _opens(self, unit: Unit, node: Calling, *, guarded: bool) -> bool:
        """Whether a loop is opened for the coroutine of this call, and not by an import."""
        return self.engine.runners.get(node) == "run" and (guarded or not self.reach.runs_at_import(unit, node))

    def _running(self, unit: Unit, tests: bool) -> Iterator[Edge]:
        for edge in self.reach.incoming.get(unit, ()):
            if self.reach.runs(edge) and (tests or context_of(edge.caller.module.path) != "test"):
                yield edge

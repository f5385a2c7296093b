"""What happened while tests ran, as far as it can be foretold: who ran what, and what became of each client."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from kafka_audit.impact.branches import KEPT
from kafka_audit.impact.mocks import Mock
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life

Stage = Literal["plugin", "conftest", "collection", "fixture", "body", "teardown"]
"""The stages of a run, in pytest's order; hooks of a `conftest.py` belong to `conftest`, those at the end to
`teardown`."""

What = Literal["imported", "created", "started", "released"]
How = Literal["imports", "calls", "requests", "starts up", "shuts down"]
Effect = Literal["effective", "elsewhere", "too late"]


@dataclass(frozen=True, slots=True)
class Edge:
    """`caller` runs `callee` at `line`: by an import statement, by a call, by a request that an application answers, or
    because it starts or ends an application."""

    caller: Unit
    callee: Unit
    line: int
    how: How
    condition: str = ""
    """On what it depends, in words; empty when nothing is known to prevent it."""


@dataclass(eq=False, slots=True)
class Root:
    """Something that pytest itself runs: a module, a hook, a fixture, a test.

    `test` is the test's name, if it is one's. `edges` are all edges met below it, by caller, in their order.
    """

    stage: Stage
    unit: Unit
    test: str = ""
    edges: dict[Unit, dict[Unit, Edge]] = field(default_factory=dict)

    def note(self, edge: Edge) -> None:
        """Remember an edge; of several between two units the first without a condition stands for all."""
        known = self.edges.setdefault(edge.caller, {})
        if edge.callee not in known or (known[edge.callee].condition and not edge.condition):
            known[edge.callee] = edge

    def chain(self, unit: Unit) -> list[Edge]:
        """A shortest way from the root to a unit, one without conditions if there is any."""
        return self._shortest(unit, lambda edge: not edge.condition) or self._shortest(unit, lambda _: True)

    def _shortest(self, unit: Unit, follow: Callable[[Edge], bool]) -> list[Edge]:
        before: dict[Unit, Edge] = {}
        waiting = deque([self.unit])
        while waiting and unit not in before and unit is not self.unit:
            current = waiting.popleft()
            for edge in self.edges.get(current, {}).values():
                if edge.callee not in before and edge.callee is not self.unit and follow(edge):
                    before[edge.callee] = edge
                    waiting.append(edge.callee)
        chain: list[Edge] = []
        while unit in before:
            chain.append(before[unit])
            unit = before[unit].caller
        return chain[::-1]


@dataclass(frozen=True, slots=True)
class MockVerdict:
    """Whether a mock takes effect where a client is made, and why."""

    mock: Mock
    effect: Effect
    why: str


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens to a client, in which root, in which unit and line, and what a mock makes of it."""

    what: What
    life: Life
    root: Root
    unit: Unit
    line: int
    time: int
    mock: MockVerdict | None = None
    condition: str = ""
    """On what it depends in its own unit; what its chain depends on comes on top."""
    loaded_by: tuple[Edge, ...] | None = None
    """For a module that is imported: the way by which it was first; what imports it again comes later."""

    def chain(self) -> list[Edge]:
        """The way from the root to the unit."""
        return list(self.loaded_by) if self.loaded_by is not None else self.root.chain(self.unit)

    def depends_on(self) -> str:
        """On what it depends, in words; empty when nothing is known to prevent it."""
        return next((edge.condition for edge in self.chain() if edge.condition), self.condition)

    def is_kept(self) -> bool:
        """Whether it would happen if no earlier test had filled the variable that keeps the client."""
        return self.depends_on().startswith(KEPT)


@dataclass(frozen=True, slots=True)
class Cut:
    """A call that a mock takes the place of: what would have run does not."""

    mock: Mock
    root: Root
    unit: Unit
    line: int
    callees: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the run itself: an import that fails, a cycle, a module that is loaded twice, a skipped test."""

    kind: Literal["missing", "cycle", "twice", "assumed", "skipped"]
    path: str
    line: int
    message: str


@dataclass(eq=False, slots=True)
class Trace:
    """Everything noted in one session."""

    roots: list[Root] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    mocks: list[Mock] = field(default_factory=list)
    late: list[tuple[Mock, Happening]] = field(default_factory=list)
    """Mocks that begin to hold when a client they are meant for exists already."""
    notes: dict[Note, None] = field(default_factory=dict)

    def units(self) -> set[Unit]:
        """Every body that ran."""
        below = {callee for root in self.roots for callees in root.edges.values() for callee in callees}
        return below.union(root.unit for root in self.roots)

    def note(self, kind: str, path: str, line: int, message: str) -> None:
        """Remember a note, once."""
        self.notes.setdefault(Note(kind, path, line, message))  # type: ignore[arg-type]

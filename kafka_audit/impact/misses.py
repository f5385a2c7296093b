"""Which mocks miss the clients that they are meant for, in every test file in which they hold?

A mock that meets a client anywhere does its work. So does one whose name some call looks up at each time, even if no
test is seen to get there: what a test reaches is not always known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kafka_audit.impact.bindings import Binding, reads
from kafka_audit.impact.collection import Fixture, Test
from kafka_audit.impact.index import Index, index_of
from kafka_audit.impact.mocks import Mock
from kafka_audit.impact.session import Session, test_files
from kafka_audit.impact.trace import Happening, Trace
from kafka_audit.link.flow.scopes import Module, Unit, once
from kafka_audit.link.program import Program


@dataclass(eq=False, slots=True)
class Miss:
    """A place in test code that replaces a client class, and the clients that it misses.

    `early` are those that exist before it holds, `unmet` those made while it holds by calls that do not meet it.
    """

    mock: Mock
    early: list[Happening] = field(default_factory=list)
    unmet: list[Happening] = field(default_factory=list)
    is_met: bool = False


@once
def misses(program: Program) -> tuple[Miss, ...]:
    """The places that replace a client class and miss clients, by file and line; none that does its work anywhere."""
    index = index_of(program)
    found: dict[tuple[str, int], Miss] = {}
    walked: set[Unit] = set()
    looked_up = _looked_up(program)
    for module, conftests in test_files(program):
        missing = {miss.mock.unit for miss in found.values() if not miss.is_met}
        asked = _Asked(program, index, (module, *conftests), walked - missing)
        if asked.units or asked.is_marked:
            session = Session(program, index, module)
            trace = session.run(asked.wants)
            walked.update(asked.units & trace.units())
            _take(session, trace, looked_up, found)
    kept = [miss for miss in found.values() if not miss.is_met and (miss.early or miss.unmet)]
    return tuple(sorted(kept, key=lambda miss: _place(miss.mock)))


class _Asked:
    """Which tests of a file have to be gone through: those that replace a client class in a place of which it is not
    known yet that it does its work."""

    def __init__(self, program: Program, index: Index, layers: Sequence[Module], known: Collection[Unit]) -> None:
        """`layers` are the test file and its `conftest.py` files, `known` the bodies that replace nothing in vain."""
        self.units = {unit for each in layers for unit in index.replacing(each) if unit not in known}
        self.is_marked = index.is_marked(layers[0])
        self._index = index
        self._is_wide = any(unit.function is None or unit.function.name.startswith("pytest_") for unit in self.units)
        self._leading = {
            caller for unit in self.units for each in _around(unit) for caller in program.lives.reach.callers(each)
        }

    def wants(self, test: Test, fixtures: Collection[Fixture]) -> bool:
        """Whether the test, or one of its fixtures, may replace a client class."""
        own = {test.unit, *(unit for each in fixtures for unit in (each.unit, each.undo))}
        return self._is_wide or not self._leading.isdisjoint(own) or self._index.names_client(test.marks)


def _around(unit: Unit) -> Iterator[Unit]:
    """A function and those that it is defined in."""
    current: Unit | None = unit
    while current is not None and current.kind == "function":
        yield current
        current = current.parent


def _take(
    session: Session, trace: Trace, looked_up: Mapping[Binding, set[str]], found: dict[tuple[str, int], Miss]
) -> None:
    """Add what one session says of the mocks in it; one that replaces a name which is `looked_up` does its work."""
    for mock in trace.mocks:
        if session.replacements.aims(mock):
            miss = found.setdefault(_place(mock), Miss(mock))
            miss.is_met |= any(session.loads(path) for each in mock.bindings for path in looked_up.get(each, ()))
    for happening in trace.happenings:
        verdict = happening.mock
        if happening.what == "created" and verdict is not None:
            known = found.get(_place(verdict.mock))
            if known is not None and verdict.effect == "effective":
                known.is_met = True
            elif known is not None and not happening.depends_on():
                known.unmet.append(happening)
    for mock, happening in trace.late:
        if _place(mock) in found:
            found[_place(mock)].early.append(happening)


def _place(mock: Mock) -> tuple[str, int]:
    return (mock.unit.module.path, mock.line)


def _looked_up(program: Program) -> dict[Binding, set[str]]:
    """The names that functions look up whenever they make a client, each with the files of these functions."""
    found: dict[Binding, set[str]] = {}
    for life in program.lives.all:
        if life.site.unit.kind == "function":
            for read in reads(program.engine, life.site.unit, life.site.node.function):
                if read.at is None:
                    found.setdefault(read.binding, set()).add(life.path)
    return found

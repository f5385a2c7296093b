"""Which mocks miss the clients that they are meant for, in every test file in which they hold?

A mock that meets a client anywhere does its work. So does one whose name some call looks up at each time, even if no
test is seen to get there: what a test reaches is not always known.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kafka_audit.catalog.clients import CLIENTS
from kafka_audit.discover.pytest_ini import is_test_file
from kafka_audit.facts import schema as s
from kafka_audit.impact.bindings import reads
from kafka_audit.impact.index import Index
from kafka_audit.impact.mocks import Mock
from kafka_audit.impact.session import Session, conftest_chain
from kafka_audit.impact.trace import Happening, Trace
from kafka_audit.link.program import Program
from kafka_audit.link.scopes import Module
from kafka_audit.link.walk import expressions, inside, statements

CLASSES = frozenset(name.rpartition(".")[2] for client in CLIENTS for name in client.importable)
"""What client classes are called: a file that replaces one says such a name in a string or behind a dot."""


@dataclass(eq=False, slots=True)
class Miss:
    """A place in test code that replaces a client class, and the clients that it misses.

    `early` are those that exist before it holds, `unmet` those made while it holds by calls that do not meet it.
    """

    mock: Mock
    early: list[Happening] = field(default_factory=list)
    unmet: list[Happening] = field(default_factory=list)
    is_met: bool = False


@functools.lru_cache(maxsize=1)
def misses(program: Program) -> tuple[Miss, ...]:
    """The places that replace a client class and miss clients, by file and line; none that does its work anywhere."""
    index = Index(program)
    found: dict[tuple[str, int], Miss] = {}
    for module, conftests in _files(program):
        places = {path for each in (module, *conftests) if (path := each.path) and replaces_clients(each)}
        known = {path for path, _ in found}
        if places <= known and all(miss.is_met for (path, _), miss in found.items() if path in places):
            continue  # whatever this file replaces was seen to do its work
        session = Session(program, index, module, program.pytest_ini(module.path))
        _take(program, session, session.run(), found)
    kept = [miss for miss in found.values() if not miss.is_met and (miss.early or miss.unmet)]
    return tuple(sorted(kept, key=lambda miss: _place(miss.mock)))


def _files(program: Program) -> Iterator[tuple[Module, Sequence[Module]]]:
    """The test files that replace client classes, or whose `conftest.py` files do."""
    for path, module in sorted(program.engine.modules.items()):
        ini = program.pytest_ini(path)
        if is_test_file(path, ini):
            conftests = conftest_chain(program, path, ini)
            if any(replaces_clients(each) for each in (module, *conftests)):
                yield module, conftests


@functools.lru_cache(maxsize=4096)
def replaces_clients(module: Module) -> bool:
    """Whether the file may replace a client class: it says the name of one in a string, or assigns one to a dot."""
    return any(_may_replace(each) for unit in module.units for each in statements(unit.body))


def _may_replace(statement: s.Stmt) -> bool:
    if isinstance(statement, s.Assign):
        for target in statement.targets:
            if isinstance(target, s.Attribute) and target.name in CLASSES:
                return True
    strings = (
        part.value
        for expression in expressions(statement)
        for part in inside(expression)
        if isinstance(part, s.Constant) and isinstance(part.value, str)
    )
    return any(text.rpartition(".")[2] in CLASSES for text in strings)


def _take(program: Program, session: Session, trace: Trace, found: dict[tuple[str, int], Miss]) -> None:
    """Add what one session says of the mocks in it."""
    for mock in trace.mocks:
        if session.replacements.aims(mock):
            miss = found.setdefault(_place(mock), Miss(mock))
            miss.is_met |= _is_looked_up(program, session, mock)
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


def _is_looked_up(program: Program, session: Session, mock: Mock) -> bool:
    """Whether some function that makes a client looks the replaced name up whenever it runs."""
    return any(
        read.at is None and read.binding in mock.bindings
        for life in program.lives.all
        if session.loads(life.path) and life.site.unit.kind == "function"
        for read in reads(program.engine, life.site.unit, life.site.node.function)
    )

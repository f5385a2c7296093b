"""Which fixtures hold clients, what releases those, and in which event loops do fixtures and tests run?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafka_audit.facts import schema as s
from kafka_audit.impact.collection import Fixture, Fixtures, Test, mark_named, tests_of
from kafka_audit.impact.constants import texts
from kafka_audit.impact.index import index_of
from kafka_audit.impact.session import Session, conftest_chain, test_files
from kafka_audit.link.lives import Life
from kafka_audit.link.owning import Owner
from kafka_audit.link.program import Program
from kafka_audit.link.scopes import Module, Unit
from kafka_audit.link.values import ClientObject, Instance
from kafka_audit.link.walk import expressions, inside, statements

_LOOP = "event_loop"
"""The fixture by which old versions of pytest-asyncio let a project choose the loop of fixtures and tests."""


def kept(program: Program) -> Iterator[tuple[Life, Owner | None]]:
    """The clients that a fixture makes and hands out, by themselves or in an object that owns one.

    Clients that are mocks wherever the fixture is used are left out: nothing real is left behind then.
    """
    for life in program.owing():
        owners: list[Owner | None] = [None] if life.holding.kind == "fixture" else []
        owners += [owner for owner in program.owning.roots(life) if owner.holding.kind == "fixture"]
        for owner in owners:
            if _is_real(program, life, owner.origin.unit if owner is not None else life.site.unit):
                yield life, owner


def _is_real(program: Program, life: Life, fixture: Unit) -> bool:
    """Whether the fixture makes the real client for some test: none of the files around replaces its class, or a test
    is seen to get it."""
    index = index_of(program)
    layers = (fixture.module, *conftest_chain(program, fixture.module.path))
    if not any(index.replacing(each) or index.is_marked(each) for each in layers):
        return True
    for module, conftests in test_files(program):
        if fixture.module in (module, *conftests):
            trace = Session(program, index, module).run(lambda _, own: any(each.unit is fixture for each in own))
            for event in trace.happenings:
                is_mock = event.mock is not None and event.mock.effect == "effective"
                if event.what == "created" and event.life is life and event.root.stage == "fixture" and not is_mock:
                    return True
    return False


# --- event loops -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A fixture that starts a client in one event loop and a test that uses it in another; loops are named by scope."""

    life: Life
    fixture: Unit
    fixture_loop: str
    test: Test
    test_loop: str


def mismatches(program: Program) -> Iterator[Mismatch]:
    """For each asynchronous fixture that holds a loop-bound client, the first test that runs in another loop.

    As pytest-asyncio 1.5 has it (run): a fixture runs in the loop of its `loop_scope`, of the default in the
    configuration, else of its own scope; a test in that of its mark, of the default, else in one of its own.
    """
    seen: set[Unit] = set()
    for module, conftests in test_files(program):
        if any(_rules_loops(each) for each in (module, *conftests)):
            continue
        ini = program.pytest_ini(module.path)
        fixtures = Fixtures(program.engine, module, conftests[::-1], ini)
        for test in tests_of(program.engine, module, ini):
            for fixture in fixtures.of(test):
                found = _mismatch(program, fixture, test)
                if found is not None and found.fixture not in seen:
                    seen.add(found.fixture)
                    yield found


def _rules_loops(module: Module) -> bool:
    """Whether a file decides on loops itself: by the old fixture, or by a hook that marks the tests."""
    for unit in module.units:
        if unit.function is None:
            continue
        if unit.function.name == _LOOP:
            return True
        if unit.function.name in {"pytest_collection_modifyitems", "pytest_itemcollected"} and _marks_asyncio(unit):
            return True
    return False


def _marks_asyncio(unit: Unit) -> bool:
    return any(
        isinstance(part, s.Attribute) and part.name in {"asyncio", "add_marker"}
        for statement in statements(unit.body)
        for expression in expressions(statement)
        for part in inside(expression)
    )


def _mismatch(program: Program, fixture: Fixture, test: Test) -> Mismatch | None:
    unit = fixture.unit
    if unit is None or not unit.is_async or not test.unit.is_async or not _is_by_asyncio(program, fixture, test):
        return None
    life = _loop_bound(program, unit)
    fixture_loop, test_loop = _fixture_loop(program, fixture), _test_loop(program, test)
    if life is None or not fixture_loop or not test_loop or fixture_loop == test_loop:
        return None
    return Mismatch(life, unit, fixture_loop, test, test_loop)


def _is_by_asyncio(program: Program, fixture: Fixture, test: Test) -> bool:
    """Whether pytest-asyncio runs both: it takes its own decorator and mark, and in mode `auto` everything."""
    if mark_named(test.marks, "anyio") is not None or "anyio_backend" in fixture.needs:
        return False
    if program.pytest_ini(test.unit.module.path).asyncio_mode == "auto":
        return True
    decorator = fixture.decorator.function if isinstance(fixture.decorator, s.Call) else fixture.decorator
    own = isinstance(decorator, s.Attribute) and isinstance(decorator.value, s.Name)
    return own and decorator.value.id == "pytest_asyncio" and mark_named(test.marks, "asyncio") is not None  # type: ignore[union-attr]


def _loop_bound(program: Program, unit: Unit) -> Life | None:
    """A client that belongs to the loop it was started in, and that the fixture hands out."""
    values = {*unit.result.values, *unit.yields.values}
    lives = [life for life in program.audited if life.site.client.is_async and life.site.client.start and life.starts]
    for life in lives:
        if life.value in values and isinstance(life.value, ClientObject):
            return life
        for owner in program.owning.roots(life):
            if owner.value in values and owner.opens and isinstance(owner.value, Instance):
                return life
    return None


def _fixture_loop(program: Program, fixture: Fixture) -> str:
    """The scope of the loop that a fixture runs in; empty when it cannot be read."""
    chosen = _argument(fixture.unit, fixture.decorator, "loop_scope")
    if chosen is not None:
        return chosen
    assert fixture.unit is not None
    return program.pytest_ini(fixture.unit.module.path).fixture_loop_scope or fixture.scope


def _test_loop(program: Program, test: Test) -> str:
    """The scope of the loop that a test runs in; empty when it cannot be read."""
    mark = mark_named(test.marks, "asyncio")
    for keyword in ("loop_scope", "scope"):
        chosen = _argument(test.unit, mark, keyword)
        if chosen is not None:
            return chosen
    return program.pytest_ini(test.unit.module.path).test_loop_scope or "function"


def _argument(unit: Unit | None, call: s.Expr | None, keyword: str) -> str | None:
    """A string argument; None when it is not given, empty when it is no constant."""
    for argument in call.arguments if isinstance(call, s.Call) else ():
        if argument.keyword == keyword and unit is not None:
            found = texts(unit.module.top, argument.value)
            return found[0] if len(found) == 1 else ""
    return None

"""In which event loops do fixtures and tests run, and which of them meet in one client?

As pytest-asyncio 1.5 has it (run): a fixture runs in the loop of its `loop_scope`, of the default in the configuration,
else of its own scope; a test in that of its mark, of the default, else in one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafka_audit.facts import schema as s
from kafka_audit.impact.collection import Fixture, Fixtures, Test, mark_named, tests_of
from kafka_audit.impact.constants import texts
from kafka_audit.impact.index import index_of
from kafka_audit.impact.session import Session, test_files
from kafka_audit.link.defects.kept import Kept
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import Module, Unit
from kafka_audit.link.flow.values import ClientObject, Instance
from kafka_audit.link.lives.life import Life
from kafka_audit.link.program import Program
from kafka_audit.link.reading.walk import expressions, inside, statements

_LOOP = "event_loop"
"""The fixture by which old versions of pytest-asyncio let a project choose the loop of fixtures and tests."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A fixture that starts a client in one event loop and a test that uses it in another; loops are named by scope."""

    life: Life
    fixture: Unit
    fixture_loop: str
    test: Test
    test_loop: str


def mismatches(program: Program) -> Iterator[Mismatch]:
    """For each asynchronous fixture that holds a loop-bound client, the first test that runs in another loop."""
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


# --- clients that tests share ----------------------------------------------------------------------------------------


def strangers(program: Program, kept: Kept) -> list[Test]:
    """Tests that get the same kept client, each in an event loop of its own; none when fewer than two are seen to.

    Test code that replaces the client's class, empties the place or releases the client may keep the loops apart: files
    to which that applies are left out.
    """
    getting = {unit.module for unit in program.lives.reach.callers(kept.unit)}
    found: dict[tuple[str, ...], Test] = {}
    for module, conftests in test_files(program):
        layers = (module, *conftests)
        if getting.isdisjoint(layers):
            continue
        if any(_keeps_apart(program, kept, layer) for layer in layers):
            continue
        session = Session(program, index_of(program), module)
        made = [event for event in session.run().happenings if event.what == "created" and event.life is kept.life]
        real = {event.root.test for event in made}
        real -= {e.root.test for e in made if e.mock is not None or (e.depends_on() and not e.is_kept())}
        for test in session.tests:
            loop = _own_loop(program, test) if test.name in real else ()
            if loop:
                found.setdefault(loop, test)
    return list(found.values()) if len(found) > 1 else []


def _keeps_apart(program: Program, kept: Kept, module: Module) -> bool:
    """Whether a file of tests may see to it that no test gets the client of another one."""
    below, releasing = program.lives.reach.below, {event.unit for event in kept.life.releases}
    index = index_of(program)
    return (
        _rules_loops(module)
        or bool(index.replacing(module))
        or index.is_marked(module)
        or any(not releasing.isdisjoint(below(unit)) or _resets(unit, kept) for unit in module.units)
    )


def _resets(unit: Unit, kept: Kept) -> bool:
    """Whether a body assigns the place, names it in a string, or has the module imported again."""
    name = kept.place.name
    for statement in statements(unit.body):
        targets = statement.targets if isinstance(statement, s.Assign | s.Delete) else ()
        if any(isinstance(target, s.Attribute) and target.name == name for target in targets):
            return True
        for part in (each for expression in expressions(statement) for each in inside(expression)):
            match part:
                case s.Constant(str() as text) if text.rpartition(".")[2] == name:
                    return True
                case s.Attribute(s.Name("sys"), "modules") | s.Name("reload") | s.Attribute(_, "reload"):
                    return True
    return False


def _own_loop(program: Program, test: Test) -> tuple[str, ...]:
    """The event loop that a test runs in, as the names of all that share it; empty when that is not known."""
    path = test.unit.module.path
    if test.scope is not None and "unittest.IsolatedAsyncioTestCase" in ancestry(program.engine, test.scope):
        return (path, test.name)
    is_marked = mark_named(test.marks, "asyncio") is not None or program.pytest_ini(path).asyncio_mode == "auto"
    if not test.unit.is_async or not is_marked or mark_named(test.marks, "anyio") is not None:
        return ()
    where = test.name.rpartition("::")[0]
    shared = {"function": (path, test.name), "class": (path, where), "module": (path,), "session": ("",)}
    return shared.get(_test_loop(program, test), ())

"""Which tests does pytest collect from a file, and which fixtures does each of them use?

As pytest has it (9.2, run): functions and classes are found by the beginnings of their names, subclasses of
`unittest.TestCase` by their type; a fixture is found by name, the nearest definition first: the test's class, its file,
the `conftest.py` files from its folder outwards, plugins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from kafka_audit.discover.pytest_ini import PytestIni
from kafka_audit.facts import schema as s
from kafka_audit.impact.constants import texts
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Module, Unit
from kafka_audit.link.flow.values import FunctionValue

SCOPES = ("session", "package", "module", "class", "function")
"""Widest first: the order in which fixtures are set up."""


@dataclass(eq=False, slots=True)
class Test:
    """One test function. `name` is its id behind the file: `test_a` or `TestB::test_a`."""

    name: str
    unit: Unit
    scope: ClassScope | None
    marks: tuple[s.Expr, ...]


@dataclass(frozen=True, slots=True)
class Fixture:
    """A fixture, or one of the functions that pytest and unittest call around tests by their names.

    Two with the same functions are one.

    `undo` is the function that is called at the end, when it is another one: `tearDown` for `setUp`.
    """

    name: str
    unit: Unit | None
    scope: str = "function"
    is_autouse: bool = False
    undo: Unit | None = None
    decorator: s.Expr | None = None
    needs: tuple[str, ...] = ()


def tests_of(engine: Engine, module: Module, ini: PytestIni) -> list[Test]:
    """The tests that pytest collects from a file, in their order."""
    found: list[Test] = []
    marks = _module_marks(module)
    for unit in module.units:
        function = unit.function
        if function is None or unit.parent is not module.top or engine.flagged(unit, "fixture"):
            continue
        if _begins(function.name, ini.python_functions):
            found.append(Test(function.name, unit, None, (*function.decorators, *marks)))
    for scope in module.classes:
        if scope.body.parent is module.top and _is_test_class(engine, scope, ini):
            found.extend(_methods(engine, scope, ini, marks))
    return sorted(found, key=lambda test: (test.scope.node.line if test.scope else test.unit.line, test.unit.line))


def _is_test_class(engine: Engine, scope: ClassScope, ini: PytestIni) -> bool:
    if is_unittest(engine, scope):
        return True
    return _begins(scope.name, ini.python_classes) and "__init__" not in scope.methods


def is_unittest(engine: Engine, scope: ClassScope) -> bool:
    """Whether the class derives from unittest's, or from a framework's class of that kind."""
    return any(isinstance(base, str) and base.endswith("TestCase") for base in ancestry(engine, scope))


def _methods(engine: Engine, scope: ClassScope, ini: PytestIni, marks: tuple[s.Expr, ...]) -> Iterator[Test]:
    """The test methods of a class, inherited ones included."""
    prefixes = ("test",) if is_unittest(engine, scope) else ini.python_functions
    seen: set[str] = set()
    for base in ancestry(engine, scope):
        if not isinstance(base, ClassScope):
            continue
        for name, units in base.methods.items():
            if name not in seen and _begins(name, prefixes) and units[-1].function is not None:
                seen.add(name)
                own = (*units[-1].function.decorators, *scope.node.decorators, *_class_marks(scope), *marks)
                yield Test(f"{scope.qualname.replace('.', '::')}::{name}", units[-1], scope, own)


def _begins(name: str, prefixes: Sequence[str]) -> bool:
    return any(fnmatchcase(name, prefix) if "*" in prefix else name.startswith(prefix) for prefix in prefixes)


def _module_marks(module: Module) -> tuple[s.Expr, ...]:
    return _pytestmark(module.facts.body)


def _class_marks(scope: ClassScope) -> tuple[s.Expr, ...]:
    return _pytestmark(scope.node.body)


def _pytestmark(body: s.Body) -> tuple[s.Expr, ...]:
    """The marks in `pytestmark = ...`, one or a list."""
    for statement in body:
        if isinstance(statement, s.Assign) and any(
            isinstance(t, s.Name) and t.id == "pytestmark" for t in statement.targets
        ):
            value = statement.value
            return value.elements if isinstance(value, s.Sequence) else (value,) if value is not None else ()
    return ()


def mark_named(marks: Sequence[s.Expr], name: str) -> s.Expr | None:
    """The mark `pytest.mark.<name>`, with or without arguments."""
    for mark in marks:
        function = mark.function if isinstance(mark, s.Call) else mark
        if isinstance(function, s.Attribute) and function.name == name:
            return mark
    return None


# --- fixtures --------------------------------------------------------------------------------------------------------


class Fixtures:
    """The fixtures that the tests of one file can see."""

    def __init__(self, engine: Engine, module: Module, conftests: Sequence[Module], ini: PytestIni) -> None:
        """`conftests` are those that apply and the plugins, the nearest first."""
        self._engine = engine
        self._ini = ini
        self._module = module
        self._layers = [_defined_in(engine, each) for each in (module, *conftests)]

    def of(self, test: Test) -> list[Fixture]:
        """The fixtures of a test in the order of their set-up, those it needs only through others included."""
        layers = self._visible(test)
        auto = [name for layer in reversed(layers) for name, fixture in layer.items() if fixture.is_autouse]
        wanted = [*auto, *self._ini.usefixtures, *self._used_by_marks(test), *_parameters(test.unit)]
        order: dict[Fixture, None] = {}
        for name in wanted:
            self._need(name, layers, order, frozenset())
        called = [*order, *around(self._engine, self._module, test)]
        return sorted(called, key=lambda fixture: SCOPES.index(fixture.scope))

    def _visible(self, test: Test) -> list[Mapping[str, Fixture]]:
        if test.scope is None:
            return list(self._layers)
        scopes = [base for base in ancestry(self._engine, test.scope) if isinstance(base, ClassScope)]
        return [*(_in_class(self._engine, scope) for scope in scopes), *self._layers]

    def _need(
        self, name: str, layers: Sequence[Mapping[str, Fixture]], order: dict[Fixture, None], above: frozenset[Fixture]
    ) -> None:
        """Take in a fixture after those it needs; one that overrides another may need the one it overrides."""
        fixture = next((f for layer in layers if (f := layer.get(name)) is not None and f not in above), None)
        if fixture is None or fixture in order:
            return
        for needed in fixture.needs:
            self._need(needed, layers, order, above | {fixture})
        order[fixture] = None

    def _used_by_marks(self, test: Test) -> Iterator[str]:
        for mark in test.marks:
            if (
                isinstance(mark, s.Call)
                and isinstance(mark.function, s.Attribute)
                and mark.function.name == "usefixtures"
            ):
                for argument in mark.arguments:
                    yield from texts(test.unit.module.top, argument.value)


def _parameters(unit: Unit) -> tuple[str, ...]:
    """The names that a test or fixture asks for; `self` finds no fixture."""
    parameters = unit.node.parameters if isinstance(unit.node, s.Function) else ()
    return tuple(p.name for p in parameters if p.kind in {"positional", "keyword"} and p.default is None)


def _defined_in(engine: Engine, module: Module) -> dict[str, Fixture]:
    """The fixtures in a module's namespace, imported ones included."""
    found: dict[str, Fixture] = {}
    for place in module.top.places.values():
        for value in place.values:
            if isinstance(value, FunctionValue) and engine.flagged(value.unit, "fixture"):
                fixture = fixture_of(value.unit)
                found[fixture.name] = fixture
    for star in module.top.stars:
        path = engine.paths.relative(star.module, star.level, module.path) if star.level else None
        path = path or engine.paths.absolute(star.module, module.path)
        if path in engine.modules and path != module.path:
            found = {**_defined_in(engine, engine.modules[path]), **found}
    return dict(sorted(found.items()))


def _in_class(engine: Engine, scope: ClassScope) -> dict[str, Fixture]:
    units = [units[-1] for _, units in sorted(scope.methods.items())]
    return {f.name: f for f in (fixture_of(unit) for unit in units if engine.flagged(unit, "fixture"))}


def fixture_of(unit: Unit) -> Fixture:
    """A fixture function with what its decorator says."""
    assert unit.function is not None
    fixture = Fixture(unit.function.name, unit, needs=_parameters(unit))
    for decorator in unit.function.decorators:
        function = decorator.function if isinstance(decorator, s.Call) else decorator
        if not isinstance(function, s.Name | s.Attribute):
            continue
        if (function.id if isinstance(function, s.Name) else function.name) == "fixture":
            fixture = replace(fixture, decorator=decorator)
            for argument in decorator.arguments if isinstance(decorator, s.Call) else ():
                fixture = _described(fixture, unit, argument)
    return fixture


def _described(fixture: Fixture, unit: Unit, argument: s.Argument) -> Fixture:
    value = argument.value
    words = texts(unit.module.top, value)
    if argument.keyword == "scope" and words and words[0] in SCOPES:
        return replace(fixture, scope=words[0])
    if argument.keyword == "name" and words:
        return replace(fixture, name=words[0])
    if argument.keyword == "autouse" and isinstance(value, s.Constant):
        return replace(fixture, is_autouse=bool(value.value))
    return fixture


_AROUND_MODULE = (("setUpModule", "tearDownModule"), ("setup_module", "teardown_module"))
_AROUND_CLASS = (("setUpClass", "tearDownClass"), ("setup_class", "teardown_class"))
_AROUND_METHOD = (("setUp", "tearDown"), ("asyncSetUp", "asyncTearDown"), ("setup_method", "teardown_method"))
_AROUND_FUNCTION = (("setup_function", "teardown_function"),)


def around(engine: Engine, module: Module, test: Test) -> list[Fixture]:
    """The functions that are called around a test because of their names."""
    defined = {
        unit.function.name: unit for unit in module.units if unit.function is not None and unit.parent is module.top
    }
    found = [_pair(defined, pair, "module") for pair in _AROUND_MODULE]
    if test.scope is None:
        found += [_pair(defined, pair, "function") for pair in _AROUND_FUNCTION]
    else:
        methods: dict[str, Unit] = {}
        for base in ancestry(engine, test.scope):
            if isinstance(base, ClassScope):
                methods = {**{name: units[-1] for name, units in base.methods.items()}, **methods}
        found += [_pair(methods, pair, "class") for pair in _AROUND_CLASS]
        found += [_pair(methods, pair, "function") for pair in _AROUND_METHOD]
    return [each for each in found if each is not None]


def _pair(defined: Mapping[str, Unit], pair: tuple[str, str], scope: str) -> Fixture | None:
    before, after = defined.get(pair[0]), defined.get(pair[1])
    if before is None and after is None:
        return None
    return Fixture(pair[0] if before is not None else pair[1], before, scope, is_autouse=True, undo=after)

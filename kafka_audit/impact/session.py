"""pytest's order of events for one test file that is run on its own.

Plugins, the `conftest.py` chain from the root directory inwards, the hooks that run before collection, the test module,
then fixtures by scope around the tests, and the hooks at the end (pytest 9.2, run).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from kafka_audit.discover.pytest_ini import PytestIni, is_test_file
from kafka_audit.facts import schema as s
from kafka_audit.impact import mocks
from kafka_audit.impact.collection import Fixture, Fixtures, Test, tests_of
from kafka_audit.impact.constants import elements, texts
from kafka_audit.impact.index import Index
from kafka_audit.impact.leaving import Fails
from kafka_audit.impact.loading import package_root
from kafka_audit.impact.mocks import Mock
from kafka_audit.impact.replacements import Replacements
from kafka_audit.impact.search_path import SearchPath
from kafka_audit.impact.skipping import Skip, skipped, skips_of
from kafka_audit.impact.trace import Root, Stage, Trace
from kafka_audit.impact.walker import Walker
from kafka_audit.link.flow.scopes import Module, Unit, once
from kafka_audit.link.program import Program

_Item = TypeVar("_Item")

_BEFORE = ("pytest_addoption", "pytest_configure", "pytest_sessionstart")
_COLLECTED = ("pytest_collection_modifyitems", "pytest_collection_finish")
_AFTER = ("pytest_sessionfinish", "pytest_unconfigure")
_WIDE = ("session", "package", "module")


class Session:
    """The run of one test file; `run` gives what it does."""

    def __init__(self, program: Program, index: Index, module: Module, ini: PytestIni | None = None) -> None:
        """`ini` is how pytest is configured for the file, when that is another way than the program knows."""
        self._program = program
        self._engine = program.engine
        self.module = module
        self.ini = ini = ini or program.pytest_ini(module.path)
        self._search = SearchPath(program.engine.paths)
        for folder in _search_folders(ini):
            self._search.append(folder)
        self._walker = Walker(program, index, self._search, ini.folder)
        self._plugins: list[Module] = []
        self.tests: list[Test] = []

    @property
    def replacements(self) -> Replacements:
        """What is known of the session's mocks."""
        return self._walker.replacements

    def loads(self, path: str) -> bool:
        """Whether a file is loaded in the session."""
        return self._walker.loader.has(path)

    def run(self, wanted: Callable[[Test, Sequence[Fixture]], bool] = lambda test, fixtures: True) -> Trace:
        """Go through everything, but for the tests that are not wanted; `wanted` is asked with a test's fixtures."""
        conftests = conftest_chain(self._program, self.module.path, self.ini)
        for name in self.ini.plugins:
            self._plugin(name, self.module.top)
        for conftest in conftests:
            self._load("conftest", conftest)
            self._named_plugins(conftest)
        layers = [*reversed(conftests), *self._plugins]
        self._hooks(layers, _BEFORE, "conftest")
        if self.ini.django_settings:
            top, settings = (layers or [self.module])[0].top, self.ini.django_settings
            self._walker.under(Root("conftest", top), lambda: self._walker.autoloading.set_up(top, 1, settings))
        is_loaded = self._load("collection", self.module)
        self._named_plugins(self.module)
        self._hooks(layers, _COLLECTED, "conftest")
        fixtures = Fixtures(self._engine, self.module, layers, self.ini)
        found = [(test, fixtures.of(test)) for test in tests_of(self._engine, self.module, self.ini)]
        planned = [(test, own) for test, own in found if wanted(test, own)]
        self.tests = [test for test, _ in planned]
        running = set(self._running(layers)) if is_loaded else set()
        self._run_tests([(test, own) for test, own in planned if test in running])
        self._hooks(layers, _AFTER, "teardown")
        return self._walker.trace

    # Modules and hooks.

    def _load(self, stage: Stage, module: Module) -> bool:
        """Load a file that pytest itself names, after what its import mode does to the search path.

        False when the import fails.
        """
        folder, dotted = package_root(self._engine, module.path)
        if self.ini.import_mode == "append":
            self._search.append(folder)
        elif self.ini.import_mode == "prepend":
            self._search.insert(folder)
        load = self._walker.loader.load_file
        done: list[bool] = []
        self._walker.under(Root(stage, module.top), lambda: done.append(load(dotted, module.path, module.top)))
        return done[0]

    def _plugin(self, name: str, at: Unit) -> None:
        found = self._search.find(name) or self._search.guess(name, at.module.path)
        module = self._engine.modules.get(found.path) if found is not None and found.path is not None else None
        if module is not None and module not in self._plugins:
            self._plugins.append(module)
            load = self._walker.loader.load
            self._walker.under(Root("plugin", module.top), lambda: load(name, module.top, 1))

    def _named_plugins(self, module: Module) -> None:
        """`pytest_plugins`, a name or several."""
        name = s.Name("pytest_plugins")
        if "pytest_plugins" in module.top.bound:
            parts = elements(module.top, name) or [name]
            for plugin in [text for part in parts for text in texts(module.top, part)]:
                self._plugin(plugin, module.top)

    def _hooks(self, modules: Sequence[Module], names: Sequence[str], stage: Stage) -> None:
        for name in names:
            for module in modules:
                for unit in module.units:
                    if unit.parent is module.top and unit.function is not None and unit.function.name == name:
                        self._run_root(Root(stage, unit))

    def _run_root(self, root: Root) -> None:
        self._walker.under(root, lambda: self._walker.walk(root.unit))

    # Tests.

    def _running(self, layers: Sequence[Module]) -> list[Test]:
        """The tests that are not skipped; those that are are noted."""
        skips = skips_of(layers)
        running, left_out = [], dict[tuple[str, str], list[tuple[Test, Skip]]]()
        for test in self.tests:
            reason = skipped(test, skips)
            if reason is None:
                running.append(test)
            else:
                left_out.setdefault((reason.path, reason.keyword), []).append((test, reason))
        for (path, keyword), found in left_out.items():
            test, reason = found[0]
            number = f"`{test.name}` is" if len(found) == 1 else f"{len(found)} tests are"
            self._walker.trace.note("skipped", path, reason.line, f"{number} skipped here, as `{keyword}`")
        return running

    def _run_tests(self, planned: Sequence[tuple[Test, Sequence[Fixture]]]) -> None:
        wide = _unique(f for scope in _WIDE for _, fixtures in planned for f in fixtures if f.scope == scope)
        groups: dict[object, list[tuple[Test, Sequence[Fixture]]]] = {}
        for test, fixtures in planned:
            groups.setdefault(test.scope, []).append((test, fixtures))

        def run_classes() -> None:
            for group in groups.values():
                self._run_class(group)

        self._around(wide, "", run_classes)

    def _run_class(self, group: Sequence[tuple[Test, Sequence[Fixture]]]) -> None:
        shared = _unique(f for _, fixtures in group for f in fixtures if f.scope == "class")

        def run_tests() -> None:
            for test, fixtures in group:
                self._run_test(test, fixtures)

        self._around(shared, "", run_tests)

    def _run_test(self, test: Test, fixtures: Sequence[Fixture]) -> None:
        own = _unique(f for f in fixtures if f.scope == "function")
        self._around(own, test.name, lambda: self._body(test))

    def _around(self, fixtures: Sequence[Fixture], test: str, act: Callable[[], None]) -> None:
        """Set the fixtures up in their order, act, and take them down again."""
        if not fixtures:
            act()
            return
        first, rest = fixtures[0], fixtures[1:]
        self._walker.lasting(lambda: self._fixture(first, test, lambda: self._around(rest, test, act)))

    def _fixture(self, fixture: Fixture, test: str, act: Callable[[], None]) -> None:
        walker, unit = self._walker, fixture.unit
        handed_over = False

        def pause() -> None:
            nonlocal handed_over
            handed_over = True
            act()
            if unit is not None:
                walker.change_root(Root("teardown", unit, test))

        if unit is not None:
            root = Root("fixture", unit, test)
            walker.under(root, lambda: self._set_up(unit, pause))
        if not handed_over:
            act()
        if fixture.undo is not None:
            self._run_root(Root("teardown", fixture.undo, test))

    def _set_up(self, unit: Unit, pause: Callable[[], None]) -> None:
        self._walker.pauses[unit] = pause
        self._walker.walk(unit)
        self._walker.pauses.pop(unit, None)

    def _body(self, test: Test) -> None:
        walker = self._walker

        def run() -> None:
            held: list[Mock] = []
            calls = [mark for mark in reversed(test.marks) if isinstance(mark, s.Call)]
            with contextlib.suppress(Fails):
                for call in calls:
                    made = mocks.request(self._engine, test.unit.parent or test.unit, call)
                    mock = (
                        walker.mocking.begin(test.unit, made, "while the test's body runs")
                        if made is not None
                        else None
                    )
                    held += [mock] if mock is not None else []
                walker.walk(test.unit)
            for mock in held:
                walker.mocking.end(mock)

        walker.lasting(lambda: walker.under(Root("body", test.unit, test.name), run))


@once
def test_files(program: Program) -> Sequence[tuple[Module, Sequence[Module]]]:
    """The files that pytest collects from, with the `conftest.py` files that apply to each, outermost first.

    It is asked for each client that is kept, and there are as many files as there are such clients.
    """
    with_ini = ((path, module, program.pytest_ini(path)) for path, module in sorted(program.engine.modules.items()))
    return [(module, conftest_chain(program, path, ini)) for path, module, ini in with_ini if is_test_file(path, ini)]


def conftest_chain(program: Program, path: str, ini: PytestIni | None = None) -> list[Module]:
    """The `conftest.py` files that apply to a file, outermost first."""
    ini = ini or program.pytest_ini(path)
    folders = PurePosixPath(path).parent.parts
    paths = ["/".join((*folders[:depth], "conftest.py")) for depth in range(len(ini.folder), len(folders) + 1)]
    return [program.engine.modules[each] for each in paths if each in program.engine.modules and each != path]


def _search_folders(ini: PytestIni) -> list[tuple[str, ...]]:
    """What is on the search path before anything runs.

    pytest's `pythonpath`, the root directory and the base of the project, as with `python -m pytest`, and their `src`
    folders, as with a project that is installed for development.
    """
    roots = _unique((ini.folder, ()))
    return [*ini.pythonpath, *roots, *((*root, "src") for root in roots)]


def _unique(items: Iterable[_Item]) -> list[_Item]:
    return list(dict.fromkeys(items))

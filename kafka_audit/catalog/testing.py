"""Which functions do pytest and unittest call when a test, a module or the session ends?

Run on pytest 9.2, pytest-asyncio 1.5 and the unittest of Python 3.11.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Hook, same_hooks

_FIXTURE = "pytest 9.2, run: code after the yield runs when a test fails too, but not when the code before it raised."
_FIXTURE_LOOP = "pytest-asyncio 1.5, run: the loop is loop_scope's, by default the one of a single test."

PYTEST: Final = (
    Hook(
        framework="pytest",
        target="pytest.fixture",
        via="decorator",
        phase="both",
        scope="test",
        note=f"{_FIXTURE} Without scope= it lives for one test.",
    ),
    *same_hooks(
        "pytest",
        ("pytest.fixture", "function", "both"),
        via="decorator",
        scope="test",
        note=_FIXTURE,
    ),
    *same_hooks(
        "pytest",
        ("pytest.fixture", "class", "both"),
        ("pytest.fixture", "module", "both"),
        via="decorator",
        scope="module",
        note=_FIXTURE,
    ),
    *same_hooks(
        "pytest",
        ("pytest.fixture", "package", "both"),
        ("pytest.fixture", "session", "both"),
        via="decorator",
        scope="session",
        note=_FIXTURE,
    ),
    *same_hooks(
        "pytest-asyncio",
        ("pytest_asyncio.fixture", "", "both"),
        ("pytest_asyncio.fixture", "function", "both"),
        via="decorator",
        scope="test",
        awaits=True,
        note=_FIXTURE_LOOP,
    ),
    *same_hooks(
        "pytest-asyncio",
        ("pytest_asyncio.fixture", "class", "both"),
        ("pytest_asyncio.fixture", "module", "both"),
        via="decorator",
        scope="module",
        awaits=True,
        note=_FIXTURE_LOOP,
    ),
    *same_hooks(
        "pytest-asyncio",
        ("pytest_asyncio.fixture", "package", "both"),
        ("pytest_asyncio.fixture", "session", "both"),
        via="decorator",
        scope="session",
        awaits=True,
        note=_FIXTURE_LOOP,
    ),
    Hook(
        framework="pytest",
        target="pytest.FixtureRequest().addfinalizer",
        via="call",
        phase="shutdown",
        scope="test",
        note="pytest 9.2, run: called when the fixture that requested it ends, whatever happened.",
    ),
    *same_hooks(
        "pytest",
        ("conftest", "pytest_configure", "startup"),
        ("conftest", "pytest_sessionstart", "startup"),
        ("conftest", "pytest_sessionfinish", "shutdown"),
        ("conftest", "pytest_unconfigure", "shutdown"),
        via="named",
        scope="session",
        note="pytest 9.2, run: called once per session; also in modules that are loaded as plugins.",
    ),
    *same_hooks(
        "pytest",
        ("conftest", "pytest_runtest_setup", "startup"),
        ("conftest", "pytest_runtest_teardown", "shutdown"),
        via="named",
        scope="test",
        note="pytest 9.2, read: called for every test.",
    ),
    *same_hooks(
        "pytest",
        ("test_*", "setup_module", "startup"),
        ("test_*", "teardown_module", "shutdown"),
        ("Test*", "setup_class", "startup"),
        ("Test*", "teardown_class", "shutdown"),
        via="named",
        scope="module",
        note="pytest 9.2, run: called once per module or class.",
    ),
    *same_hooks(
        "pytest",
        ("test_*", "setup_function", "startup"),
        ("test_*", "teardown_function", "shutdown"),
        ("Test*", "setup_method", "startup"),
        ("Test*", "teardown_method", "shutdown"),
        via="named",
        scope="test",
        note="pytest 9.2, run: called for every test.",
    ),
)

_CLEANUP = "Python 3.11, run: called even when setUp raised, unlike tearDown."
_SAME_LOOP = "Python 3.11, run: awaited in the loop that the test itself runs in."

UNITTEST: Final = (
    *same_hooks(
        "unittest",
        ("unittest.TestCase", "setUp", "startup"),
        ("unittest.TestCase", "tearDown", "shutdown"),
        via="method",
        scope="test",
        live="tearDown not when setUp raised",
        note="Python 3.11, run.",
    ),
    *same_hooks(
        "unittest",
        ("unittest.TestCase", "setUpClass", "startup"),
        ("unittest.TestCase", "tearDownClass", "shutdown"),
        via="method",
        scope="module",
        live="tearDownClass not when setUpClass raised",
        note="Python 3.11, run: called once per class.",
    ),
    *same_hooks(
        "unittest",
        ("unittest.TestCase().addCleanup", "", "shutdown"),
        ("unittest.TestCase().enterContext", "", "both"),
        via="call",
        scope="test",
        note=_CLEANUP,
    ),
    *same_hooks(
        "unittest",
        ("unittest.TestCase.addClassCleanup", "", "shutdown"),
        ("unittest.TestCase.enterClassContext", "", "both"),
        ("unittest.addModuleCleanup", "", "shutdown"),
        ("unittest.enterModuleContext", "", "both"),
        via="call",
        scope="module",
        note="Python 3.11, read: called once per class or module, even when the set-up raised.",
    ),
    *same_hooks(
        "unittest",
        ("test*", "setUpModule", "startup"),
        ("test*", "tearDownModule", "shutdown"),
        via="named",
        scope="module",
        note="Python 3.11, read: called once per module.",
    ),
    *same_hooks(
        "unittest",
        ("unittest.IsolatedAsyncioTestCase", "asyncSetUp", "startup"),
        ("unittest.IsolatedAsyncioTestCase", "asyncTearDown", "shutdown"),
        via="method",
        scope="test",
        awaits=True,
        live="asyncTearDown not when asyncSetUp raised",
        note=_SAME_LOOP,
    ),
    *same_hooks(
        "unittest",
        ("unittest.IsolatedAsyncioTestCase().addAsyncCleanup", "", "shutdown"),
        ("unittest.IsolatedAsyncioTestCase().enterAsyncContext", "", "both"),
        via="call",
        scope="test",
        awaits=True,
        note=_SAME_LOOP,
    ),
)

TEST_HOOKS: Final[tuple[Hook, ...]] = (*PYTEST, *UNITTEST)

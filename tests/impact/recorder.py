"""A pytest plugin that writes down what really happens: which modules are imported, which clients made, when and where.

It takes the place of the Kafka libraries before anything else is imported, so that no broker is needed and every
construction of a client is seen. Run as `pytest -p recorder` with the file to write in `RECORD`.
"""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path

import pytest

HERE = Path.cwd().resolve()
LIBRARIES = {
    "aiokafka": ("AIOKafkaProducer", "AIOKafkaConsumer"),
    "confluent_kafka": ("Producer", "Consumer"),
    "kafka": ("KafkaProducer", "KafkaConsumer"),
}


def below(file: str) -> str | None:
    """The path of a file of the project; None for any other file."""
    real = Path(file).resolve()
    return real.relative_to(HERE).as_posix() if real.is_relative_to(HERE) else None


def within() -> str | None:
    """The stage that unittest's functions around a test stand for: pytest runs them with the test itself."""
    frame = sys._getframe()
    while frame is not None:
        stage = {"setUp": "fixture", "asyncSetUp": "fixture", "tearDown": "teardown", "asyncTearDown": "teardown"}.get(
            frame.f_code.co_name
        )
        if stage is not None and below(frame.f_code.co_filename) is not None:
            return stage
        frame = frame.f_back
    return None


class Record:
    """What was seen so far; `stage` is where in pytest's order of events things are, `test` whose events these are."""

    def __init__(self) -> None:
        self.stage, self.test = "plugin", ""
        self.modules: set[str] = set()
        self.events: list[dict[str, object]] = []

    def see_modules(self) -> None:
        """Note the modules of the project that are new since the last look."""
        for name in [each for each in sys.modules if each not in self.modules]:
            self.modules.add(name)
            file = getattr(sys.modules[name], "__file__", None)
            path = below(file) if file and name != "__main__" else None
            if path is not None:
                self.events.append({"what": "imported", "path": path, "as": name, "stage": self.stage})

    def move(self, stage: str, test: str = "") -> None:
        """Go on to another stage."""
        self.see_modules()
        self.stage, self.test = stage, test

    def note(self, what: str, client: Client) -> None:
        """Note what happens to a client."""
        path, line = client.site
        stage = within() or self.stage
        self.events.append({"what": what, "path": path, "line": line, "stage": stage, "test": self.test})


RECORD = Record()


class Client:
    """Stands for any client: it knows where it was made and notes what is done to it."""

    def __init__(self, *arguments: object, **options: object) -> None:
        frame = sys._getframe(1)
        while below(frame.f_code.co_filename) is None:
            frame = frame.f_back
        self.site = (below(frame.f_code.co_filename), frame.f_lineno)
        RECORD.note("created", self)

    async def start(self) -> None:
        RECORD.note("started", self)

    async def stop(self) -> None:
        RECORD.note("released", self)

    def flush(self, timeout: float = 0) -> int:
        RECORD.note("released", self)
        return 0

    def close(self, timeout: float = 0) -> None:
        RECORD.note("released", self)

    def send(self, *arguments: object, **options: object) -> None:
        """Send nothing."""

    produce = send

    async def send_and_wait(self, *arguments: object, **options: object) -> None:
        """Send nothing."""

    async def __aenter__(self) -> Client:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()


def _install() -> None:
    for library, names in LIBRARIES.items():
        module = types.ModuleType(library)
        inner = types.ModuleType(f"{library}.cimpl" if library == "confluent_kafka" else f"{library}.producer")
        for name in names:
            made = type(name, (Client,), {})
            setattr(module, name, made)
            setattr(inner, name, made)
        setattr(module, inner.__name__.rpartition(".")[2], inner)
        module.__path__ = []
        sys.modules[library], sys.modules[inner.__name__] = module, inner


_install()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    RECORD.move("conftest")


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    RECORD.move("collection")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems() -> None:
    RECORD.move("conftest")


def _name(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[2]


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    before = RECORD.stage, RECORD.test
    RECORD.move("fixture", _name(request.node) if request.scope == "function" else "")
    try:
        return (yield)
    finally:
        RECORD.move(*before)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    RECORD.move("body", _name(item))
    try:
        return (yield)
    finally:
        RECORD.move("teardown", _name(item))


def pytest_runtest_logfinish() -> None:
    RECORD.move("teardown")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item) -> None:
    RECORD.move("fixture", _name(item))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    RECORD.see_modules()
    Path(os.environ["RECORD"]).write_text(json.dumps(RECORD.events))

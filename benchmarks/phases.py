"""The phases of an audit, one after the other in this process, each a function that can be timed by itself."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable
from typing import Any

from kafka_audit.discover import discover
from kafka_audit.facts.modules import ModulePaths
from kafka_audit.facts.neighbours import Neighbours
from kafka_audit.facts.screen import Relevance, relevant
from kafka_audit.link import link
from kafka_audit.model import Report, Role
from kafka_audit.pipeline import audit
from kafka_audit.pipeline.garbage import not_collecting
from kafka_audit.pipeline.reading import read
from kafka_audit.pipeline.telling import deliver
from kafka_audit.pipeline.workers import Workers
from kafka_audit.rules import judge
from kafka_audit.settings import Settings

NAMES = ("discover", "screen", "extract", "link", "judge", "render")


class Phases:
    """The phases of one project. Each may be run again; it needs what those before it made, and makes that if need be.

    `screen` is the first round alone, which looks at every file; the later rounds are part of `extract`, which runs in
    one process here.
    """

    def __init__(self, tree: str) -> None:
        self.tree = tree
        self._settings = Settings(paths=(tree,), jobs=1)
        self._workers = Workers(1, lambda doing, done, of: None)

    def run(self, name: str) -> Any:
        """Run one phase; what it makes."""
        phase: Callable[[], Any] = getattr(self, name)
        with not_collecting():
            return phase()

    def discover(self) -> Any:
        """Find and read the files."""
        found = discover((self.tree,))
        return found, read(found.files)[0]

    def screen(self) -> Any:
        """Look which files import a library."""
        return Relevance(self._given[1]).seed()

    def graph(self) -> Any:
        """Read the graph of all imports, as a question about tests does: which files lead to clients."""
        graph = Neighbours(self._given[1])
        return graph.reaching(graph.clients())

    def extract(self) -> Any:
        """Parse the files that can matter."""
        return relevant(self._given[1], self._workers.extract)

    def link(self) -> Any:
        """Make one program of them, what linking itself asks for included."""
        found, contents = self._given
        paths = ModulePaths.of([file.name for file in found.files])
        roles: tuple[Role, ...] = ("producer",)
        return link(dict(self._facts), paths, roles, lambda more: self._load(contents, more), found.scripts)

    def judge(self) -> Any:
        """Apply the rules, and tell the clients. The program remembers what it was asked, so each run needs its own."""
        program = self._fresh or self.link()
        self._fresh = None
        return judge(program), program.producers()

    def render(self) -> Any:
        """Lay the report out as text."""
        with contextlib.redirect_stdout(io.StringIO()):
            deliver(self._report, self._settings)

    def prepare(self, name: str) -> None:
        """Make what a phase needs, so that its own time is measured only."""
        if name == "judge":
            self._fresh = self.run("link")
        elif name != "discover":
            _ = self._report if name == "render" else self._facts if name == "link" else self._given

    _fresh: Any = None

    @functools.cached_property
    def _given(self) -> Any:
        return self.run("discover")

    @functools.cached_property
    def _facts(self) -> Any:
        return self.run("extract")

    @functools.cached_property
    def _report(self) -> Report:
        return audit(self._settings)

    def _load(self, contents: dict[str, bytes], names: list[str]) -> Any:
        return self._workers.extract({name: contents[name] for name in names if name in contents})

"""What test code replaces while it runs: from when, until when, and for which clients it comes too late."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from kafka_audit.facts import schema as s
from kafka_audit.impact import mocks
from kafka_audit.impact.bindings import Binding
from kafka_audit.impact.branches import Variable
from kafka_audit.impact.constants import texts
from kafka_audit.impact.leaving import Fails
from kafka_audit.impact.mocks import Mock, Request
from kafka_audit.impact.patching import Patching
from kafka_audit.impact.trace import MockVerdict
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.words import words

if TYPE_CHECKING:
    from kafka_audit.impact.walker import Walker


class Mocking:
    """The replacing in one session, on whose walk it depends."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._patching = Patching(walker.engine, walker.search, walker.loader)

    def request(self, unit: Unit, node: s.Call, *, starts: bool) -> bool:
        """Note what a call replaces; whether it replaces anything."""
        if context_of(unit.module.path) != "test":
            return False
        found = mocks.request(self._walker.engine, unit, node)
        if found is None:
            return False
        if found.starts or starts:
            mock = self.begin(unit, found, "until it is undone")
            if mock is not None:
                self._walker.when_over(lambda: self.end(mock))
        return True

    def begin(self, unit: Unit, found: Request, holds: str) -> Mock | None:
        """Let what a request replaces hold from now on; resolving its target may import it."""
        line = found.node.at[0]
        bindings, target, missing = self._patching.resolved(unit, found)
        stands_for = found.double.stands_for if found.double is not None else ()
        if not bindings and not missing and not stands_for:
            return None
        is_wide = self._walker.root.stage in {"plugin", "conftest"} or (
            self._walker.root.stage == "fixture" and not self._walker.root.test
        )
        if missing:
            self._walker.trace.note("missing", unit.module.path, line, f"`{target}` cannot be replaced: {missing}")
            raise Fails
        mock = Mock(found.way, target, unit, line, bindings, holds, is_wide)
        mock.values, mock.is_nothing, mock.stands_for = found.values, found.is_nothing, stands_for
        return self._begin(mock)

    def end(self, mock: Mock) -> None:
        """Let a mock hold no longer."""
        self._walker.replacements.end(mock, self._walker.tick())

    def _begin(self, mock: Mock) -> Mock:
        time = self._walker.tick()
        self._walker.replacements.begin(mock, time)
        self._walker.trace.mocks.append(mock)
        for happening in self._walker.trace.happenings:
            life, root = happening.life, happening.root
            if (
                happening.what != "created"
                or happening.mock is not None
                or root.stage not in {"plugin", "conftest", "collection"}
            ):
                continue
            if life.site.client.name in self._walker.replacements.aims(mock) and self._walker.replacements.meets(
                mock, happening.unit, life.site.node
            ):
                self._walker.trace.late.append((mock, happening))
        return mock

    def store(self, unit: Unit, target: s.Attribute | s.Subscript, value: s.Expr, line: int) -> None:
        """An assignment from test code: to a library's or a module's name, or to a method of an object."""
        if context_of(unit.module.path) != "test":
            return
        bindings = self._patching.stored(unit, target)
        fields = self._patching.fields(unit, target) if not bindings and isinstance(value, s.Call) else ()
        if fields and not self._walker.index.makes_client(value):
            mock = Mock("assignment", words(target), unit, line, fields, "until the object is gone", is_field=True)
            self._begin(mock)
            self._walker.when_over(lambda: self.end(mock))
            return
        if isinstance(value, s.Constant) and not any(binding.kind == "env" for binding in bindings):
            self._empty(bindings, value)
            return
        held = [
            mock for binding in bindings for mock in self._walker.replacements.held(binding) if mock.way == "assignment"
        ]
        if any(mock.unit is unit and mock.value == words(value) for mock in held):
            return  # said twice: `sys.modules["aiokafka"].X` after `aiokafka.X`
        for mock in held:
            self._walker.replacements.end(mock, self._walker.tick())
        if bindings and self._walker.root.stage != "teardown":
            way: mocks.Way = "sys.modules" if bindings[0].kind == "sys.modules" else "assignment"
            is_wide = self._walker.root.stage in {"plugin", "conftest", "collection"}
            mock = Mock(way, words(target), unit, line, bindings, "from then on", is_wide, value=words(value))
            mock.values = tuple(texts(unit, value))
            self._begin(mock)

    def overwritten(self, life: Life, *, is_sure: bool) -> MockVerdict | None:
        """What becomes of the mock in a field that a client is put into; None when there is none."""
        place, scope = life.holding.at, life.holding.scope
        if place is None or scope is None or place.kind != "field":
            return None
        held = self._walker.replacements.held(mocks.class_binding(scope, place.name))
        if not held or not held[-1].is_field:
            return None
        if not is_sure:
            return MockVerdict(held[-1], "effective", f"the field `{place.name}` is filled already")
        self.end(held[-1])
        why = f"`{life.owner}` puts what it makes into `{place.name}`, over the mock"
        return MockVerdict(held[-1], "elsewhere", why)

    def _empty(self, bindings: Collection[Binding], value: s.Constant) -> None:
        """An assignment of a constant from test code: of None to a variable that is filled once."""
        for binding in bindings:
            for mock in self._walker.replacements.held(binding):
                if mock.way == "assignment":
                    self.end(mock)
            path, _, qualname = binding.owner.partition(":")
            if binding.kind in {"module", "class"}:
                self._walker.states.assign(Variable(path, qualname, binding.name), is_empty=value.value is None)

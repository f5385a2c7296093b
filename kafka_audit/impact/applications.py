"""Applications that tests start and send requests to: what runs then, hooks, handlers and what these depend on."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from kafka_audit.catalog.driving import ENTERS, STARTS, driver_named
from kafka_audit.facts import schema as s
from kafka_audit.impact.index import Index
from kafka_audit.impact.leaving import Fails, Suspended
from kafka_audit.impact.serving import base_of, providers, request_of
from kafka_audit.impact.trace import Cut, Edge, Root
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Made
from kafka_audit.link.reading.context import context_of

if TYPE_CHECKING:
    from kafka_audit.impact.walker import Walker


def _suspend() -> None:
    raise Suspended


_OTHERS = frozenset({"dict", "object", "open", "patch", "raises", "suppress"})
"""What most blocks of tests are over, and what runs no application."""


class Applications:
    """Those of one session, on whose walk they depend."""

    def __init__(self, walker: Walker, index: Index) -> None:
        self._walker = walker
        self._index = index
        self._serving = index.serving
        self._bases: dict[Made, tuple[str | None, ...]] = {}

    def enter(self, unit: Unit, item: s.Item) -> None:
        """The beginning of a `with` over something that starts an application."""
        for application in self._entered(unit, item):
            self._start(unit, application, item.line)

    def leave(self, unit: Unit, item: s.Item) -> None:
        """The end of such a `with`."""
        for application in self._entered(unit, item):
            self._stop(unit, application, item.line)

    def _is_asked(self, unit: Unit) -> bool:
        """Whether there can be anything to do: test code alone drives applications."""
        return not self._serving.is_idle and context_of(unit.module.path) == "test"

    def _entered(self, unit: Unit, item: s.Item) -> list[Made]:
        """The applications whose life a `with` item is around."""
        value = item.value.value if isinstance(item.value, s.Await) else item.value
        function = value.function if isinstance(value, s.Call) else None
        last = (
            function.name if isinstance(function, s.Attribute) else function.id if isinstance(function, s.Name) else ""
        )
        if not self._is_asked(unit) or last in _OTHERS:
            return []
        found = self._serving.driven(unit, item.value)
        return [application for driver, application in found if driver.lifespan == "entered"]

    def drive(self, unit: Unit, node: s.Call) -> None:
        """A call that starts an application for longer than a block, or sends it a request."""
        if not self._is_asked(unit):
            return
        serving, line = self._serving, node.at[0]
        for driver, application in serving.requested(unit, node):
            if driver.lifespan == "request":
                self._start(unit, application, line)
            self._serve(unit, application, node)
            if driver.lifespan == "request":
                self._stop(unit, application, line)
        if any(argument.keyword == "base_url" for argument in node.arguments):
            for _, application in serving.driven(unit, node):
                self._bases[application] = base_of(unit, node)
        name = node.function.name if isinstance(node.function, s.Attribute) else ""
        begun: list[Made] = []
        if name in ENTERS and node.arguments:
            found = serving.driven(unit, node.arguments[0].value)
            begun = [application for driver, application in found if driver.lifespan == "entered"]
        elif name in STARTS and isinstance(node.function, s.Attribute):
            begun = [application for _, application in serving.driven(unit, node.function.value)]
        elif isinstance(node.function, s.Name) and driver_named(node.function.id) is not None:
            begun = [application for _, application in serving.driven(unit, node)]
        for application in begun:
            self._start(unit, application, line)
            self._walker.when_over(functools.partial(self._stop_later, unit, application, line, self._walker.root))

    def _start(self, unit: Unit, application: Made, line: int) -> None:
        """What runs before an application answers requests."""
        for hook in self._serving.hooks(application):
            if hook.phase == "both":
                self._walker.pauses[hook.unit] = _suspend
            if hook.phase in {"startup", "both"}:
                self._walker.step(unit, hook.unit, line, "starts up")
                self._walker.pauses.pop(hook.unit, None)

    def _stop(self, unit: Unit, application: Made, line: int) -> None:
        """What runs when an application ends."""
        for hook in reversed(self._serving.hooks(application)):
            if hook.phase == "shutdown":
                self._walker.step(unit, hook.unit, line, "shuts down")
            elif hook.phase == "both" and hook.unit in self._index.interesting:
                self._resume(unit, hook.unit, line)

    def _stop_later(self, unit: Unit, application: Made, line: int, begun: Root) -> None:
        """The end of an application that lasts longer than a block: of a stack's block, or with the test."""
        if self._walker.is_under(begun):
            self._stop(unit, application, line)
        else:
            self._walker.under(Root("teardown", unit, begun.test), lambda: self._stop(unit, application, line))

    def _resume(self, unit: Unit, callee: Unit, line: int) -> None:
        """Go through what stands behind the `yield` of a body that was gone through up to there."""
        if callee.is_generator and self._walker.loader.has(callee.module.path):
            self._walker.root.note(Edge(unit, callee, line, "shuts down", self._walker.condition))
            self._walker.resumed = callee
            with contextlib.suppress(Fails):
                self._walker.do(callee, self._index.acts(callee))
            self._walker.resumed = None

    def _serve(self, unit: Unit, application: Made, node: s.Call) -> None:
        """What runs when an application answers a request."""
        serving, line = self._serving, node.at[0]
        routes, is_certain = serving.handlers(application, request_of(unit, node, self._bases.get(application, ())))
        around = serving.around_requests(application)
        for hook in around:
            if hook.phase in {"startup", "both"}:
                self._walker.step(unit, hook.unit, line, "requests")
        for route in routes:
            before = self._walker.condition
            if not is_certain:
                self._walker.condition = before or f"the request is for `{route.unit.qualname}`"
            if self._walker.loader.has(route.unit.module.path):
                self._walker.root.note(Edge(unit, route.unit, line, "requests", self._walker.condition))
                for at, call in serving.provided(route):
                    self._provide(route.unit, at, call, frozenset())
                self._walker.step(unit, route.unit, line, "requests")
            self._walker.condition = before
        for hook in around:
            if hook.phase in {"shutdown", "request"}:
                self._walker.step(unit, hook.unit, line, "requests")

    def _provide(self, unit: Unit, at: Unit, node: s.Call, above: frozenset[s.Call]) -> None:
        """What a function depends on, unless it is overridden: what that depends on itself comes first."""
        time = self._walker.tick()
        covering = self._walker.replacements.covering(at, node, time)
        fact = self._walker.engine.calls.get(node)
        callees = tuple(fact.callees) if fact is not None else ()
        if covering is not None:
            self._walker.trace.cuts.append(Cut(covering[0], self._walker.root, unit, node.at[0], callees))
            return
        for callee in callees:
            self._walker.root.note(Edge(unit, callee, node.at[0], "calls", self._walker.condition))
            for place, inner in providers(callee):
                if inner not in above:
                    self._provide(callee, place, inner, above | {node})
            self._walker.step(unit, callee, node.at[0])

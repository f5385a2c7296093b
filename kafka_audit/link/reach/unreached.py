"""Which releases does control never get to, because they stand behind a loop that has no end?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClientObject, Value
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements

TIMEOUT = "consumer_timeout_ms"
"""The option that lets a loop over kafka-python's consumer end when nothing comes."""


class Unreached:
    """Answers for one program. `events` are those of each client."""

    def __init__(self, engine: Engine, events: Mapping[object, list[Event]]) -> None:
        self._engine, self._events = engine, events
        self._behind: dict[Unit, frozenset[s.Call]] = {}

    def has(self, event: Event) -> bool:
        """Whether the call stands behind a loop without an end, in the same block."""
        if event.unit not in self._behind:
            self._behind[event.unit] = frozenset(self._calls_behind(event.unit, event.unit.body))
        return event.node in self._behind[event.unit]

    def _calls_behind(self, unit: Unit, body: s.Body) -> Iterator[s.Call]:
        for place, statement in enumerate(body):
            if self._is_endless(unit, statement):
                yield from _calls(body[place + 1 :])
                return
            for inner in child_bodies(statement):
                yield from self._calls_behind(unit, inner)

    def _is_endless(self, unit: Unit, statement: s.Stmt) -> bool:
        match statement:
            case s.While(s.Constant(value), body):
                return bool(value) and not _breaks(body)
            case s.For(_, iterable, body, is_async=False):
                return not _breaks(body) and self._never_runs_dry(unit, iterable)
        return False

    def _never_runs_dry(self, unit: Unit, iterable: s.Expr) -> bool:
        """Whether a loop waits for messages for ever: nothing lets it end, and nobody closes the consumer meanwhile."""
        if not isinstance(iterable, s.Name):
            return False
        held = self._engine.look(unit, iterable)
        return bool(held) and all(isinstance(value, ClientObject) and self._waits(value) for value in held)

    def _waits(self, consumer: ClientObject) -> bool:
        site = consumer.site
        given = {argument.keyword for argument in site.node.arguments} | {each.star for each in site.node.arguments}
        closed = [event for event in self._events.get(consumer, ()) if event.what == "release"]
        handed_over = any(value is consumer for value, _ in self._engine.escapes)
        return (
            site.client.iterates
            and given.isdisjoint({TIMEOUT, "**"})
            and not handed_over
            and all(self._loops_over(event.unit, consumer) for event in closed)
        )

    def _loops_over(self, unit: Unit, consumer: Value) -> bool:
        loops = (each for each in statements(unit.body) if isinstance(each, s.For))
        return any(consumer in self._engine.look(unit, loop.iterable) for loop in loops)


def _breaks(body: s.Body) -> bool:
    """Whether a `break` of these blocks ends the loop that they are the body of."""
    return any(
        isinstance(statement, s.Break)
        or (not isinstance(statement, s.While | s.For) and any(map(_breaks, child_bodies(statement))))
        or (isinstance(statement, s.While | s.For) and _breaks(statement.orelse))
        for statement in body
    )


def _calls(body: s.Body) -> Iterator[s.Call]:
    for statement in statements(body):
        for expression in expressions(statement):
            yield from (part for part in inside(expression) if isinstance(part, s.Call))

"""Which calls of the project fail when a call on the client fails?

That error is the one that the code itself gives reason to expect: the broker is gone, the message is too large. It
travels up through the project's functions until a handler takes it.
"""

from __future__ import annotations

from kafka_audit.catalog.clients import ERRORS
from kafka_audit.facts import schema as s
from kafka_audit.link.lives import Life, Lives
from kafka_audit.link.scopes import Unit
from kafka_audit.link.states import catches, catches_everything
from kafka_audit.link.walk import expressions, inside, statements


class Failing:
    """Answers for one program."""

    def __init__(self, lives: Lives) -> None:
        self.lives, self.reach = lives, lives.reach
        self._units: dict[str, set[Unit]] = {}
        self._taken: dict[tuple[Unit, tuple[str, ...]], frozenset[s.Call]] = {}

    def units(self, life: Life) -> set[Unit]:
        """The functions that an error of a call on the client leaves. A buffer's flush is the release's own trouble."""
        if life.id not in self._units:
            self._units[life.id] = self._spread(life) if not life.site.client.flush_is_release else set()
        return self._units[life.id]

    def _spread(self, life: Life) -> set[Unit]:
        errors = ERRORS.get(life.site.client.distribution, ())
        waiting = [
            event.unit
            for event in life.uses
            if event.method != "flush"
            and isinstance(event.node, s.Call)
            and not self._takes(event.unit, event.node, errors)
        ]
        found = set(waiting)
        while waiting:
            for edge in self.reach.incoming.get(waiting.pop(), ()):
                node = edge.fact.node if edge.fact is not None else None
                if edge.caller in found or not isinstance(node, s.Call) or not self.reach.runs(edge):
                    continue
                if not self._takes(edge.caller, node, errors):
                    found.add(edge.caller)
                    waiting.append(edge.caller)
        return found

    def _takes(self, unit: Unit, node: s.Call, errors: tuple[str, ...]) -> bool:
        """Whether a handler around the call in its function takes the error and raises nothing in turn."""
        key = (unit, errors)
        if key not in self._taken:
            self._taken[key] = frozenset(_handled(unit.body, errors))
        return node in self._taken[key]


def _handled(body: s.Body, errors: tuple[str, ...]) -> set[s.Call]:
    """The calls of a body whose errors of these classes end in a handler."""
    found: set[s.Call] = set()
    for statement in statements(body):
        if isinstance(statement, s.Try) and _ends(statement, errors):
            found.update(
                part
                for inner in statements(statement.body)
                for expression in expressions(inner)
                for part in inside(expression)
                if isinstance(part, s.Call)
            )
    return found


def _ends(statement: s.Try, errors: tuple[str, ...]) -> bool:
    """Whether the first handler that takes such an error never raises."""
    for handler in statement.handlers:
        if catches_everything(handler) or catches(handler, errors):
            return not any(isinstance(inner, s.Raise) for inner in statements(handler.body))
    return False

"""Where does a function wait for the futures that calls of a client give it?"""

from __future__ import annotations

from collections.abc import Collection

from kafka_audit.catalog.clients import CLIENTS
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import attribute_of
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClientObject, Instance
from kafka_audit.link.reading.walk import expressions, inside, statements, target_names

WAITS = frozenset(method for client in CLIENTS for method in client.future_waits)
"""Methods of some client's futures that wait."""

GIVE_THEMSELVES = frozenset({"add_callback", "add_errback", "add_both"})
"""Methods of kafka-python's futures that give the future back, to be called in a row."""


def waited_for(engine: Engine, function: s.Expr) -> Values:
    """What `future.result()` gives: the value flow takes a future of a coroutine for what the coroutine returns."""
    if not isinstance(function, s.Attribute) or function.name != "result":
        return set()
    return {
        value
        for value in engine.evaluate(function.value)
        if isinstance(value, ClientObject)
        or (isinstance(value, Instance) and not attribute_of(engine, value, function.name))
    }


class Futures:
    """Where one unit waits for futures, and under which names it has them."""

    def __init__(self, unit: Unit) -> None:
        self._waiting: dict[s.Expr | str, list[s.Call]] = {}
        self._names: dict[s.Expr, set[str]] = {}
        self._loops: list[tuple[set[s.Expr | str], set[str]]] = []
        for statement in statements(unit.body):
            if isinstance(statement, s.Assign) and isinstance(statement.value, s.Call):
                names = {name for target in statement.targets for name in target_names(target)}
                self._names.setdefault(_first_of(statement.value), set()).update(names)
            elif isinstance(statement, s.For):
                over: set[s.Expr | str] = {
                    part.id if isinstance(part, s.Name) else part for part in inside(statement.iterable)
                }
                self._loops.append((over, set(target_names(statement.target))))
            for expression in expressions(statement):
                for part in inside(expression):
                    match part:
                        case s.Call(s.Attribute(of, method)) if method in WAITS:
                            one = _dict_of(_first_of(of))
                            self._waiting.setdefault(one.id if isinstance(one, s.Name) else one, []).append(part)

    def waiting_for(self, node: s.Call, methods: Collection[str]) -> list[s.Call]:
        """The calls of these methods of the future that a call gives, or of those in a dict of futures."""
        names = set(self._names.get(node, ()))
        for over, targets in self._loops:
            if node in over or not names.isdisjoint(over):
                names |= targets
        futures: list[s.Expr | str] = [node, *names]
        found = [call for of in futures for call in self._waiting.get(of, ()) if _name(call) in methods]
        return sorted(found, key=lambda call: call.at)


def _name(call: s.Call) -> str:
    return call.function.name if isinstance(call.function, s.Attribute) else ""


def _first_of(future: s.Expr) -> s.Expr:
    """The call that gives a future, of calls in a row that each give it back."""
    match future:
        case s.Call(s.Attribute(inner, method)) if method in GIVE_THEMSELVES:
            return _first_of(inner)
    return future


def _dict_of(future: s.Expr) -> s.Expr:
    """The dict that an expression takes a future from: `made` of `made["topic"]` and `made.get("topic")`."""
    match future:
        case s.Subscript(of, _) | s.Call(s.Attribute(s.Name() as of, "get")):
            return of
    return future

"""Methods that an object may not have: the code asks for them first, or takes it that there is none."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.paths.states import catches_everything, caught_types
from kafka_audit.link.reading.walk import inside, statements, within

ASKING = frozenset({"hasattr", "getattr"})
"""What tells whether there is such a method; what `getattr` gave is called by the name of a variable."""


def is_optional(unit: Unit, node: object, method: str) -> bool:
    """Whether the function goes on when the object of this call has no such method."""
    if isinstance(node, s.Call) and isinstance(node.function, s.Name):
        return True
    return any(_expects_none(statement, node, method) for statement in statements(unit.body))


def _expects_none(statement: s.Stmt, node: object, method: str) -> bool:
    match statement:
        case s.If(test, body):
            return _asks_for(test, method) and within(body, {node})
        case s.Try(body, handlers):
            return any(map(_takes_missing, handlers)) and within(body, {node})
    return False


def _asks_for(test: s.Expr, method: str) -> bool:
    return any(
        isinstance(part, s.Call)
        and isinstance(part.function, s.Name)
        and part.function.id in ASKING
        and any(isinstance(each.value, s.Constant) and each.value.value == method for each in part.arguments)
        for part in inside(test)
    )


def _takes_missing(handler: s.Handler) -> bool:
    named = any(isinstance(each, s.Name) and each.id == "AttributeError" for each in caught_types(handler))
    return (named or catches_everything(handler)) and not any(isinstance(e, s.Raise) for e in statements(handler.body))

"""Does a call make a client somebody else's to release, or does it only lend it?"""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.containers import STORES
from kafka_audit.link.flow.engine import Event
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.lives.owners import takes_over
from kafka_audit.link.reading.walk import inside

REGISTERS = frozenset({"register", "callback", "push", "enter_context", "enter_async_context", "push_async_exit"})
"""Methods of registries and exit stacks that keep what they are given until later."""


class Given(NamedTuple):
    """What leads to the client in a function: the call that brings it, and the names it has by now."""

    site: s.Call
    names: frozenset[str]

    def is_in(self, argument: s.Expr) -> bool:
        """Whether the argument holds the client."""
        return any(
            part is self.site or (isinstance(part, s.Name) and part.id in self.names) for part in inside(argument)
        )

    def goes_into(self, call: s.Call) -> bool:
        """Whether the call is given the client."""
        return any(self.is_in(argument.value) for argument in call.arguments)

    def is_lent_by(self, call: s.Call) -> bool:
        """Whether the call is given the client by its name alone, and is of a function that keeps nothing."""
        given = [argument.value for argument in call.arguments if self.is_in(argument.value)]
        match call.function:
            case s.Name(name) | s.Attribute(_, name):
                keeps = name in STORES or name in REGISTERS or name[:1].isupper()
                return not keeps and all(isinstance(value, s.Name) for value in given)
        return False


def is_handed_over(lives: Lives, life: Life, unit: Unit, releasing: Set[Unit], node: s.Call, given: Given) -> bool:
    """Whether after this call somebody else must, or did, release the client."""
    callees = lives.callees(node)
    is_given = given.goes_into(node)
    # A function defined inside needs no argument to get at the client.
    is_closure = any(callee.parent is unit for callee in callees)
    is_method = isinstance(node.function, s.Attribute) and given.is_in(node.function.value)
    ending = releasing & set(callees)
    if ending and (is_given or is_closure or is_method or not ending.isdisjoint(_calling_back(lives, life))):
        return True
    if not is_given:
        return False
    if callees:
        # A project function that is given the client keeps it if anything long-lived holds it in the end.
        return life.holding.kind in {"instance", "global", "pooled"}
    if isinstance(node.function, s.Attribute) and node.function.name in STORES:
        return True
    escape = lives.engine.escapes.get((life.value, node))
    if escape is not None and escape.target == "?" and any(event.unit is unit for event in life.releases):
        return not given.is_lent_by(node)
    return escape is not None and takes_over(escape.target)


def _calling_back(lives: Lives, life: Life) -> set[Unit]:
    """The units that lead to a release by a bound method of the client that was kept: they need not be given it."""
    return set[Unit]().union(*(lives.reach.callers(event.unit) for event in life.releases if _is_kept_method(event)))


def _is_kept_method(event: Event) -> bool:
    """Whether what is called is neither an attribute of the client nor a parameter."""
    called = event.node.function if isinstance(event.node, s.Call) else None
    parameters = event.unit.function.parameters if event.unit.function is not None else ()
    return isinstance(called, s.Name) and all(called.id != each.name for each in parameters)

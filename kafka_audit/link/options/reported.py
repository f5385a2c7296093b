"""Which sends give their caller a future that the report of the message's delivery resolves?

Whoever waits for that future has waited for the message: a buffer that is only filled so needs no flush.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import External
from kafka_audit.link.lives.life import Life
from kafka_audit.link.options.delivery import REPORTS
from kafka_audit.link.reach.entries import Reach
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import expressions, inside, statements, target_names

FUTURES = ("Future", "create_future")
"""What makes one, of `asyncio`, its loops and `concurrent.futures`."""


def is_reported_back(reach: Reach, life: Life) -> bool:
    """Whether every send of the client hands its caller such a future, and no caller throws it away.

    Reports come while something polls.
    """
    polls = any(event.method in life.site.client.polls for event in life.uses)
    return polls and bool(life.fills) and all(_hands_back(reach, fill.unit, fill.node) for fill in life.fills)


def _hands_back(reach: Reach, unit: Unit, node: object) -> bool:
    if not isinstance(node, s.Call):
        return False
    told = {name for each in node.arguments if each.keyword in REPORTS for name in _told(unit, each.value)}
    if told.isdisjoint(_futures(reach.engine, unit) & _given(unit)):
        return False
    calls = (edge for edge in reach.incoming.get(unit, ()) if context_of(edge.caller.module.path) != "test")
    return not any(edge.fact is not None and edge.fact.mode == "dropped" for edge in calls)


def _told(unit: Unit, callback: s.Expr) -> Iterator[str]:
    """The names that a callback uses: those of its arguments, and those in the function or lambda that it is."""
    inner = {each.name: each for each in statements(unit.body) if isinstance(each, s.Function)}
    for part in inside(callback):
        if isinstance(part, s.Name):
            yield part.id
            if part.id in inner:
                yield from _names(e for st in statements(inner[part.id].body) for e in expressions(st))
        elif isinstance(part, s.Lambda):
            yield from _names((part.body,))


def _names(found: Iterable[s.Expr]) -> Iterator[str]:
    return (part.id for expression in found for part in inside(expression) if isinstance(part, s.Name))


def _futures(engine: Engine, unit: Unit) -> set[str]:
    """The names that the function gives to futures which it makes."""
    return {
        name
        for statement in statements(unit.body)
        if isinstance(statement, s.Assign) and isinstance(statement.value, s.Call)
        if _makes_future(engine, unit, statement.value.function)
        for target in statement.targets
        for name in target_names(target)
    }


def _makes_future(engine: Engine, unit: Unit, function: s.Expr) -> bool:
    if isinstance(function, s.Attribute):
        return function.name in FUTURES
    found = engine.look(unit, function)
    return any(isinstance(value, External) and value.dotted.rpartition(".")[2] in FUTURES for value in found)


def _given(unit: Unit) -> set[str]:
    """The names in what the function returns or awaits."""
    found: list[s.Expr] = []
    for statement in statements(unit.body):
        if isinstance(statement, s.Return) and statement.value is not None:
            found.append(statement.value)
        found += [part for each in expressions(statement) for part in inside(each) if isinstance(part, s.Await)]
    return set(_names(found))

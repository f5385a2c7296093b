"""Who uses first what is made on first use? Two users can only meet if the place is still empty when there are two."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.defects.frequency import begins, is_called_once
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Lives
from kafka_audit.link.reach.entries import Edge
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import expressions, inside, statements

_ONE_BY_ONE = frozenset({"", "run", "kept"})
"""How a coroutine is run while its caller waits for it: awaited, or given to a loop by a program."""


def can_meet(lives: Lives, getter: Unit) -> bool:
    """Whether two callers of a getter can find its place empty.

    They cannot when a program calls it, one call after the other, nor when the start of the application calls it before
    anything is served: a start that fails there ends the application, or is tried again by one of many.
    """
    return not (_is_called_in_turn(lives, getter) or _is_called_at_start(lives, getter))


def _is_called_in_turn(lives: Lives, getter: Unit) -> bool:
    edges = (edge for unit in lives.reach.callers(getter) for edge in lives.reach.incoming.get(unit, ()))
    return is_called_once(lives, getter) and all(_runner(lives, edge) in _ONE_BY_ONE for edge in edges)


def _is_called_at_start(lives: Lives, getter: Unit) -> bool:
    seen, waiting = {getter}, [getter]
    while waiting:
        for edge in lives.reach.incoming.get(waiting.pop(), ()):
            caller = edge.caller
            is_waited_for = lives.reach.runs(edge) and _runner(lives, edge) not in {"task", "group"}
            if not is_waited_for or context_of(caller.module.path) != "app":
                continue
            if _starts_application(lives, edge):
                return True
            if caller not in seen and caller.kind == "function":
                seen.add(caller)
                waiting.append(caller)
    return False


def _starts_application(lives: Lives, edge: Edge) -> bool:
    """Whether the call stands where an application starts: in its hook, before the `yield`, or in a module's body."""
    caller = edge.caller
    if caller.kind == "module":
        return not edge.guarded
    hooks = [entry for entry in lives.reach.entries(caller, tests=False) if entry.unit is caller]
    return any(map(begins, hooks)) and edge.line < _yield_in(caller)


def _yield_in(unit: Unit) -> float:
    """The line of the first `yield`, behind which a hook ends what it began; beyond all lines if there is none."""
    found = (statement for statement in statements(unit.body) if any(map(_yields, expressions(statement))))
    return min((statement.line for statement in found), default=float("inf"))


def _yields(expression: s.Expr) -> bool:
    return any(isinstance(part, s.Yield) for part in inside(expression))


def _runner(lives: Lives, edge: Edge) -> str:
    return lives.engine.runners.get(edge.fact.node, "") if edge.fact is not None else ""

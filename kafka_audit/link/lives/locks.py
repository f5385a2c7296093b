"""Under which lock is a client created?"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Calling, Engine
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import External, Site
from kafka_audit.link.lives.life import Lives
from kafka_audit.link.reading.walk import child_bodies, expressions, inside

THREAD_LOCKS = frozenset({"threading.Lock()", "threading.RLock()"})


def lock_around(lives: Lives, site: Site) -> int | None:
    """The line of the `with` that holds a lock between threads around a construction; None when there is none.

    The lock may be taken by those who call the function: by all of them.
    """
    return _held(lives, site.unit, site.node, frozenset())


def _held(lives: Lives, unit: Unit, node: Calling, below: frozenset[Unit]) -> int | None:
    for statement in unit.body:
        found = _around(lives.engine, unit, node, statement, None)
        if found is not None:
            return found
    calls = [edge.fact for edge in lives.reach.incoming.get(unit, ()) if edge.caller not in below]
    held = [
        _held(lives, fact.unit, fact.node, below | {unit}) if fact is not None and unit.kind == "function" else None
        for fact in calls
    ]
    return held[0] if held and None not in held else None


def _around(engine: Engine, unit: Unit, node: Calling, statement: s.Stmt, held: int | None) -> int | None:
    if statement is node or any(part is node for each in expressions(statement) for part in inside(each)):
        return held
    if isinstance(statement, s.With) and any(_is_lock(engine, unit, item.value) for item in statement.items):
        held = statement.line
    for body in child_bodies(statement):
        for inner in body:
            found = _around(engine, unit, node, inner, held)
            if found is not None:
                return found
    return None


def _is_lock(engine: Engine, unit: Unit, value: s.Expr) -> bool:
    return any(isinstance(each, External) and each.dotted in THREAD_LOCKS for each in engine.look(unit, value))

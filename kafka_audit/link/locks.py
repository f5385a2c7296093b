"""Under which lock is a client created?"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.engine import Engine
from kafka_audit.link.values import External, Site
from kafka_audit.link.walk import child_bodies, expressions, inside

THREAD_LOCKS = frozenset({"threading.Lock()", "threading.RLock()"})


def lock_around(engine: Engine, site: Site) -> int | None:
    """The line of the `with` that holds a lock between threads around a construction; None when there is none."""
    for statement in site.unit.body:
        found = _around(engine, site, statement, None)
        if found is not None:
            return found
    return None


def _around(engine: Engine, site: Site, statement: s.Stmt, held: int | None) -> int | None:
    if any(part is site.node for expression in expressions(statement) for part in inside(expression)):
        return held
    if isinstance(statement, s.With) and any(_is_lock(engine, site, item.value) for item in statement.items):
        held = statement.line
    for body in child_bodies(statement):
        for inner in body:
            found = _around(engine, site, inner, held)
            if found is not None:
                return found
    return None


def _is_lock(engine: Engine, site: Site, value: s.Expr) -> bool:
    values = engine.look(site.unit, value)
    return any(isinstance(each, External) and each.dotted in THREAD_LOCKS for each in values)

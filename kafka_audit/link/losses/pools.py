"""Elements that leave a pool and never come back."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import statements, within


def lost_checkouts(lives: Lives, life: Life) -> list[tuple[Unit, s.Call]]:
    """Where an element is taken out of the pool and neither put back, released, nor handed on.

    What the function that makes it ends in a `finally` is not the pool's to lose: others only find it there.
    """
    if _is_ended_by_its_maker(life):
        return []
    releasing = {event.unit for event in life.releases}
    found = []
    for (container, unit), node in lives.engine.checkouts.items():
        if life.value not in container.rest.values or not isinstance(node, s.Call):
            continue
        if life.value in unit.result.values or (context_of(unit.module.path) == "test" and not life.in_test):
            continue
        below = lives.reach.below(unit)
        put_back = any((container, each) in lives.engine.checkins for each in below)
        if not put_back and releasing.isdisjoint(below):
            found.append((unit, node))
    return sorted(found, key=lambda pair: (pair[0].module.path, pair[1].at))


def _is_ended_by_its_maker(life: Life) -> bool:
    ends = {event.node for event in life.releases if event.unit is life.site.unit}
    tries = (statement for statement in statements(life.site.unit.body) if isinstance(statement, s.Try))
    return any(within(each.final, ends) for each in tries)

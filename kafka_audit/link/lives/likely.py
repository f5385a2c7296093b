"""Which calls on objects that nothing is known of may be the release that is missing?"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Node
from kafka_audit.link.flow.scopes import Unit, lookup
from kafka_audit.link.lives.life import Life
from kafka_audit.link.reading.context import context_of


def likely_releases(engine: Engine, life: Life) -> list[tuple[Node, Unit]]:
    """The calls on unknown objects, named like the client's place, that may be its release."""
    place = (life.holding.place or "").rpartition(".")[2]
    return [(node, unit) for node, unit in engine.loose.get(place, {}).items() if _may_be(engine, life, node, unit)]


def _may_be(engine: Engine, life: Life, node: Node, unit: Unit) -> bool:
    group = engine.related.group
    if group(unit.module.path) != group(life.path):
        return False
    if context_of(unit.module.path) == "test" and not life.in_test:
        return False
    function = node.function if isinstance(node, s.Call) else None
    if not isinstance(function, s.Attribute) or function.name not in life.site.client.release:
        return False
    return not isinstance(function.value, s.Name) or _is_bound(unit, function.value.id)


def _is_bound(unit: Unit, name: str) -> bool:
    """Whether the name can hold anything: something around the function binds it, or a star import may."""
    return lookup(unit, name)[1] or bool(unit.module.top.stars)

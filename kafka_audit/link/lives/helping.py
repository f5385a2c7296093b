"""Which calls start a client through a helper that is handed it, and leave its release to the caller?"""

from __future__ import annotations

from collections.abc import Iterable

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.reading.walk import ending_calls


def starting_helpers(lives: Lives, life: Life, unit: Unit, site: s.Call, calls: Iterable[s.Call]) -> frozenset[s.Call]:
    """Those of the calls in `unit` that start the client which `site` brings there.

    A helper that ends it itself, whatever happens, is none: whoever calls it, or enters it by `with`, owes nothing.
    """
    starting = {event.unit for event in life.starts if event.unit is not unit}
    starting -= {each for each in starting if _ends_itself(lives, life, each)}
    return frozenset(
        node
        for node in calls
        if node is not site
        and any(callee in starting for callee in lives.callees(node))
        and any(isinstance(argument.value, s.Name) or argument.value is site for argument in node.arguments)
    )


def _ends_itself(lives: Lives, life: Life, unit: Unit) -> bool:
    """Whether the function that starts the client releases it on every way out: in a `finally` or by `with`."""
    ends = {event.node for event in life.releases if event.unit is unit}
    is_manager = bool(ends) and lives.engine.flagged(unit, "manager")
    return is_manager or any(isinstance(end, s.Item) for end in ends) or bool(ending_calls(unit.body, ends))

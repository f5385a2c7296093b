"""Does a message that cannot be sent cost those before it?"""

from __future__ import annotations

from dataclasses import replace

from kafka_audit.link.lives.life import Life
from kafka_audit.link.losses.failing import Failing
from kafka_audit.link.losses.makers import effects_in
from kafka_audit.link.paths.states import Stage, State
from kafka_audit.link.paths.ways_out import Walk


def leaves_earlier_ones(failing: Failing, life: Life) -> bool:
    """Whether the function that makes a client takes the error of a message past the flush, with others in the buffer.

    An error that it hands on is its caller's business.
    """
    unit, node = life.site.unit, life.site.node
    if not life.site.client.flush_is_release or life.holding.kind != "local" or unit.function is None:
        return False
    effects = effects_in(failing, life, unit, node, owed_at_once=False)
    exits = Walk(failing.lives.engine, unit, replace(effects, uses=effects.opens, raises_by_use=True)).exits(State())
    handled = (exits.normal, exits.returned, exits.raised, exits.ended)
    return any(state.stage is Stage.OPEN and not state.kept for states in handled for state in states)

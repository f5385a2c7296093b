"""What becomes of messages that are in a buffer when a function ends?"""

from __future__ import annotations

from dataclasses import replace

from kafka_audit.facts import schema as s
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


def leaves_some_unsent(failing: Failing, life: Life) -> bool:
    """Whether the function that makes a client leaves it on a normal way with messages that nothing has flushed.

    What other functions send and flush is not followed: they may leave some.
    """
    unit, client = life.site.unit, life.site.client
    fills = frozenset(fill.node for fill in life.fills if fill.unit is unit and isinstance(fill.node, s.Call))
    if len(fills) < len(life.fills):
        return True
    flushes = frozenset(use.node for use in life.uses if use.method == "flush" and use.unit is unit)
    effects = effects_in(failing, life, unit, life.site.node, owed_at_once=client.dirtied_by == ())
    buffer = replace(effects, opens=fills, releases=effects.releases | flushes, reopens=True, raises_by_use=False)
    return any(not loss.by_exception for loss in Walk(failing.lives.engine, unit, buffer).run())

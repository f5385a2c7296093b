"""Which flushes end nothing, because the function that flushes always fills the buffer again?

A flush in front of `produce` sends what the call before has left; what this call puts into the buffer it leaves to
somebody else. Such a flush is a release only if the function can end without filling the buffer afterwards.
"""

from __future__ import annotations

from collections.abc import Collection

from kafka_audit.facts import schema as s
from kafka_audit.link.engine import Engine, Event
from kafka_audit.link.paths import Walk
from kafka_audit.link.reach import Reach
from kafka_audit.link.scopes import Unit
from kafka_audit.link.states import Effects, Exits, Stage, State

_NOBODY = s.Call(s.Name(""), (), (0, 0, 0, 0))
"""A construction that stands in no function: the client is there when the walk begins."""


def is_filled_again(engine: Engine, flush: Event, events: Collection[Event], filling: Collection[str]) -> bool:
    """Whether every normal way on which the function gets to this flush fills the buffer after it.

    `events` are those of the client; `filling` are the methods that fill its buffer.
    """
    here = [event for event in events if event.unit is flush.unit and isinstance(event.node, s.Call)]
    fills = frozenset(e.node for e in here if e.what == "use" and e.method in filling and isinstance(e.node, s.Call))
    if not any(node.at[0] > flush.line for node in fills) or flush.via != "call":
        return False
    releases = frozenset(event.node for event in here if event.what == "release")
    walk = Walk(engine, flush.unit, _effects(fills, releases))
    exits = walk.exits(State(Stage.OPEN, kept=True))
    return flush.node in walk.reached and not _is_left_empty(exits)


def left_in_buffer(reach: Reach, fills: Collection[Event], flushes: Collection[Event]) -> Event | None:
    """What fills the buffer and leaves it to a flush that nobody asks for.

    Each function that flushes sends a message of its own first, and no function leads to both: so nothing says that the
    message of the other is ever followed by one of these.
    """
    if any(all(fill.unit is not flush.unit or fill.line >= flush.line for fill in fills) for flush in flushes):
        return None
    flushing = {flush.unit for flush in flushes}
    around = frozenset[Unit]().union(*(reach.callers(unit) for unit in flushing))
    return next((fill for fill in fills if reach.callers(fill.unit).isdisjoint(around)), None)


def _is_left_empty(exits: Exits) -> bool:
    return any(state.stage is Stage.DONE for states in (exits.normal, exits.returned) for state in states)


def _effects(fills: frozenset[s.Call], releases: frozenset[s.Call | s.Item]) -> Effects:
    return Effects(
        site=_NOBODY,
        renews=frozenset(),
        starts=frozenset(),
        releases=releases,
        uses=fills,
        opens=fills,
        hands_over=lambda *_: False,
        suppresses=lambda _: False,
        is_owed_when_created=False,
        reopens=True,
        raises_by_use=True,
        is_harmless=lambda _: True,
        catches_its_errors=lambda _: False,
        yields_raise=False,
        place="",
        outer_names=frozenset(),
        kept_is_owed=True,
    )

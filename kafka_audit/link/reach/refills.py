"""Which flushes end nothing, because the function that flushes always fills the buffer again?

A flush in front of `produce` sends what the call before has left; what this call puts into the buffer it leaves to
somebody else. Such a flush is a release only if the function can end without filling the buffer afterwards.
"""

from __future__ import annotations

from collections.abc import Collection

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.paths.states import Effects, Exits, Stage, State, caught_types
from kafka_audit.link.paths.ways_out import Walk
from kafka_audit.link.reach.entries import Reach
from kafka_audit.link.reading.walk import inside, statements, within

_Nodes = frozenset[s.Call]
_NOBODY = s.Call(s.Name(""), (), (0, 0, 0, 0))
"""A construction that stands in no function: the client is there when the walk begins."""


class Refills:
    """Answers for one program. Clients that one variable holds in turn have the same events: these are asked once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[tuple[Unit, _Nodes, _Nodes], _Nodes] = {}

    def filled_again(self, events: Collection[Event], filling: Collection[str]) -> set[Event]:
        """The flushes after which every normal way on which their function gets to them fills the buffer.

        `events` are those of the client; `filling` are the methods that fill its buffer.
        """
        found: set[Event] = set()
        for unit in dict.fromkeys(event.unit for event in events if filling):
            here = [(each, each.node) for each in events if each.unit is unit and isinstance(each.node, s.Call)]
            fills = frozenset(node for each, node in here if each.what == "use" and each.method in filling)
            releases = frozenset(node for each, node in here if each.what == "release")
            last = max((node.at[0] for node in fills), default=0)
            flushes = [each for each, node in here if node in releases and each.via == "call" and each.line < last]
            if flushes:
                in_vain = self._in_vain(unit, fills, releases)
                found.update(flush for flush in flushes if flush.node in in_vain)
        return found

    def _in_vain(self, unit: Unit, fills: _Nodes, releases: _Nodes) -> _Nodes:
        """The releases that are reached, if the function never ends with an empty buffer."""
        key = (unit, fills, releases)
        if key not in self._known:
            walk = Walk(self._engine, unit, _effects(fills, releases))
            exits = walk.exits(State(Stage.OPEN, kept=True))
            self._known[key] = frozenset() if _is_left_empty(exits) else releases & walk.reached
        return self._known[key]


def before_any(reach: Reach, events: Collection[Event], filling: Collection[str]) -> set[Event]:
    """The flushes in a module's body that come before every message: only what is called later fills the buffer."""
    fills = {each.unit for each in events if each.what == "use" and each.method in filling}
    bodies = {each.unit for each in events if each.what == "release" and each.unit.kind == "module"}
    early = {body for body in bodies if fills and not any(body in reach.callers(unit) for unit in fills)}
    return {each for each in events if each.what == "release" and each.unit in early}


def now_and_then(events: Collection[Event], filling: Collection[str]) -> set[Event]:
    """The flushes that come only every so many messages of their function, or when one is refused: the rest stays."""
    fills = [each for each in events if each.what == "use" and each.method in filling]
    flushes = [each for each in events if each.what == "release" and each.via == "call"]
    return {flush for flush in flushes if _is_rare(flush, {fill.node for fill in fills if fill.unit is flush.unit})}


def _is_rare(flush: Event, fills: Collection[object]) -> bool:
    """Whether the flush stands in an `if` that counts, and what fills the buffer does not, or in a handler."""
    counting = [each for each in statements(flush.unit.body) if isinstance(each, s.If) and _counts(each.test)]
    around = [each for each in counting if within(each.body, {flush.node})]
    counted = bool(fills) and any(not within(each.body, fills) for each in around)
    return counted or waits_for_refusal(flush, fills)


def waits_for_refusal(flush: Event, fills: Collection[object]) -> bool:
    """Whether the flush only makes room, in a handler of the error that the full buffer is: `except BufferError`."""
    tries = [each for each in statements(flush.unit.body) if isinstance(each, s.Try)]
    refused = [handler for each in tries if within(each.body, fills) for handler in each.handlers]
    return any(
        all(map(_is_refusal, caught_types(handler))) and within(handler.body, {flush.node}) for handler in refused
    )


def _is_refusal(caught: s.Expr | None) -> bool:
    return isinstance(caught, s.Name) and caught.id == "BufferError"


def _counts(test: s.Expr) -> bool:
    """Whether a condition compares a number, or time that has passed: `self._sent % 100 == 0`, `pending >= LIMIT`."""
    return any(
        isinstance(part, s.Compare)
        and (part.operator in {">", ">=", "<", "<="} or (part.operator == "==" and isinstance(part.left, s.Opaque)))
        for part in inside(test)
    )


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
        leaves_for_later=frozenset(),
        uses=fills,
        opens=fills,
        hands_over=lambda *_: False,
        tells=lambda _: False,
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

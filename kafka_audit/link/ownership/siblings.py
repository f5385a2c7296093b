"""Classes that each get a client of their own from one factory: does every one of them release its own?

The factory's client stands for all of them, and so a release of one seems to be a release of every other. Which class
a release belongs to is found by going up its callers: to a method of the class, or to a function that asked the factory
itself. A release that belongs to somebody else may be anybody's, and then nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import ClientObject, Instance
from kafka_audit.link.lives.life import Life
from kafka_audit.link.losses.waiting import polls_until_delivered
from kafka_audit.link.options.reported import is_reported_back
from kafka_audit.link.ownership.owning import Owning
from kafka_audit.link.reach.entries import Edge
from kafka_audit.link.reading.context import context_of

SHARING = frozenset({"module", "class", "element", "outside"})
"""Places in which others may find the client that a factory made for somebody."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """A class whose method `unit` got the client at `line` and keeps it, and that never releases it."""

    scope: ClassScope
    unit: Unit
    line: int


def never_releasing(owning: Owning, life: Life) -> list[Keeper]:
    """The classes that keep one of their own and release none, while others release theirs."""
    client = life.site.client
    if not life.releases or polls_until_delivered(life) or is_reported_back(owning.reach, life):
        return []
    made: list[tuple[ClientObject | Instance, Unit]] = [(life.value, life.site.unit)]
    made += [(owner.value, owner.origin.unit) for owner in owning.roots(life) if owner.layer == 0]
    opening = life.fills if client.flush_is_release else life.starts
    for value, maker in made:
        siblings = _Siblings(owning, value, maker)
        enders = siblings.ending([event.unit for event in life.releases]) if siblings.takers else None
        if enders is not None:
            needs_opening = client.flush_is_release or bool(client.start)
            left = [scope for scope in siblings.takers if scope not in enders and siblings.is_made(scope)]
            opens = set().union(*(owning.reach.callers(event.unit) for event in opening))
            return [
                Keeper(scope, edge.caller, edge.line)
                for scope in left
                for edge in siblings.takers[scope][:1]
                if not needs_opening or any(siblings.is_of(unit, scope) for unit in opens)
            ]
    return []


class _Siblings:
    """The classes that keep a value, each got by a method of its own from the function that makes it.

    `takers` is empty where somebody may share it: then nobody's is known to be his own.
    """

    def __init__(self, owning: Owning, value: ClientObject | Instance, maker: Unit) -> None:
        self.owning, self.engine, self.reach = owning, owning.engine, owning.reach
        self.value = value
        self._callers = self._asking(value, maker)
        self.takers = self._takers() if self._callers else {}

    def _asking(self, value: ClientObject | Instance, maker: Unit) -> list[Edge]:
        """The calls that get a fresh one, from the maker or from a function that hands it on."""
        places = self.owning.lives.holdings.places.get(value, ())
        is_one = isinstance(value, Instance) and value.scope in self.engine.singletons
        if maker.function is None or maker.method_of is not None or is_one:
            return []
        if any(place.kind in SHARING for place in places):
            return []
        found: list[Edge] = []
        waiting, seen = [maker], {maker}
        while waiting:
            unit = waiting.pop()
            if self.engine.flagged(unit, "cached") or value not in unit.result.values:
                return []
            for edge in self._incoming(unit):
                found.append(edge)
                if value in edge.caller.result.values and edge.caller not in seen:
                    seen.add(edge.caller)
                    waiting.append(edge.caller)
        return found

    def _incoming(self, unit: Unit) -> list[Edge]:
        """The calls of a function by the application."""
        return [edge for edge in self.reach.incoming.get(unit, ()) if context_of(edge.caller.module.path) != "test"]

    def _takers(self) -> dict[ClassScope, list[Edge]]:
        """The calls by which each class that keeps it got its own; nothing when one of them was given it."""
        found = {
            scope: [edge for edge in self._callers if self.is_of(edge.caller, scope)]
            for scope in self.owning.lives.holdings.fields(self.value)
        }
        return found if all(found.values()) else {}

    def is_of(self, unit: Unit, scope: ClassScope) -> bool:
        """Whether a function is a method of the class, or of one that it derives from."""
        return unit.method_of is not None and unit.method_of in ancestry(self.engine, scope)

    def is_made(self, scope: ClassScope) -> bool:
        """Whether the application makes an object of the class."""
        return any(
            isinstance(each, Instance)
            and each.origin is not None
            and scope in ancestry(self.engine, each.scope)
            and context_of(each.origin.unit.module.path) != "test"
            for each in self.engine.values()
        )

    def ending(self, releasing: list[Unit]) -> set[ClassScope] | None:
        """The classes that release theirs; None when nobody is known to, or when somebody else releases them."""
        found: set[ClassScope] = set()
        asking = {edge.caller for edge in self._callers}
        waiting, seen = list(releasing), set(releasing)
        others = False
        while waiting:
            unit = waiting.pop()
            own = {scope for scope in self.takers if self.is_of(unit, scope)}
            found |= own
            if own or unit in asking:
                others = others or not own
                continue
            callers = [*self._who_runs(unit)]
            if not callers and not self._is_own_method(unit):
                return None
            waiting += [each for each in callers if each not in seen]
            seen.update(callers)
        return found if found or others else None

    def _who_runs(self, unit: Unit) -> Iterator[Unit]:
        yield from (edge.caller for edge in self._incoming(unit))
        for registration in self.reach.registrations(unit):
            if context_of(registration.unit.module.path) != "test":
                yield registration.unit

    def _is_own_method(self, unit: Unit) -> bool:
        """Whether it is a method of the object itself, which nobody calls."""
        return isinstance(self.value, Instance) and self.is_of(unit, self.value.scope)

"""What is left to the users of a library: the release of objects that the project does not make, or hands out."""

from __future__ import annotations

from collections.abc import Set

from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life
from kafka_audit.link.ownership.ends import Ends, openers
from kafka_audit.link.ownership.owning import Owner, Owning
from kafka_audit.link.reach.components import component_of
from kafka_audit.link.reading.context import context_of
from kafka_audit.model import Context

KEPT = frozenset({"instance", "pooled"})
"""Kinds of what objects keep: it ends with them."""


class Users:
    """Answers for one program. What only shows how a library is used, or tests it, is none of its users."""

    def __init__(self, owning: Owning, ends: Ends) -> None:
        self.owning, self.ends, self.reach = owning, ends, owning.reach

    def owe(self, life: Life) -> bool:
        """Whether a client that objects keep is to be released by code outside of the project.

        Nothing in the project makes such an object, or it is handed out by a function that nothing here calls. A method
        that opens the client and ends it, or hands its end to a hook, leaves nothing to anybody; and users cannot
        release it where nothing does so without sending something. What a framework makes is its own to end.
        """
        is_framework = component_of(self.reach.engine, life.holding.scope) is not None
        if is_framework or not any(event.unit not in _senders(life) for event in life.releases):
            return False
        owners = self.owners(life)
        if any(self.get(owner) for owner in owners):
            return True
        holdings = [owner.holding for owner in owners]
        if life.holding.scope is None or any(each.kind not in KEPT for each in (life.holding, *holdings)):
            return False
        is_ended = any(self.owning.discharge.goes_along(life, event) for event in self.owning.discharge.effective(life))
        return self._is_made_outside(life) and not (is_ended or self._end_by_themselves(life))

    def owners(self, life: Life) -> list[Owner]:
        """The objects of the project that keep the client."""
        return [owner for owner in self.owning.roots(life) if context_of(owner.path) not in _beside(life)]

    def get(self, owner: Owner) -> bool:
        """Whether an object that is left open is handed out of the project."""
        if owner.is_released or not owner.opens:
            return False
        kind = owner.holding.kind
        return kind == "delegated" or (kind == "returned" and self.owning.leaves(owner))

    def _is_made_outside(self, life: Life) -> bool:
        """Whether control gets to the constructor by functions only that nothing in the project calls."""
        entries = self.reach.entries(life.site.unit, tests=life.in_test)
        return all(entry.kind == "api" or context_of(entry.path) in _beside(life) for entry in entries)

    def see_to_it(self, life: Life) -> bool:
        """Whether the objects that open a client end it themselves, or whoever makes and releases them does.

        That counts also where nothing calls those, but not where a hook or another loop only seems to do it.
        """
        discharge = self.owning.discharge
        too_late = any(discharge.comes_too_late(life, event) for event in life.releases)
        if life.holding.kind not in KEPT or too_late or discharge.told(life):
            return False
        is_made_and_ended = any(o.is_released and o.holding.kind not in KEPT for o in self.owners(life))
        return is_made_and_ended or self._end_by_themselves(life)

    def _end_by_themselves(self, life: Life) -> bool:
        """Whether each function that opens a client, or the methods that call it, end it on every way out."""
        releasing, seen = self.owning.closure(life.releases), set[Unit]()
        return all(self._is_ended(life, unit, releasing, seen) for unit in openers(life))

    def _is_ended(self, life: Life, unit: Unit, releasing: set[Unit], seen: set[Unit]) -> bool:
        if unit in seen or self.ends.leaves_nothing(life, unit, releasing):
            return True
        seen.add(unit)
        callers = [edge.caller for edge in self.reach.incoming.get(unit, ())]
        own = [caller for caller in callers if context_of(caller.module.path) not in _beside(life)]
        return bool(own) and all(
            caller.method_of is not None and self._is_ended(life, caller, releasing, seen) for caller in own
        )


def _beside(life: Life) -> Set[Context]:
    """What stands beside the project's own code, as seen from that of the client."""
    beside: Set[Context] = {"test", "example"}
    return beside - {context_of(life.path)}


def _senders(life: Life) -> set[Unit]:
    """The functions that fill the client's buffer; none if its release is more than a flush."""
    client = life.site.client
    return {fill.unit for fill in life.fills if client.flush_is_release}

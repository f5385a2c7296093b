"""When does an object that owns a client owe anything? From when its client is made, started, or given messages."""

from __future__ import annotations

from collections.abc import Collection, Set

from kafka_audit.link.flow.engine import Event, Registration
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Instance
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.losses.waiting import polls_until_delivered
from kafka_audit.link.options.reported import is_reported_back
from kafka_audit.link.reach.entries import Reach

CALLED_BY_OTHERS = frozenset({"hook", "framework", "reference"})
"""Kinds of entry by which a library calls a method, or whoever has a reference to it."""


def opening_of(lives: Lives, life: Life) -> Set[Unit]:
    """The functions after which something is owed: those that make or start the client, or may leave its buffer filled.

    A function that fills the buffer and flushes it then leaves nothing to anybody, nor does one that waits for what
    it puts there.
    """
    client, reach = life.site.client, lives.reach
    if not client.flush_is_release:
        return {caller for unit in _begun(lives, life) for caller in reach.callers(unit)}
    leaves = any(
        all(each.unit is not fill.unit or each.line < fill.line for each in life.releases) for fill in life.fills
    )
    is_waited_for = polls_until_delivered(life) or is_reported_back(reach, life)
    is_owed = (leaves and not is_waited_for) or not life.uses
    return reach.callers(life.site.unit) if is_owed else frozenset()


def _begun(lives: Lives, life: Life) -> Set[Unit]:
    """The functions that start the client, where it is its keepers' that do, else the one that makes it.

    What only waits to be started holds nothing yet: a health check may make an object to look at its settings.
    """
    is_theirs = bool(life.starts) and not any(goes_past(lives, life, event) for event in life.starts)
    return {event.unit for event in life.starts} if is_theirs else {life.site.unit}


def goes_past(lives: Lives, life: Life, event: Event) -> bool:
    """Whether what happens to the client stands outside the class that keeps it: `feed.producer.stop()`."""
    definer, keepers = event.unit.method_of, lives.holdings.fields(life.value)
    return not any(definer in ancestry(lives.engine, keeper) for keeper in keepers)


def is_left_to_borrowers(lives: Lives, life: Life, value: Instance) -> bool:
    """Whether only objects to which the client's maker lends it release it: `with gateway.batch() as batch`."""
    family, keepers = ancestry(lives.engine, value.scope), lives.holdings.fields(life.value)
    enders = {event.unit.method_of for event in life.releases}
    makes = life.site.unit.method_of in family
    return makes and bool(enders) and all(ender in keepers and ender not in family for ender in enders)


def is_left_empty(lives: Lives, life: Life, value: Instance) -> bool:
    """Whether only other classes that inherit the client put anything into its buffer, and the object's does not."""
    maker, own = life.site.unit.method_of, ancestry(lives.engine, value.scope)
    filling = {fill.unit.method_of for fill in life.fills}
    kin = {scope for scope in filling if scope is not None and maker in ancestry(lives.engine, scope)}
    is_kin = maker in own and bool(filling) and filling == kin
    return life.site.client.flush_is_release and is_kin and kin.isdisjoint(own)


def is_opened(reach: Reach, value: Instance, calls: Collection[tuple[Unit, Unit]], opening: Set[Unit]) -> bool:
    """Whether one of the calls (caller, callee) on objects like this one opens it, or a library that has its method."""
    if any(callee in opening for _, callee in calls):
        return True
    family = ancestry(reach.engine, value.scope)
    entries = (entry for unit in opening if unit.method_of in family for entry in reach.entries_at(unit))
    return any(entry.kind in CALLED_BY_OTHERS and _is_on(entry.registration, value) for entry in entries)


def _is_on(registration: Registration | None, value: Instance) -> bool:
    """Whether what is handed over can be a method of this object, and is not that of another one."""
    receiver = registration.receiver if registration is not None else None
    return not isinstance(receiver, Instance) or receiver is value or receiver.origin is None

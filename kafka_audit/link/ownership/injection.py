"""Clients that a dependency container made: they end with the container, if anything closes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kafka_audit.catalog.hooks import registered
from kafka_audit.catalog.hosts import provides
from kafka_audit.link.flow.engine import Registration
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import Instance, Made
from kafka_audit.link.lives.life import Life, Lives, owner_name
from kafka_audit.link.ownership.owning import Owning
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.release.closing import Closing, Container, unit_of
from kafka_audit.link.release.discharge import Discharge

KEPT = frozenset({"global", "managed", "fixture"})
"""Kinds of clients that other rules tell, or that are released."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@dataclass(frozen=True, slots=True)
class Unclosed:
    """A client's provider, and the container that would end it: the call that makes it, or the class that is one."""

    provider: Unit
    container: Container

    @property
    def unit(self) -> Unit:
        """Where the container is made."""
        return unit_of(self.container)

    @property
    def line(self) -> int:
        """The line that makes it."""
        return self.container.node.at[0] if isinstance(self.container, Made) else self.container.node.line


class Injection:
    """Answers for one program."""

    def __init__(self, lives: Lives, discharge: Discharge, owning: Owning) -> None:
        self.lives, self.engine, self.reach = lives, lives.engine, lives.reach
        self.owning, self.closing = owning, Closing(lives.engine, lives.reach, discharge)
        self._unclosed: dict[str, list[Unclosed]] = {}

    def unclosed(self, life: Life) -> list[Unclosed]:
        """The containers that make the client and that nothing closes, each with the provider that it resumes then."""
        if life.id not in self._unclosed:
            self._unclosed[life.id] = self._of(life)
        return self._unclosed[life.id]

    def _of(self, life: Life) -> list[Unclosed]:
        entries = [
            entry
            for event in life.releases
            for entry in self.reach.entries(event.unit, tests=life.in_test)
            if entry.unit.is_generator and any("closed" in hook.needs for hook in entry.hooks)
        ]
        if not entries:
            return []
        made_in = {owner.origin.unit for owner in self.owning.roots(life)} or {life.site.unit}
        makers = set().union(*map(self.reach.callers, made_in))
        found: dict[Container, Unit] = {}
        for entry in entries:
            given = entry.registration if entry.unit in makers else None
            for container in self.closing.of(given) if given is not None else ():
                found.setdefault(container, entry.unit)
        return [
            Unclosed(provider, container)
            for container, provider in found.items()
            if _concerns(life, container)
            and not self.closing.is_closed(container)
            and not self._is_ended_otherwise(life, container)
        ]

    def endless(self, life: Life) -> Unit | None:
        """The provider by which a container hands out the client, when nothing at all releases it.

        Of a client that is merely returned, somebody who is handed it may take care: then a container of the project
        must be seen to use the provider, and no unknown object of a like name may be released.
        """
        if life.releases or life.undoings or life.possible or life.holding.kind in KEPT:
            return None
        units = [life.site.unit, *(edge.caller for edge in self.reach.incoming.get(life.site.unit, ()))]
        for unit in units:
            given = [r for r in self.reach.registrations(unit) if provides(r.target, r.select)]
            if given and (life.value in unit.yields.values or self._is_handed_out(life, unit, given)):
                return unit
        return None

    def _is_handed_out(self, life: Life, unit: Unit, given: list[Registration]) -> bool:
        if life.value not in unit.result.values or unit.is_generator:
            return False
        like = _words(life.site.client.name.rpartition(".")[2]) | _words(owner_name(unit).rpartition(".")[2])
        related = self.engine.related
        around = (
            receiver
            for receiver, calls in self.engine.loose.items()
            if any(related.group(unit.module.path) == related.group(life.path) for unit in calls.values())
        )
        if any(not like.isdisjoint(_words(receiver)) for receiver in around):
            return False
        containers = [container for registration in given for container in self.closing.of(registration)]
        return any(_concerns(life, container) and self.closing.is_used(container) for container in containers)

    def _is_ended_otherwise(self, life: Life, container: Container) -> bool:
        """Whether something else than a container releases what this one made: an object that was asked of it.

        A flush where messages are produced ends nothing.
        """
        filling = {fill.unit for fill in life.fills}
        ends = (event.unit for event in life.releases if event.unit not in filling)
        releasing = set().union(*map(self.reach.callers, ends))
        owners = {base for owner in self.owning.roots(life) for base in ancestry(self.engine, owner.value.scope)}
        callers = {event.unit for event in life.possible} | {
            caller
            for caller, callee, scope in self._loose_calls()
            if scope in owners and callee in releasing and caller.method_of not in owners and not self._provides(caller)
        }
        return any(self._gets_from(caller, container) and self.closing.is_entered(caller) for caller in callers)

    def _provides(self, unit: Unit) -> bool:
        """Whether containers drive the function."""
        return any(
            "closed" in hook.needs for r in self.reach.registrations(unit) for hook in registered(r.target, r.select)
        )

    def _loose_calls(self) -> Iterator[tuple[Unit, Unit, ClassScope]]:
        """(caller, callee, class) of the calls on objects of the project whose making is not known."""
        for fact in self.engine.calls.values():
            for callee, receivers in fact.callees.items():
                for receiver in receivers:
                    if isinstance(receiver, Instance) and receiver.origin is None:
                        yield fact.unit, callee, receiver.scope

    def _gets_from(self, unit: Unit, container: Container) -> bool:
        """Whether the objects that a function releases may come out of this container: not if it asks only others."""
        asked = {made for (made, _), asking in self.engine.hosting.asked.items() if asking is unit}
        return not asked or None in asked or container in asked


def _concerns(life: Life, container: Container) -> bool:
    """Whether the container belongs to the program that the client does: not to a test of it."""
    return life.in_test or context_of(unit_of(container).module.path) == context_of(life.path)


def _words(name: str) -> set[str]:
    """The words that a name is made of: of `get_eventProducer`, `event` and `producer`."""
    return {word.lower() for word in _WORD.findall(name)} - {"get", "provide", "create", "make"}

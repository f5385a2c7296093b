"""Project objects that own a client: they must be released themselves, however many layers deep."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.asked import calls_by_object
from kafka_audit.link.flow.engine import Event, Registration, position
from kafka_audit.link.flow.families import ancestry, find_method
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import Instance, Origin
from kafka_audit.link.lives.life import Life, Lives, owner_name
from kafka_audit.link.lives.owners import Holding
from kafka_audit.link.ownership.opening import goes_past, is_left_empty, is_left_to_borrowers, is_opened, opening_of
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.release.discharge import Discharge, Weak

DEEPEST = 5
"""Layers of objects that own objects; real code was seen to have four."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One object that owns a client: who keeps it, whether it ever opens the client, whether anything releases it.

    `layer` counts the objects between it and the client. `hook` is what the object itself leaves its release to, if
    nothing else sees to it: `atexit.register(self.close)`.
    """

    life: Life
    value: Instance
    origin: Origin
    layer: int
    holding: Holding
    opens: bool
    is_released: bool
    hook: Registration | None

    @property
    def name(self) -> str:
        """The class of the object."""
        return self.value.scope.name

    @property
    def path(self) -> str:
        """The file that creates the object."""
        return self.origin.unit.module.path

    @property
    def at(self) -> s.At:
        """The creating call."""
        return self.origin.node.at

    @property
    def owner(self) -> str:
        """The function that creates it."""
        return owner_name(self.origin.unit)


class Owning:
    """Answers for one program."""

    def __init__(self, lives: Lives, discharge: Discharge) -> None:
        self.lives, self.engine, self.reach = lives, lives.engine, lives.reach
        self.discharge = discharge
        self._by_scope: dict[ClassScope, list[Instance]] = {}
        for value in self.engine.values():
            if isinstance(value, Instance) and value.origin is not None:
                for base in ancestry(self.engine, value.scope):
                    if isinstance(base, ClassScope):
                        self._by_scope.setdefault(base, []).append(value)
        self._roots: dict[str, list[Owner]] = {}
        self.calls = calls_by_object(self.engine)

    def made(self, scope: ClassScope, unit: Unit) -> list[Instance]:
        """The objects of a class, or of one derived from it, that a function makes."""
        return [
            value for value in self._by_scope.get(scope, ()) if value.origin is not None and value.origin.unit is unit
        ]

    def roots(self, life: Life) -> list[Owner]:
        """The objects that keep this client, then the objects that keep those, each where it is created."""
        if life.id not in self._roots:
            self._roots[life.id] = self._find_roots(life)
        return self._roots[life.id]

    def _find_roots(self, life: Life) -> list[Owner]:
        releasing = self.closure(tuple(e for e in life.releases if not self.discharge.comes_too_late(life, e)))
        opening = opening_of(self.lives, life)
        past = any(goes_past(self.lives, life, event) for event in self.discharge.effective(life))
        direct = past or _is_ended_where_started(life)
        found: list[Owner] = []
        for value, layer in self._layers(life).items():
            origin = value.origin
            assert origin is not None
            enders = {caller for caller, callee in self.calls_on(value) if callee in releasing}
            holdings = self.lives.holdings
            holding = holdings.lent(value, origin.unit, holdings.of_instance(value), enders)
            openers = {caller for caller, callee in self._calls_by_application(value, value) if callee in opening}
            ended = direct or holding.kind == "managed" or (bool(openers) and openers <= enders)
            is_released = bool(life.releases) and (ended or self._is_released(life, value, holding, releasing))
            hook = None if is_released else self._own_hook(life, value, releasing)
            is_made_open = life.site.unit.kind == "class" or life.site.unit is origin.unit
            opens = (is_made_open and bool(opening)) or is_opened(self.reach, value, self.calls_on(value), opening)
            opens = opens or any(self._is_started_past(value, each, opening) for each in found if each.opens)
            opens = opens and not is_left_empty(self.lives, life, value)
            found.append(Owner(life, value, origin, layer, holding, opens, is_released or hook is not None, hook))
        return sorted(found, key=lambda owner: (owner.layer, owner.path, owner.at, owner.name))

    def _is_started_past(self, value: Instance, inner: Owner, opening: Set[Unit]) -> bool:
        """Whether something else starts the client of what the object keeps and owns: `desk.feed.open()`."""
        if not inner.life.starts:
            return False
        family = ancestry(self.engine, value.scope)
        callers = (caller for caller, callee in self.calls_on(inner.value) if callee in opening)
        is_kept = value.scope in self.lives.holdings.fields(inner.value)
        return is_kept and any(caller.method_of not in family for caller in callers)

    def closure(self, events: tuple[Event, ...]) -> set[Unit]:
        """The units that get to one of these releases: by calls, or by leaving it to an exit stack."""
        found: set[Unit] = set()
        for event in events:
            found |= self.reach.callers(event.unit)
        for unit in list(found):
            for registration in self.engine.registrations.get(unit, {}).values():
                if "ExitStack" in registration.target:
                    found |= self.reach.callers(registration.unit)
        return found

    def _layers(self, life: Life) -> dict[Instance, int]:
        """The objects that own the client, those that own these in a field, and so on, with their distance.

        Whom a test gives an object to says nothing of whose it is in the application.
        """
        found: dict[Instance, int] = {}
        if life.holding.kind in {"local", "managed"}:
            return found
        releasing, scope = self.closure(life.releases), life.holding.scope
        kept = {*self.lives.holdings.fields(life.value), *([scope] if scope is not None else [])}
        owners = self._owners(kept, life.site.unit, releasing)
        for layer in range(DEEPEST):
            mine = (v for v in owners if (life.in_test or not self._in_test(v)) and not self._is_given_one(life, v))
            new = {value: layer for value in mine if value not in found}
            found.update(new)
            owners = [
                owner
                for value in new
                if value.origin is not None and not self._is_anothers(life, value, releasing)
                for owner in self._owners(set(self.lives.holdings.fields(value)), value.origin.unit, releasing)
            ]
        return found

    def _is_given_one(self, life: Life, value: Instance) -> bool:
        """Whether the object was given a client, and so made none itself: `self._producer = producer or Producer()`."""
        fact = self.engine.calls.get(value.origin.node) if value.origin is not None else None
        unit = life.site.unit
        return fact is not None and unit in fact.callees and life.site.node in self.reach.switches.off(fact, unit)

    def _is_anothers(self, life: Life, value: Instance, releasing: set[Unit]) -> bool:
        """Whether the objects that keep this one only borrow it: from a global of its own, or from who releases it."""
        return self.lives.holdings.of_instance(value).kind == "global" or self._ends_elsewhere(life, value, releasing)

    def _ends_elsewhere(self, life: Life, value: Instance, releasing: set[Unit]) -> bool:
        """Whether something else than the objects that keep this one releases it: those only borrow it."""
        if value in self.engine.managed or any(self._hooked(life, value, releasing)):
            return True
        keepers = {base for scope in self.lives.holdings.fields(value) for base in ancestry(self.engine, scope)}
        return any(
            callee in releasing and caller.method_of not in keepers and self._is_run(life, value, caller)
            for caller, callee in self.calls_on(value)
        )

    def _owners(self, kept: set[ClassScope], maker: Unit, releasing: set[Unit]) -> list[Instance]:
        """The objects of the classes that own an object, of those that keep one: they make it, or release it.

        Others borrow it. What one class both makes and releases is lent to all others, though they may be able to
        release it as well. Where no class does either, it belongs to the object that the very function which made it
        gave it to, and to no other of that one's class.
        """
        makers = {scope for scope in kept if self._makes(scope, maker)}
        enders = {scope for scope in kept if self._releases(scope, releasing)}
        owning = makers & enders or makers | enders
        objects = [value for scope in owning or kept for value in self._by_scope.get(scope, ())]
        return [each for each in objects if owning or (each.origin is not None and each.origin.unit is maker)]

    def _makes(self, scope: ClassScope, maker: Unit) -> bool:
        return maker.method_of is not None and (
            maker.method_of in ancestry(self.engine, scope) or scope in ancestry(self.engine, maker.method_of)
        )

    def _releases(self, scope: ClassScope, releasing: set[Unit]) -> bool:
        family = {base for base in ancestry(self.engine, scope) if isinstance(base, ClassScope)}
        return any(unit.method_of in family for unit in releasing)

    def dies_released(self, life: Life, value: Instance) -> bool:
        """Whether dropping the object releases the client: by a synchronous `__del__` of it or of the keeper.

        One that lives as long as the process is dropped last, when the interpreter may no longer get to it.
        """
        if life.site.client.is_async:
            return False
        scopes = (value.scope, life.holding.scope)
        dying = {find_method(self.engine, scope, "__del__") for scope in scopes if scope is not None}
        return not dying.isdisjoint(self.closure(life.releases))

    def calls_on(self, value: Instance) -> list[tuple[Unit, Unit]]:
        """(caller, callee) of the calls on this object, those on an object of its class of unknown origin included.

        What a class calls on itself says nothing of a particular object.
        """
        family = {base for base in ancestry(self.engine, value.scope) if isinstance(base, ClassScope)}
        loose = [
            (caller, callee)
            for base in family
            for caller, callee in self._calls_by_application(value, self.engine.instance(base))
            if caller.method_of not in family
        ]
        return self._calls_by_application(value, value) + loose

    def _calls_by_application(self, value: Instance, receiver: Instance) -> list[tuple[Unit, Unit]]:
        """The calls on an object, without those by tests: what these ask of an application's object, it does not."""
        calls = self.calls.get(receiver, [])
        return calls if self._in_test(value) else [each for each in calls if context_of(each[0].module.path) != "test"]

    def _is_released(self, life: Life, value: Instance, holding: Holding, releasing: set[Unit]) -> bool:
        """Whether something that runs calls a releasing method on this object, or its keeper's methods do."""
        if (holding.kind != "global" and self.dies_released(life, value)) or self._is_left_to_base(value, releasing):
            return True
        keepers = self._keepers(holding)
        for caller, callee in self.calls_on(value):
            if callee in releasing and (caller.method_of in keepers or self._is_run(life, value, caller)):
                return True
        return any(self._hooked(life, value, releasing))

    def _hooked(self, life: Life, value: Instance, releasing: set[Unit]) -> Iterator[Registration]:
        """To whom a releasing method of this very object is handed, which calls it."""
        for unit in releasing:
            for registration in self.reach.registrations(unit):
                is_its = registration.receiver is value and not self.discharge.hosts.unmet(registration)
                if is_its and self._is_run(life, value, registration.unit, registration.target):
                    yield registration

    def _is_left_to_base(self, value: Instance, releasing: set[Unit]) -> bool:
        """Whether a method of the object releases the client that only a library's base class can call."""
        family = ancestry(self.engine, value.scope)
        return any(unit.method_of in family and self.reach.is_left_to_base(unit) for unit in releasing)

    def _own_hook(self, life: Life, value: Instance, releasing: set[Unit]) -> Registration | None:
        """What the object hands one of its own releasing methods to, which calls it in the end."""
        family, called = ancestry(self.engine, value.scope), [callee for _, callee in self.calls_on(value)]
        for unit in sorted(releasing, key=lambda each: (each.module.path, each.line)):
            event = self._release_by(life, value, unit)
            for entry in self.reach.entries(unit, tests=self._in_test(value)):
                given = entry.registration
                if (
                    given is not None
                    and given.unit.method_of in family
                    and isinstance(given.receiver, Instance)
                    and given.receiver.origin is None
                    and given.receiver.scope in family
                    and any(given.unit in self.reach.below(each) for each in called)
                    and self.discharge.counts(life, event, entry)
                ):
                    return given
        return None

    def _keepers(self, holding: Holding) -> set[ClassScope]:
        """The class whose objects keep the object, the classes that keep those, and so on."""
        found: set[ClassScope] = set()
        waiting = [holding]
        while waiting:
            kept = waiting.pop()
            if kept.kind in {"instance", "pooled"} and kept.scope is not None and kept.scope not in found:
                found.add(kept.scope)
                waiting += [self.lives.holdings.of_instance(v) for v in self._by_scope.get(kept.scope, ())]
        return found

    def _is_run(self, life: Life, value: Instance, unit: Unit, target: str = "") -> bool:
        """Whether control gets to `unit`, which releases the object: with its creation, or from an entry."""
        origin = value.origin
        assert origin is not None
        event = self._release_by(life, value, unit, target)
        if self.discharge.comes_too_late(life, event):
            return False
        if unit in self.reach.callers(origin.unit) or origin.unit in self.reach.callers(unit):
            return True
        entries = self.reach.entries(unit, tests=self._in_test(value))
        return any(self.discharge.counts(life, event, entry) for entry in entries)

    def _release_by(self, life: Life, value: Instance, unit: Unit, target: str = "") -> Event:
        """The release of the client as one that `unit` brings about for this object."""
        assert value.origin is not None
        own = next((event.node for event in life.releases if event.unit is unit and event.via == "call"), None)
        node = own or value.origin.node
        return Event("release", life.value, "", unit, node, position(node)[0], False, "call", target)

    def _in_test(self, value: Instance) -> bool:
        return value.origin is not None and context_of(value.origin.unit.module.path) == "test"

    def unreleased(self, lives: Iterator[Life]) -> Iterator[Owner]:
        """Objects that open a client and could release it, but that nothing asks to.

        One for each creation, and the innermost only: an object whose class does not release what it keeps is not at
        fault for what becomes of the class's objects elsewhere.
        """
        seen: set[Origin] = set()
        for life in lives:
            if life.holding.kind not in {"instance", "pooled"} or not life.releases:
                continue
            if not self.discharge.effective(life) and self.discharge.told(life):
                continue
            at_fault: list[Owner] = []
            for owner in self.roots(life):
                is_ended = owner.is_released and not self._is_started_apart(owner)
                silent = is_ended or not owner.opens or self._is_passed_on(owner)
                silent = (
                    silent
                    or self.dies_released(life, owner.value)
                    or is_left_to_borrowers(self.lives, life, owner.value)
                )
                if not silent:
                    at_fault.append(owner)
            keepers = {owner.holding.scope for owner in at_fault if owner.holding.kind == "instance"}
            for owner in at_fault:
                if owner.origin not in seen and keepers.isdisjoint(ancestry(self.engine, owner.value.scope)):
                    seen.add(owner.origin)
                    yield owner

    def exit_hooks(self, owner: Owner) -> list[Weak]:
        """The exit handlers that ask this very object for a release that cannot work there."""
        releasing = self.closure(owner.life.releases)
        asking = {caller for caller, callee in self.calls_on(owner.value) if callee in releasing}
        hooks = self.discharge.weak_hooks(owner.life, "exit")
        return [weak for weak in hooks if not asking.isdisjoint(self.reach.below(weak.handler))]

    def is_ended_where_given(self, owner: Owner) -> bool:
        """Whether a function that is given the object as an argument asks it for the release."""
        releasing = self.closure(owner.life.releases)
        return any(
            callee in releasing and any(owner.value in caller.place(p.name).values for p in caller.function.parameters)
            for caller, callee in self.calls.get(owner.value, ())
            if caller.function is not None
        )

    def is_ended_apart(self, owner: Owner, unit: Unit) -> bool:
        """Whether only functions that asked its maker for an object of their own end it, and `unit` gets to none."""
        maker, asking = owner.origin.unit, self._asking(owner)
        is_shared = self.engine.flagged(maker, "cached") or owner.value.scope in self.engine.singletons
        if is_shared or owner.holding.kind not in {"local", "returned"} or owner.value not in maker.result.values:
            return False
        enders = self._callers_of(owner, owner.life.releases)
        return bool(enders) and enders <= asking and enders.isdisjoint(self.reach.below(unit))

    def _is_started_apart(self, owner: Owner) -> bool:
        """Whether a function starts an object of its own and drops it: those that are ended are other ones."""
        starters = self._callers_of(owner, owner.life.starts) & self._asking(owner)
        return any(
            owner.value not in starter.result.values and self.is_ended_apart(owner, starter) for starter in starters
        )

    def _asking(self, owner: Owner) -> set[Unit]:
        """The functions that call the maker of the object: each gets another one."""
        edges = self.reach.incoming.get(owner.origin.unit, ())
        return {edge.caller for edge in edges if edge.fact is not None and edge.caller.function is not None}

    def _callers_of(self, owner: Owner, events: tuple[Event, ...]) -> set[Unit]:
        """The functions that ask the object for one of these."""
        wanted = self.closure(events)
        return {caller for caller, callee in self.calls_on(owner.value) if callee in wanted}

    def leaves(self, owner: Owner) -> bool:
        """Whether the object is returned out of the project: by a function that nothing here calls."""
        waiting, seen = [owner.origin.unit], {owner.origin.unit}
        while waiting:
            edges = self.reach.incoming.get(waiting.pop(), ())
            callers = {e.caller for e in edges if owner.life.in_test or context_of(e.caller.module.path) != "test"}
            if not callers:
                return True
            returning = {caller for caller in callers if owner.value in caller.result.values} - seen
            seen |= returning
            waiting += returning
        return False

    def _is_passed_on(self, owner: Owner) -> bool:
        """Whether somebody else has the object: the caller, another object, code that cannot be seen or followed."""
        if owner.holding.kind in {"delegated", "fixture", "unknown"}:
            return True
        if owner.holding.kind == "returned" and self.leaves(owner):
            return True
        return owner.value in self.lives.holdings.escapes or owner.value.scope in self.engine.crowded


def _is_ended_where_started(life: Life) -> bool:
    """Whether every function that starts the client stops it further down: between two calls nothing is open."""
    return bool(life.starts) and all(
        any(end.unit is start.unit and end.line > start.line for end in life.releases) for start in life.starts
    )

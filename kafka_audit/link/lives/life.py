"""The life of every client: where it is made, who keeps it, when it starts, what releases it, and who runs that."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass

from kafka_audit.catalog.clients import Client
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event
from kafka_audit.link.flow.families import ancestry, find_method
from kafka_audit.link.flow.futures import Futures
from kafka_audit.link.flow.scopes import Module, Unit, once
from kafka_audit.link.flow.values import ClientObject, ForeignClient, Place, Site
from kafka_audit.link.lives.owners import Holding, Holdings
from kafka_audit.link.paths.emergencies import after_errors
from kafka_audit.link.reach.entries import Edge, Reach
from kafka_audit.link.reach.exits import runs_later
from kafka_audit.link.reach.refills import Refills, before_any, now_and_then
from kafka_audit.link.reach.unreached import Unreached
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import expressions, handled_calls, inside, statements, within


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of one client. Lists are sorted by file and line.

    `undoings` are releases that do not end the client's life as it is meant: they undo a failed start, concern a base
    class's method that the client's own class overrides, empty a buffer that the same function fills again, come only
    every so many messages, or depend on a parameter that no call passes. `unreached` are those behind a loop that never
    ends.
    """

    id: str
    site: Site
    value: ClientObject
    holding: Holding
    owner: str
    created_at_import: tuple[Edge, ...] | None
    starts: tuple[Event, ...]
    releases: tuple[Event, ...]
    undoings: tuple[Event, ...]
    unreached: tuple[Event, ...]
    uses: tuple[Event, ...]
    possible: tuple[Event, ...]

    @property
    def path(self) -> str:
        """The file of the construction."""
        return self.site.unit.module.path

    @property
    def in_test(self) -> bool:
        """Whether test code makes it."""
        return context_of(self.path) == "test"

    @property
    def fills(self) -> list[Event]:
        """The calls that put a message into the client's buffer."""
        return [use for use in self.uses if use.method in self.site.client.dirtied_by]

    def filled_after(self, event: Event) -> Event | None:
        """The first call that fills the client's buffer further down in the function of an event."""
        return next((fill for fill in self.fills if fill.unit is event.unit and fill.line > event.line), None)


class Lives:
    """All lives of a program, with the call graph and the holdings they rest on."""

    def __init__(self, engine: Engine, scripts: Collection[str] = ()) -> None:
        self.engine = engine
        self.reach = Reach(engine, scripts)
        self.holdings = Holdings(engine)
        self._events = _by_receiver(engine)
        self._possible = _foreign_releases(engine)
        self._refills = Refills(engine)
        self._loose = _loose(engine)
        self._unreached = Unreached(engine, self._events)
        self.all = tuple(self._lives())
        self._kept_at: dict[Place, list[Life]] = {}
        for life in self.all:
            if life.holding.at is not None:
                self._kept_at.setdefault(life.holding.at, []).append(life)

    def kept_at(self, place: Place | None) -> list[Life]:
        """The clients that share a place."""
        return self._kept_at.get(place, []) if place is not None else []

    def _lives(self) -> list[Life]:
        order = sorted(self.engine.sites.values(), key=_site_order)
        seen: set[tuple[s.Call, str]] = set()
        counts: dict[str, int] = {}
        lives = []
        for site in order:
            if (site.node, site.client.role) in seen:
                continue
            seen.add((site.node, site.client.role))
            lives.append(self._life(site, counts))
        return lives

    def _life(self, site: Site, counts: dict[str, int]) -> Life:
        value = self.engine.intern(ClientObject, site)
        holding = self.holdings.of_client(value)
        owner = owner_name(site.unit)
        stem = f"{site.unit.module.path}::{owner}::{site.client.name.rpartition('.')[2]}"
        counts[stem] = counts.get(stem, 0) + 1
        events = self._relevant(self._events.get(value, []), context_of(site.unit.module.path) == "test")
        at_import = not site.guarded and self.reach.runs_at_import(site.unit, site.node)
        holding = self.holdings.lent(value, site.unit, holding, _enders(events, site.unit))
        behind = [e for e in events if e.what != "start" and self._unreached.has(e)]
        releases = [e for e in events if e.what == "release" and e not in behind]
        filling = site.client.dirtied_by if site.client.flush_is_release else ()
        in_vain = self._refills.filled_again(events, filling)
        if filling and holding.kind in {"global", "instance"}:
            in_vain |= now_and_then(events, filling) | before_any(self.reach, events, filling)
        if holding.kind in {"global", "instance"}:
            in_vain |= after_errors(releases)
        ends = {e for e in releases if self._applies(site, holding, e) and e not in in_vain}
        ends = {e for e in ends if not self.is_left_out(e)}
        return Life(
            id=stem if counts[stem] == 1 else f"{stem}#{counts[stem]}",
            site=site,
            value=value,
            holding=holding,
            owner=owner,
            created_at_import=tuple(self.reach.import_chain(site.unit, site.node)) if at_import else None,
            starts=tuple(e for e in events if e.what == "start"),
            releases=tuple(e for e in releases if e in ends),
            undoings=tuple(e for e in releases if e not in ends),
            unreached=tuple(e for e in behind if e.what == "release"),
            uses=tuple(e for e in events if e.what == "use" and _is_called(e) and e not in behind),
            possible=tuple(self._possible_for(site)),
        )

    def _applies(self, site: Site, holding: Holding, event: Event) -> bool:
        """Whether a release that names the client's place can be this client's.

        Undoing a failed start releases what was never handed out. One element picked by its index is no release of a
        pool. A base class's method is none for a subclass that overrides it without calling it.
        """
        function = event.node.function if isinstance(event.node, s.Call) else None
        receiver = function.value if isinstance(function, s.Attribute) else None
        if holding.kind == "pooled" and isinstance(receiver, s.Subscript) and not isinstance(receiver.value, s.Call):
            return not (isinstance(receiver.key, s.Constant) and isinstance(receiver.key.value, int))
        if holding.kind in {"global", "instance"} and self._makes_room(site, holding, event):
            return False  # the next client takes the place, and is not released by that
        if event.unit is site.unit and holding.kind in {"global", "instance", "pooled"}:
            return event.node not in _undoing(site.unit)  # undoing a failed start is no release
        keeper, definer = site.unit.method_of, event.unit.method_of
        if keeper is None or definer is None or definer is keeper or event.unit.function is None:
            return True
        if definer not in ancestry(self.engine, keeper):
            return True
        known_as = find_method(self.engine, keeper, event.unit.function.name)
        return known_as is None or known_as is event.unit or known_as in self.reach.callers(event.unit)

    def left_out(self, life: Life) -> list[Event]:
        """The releases that depend on a parameter which no call passes."""
        return [event for event in life.undoings if self.is_left_out(event)]

    def is_left_out(self, event: Event) -> bool:
        """Whether a release depends on a parameter that no call of its function passes so that it happens.

        A call of that name on something unknown may be one that does.
        """
        related, group = self.engine.related, self.engine.related.group(event.unit.module.path)
        name = event.unit.function.name if event.unit.function is not None else ""
        if any(related.group(path) == group for path in self._loose.get(name, ())):
            return False
        return self.reach.is_left_out(event.unit, event.node, tests=context_of(event.unit.module.path) == "test")

    def _makes_room(self, site: Site, holding: Holding, event: Event) -> bool:
        """Whether the function that releases the client goes on to put another one in its place."""
        if holding.at is None or (event.unit is site.unit and event.line > site.node.at[0]):
            return False
        later = (o for o in self.engine.sites.values() if o.unit is event.unit and o.node.at[0] > event.line)
        return any(self.engine.intern(ClientObject, other) in holding.at.values for other in later)

    def loses_nothing(self, life: Life, module: Module | None = None) -> bool:
        """Whether the process may end without releasing the client: it closes itself then, and is flushed after use, or
        whatever it sends is waited for.

        `module` is the only one that gets this client of a factory, and whose sends and flushes are asked about.
        """
        client = life.site.client
        if not client.closes_at_exit:
            return False
        uses = [event for event in life.uses if module is None or event.unit.module is module]
        sends = [fill for fill in life.fills if fill in uses]
        if sends and all(_is_waited_for(send, client) for send in sends):
            return True
        sending = {event.unit for event in sends}
        flushing = {event.unit for event in uses if event.method == "flush"} - {e.unit for e in life.releases}
        if module is not None and not sends:
            return True
        return any(self._comes_behind(unit, sending) for unit in flushing)

    def waits_for_all(self, life: Life) -> bool:
        """Whether every message is waited for where it is sent, be its delivery a success or not."""
        return bool(life.fills) and all(_waiting_for(fill, life.site.client) for fill in life.fills)

    def keeps_nothing(self, life: Life) -> bool:
        """Whether every function that sends waits for its message or flushes behind it; the client closes itself."""
        flushes = [event for event in life.uses if event.method == "flush"]
        return life.site.client.closes_at_exit and all(
            _waiting_for(fill, life.site.client)
            or any(flush.unit is fill.unit and flush.line >= fill.line for flush in flushes)
            for fill in life.fills
        )

    def _comes_behind(self, unit: Unit, sending: Set[Unit]) -> bool:
        """Whether a function that flushes is one that sends, or is led to by one that leads to such, or by something
        that runs."""
        leading = self.reach.callers(unit)
        if any(not leading.isdisjoint(self.reach.callers(each)) for each in sending):
            return True
        return any(entry.kind != "api" for entry in self.reach.entries(unit, tests=False))

    def callees(self, node: s.Call) -> list[Unit]:
        """The project functions that a call can reach."""
        fact = self.engine.calls.get(node)
        return list(fact.callees) if fact is not None else []

    def _possible_for(self, site: Site) -> list[Event]:
        """Releases of unknown clients of this class in files that imports connect with the construction."""
        related, group = self.engine.related, self.engine.related.group(site.unit.module.path)
        events = self._possible.get(site.client.name, [])
        return [event for event in events if related.group(event.unit.module.path) == group]

    def _relevant(self, events: list[Event], in_test: bool) -> list[Event]:
        kept = [e for e in events if in_test or context_of(e.unit.module.path) != "test"]
        return sorted(kept, key=lambda e: (e.unit.module.path, e.line, e.method))


def owner_name(unit: Unit) -> str:
    """The enclosing function or class as users name it; lambdas belong to what encloses them."""
    parts = [part for part in unit.qualname.split(".") if part != "<lambda>"]
    return ".".join(parts) or "<module>"


def _enders(events: Collection[Event], maker: Unit) -> set[Unit]:
    """The functions that release the client; of its maker, not where it undoes a failed start."""
    return {event.unit for event in events if event.what == "release" and event.node not in _undoing(maker)}


@once
def _undoing(unit: Unit) -> set[s.Call]:
    """The calls of a function that undo what failed."""
    return handled_calls(unit.body)


def _waiting_for(send: Event, client: Client) -> set[s.Call]:
    """The calls by which the function that sends a message waits for its delivery."""
    if send.method not in client.futures or not isinstance(send.node, s.Call):
        return set()
    return set(Futures(send.unit).waiting_for(send.node, client.future_waits))


def _is_waited_for(send: Event, client: Client) -> bool:
    """Whether the function that sends a message waits for its delivery, and lets everybody know if it fails."""
    waiting = _waiting_for(send, client)
    hushed = [each for each in statements(send.unit.body) if isinstance(each, s.Try) and _hushes(each)]
    return any(not any(within(block.body, {wait}) for block in hushed) for wait in waiting)


def _hushes(block: s.Try) -> bool:
    """Whether an error may end in one of the handlers and nobody hears of it: it neither raises nor calls anything."""
    return not all(_tells(handler) for handler in block.handlers)


def _tells(handler: s.Handler) -> bool:
    return any(
        isinstance(each, s.Raise) or any(isinstance(p, s.Call) for e in expressions(each) for p in inside(e))
        for each in statements(handler.body)
    )


def _is_called(event: Event) -> bool:
    """Whether the method runs: what a library is only handed it may as well look at."""
    return event.via != "callback" or runs_later(event.registrar)


def _by_receiver(engine: Engine) -> dict[object, list[Event]]:
    found: dict[object, list[Event]] = {}
    for event in engine.events.values():
        found.setdefault(event.receiver, []).append(event)
    return found


def _foreign_releases(engine: Engine) -> dict[str, list[Event]]:
    """Releases of clients of unknown origin, by client: any of them may be the missing one.

    A receiver that is annotated, and also known to be a client that the project makes, is not unknown.
    """
    found: dict[str, list[Event]] = {}
    known = {event.node for event in engine.events.values() if isinstance(event.receiver, ClientObject)}
    for event in engine.events.values():
        if event.node in known:
            continue
        if event.what == "release" and isinstance(event.receiver, ForeignClient):
            found.setdefault(event.receiver.client.name, []).append(event)
    return found


def _loose(engine: Engine) -> dict[str, set[str]]:
    """The methods that are called on something unknown and may be releases, with the files that do so."""
    found: dict[str, set[str]] = {}
    for calls in engine.loose.values():
        for node, unit in calls.items():
            if isinstance(node, s.Call) and isinstance(node.function, s.Attribute):
                found.setdefault(node.function.name, set()).add(unit.module.path)
    return found


def _site_order(site: Site) -> tuple[str, tuple[int, ...], str]:
    return (site.unit.module.path, site.node.at, site.client.name)

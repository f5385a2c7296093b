"""The life of every client: where it is made, who keeps it, when it starts, what releases it, and who runs that."""

from __future__ import annotations

from dataclasses import dataclass

from kafka_audit.facts import schema as s
from kafka_audit.link.attributes import ancestry, find_method
from kafka_audit.link.context import context_of
from kafka_audit.link.engine import Engine, Event
from kafka_audit.link.exits import is_exit_registrar, releases_at_exit
from kafka_audit.link.owners import Holding, Holdings
from kafka_audit.link.reach import Edge, Entry, Reach
from kafka_audit.link.scopes import ClassScope, Unit
from kafka_audit.link.values import ClientObject, ForeignClient, Instance, Site
from kafka_audit.link.walk import handled_calls


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of one client. Lists are sorted by file and line.

    `undoings` are releases that do not end the client's life as it is meant: they undo a failed start, or concern a
    base class's method that the client's own class overrides.
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


@dataclass(frozen=True, slots=True)
class OwnerLife:
    """One object of a project class that owns a client: who keeps it, and whether its release is reached."""

    life: Life
    value: Instance
    holding: Holding
    is_released: bool

    @property
    def path(self) -> str:
        """The file that creates the object."""
        assert self.value.origin is not None
        return self.value.origin.unit.module.path

    @property
    def at(self) -> s.At:
        """The creating call."""
        assert self.value.origin is not None
        return self.value.origin.node.at

    @property
    def owner(self) -> str:
        """The function that creates it."""
        assert self.value.origin is not None
        return owner_name(self.value.origin.unit)


class Lives:
    """All lives of a program, and the analysis they rest on."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reach = Reach(engine)
        self.holdings = Holdings(engine)
        self._events = _by_receiver(engine)
        self._possible = _foreign_releases(engine)
        self.all = tuple(self._lives())

    def effective(self, life: Life) -> tuple[Event, ...]:
        """The releases of a client that something really runs: see `runs_release`."""
        return tuple(event for event in life.releases if self.runs_release(life, event))

    def runs_release(self, life: Life, event: Event) -> bool:
        """Whether control reaches the release from an entry that counts.

        An exit handler counts only if it can release the client at all. Tests never count for application code. A
        demonstration under the main guard of the very module does not count for the programs that import it.
        """
        if life.holding.kind != "global" and self._goes_along(life, event):
            return True
        entries = self.reach.entries(event.unit, tests=life.in_test)
        # A function that nothing calls is a way to make a client for whoever uses the code, but none to release it.
        counting = [entry for entry in entries if entry.kind != "api" and self._counts(life, event, entry)]
        if not counting:
            return False
        own = [entry for entry in counting if entry.kind == "main" and entry.path == life.path]
        if len(own) < len(counting):
            return True
        creators = self.reach.entries(life.site.unit, tests=life.in_test)
        return all(entry.kind in {"main", "import"} and entry.path == life.path for entry in creators)

    def _goes_along(self, life: Life, event: Event) -> bool:
        """Whether whoever makes the client gets to the release, too: by calling it, or by handing it to be called."""
        makers, enders = self.reach.callers(life.site.unit), self.reach.callers(event.unit)
        handed = {r.unit for unit in enders for r in self.engine.registrations.get(unit, {}).values()}
        return event.unit in makers or life.site.unit in enders or not makers.isdisjoint(handed)

    def _counts(self, life: Life, event: Event, entry: Entry) -> bool:
        if event.via == "callback" and is_exit_registrar(event.registrar) and life.site.client.is_async:
            return False  # the bound method of an asynchronous client only makes a coroutine
        if entry.kind != "exit" and not is_exit_registrar(entry.target):
            return True
        return not life.site.client.is_async or releases_at_exit(self.engine, self.reach, entry.unit, event)

    def roots(self, life: Life) -> list[OwnerLife]:
        """The creations of the objects that keep this client in a field, and whether anything releases through them."""
        releasing: set[Unit] = set()
        for event in life.releases:
            releasing |= self.reach.callers(event.unit)
        direct = any(self._goes_past(life, event) and self.runs_release(life, event) for event in life.releases)
        found = []
        for value in sorted(self._owning_instances(life), key=_origin_order):
            origin = value.origin
            if origin is None or (context_of(origin.unit.module.path) == "test" and not life.in_test):
                continue
            holding = self.holdings.of_instance(value)
            is_released = direct or holding.kind == "managed" or self._is_released_through(life, value, releasing)
            found.append(OwnerLife(life, value, holding, is_released))
        return found

    def _goes_past(self, life: Life, event: Event) -> bool:
        """Whether the release stands outside the class that keeps the client: `feed.producer.stop()`."""
        definer, keepers = event.unit.method_of, self.holdings.fields(life.value)
        return not any(definer in ancestry(self.engine, keeper) for keeper in keepers)

    def _owning_instances(self, life: Life) -> list[Instance]:
        scopes = set(self.holdings.fields(life.value))
        if life.holding.scope is not None:
            scopes.add(life.holding.scope)
        return [
            value
            for value in self.engine.values()
            if isinstance(value, Instance) and value.origin is not None and self._is_a(value, scopes)
        ]

    def _is_a(self, value: Instance, scopes: set[ClassScope]) -> bool:
        return any(base in scopes for base in ancestry(self.engine, value.scope))

    def _is_released_through(self, life: Life, value: Instance, releasing: set[Unit]) -> bool:
        """Whether something that runs calls a releasing method on this very object."""
        origin = value.origin
        assert origin is not None
        in_test = context_of(origin.unit.module.path) == "test"
        makers = self.reach.callers(origin.unit)
        for unit, line in self._calls_on(value, releasing):
            if unit in makers or origin.unit in self.reach.callers(unit):
                return True
            entries = self.reach.entries(unit, tests=in_test)
            event = Event("release", life.value, "", unit, origin.node, line, False, "call")
            if any(entry.kind != "api" and self._counts(life, event, entry) for entry in entries):
                return True
        return False

    def _calls_on(self, value: Instance, releasing: set[Unit]) -> list[tuple[Unit, int]]:
        """The units that call, or hand over, a releasing method of this object."""
        found = [
            (fact.unit, 0)
            for fact in self.engine.calls.values()
            for callee, receivers in fact.callees.items()
            if callee in releasing and value in receivers
        ]
        found += [
            (unit, registration.line)
            for unit in releasing
            for registration in self.engine.registrations.get(unit, {}).values()
            if registration.receiver is value
        ]
        return found

    def _lives(self) -> list[Life]:
        order = sorted(self.engine.sites.values(), key=_site_order)
        seen: dict[s.Call, None] = {}
        counts: dict[str, int] = {}
        lives = []
        for site in order:
            if site.node in seen:
                continue
            seen[site.node] = None
            lives.append(self._life(site, counts))
        return lives

    def _life(self, site: Site, counts: dict[str, int]) -> Life:
        value = self.engine.intern(ClientObject, site)
        holding = self.holdings.of_client(value)
        owner = owner_name(site.unit)
        stem = f"{site.unit.module.path}::{owner}::{site.client.name.rpartition('.')[2]}"
        counts[stem] = counts.get(stem, 0) + 1
        events = self._relevant(self._events.get(value, []), context_of(site.unit.module.path) == "test")
        at_import = site.unit in self.reach.at_import and not site.guarded
        return Life(
            id=stem if counts[stem] == 1 else f"{stem}#{counts[stem]}",
            site=site,
            value=value,
            holding=holding,
            owner=owner,
            created_at_import=tuple(self.reach.import_chain(site.unit)) if at_import else None,
            starts=tuple(e for e in events if e.what == "start"),
            releases=tuple(e for e in events if e.what == "release" and self._applies(site, holding, e)),
            undoings=tuple(e for e in events if e.what == "release" and not self._applies(site, holding, e)),
            uses=tuple(e for e in events if e.what == "use"),
            possible=tuple(self._possible_for(site)),
        )

    def _applies(self, site: Site, holding: Holding, event: Event) -> bool:
        """Whether a release that names the client's place can be this client's.

        Undoing a failed start releases what was never handed out. One element picked by its index is no release of a
        pool. A base class's method is none for a subclass that overrides it without calling it.
        """
        function = event.node.function if isinstance(event.node, s.Call) else None
        receiver = function.value if isinstance(function, s.Attribute) else None
        if holding.kind == "pooled" and isinstance(receiver, s.Subscript):
            return not (isinstance(receiver.key, s.Constant) and isinstance(receiver.key.value, int))
        if event.unit is site.unit and holding.kind in {"global", "instance", "pooled"}:
            return event.node not in handled_calls(site.unit.body)  # undoing a failed start is no release
        keeper, definer = site.unit.method_of, event.unit.method_of
        if keeper is None or definer is None or definer is keeper or event.unit.function is None:
            return True
        if definer not in ancestry(self.engine, keeper):
            return True
        known_as = find_method(self.engine, keeper, event.unit.function.name)
        return known_as is None or known_as is event.unit or known_as in self.reach.callers(event.unit)

    def callees(self, node: s.Call) -> list[Unit]:
        """The project functions that a call can reach."""
        fact = self.engine.calls.get(node)
        return list(fact.callees) if fact is not None else []

    def lost_checkouts(self, life: Life) -> list[tuple[Unit, s.Call]]:
        """Where an element is taken out of the pool and neither put back, released, nor handed on."""
        releasing = {event.unit for event in life.releases}
        found = []
        for (container, unit), node in self.engine.checkouts.items():
            inside = life.value in container.rest.values and isinstance(node, s.Call)
            if not inside or not self._counts_in(life, unit) or life.value in unit.result.values:
                continue
            below = self.reach.below(unit)
            put_back = any((container, each) in self.engine.checkins for each in below)
            if not put_back and releasing.isdisjoint(below) and isinstance(node, s.Call):
                found.append((unit, node))
        return sorted(found, key=lambda pair: (pair[0].module.path, pair[1].at))

    def _counts_in(self, life: Life, unit: Unit) -> bool:
        return life.in_test or context_of(unit.module.path) != "test"

    def _possible_for(self, site: Site) -> list[Event]:
        """Releases of unknown clients of this class in files that imports connect with the construction."""
        related, group = self.engine.related, self.engine.related.group(site.unit.module.path)
        events = self._possible.get(site.client.name, [])
        return [event for event in events if related.group(event.unit.module.path) == group]

    def _relevant(self, events: list[Event], in_test: bool) -> list[Event]:
        kept = [e for e in events if in_test or context_of(e.unit.module.path) != "test"]
        return sorted(kept, key=lambda e: (e.unit.module.path, e.line, e.method))

    def entries_of(self, unit: Unit) -> list[Entry]:
        """The entries that reach a unit, tests left out."""
        return self.reach.entries(unit, tests=False)


def owner_name(unit: Unit) -> str:
    """The enclosing function or class as users name it; lambdas belong to what encloses them."""
    parts = [part for part in unit.qualname.split(".") if part != "<lambda>"]
    return ".".join(parts) or "<module>"


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


def _site_order(site: Site) -> tuple[str, tuple[int, ...], str]:
    return (site.unit.module.path, site.node.at, site.client.name)


def _origin_order(value: Instance) -> tuple[str, tuple[int, ...]]:
    assert value.origin is not None
    return (value.origin.unit.module.path, value.origin.node.at)

"""Who keeps an object: from the places that a value reaches to its kind and its place.

The long-lived place wins over the passing one: a local that is also assigned to a `global` name is global, one that is
appended to `self._pool` is pooled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from kafka_audit.catalog.hosts import DEPENDENCIES, REGISTER
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Escape, Node
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Module, Unit, enclosing
from kafka_audit.link.flow.singletons import is_singleton
from kafka_audit.link.flow.templates import keeper
from kafka_audit.link.flow.values import RECORD, ClientObject, Container, Instance, Place, Value
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import given_once, reads_later, statements
from kafka_audit.model import Kind

LONG_LIVED = frozenset({"module", "class", "field"})

CARRIERS = frozenset({"tuple", RECORD})
"""Containers that only carry: what holds one of them holds its elements."""

LOOSE = CARRIERS | {"arguments", "factory"}
"""Containers that only carry their elements for a moment."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What keeps an object: its kind, the place as written, and the class whose field it is (for instances)."""

    kind: Kind
    place: str | None
    scope: ClassScope | None = None
    at: Place | None = None


class Holdings:
    """For every client and every object of a project class: the places it reaches, and to whom it is handed."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.places: dict[Value, list[Place]] = {}
        for place in engine.all_places():
            for value in place.values:
                if isinstance(value, ClientObject | Instance | Container):
                    self.places.setdefault(value, []).append(place)
        for value, places in list(self.places.items()):
            self.places[value] = self._through_tuples(places)
        self.escapes: dict[Value, list[Escape]] = {}
        for escape in engine.escapes.values():
            self.escapes.setdefault(escape.value, []).append(escape)

    def _through_tuples(self, places: list[Place]) -> list[Place]:
        """The places with those of the tuples that the value is in."""
        found: dict[Place, None] = {}
        waiting = list(places)
        while waiting:
            place = waiting.pop(0)
            if place in found:
                continue
            found[place] = None
            if isinstance(place.owner, Container) and place.owner.kind in CARRIERS:
                waiting.extend(self.places.get(place.owner, ()))
        return list(found)

    def of_client(self, value: ClientObject) -> Holding:
        """Who keeps a client."""
        return self._holding(value, value.site.unit, value.site.node)

    def of_instance(self, value: Instance) -> Holding:
        """Who keeps an object of a project class."""
        assert value.origin is not None
        return self._holding(value, value.origin.unit, value.origin.node)

    def lent(self, value: Value, unit: Unit, holding: Holding, enders: Collection[Unit]) -> Holding:
        """Who keeps an object that objects hold, when one of `enders` made it: itself, if these objects only borrow it.

        The maker puts it nowhere, releases it, and no class that holds it does.
        """
        places = self.places.get(value, ())
        keeps = any(place.kind == "outside" or (place, unit) in self.engine.written for place in places)
        if holding.kind != "instance" or keeps or unit.function is None or unit not in enders:
            return holding
        holders = {base for scope in self.fields(value) for base in ancestry(self.engine, scope)}
        if any(ender.method_of in holders for ender in enders):
            return holding
        passing = [place for place in places if place.kind != "field"]
        return self._passing(value, passing, unit, self._local_name(passing, unit), self.engine.managed.get(value))

    def is_handed_on(self, value: Value, unit: Unit) -> bool:
        """Whether a function returns the object, or a generator over it."""
        return value in unit.result.values or _is_read_later(self.places.get(value, ()), unit)

    def fields(self, value: Value) -> list[ClassScope]:
        """The classes that keep the value in a field, the likeliest owner first."""
        places = [place for place in self.places.get(value, ()) if place.kind == "field"]
        owners = [keeper(self.engine, place, value) for place in sorted(places, key=place_order)]
        return list(dict.fromkeys(owner for owner in owners if owner is not None))

    def _holding(self, value: Value, unit: Unit, node: s.Call) -> Holding:
        in_test = context_of(unit.module.path) == "test"
        places = [place for place in self.places.get(value, ()) if in_test or not _is_test_place(place)]
        local = self._local_name(places, unit)
        fixture = _enclosing_fixture(self.engine, unit)
        if fixture is not None and any(place in {fixture.result, fixture.yields} for place in places):
            return Holding("fixture", fixture.qualname)
        manager = self.engine.managed.get(value)
        if manager is not None and _wraps(manager, node):
            return Holding("managed", local)
        one = value.site.scope if isinstance(value, ClientObject) else None
        if one is not None and is_singleton(self.engine, one):
            return Holding("global", one.name)
        return self._kept(value, places, unit) or self._passing(value, places, unit, local, manager)

    def _kept(self, value: Value, places: list[Place], unit: Unit) -> Holding | None:
        """The first long-lived place: global, then field, then container."""
        cached = [p for p in places if p.kind == "result" and isinstance(p.owner, Unit) and self._is_cached(p.owner)]
        per_object = [p for p in places if p in self.engine.per_object]
        shared = [p for p in places if p.kind in {"module", "class"} and p not in per_object]
        shared += [c for p in places if (c := self._context_variable(p)) is not None]
        if _is_factory_of_many(places, unit):
            return None
        if shared or cached:
            best = _first([*shared, *cached], unit)
            return Holding("global", self._text(best, unit, best.name), None, best)
        fields = [p for p in places if p.kind in {"field", "outside"}] + per_object
        if fields:
            best = _first(fields, unit)
            scope = keeper(self.engine, best, value) or getattr(best.owner, "scope", None)
            return Holding("instance", self._text(best, unit, _unmangled(best, scope)), scope, best)
        pools = [p.owner for p in places if p.kind == "element" and isinstance(p.owner, Container)]
        if any(p.kind == "local" and p.owner is unit for p in places):
            pools = [pool for pool in pools if pool.kind != "generator"]  # what a variable holds it only passes on
        kept = sorted((pool for pool in pools if self._is_pool(pool)), key=lambda c: (c.unit.module.path, c.line))
        return self._pooled(kept[0], unit) if kept else None

    def _text(self, place: Place, unit: Unit, default: str) -> str:
        """The place as the function that makes the object writes it, else as its owner does."""
        return self.engine.written.get((place, unit), default)

    def _pooled(self, pool: Container, unit: Unit) -> Holding:
        places = [p for p in self.places.get(pool, ()) if p.kind in {"module", "class", "field", "outside", "local"}]
        if not places:
            return Holding("pooled", pool.rest.text or None)
        kinds = ("field", "outside", "class", "module", "local")
        best = min(places, key=lambda p: (kinds.index(p.kind), place_order(p)))
        scope = best.owner if isinstance(best.owner, ClassScope) else None
        return Holding("pooled", self._text(best, unit, _unmangled(best, scope)), scope, best)

    def _is_pool(self, container: Container) -> bool:
        """Whether elements live in it: not a tuple, nor keyword arguments, nor a display that is never kept."""
        if container.kind in LOOSE or container.kind == "contextvar":
            return False
        return container in self.places or container.kind == "unknown" or bool(container.rest.values)

    def _context_variable(self, place: Place) -> Place | None:
        owner = place.owner
        if place.kind == "element" and isinstance(owner, Container) and owner.kind in {"contextvar", "supplier"}:
            return next((p for p in self.places.get(owner, ()) if p.kind in {"module", "class"}), None)
        return None

    def _is_cached(self, unit: Unit) -> bool:
        return self.engine.flagged(unit, "cached")

    def _passing(
        self, value: Value, places: list[Place], unit: Unit, local: str | None, manager: Node | None
    ) -> Holding:
        """No long-lived place: managed by a later `with`, handed on, returned, or dropped in the function."""
        if manager is not None:
            return Holding("managed", local)
        takers = {each.unit.module for each in self.escapes.get(value, ()) if takes_over(each.target)}
        keepers = _keeping(places, unit) if _is_factory_of_many(places, unit) else set()
        if (takers and keepers <= takers) or _is_read_later(places, unit):
            return Holding("delegated", local)
        if any(self._leaves(place, unit) for place in places):
            return Holding("returned", local)
        return Holding("local", local)

    def _leaves(self, place: Place, unit: Unit) -> bool:
        """Whether the function that made the object, or one inside it, returns it: a helper gives it back to its maker.

        A context manager's `yield` only lends it: the generator gets it back.
        """
        if place.kind not in {"result", "yield"} or not isinstance(place.owner, Unit):
            return False
        is_lent = place.kind == "yield" and self.engine.flagged(place.owner, "manager")
        return not is_lent and unit in enclosing(place.owner)

    def _local_name(self, places: Iterable[Place], unit: Unit) -> str | None:
        names = [p for p in places if p.kind == "local"]
        own = [p for p in names if p.owner is unit]
        return min((p.name for p in own or names), default=None)


def _is_factory_of_many(places: list[Place], unit: Unit) -> bool:
    """Whether the function only makes the object and several modules keep one each: it is theirs, not anybody's.

    What the object that makes it keeps of it is one more way to hand it out.
    """
    keepers = _keeping(places, unit)
    return any(place is unit.result for place in places) and len(keepers) > 1 and unit.module not in keepers


def _keeping(places: list[Place], unit: Unit) -> set[Module]:
    """The modules that keep the object which `unit` makes in a long-lived place."""
    keepers = [p.owner for p in places if p.kind in LONG_LIVED and p.owner is not unit.method_of]
    return {owner.module for owner in keepers if isinstance(owner, Unit | ClassScope)}


def _is_read_later(places: Collection[Place], unit: Unit) -> bool:
    """Whether the function that made the object returns a generator over it: whoever reads that needs the object."""
    names = {place.name for place in places if place.kind == "local" and place.owner is unit}
    returned = [each.value for each in statements(unit.body) if isinstance(each, s.Return)] if names else []
    given = [given_once(unit.body, each.id) if isinstance(each, s.Name) else each for each in returned]
    return any(reads_later(each, names) for each in given)


def place_order(place: Place) -> tuple[str, str, str]:
    """A fixed order of places: by file, owner and name."""
    owner = place.owner
    if isinstance(owner, Container):
        return (owner.unit.module.path, owner.unit.qualname, place.name)
    if owner is None:
        return ("", "", place.name)
    return (owner.module.path, owner.qualname, place.name)


def _first(places: list[Place], unit: Unit) -> Place:
    """The place nearest to where the object was made: same file first, then the fixed order."""

    def rank(place: Place) -> tuple[bool, tuple[str, str, str]]:
        owner = place.owner
        here = not isinstance(owner, Container) and owner is not None and owner.module is unit.module
        return (not here, place_order(place))

    return min(places, key=rank)


def _unmangled(place: Place, scope: ClassScope | None) -> str:
    """A field as the class writes it: `self.__producer`, not `self._Client__producer`."""
    if place.kind == "class" and isinstance(place.owner, Unit):
        return f"self.{place.name}"
    if place.kind != "field" or scope is None:
        return place.text or place.name
    definer = place.owner if isinstance(place.owner, ClassScope) else scope
    return f"self.{definer.unmangle(place.name)}"


def _is_test_place(place: Place) -> bool:
    owner = place.owner
    if isinstance(owner, Container):
        return context_of(owner.unit.module.path) == "test"
    return owner is not None and context_of(owner.module.path) == "test"


def _enclosing_fixture(engine: Engine, unit: Unit) -> Unit | None:
    current: Unit | None = unit
    while current is not None:
        if engine.flagged(current, "fixture"):
            return current
        current = current.parent
    return None


def _wraps(manager: Node, node: s.Call) -> bool:
    """Whether the `with` item or exit stack call holds the construction itself."""
    outer = manager.value if isinstance(manager, s.Item) else manager
    stack: list[s.Expr] = [outer]
    while stack:
        current = stack.pop()
        if current is node:
            return True
        if isinstance(current, s.Call):
            stack.extend(argument.value for argument in current.arguments)
        elif isinstance(current, s.Await):
            stack.append(current.value)
    return False


def takes_over(target: str) -> bool:
    """Whether handing an object to `target` makes it somebody else's: constructors of other libraries take over, and
    containers what is registered with them.

    What only says of a parameter where it comes from keeps nothing, and ends nothing.
    """
    last = target.rpartition(".")[2]
    return target in {"?", REGISTER} or (last[:1].isupper() and last not in DEPENDENCIES)

"""The state of the value flow: what every place holds, and what was met on the way.

The flow is a fixpoint over the whole program (`link/flow/fixpoint.py`). The order of statements does not matter to it;
paths are another room's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from kafka_audit.catalog.clients import Client
from kafka_audit.catalog.known import Catalogue
from kafka_audit.facts import schema as s
from kafka_audit.facts.modules import ModulePaths
from kafka_audit.link.flow.effort import Effort
from kafka_audit.link.flow.fixpoint import Fixpoint, Turn
from kafka_audit.link.flow.hosting import Hosting
from kafka_audit.link.flow.related import Related
from kafka_audit.link.flow.scopes import ClassScope, Module, SeenAs, Unit
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClassValue,
    ClientType,
    Container,
    External,
    ForeignClient,
    FunctionValue,
    Instance,
    Made,
    ModuleValue,
    Origin,
    Place,
    Site,
    Text,
    Value,
)

Values = set[Value]
NOTHING: Values = set()
V = TypeVar("V", bound=Value)

Node = s.Call | s.Item
"""What can happen to a client: a call, or entering and leaving a `with`."""

Calling = Node | s.For
"""What can run a function: those, and a loop over an object."""

Mode = Literal["awaited", "run", "dropped", "used"]
"""What happens to the result of a call: awaited, given to a runner (`asyncio.run`), thrown away, or anything else."""

Runner = Literal["run", "new", "kept", "task", "group"]
"""What runs a coroutine that is not awaited: a new event loop, one that the program kept, a task, a task group."""


def position(node: Calling) -> s.At:
    """Where a call, a `with` item or a loop stands; for what is no call, its line."""
    if isinstance(node, s.Call):
        return node.at
    value = node.value if isinstance(node, s.Item) else node.iterable
    inner = value.value if isinstance(value, s.Await) else value
    return inner.at if isinstance(inner, s.Call) else (node.line, 1, node.line, 1)


@dataclass(eq=False, slots=True)
class Arguments:
    """The evaluated arguments of a call. `spread` is what `*args` may hold, `keywords` also what a known `**` holds."""

    positional: list[Values] = field(default_factory=list)
    keywords: dict[str, Values] = field(default_factory=dict)
    spread: Values = field(default_factory=lambda: NOTHING)

    def get(self, index: int, keyword: str = "") -> Values:
        """The values of an argument by position or by keyword."""
        if index < len(self.positional):
            return self.positional[index]
        return self.keywords.get(keyword, self.spread)

    def all(self) -> list[Values]:
        """Every argument's values."""
        return [*self.positional, *self.keywords.values(), self.spread]


@dataclass(eq=False, slots=True)
class CallFact:
    """A call and the project's functions it can reach, with the receivers it reaches them through."""

    unit: Unit
    node: Calling
    guarded: bool
    mode: Mode = "used"
    callees: dict[Unit, dict[Value | None, None]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Event:
    """Something that happens to a client: `what` it is, where, on which receiver, and how the code says it."""

    what: Literal["start", "release", "use"]
    receiver: Value
    method: str
    unit: Unit
    node: Node
    line: int
    guarded: bool
    via: Literal["call", "with", "callback"]
    registrar: str = ""


@dataclass(eq=False, slots=True)
class Registration:
    """A project function handed to a library: to whom (`target`, dotted, `?` when unknown), where, under which name.

    `unit` is the unit that hands it over, `host` the library's object that it is registered with, when it is known.
    """

    target: str
    select: str
    unit: Unit
    line: int
    via: Literal["decorator", "argument"]
    receiver: Value | None = None
    node: Node | None = None
    host: Made | None = None


@dataclass(eq=False, slots=True)
class Escape:
    """An object handed to code that cannot be seen."""

    value: Value
    target: str
    unit: Unit
    node: s.Call


class Engine(Fixpoint):
    """All places and values of one program.

    `evaluate` and `apply` (what an expression can be, what calling a value gives) are set by `link.flow`: expressions,
    attributes and calls need each other, and meet here instead of importing each other in a circle.
    """

    evaluate: Callable[[s.Expr], Values]
    apply: Callable[[Value, s.Call, Arguments], Values]
    apply_bound: Callable[[Value, Calling], Values]

    def __init__(self, modules: dict[str, Module], paths: ModulePaths, catalogue: Catalogue) -> None:
        super().__init__()
        self.modules = modules
        self.paths = paths
        self.catalogue = catalogue
        self.sites: dict[tuple[s.Call, str], Site] = {}
        self.calls: dict[Calling, CallFact] = {}
        self.implicit: dict[tuple[Unit, Unit], int] = {}
        self.events: dict[tuple[object, ...], Event] = {}
        self.registrations: dict[Unit, dict[tuple[str, int, Value | None, Made | None], Registration]] = {}
        self.escapes: dict[tuple[Value, s.Call], Escape] = {}
        self.given: dict[tuple[str, s.Call, str, Made | None], tuple[Values, Values]] = {}
        self.flags: dict[Unit, set[str]] = {}
        self.loose: dict[str, dict[Node, Unit]] = {}
        self.modes: dict[Calling, Mode] = {}
        self.hosting = Hosting()
        self.runners: dict[Calling, Runner] = {}
        self.offloaded: set[Calling] = set()
        self.managed: dict[Value, Node] = {}
        self.containers: dict[object, Container] = {}
        self.fixtures: dict[str, list[Unit]] = {}
        self.per_object: set[object] = set()
        self.written: dict[tuple[Place, Unit], str] = {}
        self.checkouts: dict[tuple[Container, Unit], Node] = {}
        self.checkins: set[tuple[Container, Unit]] = set()
        self.pokes: dict[tuple[Value, Unit], int] = {}
        self.wanted: set[str] = set()
        self.asked: set[str] = set()
        self.missed: set[str] = set()
        self.decided: set[ClassScope] = set()
        self.singletons: dict[ClassScope, Origin] = {}
        self.faults: dict[Unit, str] = {}
        self.effort = Effort()
        self.related = Related(modules, paths)
        self.above: dict[ClassScope, list[ClassScope | Client | str]] = {}
        self.below: dict[ClassScope, list[ClassScope]] = {}
        self.seen_as: dict[ClassScope, dict[tuple[str, bool], SeenAs]] = {}
        self._interned: dict[tuple[object, ...], Value] = {}
        self._texts: dict[str, Text] = {}
        self._outside: dict[tuple[str, str], Place] = {}
        self._origins: dict[tuple[s.Call, ClassScope], Origin] = {}

    def add(self, modules: Mapping[str, Module], turns: Callable[[Unit], Iterable[Turn]]) -> None:
        """Take in further files."""
        self.modules.update(modules)
        self.related = Related(self.modules, self.paths)
        self.take(self.modules, modules, turns, {unit for path in modules for unit in self.related.importing(path)})
        for path in modules:
            self.tell(("starred", path))

    def module_at(self, path: str) -> Module | None:
        """The file of this path if it was read. One that was not is remembered: somebody else may have read it."""
        module = self.modules.get(path)
        if module is None:
            self.missed.add(path)
        return module

    def look(self, unit: Unit, expression: s.Expr) -> Values:
        """What an expression of a unit can be, once everything is settled."""
        self.turn, self.unit = Turn(unit, None), unit
        return self.evaluate(expression)

    def field(self, scope: ClassScope, name: str) -> Place:
        """The place of an attribute of the instances of a class, made on first use: large families wait for that."""
        if name not in scope.fields:
            self.tell((ClassScope, name))
        return scope.field(name)

    # Values by their origin.

    def intern(self, make: Callable[..., V], *key: Any) -> V:
        """The one value of this type with these attributes."""
        identity = (make, *key)
        value = self._interned.get(identity)
        if value is None:
            value = self._interned[identity] = make(*key)
        return value  # type: ignore[return-value]  # keyed by its own type

    def values(self) -> Iterator[Value]:
        """Every value that came up."""
        yield from self._interned.values()
        yield from self._texts.values()

    def external(self, dotted: str, made: Made | None = None) -> Value:
        """A name of another library, of one of its hosts when `made` says which."""
        return self.intern(External, dotted, made)

    def instance(self, scope: ClassScope, origin: Origin | None = None) -> Instance:
        """An object of a project class."""
        return self.intern(Instance, scope, origin)

    def any_like(self, value: Value) -> Value:
        """The value that stands for every object of the same class, or for a method of every one."""
        match value:
            case Instance(scope):
                return self.instance(scope)
            case BoundMethod(unit, Instance(scope)):
                return self.intern(BoundMethod, unit, self.instance(scope))
        return value

    def class_value(self, scope: ClassScope) -> ClassValue:
        """A project class as an object."""
        return self.intern(ClassValue, scope)

    def function(self, unit: Unit) -> FunctionValue:
        """A project function as an object."""
        return self.intern(FunctionValue, unit)

    def module(self, module: Module) -> ModuleValue:
        """A project module as an object."""
        return self.intern(ModuleValue, module)

    def client_type(self, client: Client) -> ClientType:
        """A client class as an object."""
        return self.intern(ClientType, client)

    def foreign(self, client: Client) -> ForeignClient:
        """A client of unknown origin."""
        return self.intern(ForeignClient, client)

    def text(self, text: str) -> Text:
        """A string constant."""
        value = self._texts.get(text)
        if value is None:
            value = self._texts[text] = Text(text)
        return value

    def origin(self, node: s.Call, scope: ClassScope) -> Origin:
        """The creation of an object of `scope` by this call."""
        found = self._origins.get((node, scope))
        if found is None:
            found = self._origins[node, scope] = Origin(self.unit, node, self.guarded)
        return found

    def outside(self, name: str) -> Place:
        """The place of an attribute of that name on objects that are not the project's own: `app.state.producer`.

        Files that no chain of imports connects have places of their own.
        """
        key = (self.related.group(self.unit.module.path), name)
        place = self._outside.get(key)
        if place is None:
            place = self._outside[key] = Place("outside", None, name, name)
        return place

    def container(self, key: object, kind: str, line: int, text: str = "") -> Container:
        """The container made at `key` (the fact node that makes it, or the place that stands for it)."""
        found = self.containers.get(key)
        if found is None:
            found = self.containers[key] = Container(self.unit, kind, line, Place("element", None, "", text))
            found.rest.owner = found
            self.tell(key)
        return found

    def stand_in(self, key: object) -> Container | None:
        """The container that is known only by the place which it is kept in, if there is one by now."""
        self.ask(key)
        return self.containers.get(key)

    def all_places(self) -> Iterator[Place]:
        """Every place of the program."""
        for module in self.modules.values():
            for unit in module.units:
                yield from unit.places.values()
                yield unit.result
                yield unit.yields
            for scope in module.classes:
                yield from scope.fields.values()
        yield from self._outside.values()
        for container in self.containers.values():
            yield container.rest
            yield from container.slots_.values()

    # What is recorded on the way.

    def note_call(self, node: Calling, callee: Unit, receivers: Iterable[Value | None]) -> None:
        """Remember that this call can reach `callee`, and through which objects."""
        fact = self.calls.get(node)
        if fact is None:
            fact = self.calls[node] = CallFact(self.unit, node, self.guarded)
        fact.mode = self.modes.get(node, "used")
        fact.callees.setdefault(callee, {}).update(dict.fromkeys(receivers))

    def note_implicit(self, callee: Unit, line: int) -> None:
        """Remember that the current unit runs `callee` without a call in the text: a class body, a property."""
        self.implicit.setdefault((self.unit, callee), line)

    def note_event(self, event: Event) -> None:
        """Remember what happens to a client."""
        key = (event.what, event.receiver, event.node, event.method, event.via)
        self.events.setdefault(key, event)

    def note_registration(self, callee: Unit, registration: Registration) -> None:
        """Remember that a library was given `callee` to call."""
        key = (registration.target, registration.line, registration.receiver, registration.host)
        self.registrations.setdefault(callee, {}).setdefault(key, registration)

    def note_escape(self, value: Value, target: str, node: s.Call) -> None:
        """Remember that an object was handed to code that cannot be seen."""
        if (value, node) not in self.escapes:
            self.escapes[value, node] = Escape(value, target, self.unit, node)

    def note_written(self, place: Place, text: str) -> None:
        """Remember how the current unit writes a place that it assigns."""
        self.written.setdefault((place, self.unit), text)

    def note_loose(self, receiver: str, node: Node) -> None:
        """Remember a call that looks like a release on a receiver that nothing is known of."""
        self.loose.setdefault(receiver, {}).setdefault(node, self.unit)

    def flag(self, unit: Unit, flag: str) -> None:
        """Remember what a decorator makes of a function: `property`, `cached`, `static`, ..."""
        self.flags.setdefault(unit, set()).add(flag)

    def flagged(self, unit: Unit, flag: str) -> bool:
        """Whether a decorator made this of the function."""
        return flag in self.flags.get(unit, ())

    def drop_known_loose(self) -> None:
        """Forget the calls on something unknown whose object became known when further files were read."""
        known = {event.node for event in self.events.values()}
        for receiver, calls in list(self.loose.items()):
            self.loose[receiver] = {node: unit for node, unit in calls.items() if node not in known}
            if not self.loose[receiver]:
                del self.loose[receiver]

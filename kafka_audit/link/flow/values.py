"""What an expression can be: the abstract values that flow through the program, and the places that hold them.

A value is an object known by its origin (a construction site, a class, a function), so equality is identity and every
kind of value is interned by the engine. A place is anything that can hold values: a variable, a field of a class, the
result of a function, the elements of a container.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from kafka_audit.facts import schema as s

if TYPE_CHECKING:
    from kafka_audit.catalog.clients import Client
    from kafka_audit.link.flow.fixpoint import Turn
    from kafka_audit.link.flow.scopes import ClassScope, Module, Unit

PlaceKind = Literal["local", "module", "class", "field", "result", "yield", "element", "outside", "bases"]


Key = str | int | float | bool | None
"""A constant under which a container keeps a value."""


@dataclass(eq=False, slots=True)
class Place:
    """Something that holds values. `owner` is the unit or class it belongs to; `text` is how the code writes it.

    There are many, and most stay empty: `values` is replaced when it grows, and so are the `followers`.
    """

    kind: PlaceKind
    owner: Unit | ClassScope | Container | None
    name: str
    text: str = ""
    values: set[Value] = frozenset()  # type: ignore[assignment]
    readers: dict[Turn, None] = field(default_factory=dict)
    followers: tuple[Place, ...] = ()
    """Places that hold what this one holds, too: an attribute as objects of one class have it."""


@dataclass(eq=False, slots=True)
class Value:
    """Base of all abstract values."""


@dataclass(eq=False, slots=True)
class ClientType(Value):
    """A client class of the catalogue, as an object that can be called."""

    client: Client


@dataclass(eq=False, slots=True)
class Site:
    """One construction of a client: the call, the unit it stands in, and the project class when it is a subclass."""

    unit: Unit
    node: s.Call
    client: Client
    scope: ClassScope | None
    via: tuple[str, ...]
    guarded: bool


@dataclass(eq=False, slots=True)
class ClientObject(Value):
    """A client created at a known site."""

    site: Site


@dataclass(eq=False, slots=True)
class ForeignClient(Value):
    """A client of a known class whose origin is unknown: an annotated parameter."""

    client: Client


@dataclass(eq=False, slots=True)
class ClientMethod(Value):
    """A bound method of a client."""

    receiver: ClientObject | ForeignClient
    name: str


@dataclass(eq=False, slots=True)
class ClassValue(Value):
    """A class of the project."""

    scope: ClassScope


@dataclass(eq=False, slots=True)
class Instance(Value):
    """An object of a project class; `origin` is the call that created it, None for `self` and annotated names."""

    scope: ClassScope
    origin: Origin | None


@dataclass(eq=False, slots=True)
class Origin:
    """The creation of an object of a project class."""

    unit: Unit
    node: s.Call
    guarded: bool


@dataclass(eq=False, slots=True)
class FunctionValue(Value):
    """A function or lambda of the project."""

    unit: Unit


@dataclass(eq=False, slots=True)
class BoundMethod(Value):
    """A method of the project with the object it was read from."""

    unit: Unit
    receiver: Value


@dataclass(eq=False, slots=True)
class ModuleValue(Value):
    """A module of the project."""

    module: Module


@dataclass(eq=False, slots=True)
class Unread(Value):
    """A name of a project file that was not read; `path` is the file to read once it turns out to matter."""

    path: str
    name: str


@dataclass(eq=False, slots=True)
class External(Value):
    """A name of another library, dotted; `()` marks the result of a call: `fastapi.FastAPI().state`.

    `made` tells the hosts apart, the objects that hooks hang on: which application this is, or is an attribute of.
    """

    dotted: str
    made: Made | None = None


@dataclass(eq=False, slots=True)
class Made:
    """The creation of a host: its class as the catalogue calls it, and the call."""

    name: str
    unit: Unit
    node: s.Call

    def argument(self, keyword: str) -> s.Expr | None:
        """What it was given under this keyword."""
        return next((each.value for each in self.node.arguments if each.keyword == keyword), None)

    @property
    def order(self) -> tuple[str, s.At]:
        """A fixed order of hosts: by file and place."""
        return (self.unit.module.path, self.node.at)


@dataclass(eq=False, slots=True)
class Passed:
    """A host, or one of its attributes (`dotted`), given to another library's function or to an unknown one (`?`)."""

    dotted: str
    target: str
    unit: Unit


@dataclass(eq=False, slots=True)
class Container(Value):
    """A list, dict, tuple, queue made at one place in the code. Constant keys and indices keep places of their own.

    `whole` holds what all of these hold together; without any slots, it is `rest`.
    """

    unit: Unit
    kind: str
    line: int
    rest: Place
    slots_: dict[Key, Place] = field(default_factory=dict)
    whole: Place = field(init=False)

    def __post_init__(self) -> None:
        """Begin without slots."""
        self.whole = self.rest

    def slot(self, key: Key) -> Place:
        """The place under a constant key, made on first use."""
        place = self.slots_.get(key)
        if place is None:
            if self.whole is self.rest:
                self.whole = replace(self.rest, readers=self.rest.readers.copy(), followers=())
                self.rest.followers += (self.whole,)
            place = self.slots_[key] = Place("element", self, str(key), self.rest.text, followers=(self.whole,))
        return place


RECORD = "record"
"""The kind of a container whose parts are read as attributes: a named tuple."""


@dataclass(eq=False, slots=True)
class ContainerMethod(Value):
    """A bound method of a container."""

    container: Container
    name: str


@dataclass(eq=False, slots=True)
class Partial(Value):
    """`functools.partial(callee, ...)`: calling it calls `callee` with the arguments given here first."""

    callee: Value
    node: s.Call
    unit: Unit


@dataclass(eq=False, slots=True)
class Super(Value):
    """`super()` in a method of `scope`."""

    scope: ClassScope
    receiver: Value


@dataclass(eq=False, slots=True)
class Manager(Value):
    """What a `@contextmanager` function returns: entering it gives what the generator yields."""

    unit: Unit


@dataclass(eq=False, slots=True)
class Closing(Value):
    """`contextlib.closing(x)` or `aclosing(x)`; `method` is what they call at the end, nothing for `nullcontext(x)`."""

    inner: Value
    method: str


@dataclass(eq=False, slots=True)
class Text(Value):
    """A string constant, for `getattr`, `import_module` and registries."""

    text: str

"""Modules, classes and functions as scopes: who encloses whom, and which place a name means.

A unit is one body that runs as a whole: a module, a class body, a function, a lambda.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from kafka_audit.facts import schema as s
from kafka_audit.facts.schema import FileFacts
from kafka_audit.link.flow.values import Place
from kafka_audit.link.reading.walk import Survey, survey

_T = TypeVar("_T")


@dataclass(eq=False, slots=True)
class Unit:
    """One body that runs as a whole. `qualname` is the dotted name inside the module, `<module>` for its top level."""

    module: Module
    parent: Unit | None
    kind: Literal["module", "class", "function"]
    qualname: str
    node: s.Function | s.Class | s.Lambda | None
    body: s.Body
    scope: ClassScope | None
    bound: frozenset[str]
    outer: frozenset[str]
    """The names that it declares `global` or `nonlocal`."""
    enclosed: frozenset[str] = frozenset()
    """Those of them that are `nonlocal`."""
    places: dict[str, Place] = field(default_factory=dict)
    result: Place = field(init=False)
    yields: Place = field(init=False)
    stars: list[s.Import] = field(default_factory=list)
    imports: list[s.Import] = field(default_factory=list)
    seen: dict[str, Place] = field(default_factory=dict)
    """The places of the names that this unit reads and some unit around it binds: what `lookup` found before."""
    answers: dict[Callable[[Any], Any], Any] | None = None
    """What functions that are asked `once` said of it."""

    def __post_init__(self) -> None:
        """Give the unit the places of its result and its yields."""
        self.result = Place("result", self, self.qualname)
        self.yields = Place("yield", self, self.qualname)

    @property
    def function(self) -> s.Function | None:
        """The `def` of this unit, if it is one."""
        return self.node if isinstance(self.node, s.Function) else None

    @property
    def is_async(self) -> bool:
        """Whether calling it makes a coroutine (or an asynchronous generator)."""
        return isinstance(self.node, s.Function) and self.node.is_async

    @property
    def is_generator(self) -> bool:
        """Whether calling it makes a generator."""
        return isinstance(self.node, s.Function) and self.node.is_generator

    @property
    def line(self) -> int:
        """The line where the unit starts."""
        if self.node is None:
            return 1
        return self.node.at[0] if isinstance(self.node, s.Lambda) else self.node.line

    @property
    def method_of(self) -> ClassScope | None:
        """The class whose body defines this function, if any."""
        if self.kind == "function" and self.parent is not None and self.parent.kind == "class":
            return self.parent.scope
        return None

    def place(self, name: str) -> Place:
        """The place of a variable of this unit, made on first use."""
        place = self.places.get(name)
        if place is None:
            kind: Literal["local", "module", "class"] = "local" if self.kind == "function" else self.kind
            place = self.places[name] = Place(kind, self, name, name)
        return place


class Subject(Protocol):
    """What functions are asked of `once`: a unit, or the whole program. `answers` is what they said of it."""

    answers: dict[Callable[[Any], Any], Any] | None


_S = TypeVar("_S", bound=Subject)


def once(function: Callable[[_S], _T]) -> Callable[[_S], _T]:
    """The function, run once for each subject.

    What it says is kept by the subject: a cache beside it would keep the whole program alive that is asked about, and a
    process that audits again and again would grow without end.
    """

    @functools.wraps(function)
    def asked(subject: _S) -> _T:
        if subject.answers is None:
            subject.answers = {}
        if function not in subject.answers:
            subject.answers[function] = function(subject)
        return subject.answers[function]  # type: ignore[no-any-return]  # what the function said

    return asked


@dataclass(eq=False, slots=True)
class ClassScope:
    """A class of the project: its body, its methods by name, the fields of its instances, the values of its bases."""

    module: Module
    qualname: str
    node: s.Class
    body: Unit
    methods: dict[str, list[Unit]] = field(default_factory=dict)
    fields: dict[str, Place] = field(default_factory=dict)
    bases: list[Place] = field(default_factory=list)
    children: dict[ClassScope, None] = field(default_factory=dict)
    filled: dict[str, set[str]] | None = None
    """By field, the methods of the object whose results go there; None as long as nobody asked (`templates`)."""

    @property
    def name(self) -> str:
        """The class's own name, without what encloses it."""
        return self.node.name

    def field(self, name: str) -> Place:
        """The place of an instance attribute, made on first use."""
        place = self.fields.get(name)
        if place is None:
            place = self.fields[name] = Place("field", self, name, f"self.{name}")
        return place

    def mangle(self, name: str) -> str:
        """`__name` as Python stores it inside this class."""
        return f"_{self.name.lstrip('_')}{name}" if name.startswith("__") and not is_special(name) else name

    def unmangle(self, name: str) -> str:
        """A name that Python stores inside this class, as the class writes it: `_Client__connect` is `__connect`."""
        prefix = f"_{self.name.lstrip('_')}__" if name.startswith("_") else ""
        return name[len(prefix) - 2 :] if prefix and name.startswith(prefix) else name


@dataclass(frozen=True, slots=True)
class SeenAs:
    """An attribute as objects of one class have it: what its fields hold, and the classes whose body defines it."""

    fields: Place
    definers: tuple[ClassScope, ...]


@dataclass(eq=False, slots=True)
class Module:
    """One parsed file."""

    path: str
    facts: FileFacts
    top: Unit = field(init=False)
    units: list[Unit] = field(default_factory=list)
    classes: list[ClassScope] = field(default_factory=list)
    hidden: set[s.Import] = field(default_factory=set)
    unit_of: dict[s.Function | s.Class | s.Lambda, Unit] = field(default_factory=dict)

    @property
    def is_package(self) -> bool:
        """Whether the file is a package's `__init__`."""
        return self.path.endswith("__init__.py")


def build_module(path: str, facts: FileFacts) -> Module:
    """Cut a file's tree into units and classes."""
    module = Module(path, facts)
    found = survey(facts.body)
    module.top = Unit(module, None, "module", "<module>", None, facts.body, None, found.names.bound, frozenset())
    module.units.append(module.top)
    _cut(module, module.top, found)
    return module


def _cut(module: Module, unit: Unit, found: Survey) -> None:
    """Make units of the functions, classes and lambdas that a unit defines directly, and cut those in turn."""
    module.hidden |= found.hidden
    for node in found.defined:
        if isinstance(node, s.Function):
            _add_function(module, unit, node)
        elif isinstance(node, s.Class):
            _add_class(module, unit, node)
        elif isinstance(node, s.Lambda):
            _add_lambda(module, unit, node)
        else:
            unit.imports.append(node)
            if node.name == "*":
                unit.stars.append(node)


def _qualify(unit: Unit, name: str) -> str:
    return name if unit.kind == "module" else f"{unit.qualname}.{name}"


def _add_function(module: Module, unit: Unit, node: s.Function) -> None:
    found = survey(node.body, node.parameters, is_nesting=node.is_nesting)
    qualname = _qualify(unit, node.name)
    inner = Unit(module, unit, "function", qualname, node, node.body, None, *found.names)
    module.units.append(inner)
    module.unit_of[node] = inner
    if unit.scope is not None:
        unit.scope.methods.setdefault(node.name, []).append(inner)
    _cut(module, inner, found)


def _add_class(module: Module, unit: Unit, node: s.Class) -> None:
    found = survey(node.body)
    qualname = _qualify(unit, node.name)
    body = Unit(module, unit, "class", qualname, node, node.body, None, *found.names)
    scope = ClassScope(module, qualname, node, body)
    scope.bases = [Place("bases", scope, "") for argument in node.bases if argument.keyword is None]
    body.scope = scope
    module.units.append(body)
    module.classes.append(scope)
    module.unit_of[node] = body
    _cut(module, body, found)


def _add_lambda(module: Module, unit: Unit, node: s.Lambda) -> None:
    body: s.Body = (s.Return(node.body, node.at[0]),)
    found = survey(body, node.parameters)
    inner = Unit(module, unit, "function", _qualify(unit, "<lambda>"), node, body, None, found.names.bound, frozenset())
    module.units.append(inner)
    module.unit_of[node] = inner
    _cut(module, inner, found)


def lookup(unit: Unit, name: str) -> tuple[Unit, bool]:
    """The unit whose variable `name` means inside `unit`, and whether it is bound there (else: module level, unbound).

    Class bodies are invisible to the functions inside them, as in Python.
    """
    top = unit.module.top
    current: Unit | None = unit
    while current is not None:
        if current is unit or current.kind != "class":
            if name in current.bound:
                return current, True
            if name in current.outer and name not in current.enclosed:
                return top, True
        current = current.parent
    return top, name in top.bound or name in unit.outer


def is_special(name: str) -> bool:
    """Whether Python itself looks for methods of this name, such as `__init__`; others that begin so are private."""
    return name.startswith("__") and name.endswith("__")


def enclosing(unit: Unit) -> Iterator[Unit]:
    """The unit and everything around it, inside out."""
    current: Unit | None = unit
    while current is not None:
        yield current
        current = current.parent

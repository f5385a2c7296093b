"""Which names does a replacement replace? A string is imported to find out, as `unittest.mock` does."""

from __future__ import annotations

import builtins
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.impact import mocks
from kafka_audit.impact.bindings import Binding
from kafka_audit.impact.loading import Loader
from kafka_audit.impact.mocks import Request
from kafka_audit.impact.replacements import holds_client, overridden
from kafka_audit.impact.search_path import SearchPath
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.families import find_method
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Instance
from kafka_audit.link.reading.walk import expressions, inside, statements
from kafka_audit.link.reading.words import words


class Resolved(NamedTuple):
    """The names that are replaced, the target as text, and why it cannot be replaced."""

    bindings: tuple[Binding, ...]
    target: str
    missing: str = ""


def _is_made(node: s.Call) -> bool:
    """Whether a patch may replace what is not there: `create=True`, `raising=False`."""
    return any(
        (argument.keyword, argument.value.value) in {("create", True), ("raising", False)}
        for argument in node.arguments
        if isinstance(argument.value, s.Constant)
    )


class Patching:
    """Looks targets up in one session."""

    def __init__(self, engine: Engine, search: SearchPath, loader: Loader) -> None:
        self._engine = engine
        self._search = search
        self._loader = loader

    def resolved(self, unit: Unit, found: Request) -> Resolved:
        """What a request replaces."""
        if found.dotted:
            return self._dotted(unit, found)
        if found.double is not None:
            names = (name.rpartition(".") for name in found.double.replaces)
            bindings = tuple(Binding("library", library, name) for library, _, name in names)
            return Resolved(bindings, words(found.node.function))
        if found.owner is not None:
            target = mocks.shown(words(found.owner), found.names)
            return Resolved(mocks.bindings_in(self._engine, unit, found.owner, found.names), target)
        if found.values:
            return Resolved(tuple(Binding("env", "", name) for name in found.names), "os.environ")
        target = ", ".join(f"sys.modules[{name!r}]" for name in found.names)
        return Resolved(tuple(Binding("sys.modules", "", name) for name in found.names), target)

    def _dotted(self, unit: Unit, found: Request) -> Resolved:
        """A target that is a string: its module is imported, then its attributes are followed."""
        owner, _, name = found.dotted.rpartition(".")
        parts = owner.split(".")
        for count in range(len(parts), 0, -1):
            module_name = ".".join(parts[:count])
            path = self._loader.loaded.get(module_name) or self._path(module_name, unit)
            if path is not None:
                self._loader.load(module_name, unit, found.node.at[0])
                return self._in_module(path, parts[count:], name, found.dotted, _is_made(found.node))
        return Resolved((Binding("library", owner, name),), found.dotted)

    def _path(self, dotted: str, unit: Unit) -> str | None:
        """The file that a module which is not loaded yet is in."""
        found = self._search.find(dotted) or self._search.guess(dotted, unit.module.path)
        return found.path if found is not None else None

    def _in_module(self, path: str, inner: list[str], name: str, dotted: str, is_made: bool) -> Resolved:
        if not inner:
            return Resolved((Binding("module", path, name),), dotted, "" if is_made else self._lacks(path, name))
        module = self._engine.modules.get(path)
        values = module.top.place(inner[0]).values if module is not None else ()
        if len(inner) > 1:
            return Resolved((), dotted)
        found = tuple(b for value in values for b in mocks.binding_of(self._engine, value, name))
        return Resolved(found, dotted)

    def _lacks(self, path: str, name: str) -> str:
        """Why a module has no such name to replace; empty when it may have."""
        module = self._engine.modules.get(path)
        if module is None or module.top.stars or "__getattr__" in module.top.bound or module.facts.flaws:
            return ""
        known = (
            hasattr(builtins, name)
            or name in module.top.bound
            or name in module.top.places
            or self._engine.paths.child(path, name)
        )
        return "" if known else f"`{path}` has no `{name}`"

    def stored(self, unit: Unit, target: s.Attribute | s.Subscript) -> tuple[Binding, ...]:
        """The names that an assignment replaces."""
        match target:
            case s.Subscript(base, s.Constant(str(name))) if words(base) == "sys.modules":
                return (Binding("sys.modules", "", name),)
            case s.Attribute(s.Subscript(base, s.Constant(str(owner))), name) if words(base) == "sys.modules":
                return (Binding("library", owner, name),)
            case s.Subscript(s.Attribute(_, "environ"), s.Constant(str(name))):
                return (Binding("env", "", name),)
            case s.Subscript(s.Attribute(_, "dependency_overrides"), key):
                return tuple(overridden(self._engine, unit, key))
            case s.Attribute(base, name):
                found = mocks.bindings_in(self._engine, unit, base, (name,))
                return tuple(b for b in found if b.kind != "class" or self._is_method(b))
        return ()

    def fields(self, unit: Unit, target: s.Expr) -> tuple[Binding, ...]:
        """The fields that an assignment to one object replaces and that keep clients."""
        if not isinstance(target, s.Attribute) or not self._is_one_object(unit, target.value):
            return ()
        found = mocks.bindings_in(self._engine, unit, target.value, (target.name,))
        return tuple(b for b in found if b.kind == "class" and holds_client(self._engine, b))

    def _is_one_object(self, unit: Unit, base: s.Expr) -> bool:
        """Whether the expression is an object of a project class, the only one of it that the body makes."""
        origins = {value.origin for value in self._engine.look(unit, base) if isinstance(value, Instance)}
        if len(origins) != 1:
            return False
        (origin,) = origins
        calls = [
            part
            for statement in statements(unit.body)
            for expression in expressions(statement)
            for part in inside(expression)
            if isinstance(part, s.Call) and origin is not None and words(part.function) == words(origin.node.function)
        ]
        return len(calls) <= 1

    def _is_method(self, binding: Binding) -> bool:
        path, _, qualname = binding.owner.rpartition(":")
        module = self._engine.modules.get(path)
        scope = next((each for each in module.classes if each.qualname == qualname), None) if module else None
        return scope is not None and find_method(self._engine, scope, binding.name) is not None

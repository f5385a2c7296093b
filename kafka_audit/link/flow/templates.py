"""Methods that give what another method of their object gives: on an object of a class that overrides it, its own.

Otherwise what every class below makes would seem to be what `connect` of the base class gives to all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.families import ancestry, descendants, find_method
from kafka_audit.link.flow.scopes import ClassScope, Unit, once
from kafka_audit.link.flow.values import ClassValue, ClientObject, Instance, Place, Value
from kafka_audit.link.reading.walk import given_once, statements

DEEPEST = 3
"""Methods that give what a method gives which gives what a method gives."""


def own_results(engine: Engine, unit: Unit, receivers: Sequence[Value]) -> Values:
    """What a method gives on these objects, of all that it can give; what it gives at all if that is the same."""
    scopes = _classes(engine, unit, receivers)
    own = _on(engine, unit, scopes, DEEPEST) if scopes else None
    return engine.read(unit.result) if own is None else own


def is_template(engine: Engine, unit: Unit) -> bool:
    """Whether what a method gives depends on the class of its object."""
    asked = _asked(unit)
    below = descendants(engine, unit.method_of) if asked and unit.method_of is not None else ()
    return any(name in scope.methods for scope in below for name in asked)


def own_clients(engine: Engine, scope: ClassScope, name: str, held: Values, *, is_exact: bool) -> Values:
    """What a field can hold on objects of a class, of all that it holds on objects of any class of the family.

    Where a method of the base class fills it by a method that classes below define, or the constructors of these do,
    each of them keeps its own.
    """
    if not any(type(value) is ClientObject for value in held):
        return held
    names = _filled_by(engine, scope, name)
    own = [scope] if is_exact else [scope, *descendants(engine, scope)]
    return {value for value in held if _is_made_for(engine, value, names, own)}


def keeper(engine: Engine, place: Place, value: Value) -> ClassScope | None:
    """The class whose objects keep a client in a field: the one that makes it, where the field is a base class's."""
    owner = place.owner if isinstance(place.owner, ClassScope) else None
    maker = value.site.unit.method_of if isinstance(value, ClientObject) else None
    if owner is None or maker is None or maker is owner or maker not in descendants(engine, owner):
        return owner
    by = _name(value.site.unit)  # type: ignore[attr-defined]
    return maker if by == "__init__" or by in _filled_by(engine, owner, place.name) else owner


def _is_made_for(engine: Engine, value: Value, names: set[str], scopes: Iterable[ClassScope]) -> bool:
    """Whether objects of one of these classes have the method that made a client; another client may be anybody's."""
    unit = value.site.unit if isinstance(value, ClientObject) else None
    if unit is None or unit.method_of is None:
        return True
    if _name(unit) == "__init__":
        kin = [scope for scope in scopes if unit.method_of is scope or unit.method_of in ancestry(engine, scope)]
        return bool(kin) or not any(scope in ancestry(engine, unit.method_of) for scope in scopes)
    if _name(unit) not in names:
        return True
    return any(find_method(engine, scope, _name(unit)) is unit for scope in scopes)


def _filled_by(engine: Engine, scope: ClassScope, field: str) -> set[str]:
    """The methods of the object whose results a class or a base of it puts into a field."""
    found: set[str] = set()
    for base in ancestry(engine, scope):
        if isinstance(base, ClassScope):
            if base.filled is None:
                base.filled = {}
                for name, method in (each for units in base.methods.values() for unit in units for each in _puts(unit)):
                    base.filled.setdefault(name, set()).add(method)
            found |= base.filled.get(field, set())
    return found


def _puts(unit: Unit) -> Iterator[tuple[str, str]]:
    """The fields that a method gives what another method of the object gives, each with that method."""
    first = unit.function.parameters[0].name if unit.function is not None and unit.function.parameters else ""
    for statement in statements(unit.body):
        match statement:
            case s.Assign([s.Attribute(s.Name(name), field)], value) if name == first:
                asked = _of_self(unit, value)
                if asked:
                    yield field, asked


def _name(unit: Unit) -> str:
    return unit.function.name if unit.function is not None else ""


def _classes(engine: Engine, unit: Unit, receivers: Sequence[Value]) -> list[ClassScope]:
    """The very classes that the objects can be of; none when they can be of all that have the method."""
    if not receivers or not is_template(engine, unit):
        return []
    found: dict[ClassScope, None] = {}
    for receiver in receivers:
        match receiver:
            case Instance(scope, origin) if origin is not None or scope is not unit.method_of:
                found |= dict.fromkeys([scope] if origin is not None else [scope, *descendants(engine, scope)])
            case ClassValue(scope):
                found[scope] = None
            case _:
                return []
    return list(found)


def _on(engine: Engine, unit: Unit, scopes: Iterable[ClassScope], depth: int) -> Values | None:
    """What a method gives on objects of these very classes; None when it does not depend on the class."""
    if not is_template(engine, unit):
        return None
    own: Values = set()
    for scope in scopes:
        for name in _asked(unit):
            method = find_method(engine, scope, name)
            if method is None or method.is_generator or not depth:
                return None
            deeper = _on(engine, method, (scope,), depth - 1)
            own |= engine.read(method.result) if deeper is None else deeper
    return own


@once
def _asked(unit: Unit) -> tuple[str, ...]:
    """The methods and properties whose results are all that a method of their object gives."""
    returned = [each.value for each in statements(unit.body) if isinstance(each, s.Return)]
    names = [_of_self(unit, value) for value in returned if not isinstance(value, s.Constant | None)]
    return () if unit.function is None or "" in names else tuple(dict.fromkeys(names))


def _of_self(unit: Unit, value: s.Expr | None) -> str:
    """The name, if a value is what a method or a property of the object gives; empty for anything else."""
    first = unit.function.parameters[0].name if unit.function is not None and unit.function.parameters else ""
    match value:
        case s.Await(inner) | s.Call(s.Attribute(s.Name(), _) as inner):
            return _of_self(unit, inner)
        case s.Attribute(s.Name(name), attribute):
            return attribute if name == first else ""
        case s.Name(name) if name != first:
            given = given_once(unit.body, name)
            return _of_self(unit, given) if not isinstance(given, s.Name) else ""
    return ""

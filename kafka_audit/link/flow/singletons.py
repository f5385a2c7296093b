"""Which classes make one object, however often they are called?"""

from __future__ import annotations

from collections.abc import Set

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import attribute_of
from kafka_audit.link.flow.decorators import FLAGS
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.families import ancestry, find_method
from kafka_audit.link.flow.scopes import ClassScope, Unit, lookup
from kafka_audit.link.flow.values import ClassValue, External, FunctionValue, Origin, Unread
from kafka_audit.link.reading.walk import statements


def origin_of(engine: Engine, scope: ClassScope, node: s.Call) -> Origin:
    """The creation that a call of the class stands for: of a singleton, the first one in the code."""
    if not is_singleton(engine, scope):
        return engine.origin(node, scope)
    found = engine.singletons.get(scope)
    if found is None:
        found = engine.singletons[scope] = Origin(engine.unit, node, engine.guarded)
    elif (engine.unit.module.path, node.at) < (found.unit.module.path, found.node.at):
        found.unit, found.node, found.guarded = engine.unit, node, engine.guarded
    return found


def is_singleton(engine: Engine, scope: ClassScope) -> bool:
    """Whether `__new__`, the metaclass's `__call__` or a decorator hands out what the class keeps, or they keep."""
    made_by = find_method(engine, scope, "__new__")
    if made_by is not None and _returns_kept(made_by):
        return True
    called = (find_method(engine, meta, "__call__") for meta in _metaclasses(engine, scope))
    return any(call is not None and _returns_kept(call) for call in called) or any(
        _keeps_one(engine, scope, decorator) for decorator in scope.node.decorators
    )


def is_undecided(engine: Engine, scope: ClassScope) -> bool:
    """Whether it is not known yet what a base, a metaclass or a decorator of the class is.

    It may be in a file that is to be read first, or only not be evaluated by now.
    """
    if scope in engine.decided:
        return False
    line = [base for base in ancestry(engine, scope) if isinstance(base, ClassScope)]
    headers = [values for each in line for values in _headers(engine, each)]
    paths = {value.path for values in headers for value in values if isinstance(value, Unread)}
    engine.wanted |= paths
    if any(path not in engine.modules and path not in engine.asked for path in paths):
        return True
    if not engine.settled and not all(headers):
        engine.wait()
        return True
    engine.decided.add(scope)
    return False


def _headers(engine: Engine, scope: ClassScope) -> list[Values]:
    """What each base, the metaclass and each decorator of the class can be."""
    metaclass = [argument.value for argument in scope.node.bases if argument.keyword == "metaclass"]
    named = [_named(engine, scope, each) for each in (*metaclass, *scope.node.decorators)]
    return [*(engine.read(place) for place in scope.bases), *named]


def _keeps_one(engine: Engine, scope: ClassScope, decorator: s.Expr) -> bool:
    """Whether calls of a class with this decorator give what it made before: `@lru_cache`, `@singleton`."""
    for value in _named(engine, scope, decorator):
        match value:
            case External(dotted) if FLAGS.get(dotted.rpartition(".")[2]) == "cached":
                return True
            case ClassValue(maker):
                call = find_method(engine, maker, "__call__")
                if call is not None and _returns_kept(call):
                    return True
            case FunctionValue(unit):
                if any(inner.parent is unit and _returns_outer(inner, unit) for inner in unit.module.units):
                    return True
    return False


def _returns_outer(inner: Unit, outer: Unit) -> bool:
    """Whether a function returns what the one around it keeps: `return instances[cls]`, `return instance`."""
    names = outer.bound | {inner.function.name if inner.function is not None else ""}
    return any(
        isinstance(each, s.Return)
        and (_is_kept(each.value, names) or (isinstance(each.value, s.Name) and each.value.id in inner.outer))
        for each in statements(inner.body)
    )


def _metaclasses(engine: Engine, scope: ClassScope) -> list[ClassScope]:
    return [
        value.scope
        for base in ancestry(engine, scope)
        if isinstance(base, ClassScope)
        for argument in base.node.bases
        if argument.keyword == "metaclass"
        for value in _named(engine, base, argument.value)
        if isinstance(value, ClassValue)
    ]


def _named(engine: Engine, scope: ClassScope, expression: s.Expr) -> Values:
    """What a name in the header of a class means, or before it; of a decorator's call, what is called."""
    match expression:
        case s.Call(function):
            return _named(engine, scope, function)
        case s.Attribute(value, name):
            found = _named(engine, scope, value)
            return set().union(*(attribute_of(engine, each, name) for each in found))
        case s.Name(name) if scope.body.parent is not None:
            unit, _ = lookup(scope.body.parent, name)
            return engine.read(unit.place(name))
    return set()


def _returns_kept(unit: Unit) -> bool:
    """Whether the function returns an attribute of the class, or an item of one: `cls._instance`."""
    first = unit.function.parameters[0].name if unit.function is not None and unit.function.parameters else ""
    names = {first, *(scope.name for scope in unit.module.classes)}
    return any(isinstance(each, s.Return) and _is_kept(each.value, names) for each in statements(unit.body))


def _is_kept(value: s.Expr | None, names: Set[str]) -> bool:
    match value:
        case s.Subscript(s.Name(name), _):
            return name in names
        case s.Subscript(inner, _):
            return _is_kept(inner, names)
        case s.Attribute(s.Name(name), _):
            return name in names
    return False

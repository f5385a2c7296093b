"""Which classes make one object, however often they are called?"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.engine import Engine, Values
from kafka_audit.link.families import ancestry, find_method
from kafka_audit.link.scopes import ClassScope, Unit, lookup
from kafka_audit.link.values import ClassValue, Origin
from kafka_audit.link.walk import statements


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
    """Whether `__new__`, or the metaclass's `__call__`, hands out what the class keeps."""
    made_by = find_method(engine, scope, "__new__")
    if made_by is not None and _returns_kept(made_by):
        return True
    called = (find_method(engine, meta, "__call__") for meta in _metaclasses(engine, scope))
    return any(call is not None and _returns_kept(call) for call in called)


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
    """What a name in the header of a class means."""
    if not isinstance(expression, s.Name) or scope.body.parent is None:
        return set()
    unit, _ = lookup(scope.body.parent, expression.id)
    return engine.read(unit.place(expression.id))


def _returns_kept(unit: Unit) -> bool:
    """Whether the function returns an attribute of the class, or an item of one: `cls._instance`."""
    first = unit.function.parameters[0].name if unit.function is not None and unit.function.parameters else ""
    names = {first, *(scope.name for scope in unit.module.classes)}
    return any(isinstance(each, s.Return) and _is_kept(each.value, names) for each in statements(unit.body))


def _is_kept(value: s.Expr | None, names: set[str]) -> bool:
    match value:
        case s.Subscript(inner, _):
            return _is_kept(inner, names)
        case s.Attribute(s.Name(name), _):
            return name in names
    return False

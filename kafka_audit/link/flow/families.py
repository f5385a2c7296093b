"""Which classes stand above and below which: whose methods and fields an object of a class has."""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.catalog.clients import Client
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import ClassValue, ClientType, External, Place, Unread, Value


def ancestry(engine: Engine, scope: ClassScope) -> list[ClassScope | Client | str]:
    """The class and its bases, nearest first: project classes, clients, and dotted names of other libraries' classes.

    Depth first, each once: close enough to Python's order for finding where a method comes from.
    """
    engine.ask(scope)
    found = engine.above.get(scope)
    if found is None:
        found = engine.above[scope] = _line(engine, scope)
    return found


def _line(engine: Engine, scope: ClassScope) -> list[ClassScope | Client | str]:
    order: dict[ClassScope | Client | str, None] = {}
    stack: list[ClassScope | Client | str] = [scope]
    while stack:
        current = stack.pop()
        if current in order:
            continue
        known = engine.above.get(current) if isinstance(current, ClassScope) else None
        if known is not None:
            order.update(dict.fromkeys(known))
            continue
        order[current] = None
        if isinstance(current, ClassScope):
            stack.extend(reversed(list(_bases(current))))
    return list(order)


def _bases(scope: ClassScope) -> Iterator[ClassScope | Client | str]:
    for place in scope.bases:
        for value in sorted(place.values, key=_base_order):
            match value:
                case ClassValue(base):
                    yield base
                case ClientType(client):
                    yield client
                case External(dotted):
                    yield dotted


def _base_order(value: Value) -> tuple[int, str]:
    match value:
        case ClassValue(base):
            return (0, f"{base.module.path}:{base.qualname}")
        case ClientType(client):
            return (1, client.name)
        case External(dotted):
            return (2, dotted)
    return (3, "")


def client_base(engine: Engine, scope: ClassScope) -> Client | None:
    """The client that the class derives from, if any."""
    return next((base for base in ancestry(engine, scope) if isinstance(base, Client)), None)


def find_method(engine: Engine, scope: ClassScope, name: str) -> Unit | None:
    """The method that `name` means on an object of exactly this class, when the project defines it."""
    for base in ancestry(engine, scope):
        if isinstance(base, ClassScope) and name in base.methods:
            return base.methods[name][-1]
    return None


def descendants(engine: Engine, scope: ClassScope) -> list[ClassScope]:
    """All project classes below this one."""
    engine.ask(scope)
    found = engine.below.get(scope)
    if found is None:
        found = engine.below[scope] = _below(scope)
    return found


def _below(scope: ClassScope) -> list[ClassScope]:
    order: dict[ClassScope, None] = {}
    stack = list(scope.children)
    while stack:
        current = stack.pop()
        if current not in order:
            order[current] = None
            stack.extend(current.children)
    return list(order)


def inherit(engine: Engine, scope: ClassScope, place: Place, values: Values) -> None:
    """Let one of the bases of a class be any of these values."""
    if values <= place.values:
        return
    engine.write(place, values)
    for value in place.values:
        if isinstance(value, Unread):
            engine.wanted.add(value.path)
        parent = getattr(value, "scope", None)
        if parent is not None:
            parent.children[scope] = None
    engine.above.pop(scope, None)
    above, below = _line(engine, scope), _below(scope)
    for relative in below:
        engine.above.pop(relative, None)
        engine.seen_as.pop(relative, None)
        engine.tell(relative)
    for base in above:
        if isinstance(base, ClassScope):
            engine.below.pop(base, None)
            engine.seen_as.pop(base, None)
            engine.tell(base)
    engine.above[scope] = above

"""What goes into lists, dicts, queues and their kind, and what comes out."""

from __future__ import annotations

from collections import deque
from typing import Literal

from kafka_audit.catalog.hosts import SUPPLIERS
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import NOTHING, Arguments, Engine, Values
from kafka_audit.link.flow.scopes import lookup
from kafka_audit.link.flow.values import Container, ContainerMethod, External, Instance, Key, Manager, Text, Value
from kafka_audit.link.reading.words import words

STORES = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "extend",
        "extendleft",
        "insert",
        "put",
        "put_nowait",
        "push",
        "send_nowait",
        "set",
        "setdefault",
        "update",
    ]
)
LOADS = frozenset(["get", "get_nowait", "pop", "popitem", "popleft", "receive", "setdefault", "__getitem__"])
TAKES = frozenset(["get_nowait", "pop", "popitem", "popleft"])
VIEWS = frozenset(["copy", "items", "values"])
METHODS = (STORES | LOADS | TAKES | VIEWS).union(*map(dir, (dict, list, set, tuple, deque)))
"""What an object that is a list, a dict, a queue or their like may be asked for; other attributes it has not."""

GIVING = frozenset(SUPPLIERS.values())
"""The kinds of a dependency container's providers: objects of a library, which may be asked for anything."""

MAKERS = frozenset(
    [
        "builtins.list",
        "builtins.dict",
        "builtins.set",
        "builtins.tuple",
        "builtins.frozenset",
        "collections.deque",
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.ChainMap",
        "queue.Queue",
        "queue.LifoQueue",
        "queue.SimpleQueue",
        "queue.PriorityQueue",
        "asyncio.Queue",
        "asyncio.LifoQueue",
        "asyncio.PriorityQueue",
        "multiprocessing.Queue",
        "weakref.WeakSet",
        "weakref.WeakValueDictionary",
        "weakref.WeakKeyDictionary",
        "contextvars.ContextVar",
        "cachetools.TTLCache",
        "cachetools.LRUCache",
    ]
)


def display(engine: Engine, node: s.Sequence | s.Mapping) -> Values:
    """A list, tuple, set or dict display: an empty one may be filled later, one that holds only data is no value."""
    found = _listed(engine, node) if isinstance(node, s.Sequence) else _mapped(engine, node)
    if found and not any(is_more_than_data(iterate(engine, v) if how == "merged" else v) for how, _, v in found):
        return set()
    container = engine.container(node, node.kind if isinstance(node, s.Sequence) else "dict", 0)
    for how, key, values in found:
        if how == "merged":
            _merge(engine, container, values)
        else:
            engine.write(container.slot(key) if how == "slot" else container.rest, values)
    return {container}


_Part = tuple[Literal["slot", "rest", "merged"], Key, Values]
"""How a part of a display goes into the container, under which constant key, and what it can be."""


def _listed(engine: Engine, node: s.Sequence) -> list[_Part]:
    found: list[_Part] = []
    for index, element in enumerate(node.elements):
        if isinstance(element, s.Starred):
            found.append(("rest", None, iterate(engine, engine.evaluate(element.value))))
        else:
            found.append(("slot", index, engine.evaluate(element)))
    return found


def _mapped(engine: Engine, node: s.Mapping) -> list[_Part]:
    found: list[_Part] = []
    for entry in node.entries:
        values = engine.evaluate(entry.value)
        if entry.key is None:
            found.append(("merged", None, values))
        elif isinstance(entry.key, s.Constant):
            found.append(("slot", entry.key.value, values))
        else:
            engine.evaluate(entry.key)
            found.append(("rest", None, values))
    return found


def is_more_than_data(values: Values) -> bool:
    """Whether there is an object among the values: something else than strings and names of other libraries."""
    return any(type(value) is not External and type(value) is not Text for value in values)


def _merge(engine: Engine, container: Container, values: Values) -> None:
    """`**other` inside a display: the other's keys stay apart."""
    for value in values:
        if isinstance(value, Container):
            engine.read(value.whole)  # a new key must wake the reader
            for key, place in list(value.slots_.items()):
                engine.write(container.slot(key), place.values)
            engine.write(container.rest, value.rest.values)


def iterate(engine: Engine, values: Values) -> Values:
    """What looping over any of these values gives."""
    found: Values = set()
    for value in values:
        match value:
            case Container():
                found |= contents(engine, value)
            case Manager(unit):
                found |= engine.read(unit.yields)
            case ContainerMethod(container):
                found |= contents(engine, container)
    return found


def contents(engine: Engine, container: Container) -> Values:
    """Everything in a container."""
    return engine.read(container.whole)


def unpack(engine: Engine, values: Values, index: int) -> Values:
    """What position `index` of any of these values can be, for `a, b = values`."""
    found: Values = set()
    for value in values:
        # Pairs of `items()` and `enumerate()` are not modelled: the value may stand at any position.
        is_opaque = not isinstance(value, Container | External)
        found |= {value} if is_opaque else element_of(engine, value, index)
    return found


def element_of(engine: Engine, value: Value, key: Key) -> Values:
    """What `value[key]` gives for a constant key."""
    if isinstance(value, Container):
        if key in value.slots_:
            return engine.read(value.rest) | engine.read(value.slots_[key])
        return engine.read(value.rest) if value.kind == "tuple" and value.slots_ else contents(engine, value)
    return set()


def element_load(engine: Engine, base: s.Expr, values: Values, key: s.Expr) -> Values:
    """`base[key]`; part of a list is taken for the whole."""
    found: Values = set()
    for value in values:
        if isinstance(key, s.Slice):
            found |= {value} if isinstance(value, Container) else NOTHING
        elif isinstance(key, s.Constant):
            found |= element_of(engine, value, key.value)
        else:
            found |= iterate(engine, {value})
    implicit = engine.stand_in(_stand_in(engine, base))
    if implicit is not None:
        found |= {implicit} if isinstance(key, s.Slice) else contents(engine, implicit)
    if not found and _outside_key(key):
        found = found | engine.read(engine.outside(_outside_key(key)))
    return found


def element_store(engine: Engine, base: s.Expr, values: Values, key: s.Expr | None, stored: Values, line: int) -> None:
    """`base[key] = stored`, or any other way in when `key` is None.

    A base whose making cannot be seen (a parameter, an attribute that a library sets) still is a container: it is known
    by the place that it is kept in.
    """
    if isinstance(key, s.Slice):
        stored = iterate(engine, stored)
    if not stored:
        return
    containers = [value for value in values if isinstance(value, Container)] or _keywords(engine, base)
    name = _outside_key(key)
    if not containers and name:
        place = engine.outside(name)
        place.text = f"{words(base)}{name}"
        engine.write(place, stored)
        return
    if not containers:
        containers = [engine.container(_stand_in(engine, base), "unknown", line, words(base))]
    for container in containers:
        if isinstance(key, s.Constant):
            engine.write(container.slot(key.value), stored)
        else:
            engine.write(container.rest, stored)


def _keywords(engine: Engine, base: s.Expr) -> list[Container]:
    """The dict behind `**keywords` of the function, if the name is that: it may be filled though nobody passes any."""
    function = engine.unit.function
    for parameter in function.parameters if function is not None and isinstance(base, s.Name) else ():
        if parameter.kind == "**" and parameter.name == base.id:  # type: ignore[union-attr]  # a name, as asked above
            container = engine.container(parameter, "dict", engine.unit.line)
            engine.write(engine.unit.place(parameter.name), {container})
            return [container]
    return []


def store_under(engine: Engine, container: Container, key: str, values: Values) -> None:
    """Put values under a constant key of a known container."""
    engine.write(container.slot(key), values)


def _outside_key(key: s.Expr | None) -> str:
    """The name under which an object of another library keeps an item: `app["producer"]`, `app[PRODUCER]`."""
    if isinstance(key, s.Constant) and isinstance(key.value, str):
        return f"[{key.value!r}]"
    is_constant = isinstance(key, s.Name) and key.id.isupper()
    return f"[{key.id}]" if is_constant and isinstance(key, s.Name) else ""


def _stand_in(engine: Engine, base: s.Expr) -> object:
    """What identifies a container that is known only by where it is kept."""
    match base:
        case s.Name(name):
            unit, _ = lookup(engine.unit, name)
            return unit.place(name)
        case s.Attribute(value, name):
            owners = sorted(
                (v.scope.qualname, v.scope.module.path) for v in engine.evaluate(value) if isinstance(v, Instance)
            )
            return (owners[0] if owners else "", name)
    return base


def call_methods(engine: Engine, methods: list[ContainerMethod], arguments: Arguments, node: s.Call) -> Values:
    """A call of one method on known containers: there are many of them where data is passed around."""
    found: Values = set()
    for method in methods:
        container, name = method.container, method.name
        if name in TAKES or (name == "get" and "queue" in container.kind):
            engine.checkouts.setdefault((container, engine.unit), node)
        if name in STORES:
            _store(engine, method, arguments, node)
        if name in VIEWS:
            found.add(container)
        elif name in LOADS:
            _load_into(found, engine, method, node)
            if name in {"get", "pop"} and (len(arguments.positional) > 1 or arguments.keywords or arguments.spread):
                found.update(*arguments.all()[1:2])
    return found


def _store(engine: Engine, method: ContainerMethod, arguments: Arguments, node: s.Call) -> None:
    """A method that puts its arguments into the container."""
    container, name = method.container, method.name
    if name not in TAKES:
        engine.checkins.add((container, engine.unit))
    many = name in {"extend", "extendleft", "update"}
    keyed = name in {"setdefault", "insert"}
    key = _constant_key(node) if name == "setdefault" else None
    for index, values in enumerate(arguments.all()):
        if keyed and index == 0:
            continue
        place = container.slot(key) if key is not None else container.rest
        engine.write(place, iterate(engine, values) if many else values)
    for keyword, values in arguments.keywords.items() if many else ():
        engine.write(container.slot(keyword), values)


def _load_into(found: Values, engine: Engine, method: ContainerMethod, node: s.Call) -> None:
    """A method that gives what is in the container: under a constant key, when it names one."""
    container = method.container
    named = container.kind == "dict" and method.name in {"get", "pop", "setdefault"}
    key = _constant_key(node) if named else None
    if key is not None and key in container.slots_:
        found |= engine.read(container.slots_[key])
        found |= engine.read(container.rest)
    else:
        found |= contents(engine, container)


def _constant_key(node: s.Call) -> str | None:
    first = node.arguments[0].value if node.arguments else None
    return first.value if isinstance(first, s.Constant) and isinstance(first.value, str) else None

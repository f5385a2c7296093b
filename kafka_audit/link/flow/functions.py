"""What single functions of the standard library, and of libraries of its kind, give: each by its dotted name."""

from __future__ import annotations

from collections.abc import Callable

from kafka_audit.catalog.hosts import REGISTER
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.attributes import KEPT_BY_NAME, kept_by_name
from kafka_audit.link.flow.by_name import read_by_name, write_by_name
from kafka_audit.link.flow.containers import iterate, store_under
from kafka_audit.link.flow.engine import Arguments, Engine, Values
from kafka_audit.link.flow.handover import hand_over
from kafka_audit.link.flow.imports import import_dotted
from kafka_audit.link.flow.provision import inner_container, later
from kafka_audit.link.flow.scopes import enclosing
from kafka_audit.link.flow.values import (
    RECORD,
    ClassValue,
    ClientObject,
    ClientType,
    Closing,
    Instance,
    Partial,
    Place,
    Super,
    Text,
)
from kafka_audit.link.reading.words import words

Handler = Callable[[Engine, s.Call, Arguments], Values]


def _partial(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    # `call = partial(call, x)` in a loop would wrap itself ever deeper.
    inner = {
        value.callee if isinstance(value, Partial) and value.node is node else value
        for value in arguments.get(0, "func")
    }
    return {engine.intern(Partial, callee, node, engine.unit) for callee in inner}


def _closing(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return {engine.intern(Closing, inner, "close") for inner in arguments.get(0, "thing")}


def _aclosing(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return {engine.intern(Closing, inner, "aclose") for inner in arguments.get(0, "thing")}


def _not_closing(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return {engine.intern(Closing, inner, "") for inner in arguments.get(0, "enter_result")}


def _type(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`type(x)`: the class of an object of the project."""
    return {engine.class_value(value.scope) for value in arguments.get(0) if isinstance(value, Instance)}


def _next(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return iterate(engine, arguments.get(0)) | arguments.get(1)


def _import_module(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    found: Values = set()
    for value in arguments.get(0, "modname" if "modname" in arguments.keywords else "name"):
        if isinstance(value, Text):
            found |= import_dotted(engine, value.text)
    return found


def _super(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    for unit in enclosing(engine.unit):
        scope = unit.method_of
        if scope is not None and unit.function is not None and unit.function.parameters:
            receivers = engine.read(unit.place(unit.function.parameters[0].name))
            kept = {v for v in receivers if isinstance(v, ClientObject | Instance | ClassValue)}
            return {engine.intern(Super, scope, receiver) for receiver in kept}
    return set()


def _new(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`object.__new__(cls)`: the object that a singleton keeps."""
    return {engine.instance(value.scope) for value in arguments.get(0) if isinstance(value, ClassValue)}


def _field(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """A dataclass field: its default, or what its factory will give for each object."""
    engine.per_object.add(node)
    factories = arguments.keywords.get("default_factory", set()) | arguments.keywords.get("factory", set())
    return arguments.keywords.get("default", set()) | later(engine, node, factories)


def _factory(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """The default of a field of attrs: what the factory will give for each object."""
    engine.per_object.add(node)
    return later(engine, node, arguments.get(0, "factory"))


def _namespace(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`SimpleNamespace(producer=p)`: an object with these attributes, as if they were assigned."""
    for name, values in arguments.keywords.items():
        place = engine.outside(name)
        engine.write(place, values)
        engine.note_written(place, name)
    return set()


def _named_tuple(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`Entry(producer=p)` of `Entry = namedtuple(...)`: a record, whose parts are its attributes."""
    container = engine.container(node, RECORD, node.at[0])
    for values in arguments.positional:
        engine.write(container.rest, values)
    for name, values in arguments.keywords.items():
        store_under(engine, container, name, values)
    return {container}


def _globals(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return {engine.module(engine.unit.module)}


def _locals(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`locals()` and `vars()`: whoever gets it gets every object that the function has a name for."""
    if not arguments.positional:
        every = [engine.read(place) for place in list(engine.unit.places.values())]
        hand_over(engine, "?", node, Arguments(every))
    return set()


def _extreme(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return set().union(*arguments.all(), *(iterate(engine, values) for values in arguments.positional))


def _map(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """`map(f, items)`: `f` is called here, with each item."""
    container = engine.container(node, "list", node.at[0])
    items = Arguments([iterate(engine, values) for values in arguments.positional[1:]])
    for callee in arguments.get(0):
        engine.write(container.rest, engine.apply(callee, node, items))
    return {container}


def _register(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """punq's `container.register(Outbox, instance=outbox)` or `(Outbox, make_outbox)`: what `resolve` is to give."""
    hand_over(engine, REGISTER, node, arguments)
    given, service = arguments.keywords.get("instance", set()), arguments.get(0, "service")
    makers = arguments.get(1, "factory") or service
    # A client's class is a reference here: no line of the project constructs it.
    made = given or later(engine, node, {maker for maker in makers if not isinstance(maker, ClientType)})
    keeper = node.function.value if isinstance(node.function, s.Attribute) else node.function
    for place in _services(engine, service):
        engine.write(place, made)
        engine.note_written(place, f"{words(keeper)}[{place.name.rpartition('.')[2].strip('[]')}]")
    return set()


def _resolve(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return set().union(*(engine.read(place) for place in _services(engine, arguments.get(0, "service_key"))))


def _services(engine: Engine, keys: Values) -> list[Place]:
    """Where a container keeps what is registered under a class."""
    names = {value.client.name for value in keys if isinstance(value, ClientType)}
    names |= {f"{v.scope.module.path}:.{v.scope.qualname}" for v in keys if isinstance(v, ClassValue)}
    return [engine.outside(f"[{name}]") for name in sorted(names)]


def _kept_by_name(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    return kept_by_name(engine, arguments)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(KEPT_BY_NAME, _kept_by_name),
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "contextlib.closing": _closing,
    "contextlib.aclosing": _aclosing,
    "contextlib.nullcontext": _not_closing,
    "collections.namedtuple()": _named_tuple,
    "builtins.type": _type,
    "builtins.getattr": read_by_name,
    "builtins.setattr": write_by_name,
    "builtins.object.__setattr__": write_by_name,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.min": _extreme,
    "builtins.max": _extreme,
    "builtins.map": _map,
    "builtins.super": _super,
    "builtins.object.__new__": _new,
    "builtins.globals": _globals,
    "builtins.locals": _locals,
    "builtins.vars": _locals,
    "itertools.chain.from_iterable": _next,
    "random.choice": _next,
    "secrets.choice": _next,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    REGISTER: _register,
    "punq.Container().resolve": _resolve,
    "dependency_injector.providers.Container": inner_container,
    "builtins.__import__": _import_module,
    "importlib.import_module": _import_module,
    "pytest.importorskip": _import_module,
    "dataclasses.field": _field,
    "attr.ib": _field,
    "attr.attrib": _field,
    "attr.Factory": _factory,
    "attrs.Factory": _factory,
    "attrs.field": _field,
    "attr.field": _field,
    "pydantic.Field": _field,
    "pydantic.PrivateAttr": _field,
}

"""What calling something gives, and what the call does to the objects involved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kafka_audit.catalog.clients import Client
from kafka_audit.catalog.driving import driver_named
from kafka_audit.catalog.hosts import container_of
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.aliases import given_back
from kafka_audit.link.flow.attributes import attribute_of
from kafka_audit.link.flow.callees import steps_of
from kafka_audit.link.flow.containers import GIVING, STORES, call_methods, contents, element_store
from kafka_audit.link.flow.engine import Arguments, Calling, Engine, Values
from kafka_audit.link.flow.events import client_of, note_client_event
from kafka_audit.link.flow.externals import LOGS, OFFLOADS, THROUGH_METHODS, call_external, driven, mark_run
from kafka_audit.link.flow.families import ancestry, client_base, find_method
from kafka_audit.link.flow.futures import waited_for
from kafka_audit.link.flow.handover import hand_over, has_news
from kafka_audit.link.flow.passing import bind, gather
from kafka_audit.link.flow.runners import mark_handed
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.singletons import is_undecided, origin_of
from kafka_audit.link.flow.templates import own_results
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClassValue,
    ClientMethod,
    ClientObject,
    ClientType,
    Container,
    ContainerMethod,
    External,
    FunctionValue,
    Instance,
    Manager,
    Partial,
    Site,
    Unread,
    Value,
)
from kafka_audit.link.reading.walk import expressions, inside, statements


def evaluate_call(engine: Engine, node: s.Call) -> Values:
    """Everything the call can give."""
    callees = engine.evaluate(node.function)
    arguments = gather(engine, node)
    waited = waited_for(engine, node.function)
    if waited:
        return waited
    if not callees:
        return _call_unknown(engine, node, arguments)
    if len(callees) == 1:
        (only,) = callees  # as nearly always
        return apply(engine, only, node, arguments)
    containers, steps = steps_of(callees)
    found = call_methods(engine, containers, arguments, node) if containers else set()
    for callee, receivers in steps:
        if receivers:
            found |= invoke(engine, callee.unit, node, arguments, receivers)  # type: ignore[attr-defined]
        else:
            found |= apply(engine, callee, node, arguments)
    return found


def apply(engine: Engine, callee: Value, node: s.Call, arguments: Arguments) -> Values:
    """What calling one value gives."""
    call = _APPLY.get(type(callee))
    return call(engine, callee, node, arguments) if call is not None else set()


def _call_client_type(engine: Engine, callee: ClientType, node: s.Call, arguments: Arguments) -> Values:
    return {construct_client(engine, callee.client, node)} if callee.client.role != "framework" else set()


def _call_class(engine: Engine, callee: ClassValue, node: s.Call, arguments: Arguments) -> Values:
    return {construct(engine, callee.scope, node, arguments)} if not is_undecided(engine, callee.scope) else set()


def _call_function(engine: Engine, callee: FunctionValue, node: s.Call, arguments: Arguments) -> Values:
    return invoke(engine, callee.unit, node, arguments)


def _call_bound(engine: Engine, callee: BoundMethod, node: s.Call, arguments: Arguments) -> Values:
    return invoke(engine, callee.unit, node, arguments, [callee.receiver])


def _call_container(engine: Engine, callee: ContainerMethod, node: s.Call, arguments: Arguments) -> Values:
    return call_methods(engine, [callee], arguments, node)


def _call_supplier(engine: Engine, callee: Container, node: s.Call, arguments: Arguments) -> Values:
    """A call of a dependency container's provider."""
    return contents(engine, callee) if callee.kind in GIVING else set()


def _call_partial(engine: Engine, callee: Partial, node: s.Call, arguments: Arguments) -> Values:
    early = gather(engine, callee.node)
    merged = Arguments(early.positional[1:] + arguments.positional, early.keywords | arguments.keywords)
    return apply(engine, callee.callee, node, merged)


def _call_library(engine: Engine, callee: External, node: s.Call, arguments: Arguments) -> Values:
    return call_external(engine, callee, node, arguments)


def _call_instance(engine: Engine, callee: Instance, node: s.Call, arguments: Arguments) -> Values:
    called = attribute_of(engine, callee, "__call__")
    return set().union(*(apply(engine, v, node, arguments) for v in called if isinstance(v, BoundMethod)))


def _call_unread(engine: Engine, callee: Unread, node: s.Call, arguments: Arguments) -> Values:
    """A call of a project function in a file that was not read: it matters when it is given something that does."""
    given = {value for values in arguments.all() for value in values}
    if any(
        isinstance(value, ClientObject | ClientType)
        or _is_container(value)
        or _owns(engine, value)
        or _gives(engine, value)
        for value in given
    ):
        engine.wanted.add(callee.path)
        return set()  # what it gives is known once the file is read
    if not engine.settled and has_news(arguments):
        engine.wait()  # the objects may not have their clients yet
    return hand_over(engine, "?", node, arguments)


def _owns(engine: Engine, value: Value) -> bool:
    """Whether it is an object that keeps a client itself."""
    if not isinstance(value, Instance):
        return False
    engine.ask((ClientObject, value.scope))
    return value.scope in engine.keeping


def _gives(engine: Engine, value: Value) -> bool:
    """Whether it is a function that gives a client when it is called: `retry(connect)`."""
    match value:
        case Partial(inner):
            return isinstance(inner, ClientType) or _gives(engine, inner)
        case FunctionValue(unit) | BoundMethod(unit):
            return any(isinstance(each, ClientObject) for each in engine.read(unit.result))
    return False


def _is_container(value: Value) -> bool:
    """Whether it is a dependency container, which makes clients and ends them."""
    return isinstance(value, External) and value.made is not None and container_of(value.made.name) is not None


def _call_unknown(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """A call of something unknown: its arguments are handed over, and it may give them back."""
    if not engine.settled:
        if has_news(arguments) or _says_more(engine, node.function):
            engine.wait()
        return set()
    if isinstance(node.function, s.Attribute):
        if node.function.name in STORES:
            stored: Values = {v for values in arguments.all() for v in values if isinstance(v, ClientObject | Instance)}
            receiver = engine.evaluate(node.function.value)
            element_store(engine, node.function.value, receiver, None, stored, node.at[0])
        if node.function.name in engine.catalogue.releases:  # it may be the release that is missing elsewhere
            engine.note_loose(_last_name(node.function.value), node)
        if node.function.name in LOGS:
            return set()
        if node.function.name in OFFLOADS:
            return call_external(engine, External(f"?.{node.function.name}"), node, arguments)
        if node.function.name in THROUGH_METHODS:
            mark_run(engine, node, f"?.{node.function.name}")
    given = hand_over(engine, "?", node, arguments)
    if isinstance(node.function, s.Name) and driver_named(node.function.id) is not None:
        given |= driven(engine, node.function.id, arguments)  # `aiohttp_client(app)`: a fixture of a plugin
    return given


def _says_more(engine: Engine, function: s.Expr) -> bool:
    """Whether the name of something unknown means something, whatever it is given."""
    if isinstance(function, s.Name):
        return driver_named(function.id) is not None
    return isinstance(function, s.Attribute) and (
        function.name in engine.catalogue.releases or function.name in OFFLOADS or function.name in THROUGH_METHODS
    )


def _last_name(receiver: s.Expr) -> str:
    """The name that the code has for an object: of `(await container.producer()).stop()`, `producer`."""
    match receiver:
        case s.Name(name) | s.Attribute(_, name):
            return name
        case s.Call(function=function) | s.Await(function):
            return _last_name(function)
    return ""


def construct_client(
    engine: Engine, client: Client, node: s.Call, scope: ClassScope | None = None, via: tuple[str, ...] = ()
) -> Value:
    """The client that this call creates."""
    site = engine.sites.get((node, client.name))
    if site is None:
        site = Site(engine.unit, node, client, scope, via, engine.guarded)
        engine.sites[node, client.name] = site
    return engine.intern(ClientObject, site)


def construct(engine: Engine, scope: ClassScope, node: s.Call, arguments: Arguments) -> Value:
    """The object that calling a project class creates: a client when the class is one, by inheritance."""
    client = client_base(engine, scope)
    made: Value
    if client is not None and client.role == "framework":
        made = engine.instance(scope, engine.origin(node, scope))
    elif client is not None and runs_client_init(engine, scope):
        line = ancestry(engine, scope)
        before = line[: line.index(client)]
        via = tuple(base.name for base in before if isinstance(base, ClassScope) and client in ancestry(engine, base))
        made = construct_client(engine, client, node, scope, via)
    else:
        made = engine.instance(scope, origin_of(engine, scope, node))
    init = find_method(engine, scope, "__init__")
    if init is not None:
        invoke(engine, init, node, arguments, [made])
    else:
        _fill_fields(engine, scope, arguments)
    for name in ("__new__", "__post_init__"):
        extra = find_method(engine, scope, name)
        if extra is not None:
            receiver = made if name == "__post_init__" else engine.class_value(scope)
            invoke(engine, extra, node, Arguments(), [receiver])
    return made


def runs_client_init(engine: Engine, scope: ClassScope) -> bool:
    """Whether creating an object of this subclass runs the client's constructor.

    A test double derives from the client for its type only: it defines `__init__` and never calls the inherited one.
    """
    for base in ancestry(engine, scope):
        if isinstance(base, Client):
            return True
        if (
            isinstance(base, ClassScope)
            and "__init__" in base.methods
            and not _calls_init(base.methods["__init__"][-1])
        ):
            return False
    return True


def _calls_init(init: Unit) -> bool:
    for statement in statements(init.body):
        for expression in expressions(statement):
            for part in inside(expression):
                if isinstance(part, s.Attribute) and part.name == "__init__":
                    return True
    return False


def _fill_fields(engine: Engine, scope: ClassScope, arguments: Arguments) -> None:
    """A class without `__init__` of its own (a dataclass, a model): its fields take the arguments in order."""
    names = [
        target.id
        for base in reversed([base for base in ancestry(engine, scope) if isinstance(base, ClassScope)])
        for statement in base.node.body
        if isinstance(statement, s.Assign) and (statement.annotation is not None or _makes_field(statement.value))
        for target in statement.targets
        if isinstance(target, s.Name)
    ]
    for name, values in zip(names, arguments.positional, strict=False):
        engine.write(engine.field(scope, name), values)
    for name, values in arguments.keywords.items():
        if name in names:
            engine.write(engine.field(scope, name), values)


def _makes_field(value: s.Expr | None) -> bool:
    """Whether the value says that the name is a field, as attrs has it where nothing is annotated: `attr.ib()`."""
    match value:
        case s.Call(s.Name(name) | s.Attribute(_, name)):
            return name in {"ib", "attrib", "field"}
    return False


def invoke(engine: Engine, unit: Unit, node: Calling, arguments: Arguments, receivers: Sequence[Value] = ()) -> Values:
    """Call a project function, a method on each of `receivers`: hand it its arguments, and take its result."""
    engine.note_call(node, unit, receivers or (None,))
    mark_handed(engine, unit, node, is_bound=bool(receivers) and not engine.flagged(unit, "static"))
    bind(engine, unit, arguments, receivers)
    if engine.flagged(unit, "manager") or unit.is_generator:
        return {engine.intern(Manager, unit)}
    found = given_back(engine, unit, own_results(engine, unit, receivers), arguments, receivers)
    itself: Values = {value for value in found if type(value) is Instance and value.origin is None}
    return _with_receivers(engine, found, itself, receivers) if itself and receivers else found


def _with_receivers(engine: Engine, found: Values, itself: Values, receivers: Sequence[Value]) -> Values:
    """The result of a method: `return self` gives back the very object that the method was called on."""
    given: Values = set()
    always = itself
    for receiver in receivers:
        own: Values = set()
        if isinstance(receiver, Instance) and receiver.origin is not None:
            line = ancestry(engine, receiver.scope)
            own = {value for value in itself if value.scope in line}  # type: ignore[attr-defined]
        always = always & own
        if own:
            given.add(receiver)
    return (found - always) | given


def call_client(engine: Engine, method: ClientMethod, node: s.Call, arguments: Arguments) -> Values:
    """A method call on a client."""
    receiver, name = method.receiver, method.name
    note_client_event(engine, receiver, name, node, "call")
    hand_over(engine, f"{client_of(receiver).name}.{name}", node, arguments)
    return {receiver} if name in {"__aenter__", "__enter__", "start"} else set()


def apply_bound(engine: Engine, callee: Value, node: Calling) -> Values:
    """Call a bound method without arguments, as `with` and exit stacks do."""
    if not isinstance(callee, BoundMethod):
        return set()
    return invoke(engine, callee.unit, node, Arguments(), [callee.receiver])


_APPLY: dict[type, Callable[[Engine, Any, s.Call, Arguments], Values]] = {
    BoundMethod: _call_bound,
    ClassValue: _call_class,
    Container: _call_supplier,
    ClientMethod: call_client,
    ClientType: _call_client_type,
    ContainerMethod: _call_container,
    External: _call_library,
    FunctionValue: _call_function,
    Instance: _call_instance,
    Partial: _call_partial,
    Unread: _call_unread,
}

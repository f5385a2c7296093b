"""What providers give: the parameters that frameworks fill in, and the objects that dependency containers make."""

from __future__ import annotations

from kafka_audit.catalog.clients import Client
from kafka_audit.catalog.hosts import SUPPLIERS, provides
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.containers import MAKERS, iterate
from kafka_audit.link.flow.engine import Arguments, Engine, Values
from kafka_audit.link.flow.handover import hand_over
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClassValue,
    ClientObject,
    ClientType,
    Container,
    External,
    ForeignClient,
    FunctionValue,
    Instance,
    Manager,
    Unread,
)
from kafka_audit.link.reading.context import context_of


def later(engine: Engine, node: s.Call, factories: Values, arguments: Arguments | None = None) -> Values:
    """What factories give that are called later, not where they are named."""
    before, engine.guarded = engine.guarded, True
    found: Values = set()
    for factory in factories:
        if isinstance(factory, ClientType | ClassValue | FunctionValue | BoundMethod):
            found |= engine.apply(factory, node, arguments or Arguments())
        elif isinstance(factory, External) and factory.dotted in MAKERS:
            found.add(engine.container((node, factory.dotted), factory.dotted.rpartition(".")[2].lower(), node.at[0]))
    engine.guarded = before
    return found


def provide(engine: Engine, dotted: str, node: s.Call, arguments: Arguments) -> Values:
    """A parameter default such as `Depends(get_producer)`: the parameter is what the provider returns or yields."""
    hand_over(engine, dotted, node, arguments)
    given = arguments.get(0, "dependency")
    return _yielded(engine, later(engine, node, given)) | {v for v in given if isinstance(v, ClientObject | Instance)}


def _yielded(engine: Engine, results: Values) -> Values:
    """What functions give to whom they provide for: of a generator, what it yields."""
    found: Values = set()
    for result in results:
        found |= engine.read(result.unit.yields) if isinstance(result, Manager) else {result}
    return found


def supply(engine: Engine, dotted: str, node: s.Call, arguments: Arguments) -> Values:
    """`providers.Singleton(connect, servers)`: an object that gives, when it is called, what `connect` makes.

    A client's class among such arguments is a reference: no line of the project constructs it.
    """
    hand_over(engine, dotted, node, Arguments(arguments.positional[:1]))
    supplier = engine.container(node, SUPPLIERS[dotted], node.at[0])
    supplied = {name: _supplied(engine, values) for name, values in arguments.keywords.items()}
    rest = Arguments([_supplied(engine, values) for values in arguments.positional[1:]], supplied)
    factories = arguments.get(0, "provides")
    clients: Values = {engine.foreign(value.client) for value in factories if isinstance(value, ClientType)}
    makers: Values = {value for value in factories if not isinstance(value, ClientType)}
    if any(isinstance(value, ClientObject | Instance | ForeignClient) for values in rest.all() for value in values):
        # A class in a file of its own, which imports nothing of Kafka, is what uses the objects that it is given.
        engine.wanted.update(value.path for value in makers if isinstance(value, Unread))
    engine.write(supplier.rest, clients | _yielded(engine, later(engine, node, makers, rest)))
    return {supplier}


def _supplied(engine: Engine, values: Values) -> Values:
    """An argument as the function gets it: a provider among the arguments is called."""
    suppliers: Values = {v for v in values if isinstance(v, Container) and v.kind in {"supplier", "factory"}}
    return values - suppliers | iterate(engine, suppliers)


def asked(engine: Engine, callee: External, node: s.Call, arguments: Arguments) -> Values:
    """`container.get(Outbox)`: an object of the class that a dependency container is asked for."""
    engine.hosting.asked.setdefault((callee.made, node), engine.unit)
    found: Values = set()
    for value in arguments.get(0):
        match value:
            case ClassValue(scope):
                found.add(engine.instance(scope))
            case ClientType(client):
                found |= {engine.foreign(client)} | _provided(engine, client)
    return found


def _provided(engine: Engine, client: Client) -> Values:
    """The clients of a class that providers in the files around return; what they yield, the container ends itself."""
    if not engine.settled:
        engine.wait()
        return set()
    here, is_test = engine.related.group(engine.unit.module.path), context_of(engine.unit.module.path) == "test"
    results = [
        engine.read(unit.result)
        for unit, given in engine.registrations.items()
        if any(provides(each.target, each.select) for each in given.values())
        and engine.related.group(unit.module.path) == here
        and (is_test or context_of(unit.module.path) != "test")
    ]
    return {v for values in results for v in values if isinstance(v, ClientObject) and v.site.client == client}


def inner_container(engine: Engine, node: s.Call, arguments: Arguments) -> Values:
    """A container inside another one: its providers are read off its class."""
    return {value for value in arguments.get(0, "container_cls") if isinstance(value, ClassValue)}

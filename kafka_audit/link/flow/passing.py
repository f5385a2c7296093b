"""What a call passes, and which parameters of the function get it: now, or when somebody calls that later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kafka_audit.catalog.runners import NAMED, TAKE_A_LIST
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.containers import contents, element_of, iterate, store_under
from kafka_audit.link.flow.engine import Arguments, Engine, Values
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import BoundMethod, Container, FunctionValue, Instance, Partial, Value


def gather(engine: Engine, node: s.Call) -> Arguments:
    """Evaluate the arguments of a call."""
    arguments = Arguments()
    for argument in node.arguments:
        values = engine.evaluate(argument.value)
        if argument.star == "*":
            arguments.spread = arguments.spread | iterate(engine, values)
        elif argument.star == "**":
            spread_keywords(engine, arguments, values)
        elif argument.keyword is not None:
            arguments.keywords[argument.keyword] = values
        else:
            arguments.positional.append(values)
    return arguments


def spread_keywords(engine: Engine, arguments: Arguments, values: Values) -> None:
    """Add what is under a constant key of a dict, as `**values` does."""
    for value in values:
        if isinstance(value, Container):
            engine.read(value.whole)  # a new key must wake the reader
            for key, place in list(value.slots_.items()):
                if isinstance(key, str):
                    arguments.keywords.setdefault(key, place.values)


def bind(engine: Engine, unit: Unit, arguments: Arguments, receivers: Sequence[Value] = ()) -> None:
    """Give the parameters of a function what a call passes; `receivers` are the objects that it is called on."""
    parameters = unit.node.parameters if isinstance(unit.node, s.Function | s.Lambda) else ()
    plain = [p for p in parameters if p.kind == "positional"]
    if receivers and plain and not engine.flagged(unit, "static"):
        # `self` stands for any object of the class; only clients keep their identity, there are few of them.
        special = {receiver for receiver in receivers if not isinstance(receiver, Instance)}
        if special:
            engine.write(unit.place(plain[0].name), special)
        plain = plain[1:]
    for parameter, values in zip(plain, arguments.positional, strict=False):
        engine.write(unit.place(parameter.name), values)
    rest = next((p for p in parameters if p.kind == "*"), None)
    for values in arguments.positional[len(plain) :] if rest else ():
        _write_rest(engine, unit, rest, values)  # type: ignore[arg-type]
    if arguments.spread:
        for parameter in plain[len(arguments.positional) :]:
            engine.write(unit.place(parameter.name), arguments.spread)
        if rest is not None:
            _write_rest(engine, unit, rest, arguments.spread)
    if arguments.keywords:
        _bind_keywords(engine, unit, parameters, arguments)


def _bind_keywords(engine: Engine, unit: Unit, parameters: tuple[s.Parameter, ...], arguments: Arguments) -> None:
    names = {p.name for p in parameters if p.kind in {"positional", "keyword"}}
    double = next((p for p in parameters if p.kind == "**"), None)
    for name, values in arguments.keywords.items():
        if name in names:
            engine.write(unit.place(name), values)
        elif double is not None and values:
            container = engine.container(double, "dict", unit.line)
            engine.write(unit.place(double.name), {container})
            store_under(engine, container, name, values)


def _write_rest(engine: Engine, unit: Unit, rest: s.Parameter, values: Values) -> None:
    container = engine.container(rest, "arguments", unit.line)
    engine.write(container.rest, values)
    engine.write(unit.place(rest.name), {container})


def bind_later(engine: Engine, target: str, arguments: Arguments) -> set[str | int]:
    """Give the functions among the arguments what `target` is to call them with.

    `submit(work, producer)`: what follows the function, and what is named like its parameters. `Thread(target=work,
    args=(producer,))`: what these hold, and so it is with whatever else knows arguments under such names. Returns the
    arguments, by name or position, that are for the functions and not for the target.
    """
    named = NAMED & arguments.keywords.keys()
    is_list = target.rpartition(".")[2] in TAKE_A_LIST
    found: set[str | int] = set()
    for index, values in enumerate((*arguments.positional, *arguments.keywords.values())):
        for callee in values:
            if not isinstance(callee, FunctionValue | BoundMethod | Partial):
                continue
            rest = arguments.positional[index + 1 :]
            if named:
                every, own = _held(engine, arguments), set[str | int](named)
            elif is_list:
                every, own = _listed_in(engine, rest[:1]), {index + 1}
            else:
                every, own = [Arguments(rest, arguments.keywords, arguments.spread)], set()
            for passed in every:
                found |= own if _bind_to(engine, callee, passed) else set()
    return found


def _bind_to(engine: Engine, callee: Value, arguments: Arguments) -> bool:
    """Give a function, or what is in a partial one, its arguments; whether there is such a function."""
    match callee:
        case Partial(inner, node):
            early = gather(engine, node)
            positional = early.positional[1:] + arguments.positional
            return _bind_to(engine, inner, Arguments(positional, early.keywords | arguments.keywords))
        case FunctionValue(unit):
            bind(engine, unit, arguments)
        case BoundMethod(unit, receiver):
            bind(engine, unit, arguments, (receiver,))
        case _:
            return False
    return True


def _held(engine: Engine, arguments: Arguments) -> list[Arguments]:
    """What `args` and `kwargs` hold."""
    named = Arguments()
    spread_keywords(engine, named, arguments.keywords.get("kwargs", set()))
    lists = _listed_in(engine, [arguments.keywords.get("args", set())])
    return [replace(each, keywords=named.keywords) for each in lists] or [named]


def _listed_in(engine: Engine, values: list[Values]) -> list[Arguments]:
    """The elements of lists or tuples as arguments."""
    found = []
    for container in (v for each in values for v in each if isinstance(v, Container)):
        contents(engine, container)  # a new element must wake the reader
        count = sum(isinstance(key, int) for key in container.slots_)
        listed = [element_of(engine, container, key) for key in range(count)]
        found.append(Arguments(listed, {}, engine.read(container.rest)))
    return found

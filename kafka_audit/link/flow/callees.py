"""What a call calls when its callee can be several things: each function once, in a fixed order."""

from __future__ import annotations

from kafka_audit.catalog.hooks import hooks_for
from kafka_audit.facts.schema import At
from kafka_audit.link.flow.engine import Values
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClassValue,
    ClientMethod,
    ClientObject,
    ClientType,
    ContainerMethod,
    External,
    FunctionValue,
    Value,
)

MOST_FOREIGN = 4
"""More library functions than this at one call are a sign of mocks: the call is told of one of them, and of hooks."""


def steps_of(callees: Values) -> tuple[list[ContainerMethod], list[tuple[Value, list[Value]]]]:
    """The methods of containers; and all other callees in a fixed order, a method once with all its receivers."""
    containers: list[ContainerMethod] = []
    methods: dict[Unit, tuple[Value, list[Value]]] = {}
    others: list[Value] = []
    for callee in callees:
        match callee:
            case ContainerMethod():
                containers.append(callee)
            case BoundMethod(unit, receiver):
                methods.setdefault(unit, (callee, []))[1].append(receiver)
            case _:
                others.append(callee)
    steps = [*methods.values(), *((callee, list[Value]()) for callee in _told(others))]
    if len(steps) > 1:
        steps.sort(key=lambda step: _callee_order(step[0]))
    return containers, steps


def _told(callees: list[Value]) -> list[Value]:
    """The callees without most library functions when these are many.

    Handing the same arguments to many library functions says no more than to one, unless one is a hook.
    """
    foreign = sorted((callee for callee in callees if isinstance(callee, External)), key=_callee_order)
    if len(foreign) <= MOST_FOREIGN:
        return callees
    told = {callee for callee in foreign if hooks_for(callee.dotted)} or set(foreign[:1])
    return [callee for callee in callees if not isinstance(callee, External) or callee in told]


def _callee_order(callee: Value) -> str:
    """A fixed order for calls that can reach several functions: which one is met first shows in the evidence."""
    match callee:
        case FunctionValue(unit) | BoundMethod(unit):
            return f"{unit.module.path}:{unit.qualname}"
        case ClassValue(scope):
            return f"{scope.module.path}:{scope.qualname}"
        case ClientType(client):
            return client.name
        case External(dotted, made):
            return f"{dotted}:{made.order}" if made is not None else dotted
        case ClientMethod(receiver, name):
            site = receiver.site if isinstance(receiver, ClientObject) else None
            return f"{name}:{site.unit.module.path}:{_written(site.node.at)}" if site else name
    return ""


def _written(at: At) -> str:
    """Where something starts, in letters that sort as the numbers do."""
    return "{:08}:{:08}".format(*at)

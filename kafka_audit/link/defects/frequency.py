"""How often does a function run: once in a process, or whenever something comes?"""

from __future__ import annotations

from kafka_audit.catalog.runners import STARTERS
from kafka_audit.facts import schema as s
from kafka_audit.link.defects.kept import is_once
from kafka_audit.link.flow.scopes import Unit, lookup
from kafka_audit.link.lives.life import Lives
from kafka_audit.link.reach.entries import Edge, Entry
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import holds, statements

REQUEST_HANDLERS = frozenset({"get", "post", "put", "patch", "delete", "route", "websocket", "api_route"})
"""Decorators of web libraries: the function runs for every request, a plain one in several threads at once."""

HANDLERS = REQUEST_HANDLERS | {"task", "shared_task", "subscriber", "on_message", "agent"}
"""Decorators of web and task libraries: the function runs for every request, message or task."""

PROGRAMS = frozenset({"main", "import", "name"})
"""The kinds of entry by which a file among tests that no runner collects is run."""


def runs_often(lives: Lives, unit: Unit, *, beginnings: bool = True) -> bool:
    """Whether anything but a program that runs once leads to the function, or a loop that does not end calls it.

    The start of an application counts unless `beginnings` is false: a server goes on after it, but calls it once only.

    That a called function stands in a container as well says nothing: that is how its caller got it. Nor does an
    unknown decorator around one (`@timeout(5)`): what it makes of the function is what the caller calls.
    """
    if any(_is_called_for_ever(edge) for edge in lives.reach.incoming.get(unit, ())):
        return True
    entries = lives.reach.entries(unit, tests=False)
    return any(
        not is_once(lives, entry)
        and not (entry.kind == "reference" and entry.unit in lives.reach.incoming)
        and not _is_wrapped(lives, entry)
        and not _is_started_once(lives, entry)
        and not _stands_for_another(lives, entry, unit)
        and not _is_made_by_application(lives, entry)
        and (beginnings or not begins(entry))
        for entry in entries
    )


def begins(entry: Entry) -> bool:
    """Whether a framework calls the function when an application or a worker starts."""
    return bool(entry.hooks) and all(
        hook.phase in {"startup", "both"} and hook.scope in {"app", "process", "worker"} for hook in entry.hooks
    )


def _is_started_once(lives: Lives, entry: Entry) -> bool:
    """Whether a thread or process runs the function that is started by what runs once itself."""
    given = entry.registration
    if given is None or given.target.rpartition(".")[2] not in STARTERS or given.unit is entry.unit:
        return False
    loops = [each for each in statements(given.unit.body) if isinstance(each, s.For | s.While)]
    return not any(holds(loop, {given.node}) for loop in loops) and runs_once(lives, given.unit)


def _is_made_by_application(lives: Lives, entry: Entry) -> bool:
    """Whether it makes an object of a class that derives from a library's, and the application makes its own."""
    makes = entry.kind == "framework" and entry.unit.function is not None and entry.unit.function.name == "__init__"
    edges = lives.reach.incoming.get(entry.unit, ()) if makes else ()
    return any(context_of(edge.caller.module.path) == "app" for edge in edges)


def _is_wrapped(lives: Lives, entry: Entry) -> bool:
    """Whether it is only a decorator that nothing is known of, around a function that the application calls itself."""
    callers = (edge.caller for edge in lives.reach.incoming.get(entry.unit, ()) if edge.fact is not None)
    return _is_only_decorated(entry) and any(context_of(caller.module.path) == "app" for caller in callers)


def _is_only_decorated(entry: Entry) -> bool:
    """Whether all that is known of the entry is that another library's decorator stands at the function."""
    given = entry.registration
    is_decorated = given is not None and given.via == "decorator" and not entry.hooks
    return is_decorated and given is not None and given.target.rpartition(".")[2] not in HANDLERS


def _stands_for_another(lives: Lives, entry: Entry, unit: Unit) -> bool:
    """Whether a decorator of the project put it in the place of one by which `unit` runs: as often as that would.

    Such a function calls what the one around it was given; one that a library makes a decorator of, what it is given.
    """
    is_applied = any(edge.fact is None for edge in lives.reach.incoming.get(entry.unit, ()))
    if entry.kind != "api" and not (is_applied and _is_only_decorated(entry)):
        return False
    leading = lives.reach.callers(unit)
    ways = [edge.fact for edge in lives.reach.outgoing.get(entry.unit, ()) if edge.callee in leading]
    return bool(ways) and all(
        fact is not None and isinstance(fact.node, s.Call) and _is_given(entry.unit, fact.node.function)
        for fact in ways
    )


def _is_given(unit: Unit, called: s.Expr) -> bool:
    """Whether a name means a parameter, of the function that it stands in or of one around it; not a method's `cls`."""
    if not isinstance(called, s.Name):
        return False
    owner = lookup(unit, called.id)[0]
    parameters = owner.function.parameters if owner.function is not None else ()
    return any(parameter.name == called.id for parameter in parameters[1 if owner.method_of is not None else 0 :])


def runs_once(lives: Lives, unit: Unit) -> bool:
    """Whether the function runs in a program only that ends with it: no loop, and nothing that serves, leads there."""
    return not runs_often(lives, unit) and _is_led_to_once(lives, unit)


def is_left_to_users(lives: Lives, unit: Unit) -> bool:
    """Whether only functions that nothing in the project calls lead there."""
    return all(entry.kind == "api" for entry in lives.reach.entries(unit, tests=False))


def is_called_once(lives: Lives, unit: Unit) -> bool:
    """Whether a process calls the function once, as a program or when its application starts."""
    return not runs_often(lives, unit, beginnings=False) and _is_led_to_once(lives, unit)


def _is_led_to_once(lives: Lives, unit: Unit) -> bool:
    """Whether anything leads to the function at all, and no loop does."""
    in_test = context_of(unit.module.path) == "test"
    ways = {entry.kind for entry in lives.reach.entries(unit, tests=in_test)}
    if not ways or (in_test and ("test" in ways or ways.isdisjoint(PROGRAMS))):
        return False
    edges = (edge for each in lives.reach.callers(unit) for edge in lives.reach.incoming.get(each, ()))
    return not any(_is_called_in_loop(edge) for edge in edges)


def _is_called_in_loop(edge: Edge) -> bool:
    node = edge.fact.node if edge.fact is not None else None
    loops = (each for each in statements(edge.caller.body) if isinstance(each, s.For | s.While))
    return any(holds(loop, {node}) for loop in loops)


def _is_called_for_ever(edge: Edge) -> bool:
    """Whether the call stands in a `while True`."""
    node = edge.fact.node if edge.fact is not None else None
    return any(
        isinstance(statement, s.While) and isinstance(statement.test, s.Constant) and holds(statement, {node})
        for statement in statements(edge.caller.body)
    )

"""Which clients live for one message, request, task or turn of a loop only?

What lives that short is a client, or an object that owns one, which the function that gets it neither keeps nor hands
on. That the function runs for each message is told by what registers it, by a loop in it, or by the message itself: a
parameter of the function is what the client sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from kafka_audit.catalog.driving import ROUTES, ROUTING, VIEWS
from kafka_audit.facts import schema as s
from kafka_audit.link.defects.frequency import HANDLERS, is_called_once, runs_often
from kafka_audit.link.flow.engine import Calling, Registration
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import Unit, is_special
from kafka_audit.link.flow.values import ClientObject, Instance
from kafka_audit.link.lives.life import Life, Lives, owner_name
from kafka_audit.link.losses.makers import brings, is_dependency, runs_for_requests
from kafka_audit.link.ownership.owning import Owner, Owning
from kafka_audit.link.paths.states import pairs
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import expressions, holds, inside, statements, target_names, within
from kafka_audit.model import Kind

PER_TURN = "every turn of the loop makes one"

SHORT_LIVED: frozenset[Kind] = frozenset({"local", "managed", "returned"})


class PerCall(NamedTuple):
    """An object that is made again and again: the function that has it, the call that brings it there, and why."""

    unit: Unit
    node: s.Call
    why: str


def clients_per_call(lives: Lives, life: Life) -> Iterator[PerCall]:
    """Where a client of its own is had for each message, request, task or turn of a loop."""
    sends = {fill.node for fill in life.fills}
    if life.holding.kind in SHORT_LIVED:
        for found in _per_call(lives, life.value, life.site.unit, life.site.node, sends):
            if found.why != PER_TURN or not _goes_on_listening(lives, life, found.node):
                yield found
    if life.holding.kind in {"local", "managed"} and life.site.client.role == "consumer":
        yield from _per_poll(lives, life)


def _goes_on_listening(lives: Lives, life: Life, node: s.Call) -> bool:
    """Whether a loop within the turn that brings a consumer asks it for messages: each turn only connects anew."""
    if life.site.client.role != "consumer":
        return False
    polls = [event for event in life.uses if event.method in life.site.client.polls]
    edges = [edge for event in polls for edge in lives.reach.incoming.get(event.unit, ())]
    asks = {event.node for event in polls} | {edge.fact.node for edge in edges if edge.fact is not None}
    known = {life.site.unit, *(event.unit for event in (*life.uses, *life.releases))}
    loops = [
        (unit, loop)
        for unit in known.union(edge.caller for edge in edges)
        for loop in statements(unit.body)
        if isinstance(loop, s.For | s.While)
    ]
    return any(
        (isinstance(loop, s.For) and life.value in lives.engine.look(unit, loop.iterable))
        or within(loop.body if isinstance(loop, s.For) else (loop,), asks)
        for unit, loop in loops
        if not holds(loop, {node})
    )


def _per_poll(lives: Lives, life: Life) -> Iterator[PerCall]:
    """A consumer that a loop makes anew for each time that it asks for messages, by a function that it calls."""
    unit, node = life.site.unit, life.site.node
    is_used = any(event.unit is unit for event in life.uses)
    if not is_used or context_of(unit.module.path) != "app":
        return
    if any(_is_served_in_loop(each, node) for each in statements(unit.body)):
        return
    for edge in lives.reach.incoming.get(unit, ()):
        called = edge.fact.node if edge.fact is not None else None
        loops = (each for each in statements(edge.caller.body) if isinstance(each, s.While))
        is_app = context_of(edge.caller.module.path) == "app"
        if is_app and isinstance(called, s.Call) and any(within(loop.body, {called}) for loop in loops):
            yield PerCall(unit, node, f"every turn of a loop in `{owner_name(edge.caller)}` makes one")
            return


def owners_per_call(lives: Lives, owner: Owner, owners: Sequence[Owner]) -> Iterator[PerCall]:
    """Where an object that opens a client of its own, one of all its `owners`, is made for each of them."""
    life = owner.life
    is_anew = owner.opens and _is_made_anew(lives, owner) and not _gives_another_first(lives, owner)
    if is_anew and not _outlives(lives, owner, owners):
        sending = {u for fill in life.fills for u in lives.reach.callers(fill.unit)}
        edges = (edge for unit in sending for edge in lives.reach.incoming.get(unit, ()))
        sends = {edge.fact.node for edge in edges if edge.fact is not None}
        found = _per_call(lives, owner.value, owner.origin.unit, owner.origin.node, sends, kept_as=_global_name(owner))
        yield from (each for each in found if owner.holding.kind in SHORT_LIVED or is_dependency(each.node))


def _is_made_anew(lives: Lives, owner: Owner) -> bool:
    """Whether who asks for the object gets one of its own: nobody keeps it, or a caller alone keeps what it got."""
    maker, name = owner.origin.unit, _global_name(owner)
    if owner.holding.kind in SHORT_LIVED:
        return True
    if not name or lives.engine.flagged(maker, "cached"):
        return False
    return owner.value in maker.result.values and not _keeps(maker, name)


def _gives_another_first(lives: Lives, owner: Owner) -> bool:
    """Whether the maker gives whoever asks the object that the application has, and makes one only if there is none."""
    maker, node = owner.origin.unit, owner.origin.node
    for statement in statements(maker.body):
        if isinstance(statement, s.If) and statement.line < node.at[0] and not holds(statement, {node}):
            last = statement.body[-1] if statement.body else None
            given = (
                lives.engine.look(maker, last.value) if isinstance(last, s.Return) and last.value is not None else ()
            )
            others = (each for each in given if isinstance(each, Instance) and each.origin not in {None, owner.origin})
            if any(each.scope is owner.value.scope for each in others):
                return True
    return False


def _global_name(owner: Owner) -> str:
    """The name of the global that the object is kept in; empty for another place."""
    place = owner.holding.at if owner.holding.kind == "global" else None
    return place.name if place is not None else ""


def _keeps(unit: Unit, name: str) -> bool:
    """Whether the function itself puts something into the place of that name."""
    return any(
        _name(target) == name
        for statement in statements(unit.body)
        if isinstance(statement, s.Assign)
        for target in statement.targets
    )


def _name(target: s.Expr) -> str:
    match target:
        case s.Name(name) | s.Attribute(_, name):
            return name
    return ""


def _outlives(lives: Lives, owner: Owner, owners: Sequence[Owner]) -> bool:
    """Whether there is one for all calls: of the object, of its client, or of what it keeps and has the client in."""
    inner = [each for each in owners if each.layer < owner.layer and each.holding.kind == "global"]
    is_kept = any(owner.value.scope in lives.holdings.fields(each.value) for each in inner)
    return is_kept or owner.life.holding.kind == "global" or owner.value.scope in lives.engine.singletons


def _per_call(
    lives: Lives, value: ClientObject | Instance, maker: Unit, site: s.Call, sends: Set[Calling], *, kept_as: str = ""
) -> Iterator[PerCall]:
    for unit, node in _receivers(lives, value, maker, site, kept_as):
        why = _reason(lives, unit, node, sends) if context_of(unit.module.path) == "app" else ""
        if why:
            yield PerCall(unit, node, why)


def _receivers(
    lives: Lives, value: ClientObject | Instance, maker: Unit, site: s.Call, kept_as: str
) -> Iterator[tuple[Unit, s.Call]]:
    """The functions in which a fresh object ends up: the maker, or those that it returns the object to, and so on.

    One that keeps it in the global it lives in hands on what it has: behind that nobody gets one of its own.
    """
    waiting, seen = [(maker, site)], {maker}
    while waiting:
        unit, node = waiting.pop(0)
        if value not in unit.result.values and not _lends(lives, unit, value):
            yield unit, node
            continue
        for edge in lives.reach.incoming.get(unit, ()):
            fact = edge.fact
            if fact is None or not isinstance(fact.node, s.Call) or edge.caller in seen:
                continue
            if kept_as and value in edge.caller.result.values and _keeps(edge.caller, kept_as):
                continue
            if not isinstance(value, ClientObject) or brings(lives, value, edge.caller, fact.node):
                seen.add(edge.caller)
                waiting.append((edge.caller, fact.node))


def _lends(lives: Lives, unit: Unit, value: ClientObject | Instance) -> bool:
    """Whether it is a context manager that gives the object to whoever enters it."""
    return value in unit.yields.values and lives.engine.flagged(unit, "manager")


def _reason(lives: Lives, unit: Unit, node: s.Call, sends: Set[Calling]) -> str:
    """What makes an object be made again and again; empty when nothing does."""
    if is_dependency(node) or runs_for_requests(lives, unit):
        return "every request makes one"
    if any(map(_is_handler, lives.engine.registrations.get(unit, {}).values())):
        return "every call of the handler makes one"
    if not runs_often(lives, unit):
        return ""
    if any(_is_served_in_loop(statement, node) for statement in statements(unit.body)):
        return PER_TURN
    is_called_again = unit in lives.reach.incoming and not is_called_once(lives, unit)
    message = sent_parameter(unit, sends) if is_called_again else ""
    return f"every call makes one to send its `{message}`" if message else ""


def _is_handler(registration: Registration) -> bool:
    """Whether a library calls the function for every request, message or task."""
    last = registration.target.rpartition(".")[2]
    if registration.via == "decorator":
        return last in HANDLERS
    is_route = last in ROUTES and registration.target.partition(".")[0] in ROUTING
    return is_route or registration.target in VIEWS


def _is_served_in_loop(statement: s.Stmt, node: s.Call) -> bool:
    """Whether a loop makes the object for each item; a loop that ends with the first success only tries again."""
    if not isinstance(statement, s.For | s.While) or not within(statement.body, {node}):
        return False
    return not any(isinstance(inner, s.Break | s.Return) for inner in statements(statement.body))


def sent_parameter(unit: Unit, sends: Set[Calling]) -> str:
    """The parameter of the function that it sends, if it sends once: many messages are worth a client of their own."""
    function = unit.function
    if function is None or is_special(function.name) or _sends_in_loop(unit, sends):
        return ""
    first = function.parameters[0].name if unit.method_of is not None and function.parameters else ""
    origins = {p.name: p.name for p in function.parameters if p.name != first}
    for statement in statements(unit.body):
        if isinstance(statement, s.Assign) and statement.value is not None:
            for target, value in pairs(statement):
                source = _source(value, origins)
                origins.update(dict.fromkeys(target_names(target), source) if source else {})
        for part in (p for e in expressions(statement) for p in inside(e)):
            if isinstance(part, s.Call) and part in sends:
                source = next((found for a in _values_sent(part) if (found := _source(a.value, origins))), "")
                if source:
                    return source
    return ""


def _values_sent(send: s.Call) -> list[s.Argument]:
    """The arguments of a send, without where to: the topic, which comes first when it has no name."""
    positional = [argument for argument in send.arguments if argument.keyword is None]
    named = [argument for argument in send.arguments if argument.keyword is not None]
    names_topic = any(argument.keyword == "topic" for argument in named)
    values = positional if names_topic or len(positional) == 1 else positional[1:]
    return values + [argument for argument in named if argument.keyword not in ABOUT_THE_SEND]


ABOUT_THE_SEND = frozenset({"topic", "partition", "headers", "timestamp", "timestamp_ms", "timeout", "on_delivery"})
"""Keywords of the libraries' sends that say where to and how, and not what."""


def _sends_in_loop(unit: Unit, sends: Set[Calling]) -> bool:
    loops = (each for each in statements(unit.body) if isinstance(each, s.For | s.While))
    return any(within(loop.body, sends) for loop in loops)


def _source(value: s.Expr, origins: dict[str, str]) -> str:
    """The parameter that an expression is made from; empty for none."""
    return next((origins[part.id] for part in inside(value) if isinstance(part, s.Name) and part.id in origins), "")


def left_to_exit(owning: Owning, owner: Owner) -> Unit | None:
    """The method that releases an object only when the process ends, if a library calls it then and nobody before."""
    releasing, family = owning.closure(owner.life.releases), ancestry(owning.engine, owner.value.scope)
    if any(callee in releasing for _, callee in owning.calls_on(owner.value)):
        return None
    for unit in sorted(releasing, key=lambda each: (each.module.path, each.line)):
        phases = {hook.phase for entry in owning.reach.entries_at(unit) for hook in entry.hooks}
        if unit.method_of in family and phases == {"exit"}:
            return unit
    return None

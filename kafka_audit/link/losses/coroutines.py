"""Which life-cycle calls make a coroutine that nobody awaits?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import CallFact, Engine, Event, Node
from kafka_audit.link.flow.events import client_of
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClientObject, ForeignClient, Value
from kafka_audit.link.lives.life import Life, Lives, owner_name
from kafka_audit.link.losses.told_apart import is_told_apart
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import expressions, inside, statements
from kafka_audit.link.reading.words import words

Effect = Literal["started", "released", "flushed", "handed out", "sent"]


_EffectOf = Callable[[Event], Effect | None]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A call whose coroutine is thrown away: what it would have done, to which client, and where that stands.

    `behind` lists (path, line, message) of what the coroutine would have run; it is empty for a client's own method.
    """

    node: s.Call
    unit: Unit
    text: str
    effect: Effect
    producer: str | None
    behind: tuple[tuple[str, int, str], ...]


def dropped_calls(engine: Engine, lives: Lives, owners: Mapping[Value, str]) -> list[Dropped]:
    """All of them, in the order of the files; `owners` gives the client's id for objects that own one."""
    ids: dict[Value, str] = dict(owners)
    ids.update({life.value: life.id for life in lives.all})
    found = {dropped.node: dropped for dropped in _of_wrappers(engine, lives, ids, _effect)}
    found |= {dropped.node: dropped for dropped in _of_clients(engine, ids, _effect)}
    found |= {dropped.node: dropped for dropped in _of_getters(engine, ids)}
    return sorted((each for each in found.values() if not is_told_apart(each.unit, each.node)), key=_order)


def dropped_sends(engine: Engine, lives: Lives, owners: Mapping[Value, str]) -> list[Dropped]:
    """Calls that would put a message into an asynchronous client; those of `dropped_calls` are not told again."""
    ids: dict[Value, str] = {life.value: life.id for life in lives.all}
    found = {dropped.node: dropped for dropped in _of_wrappers(engine, lives, ids, _sending)}
    found |= {dropped.node: dropped for dropped in _of_clients(engine, ids, _sending)}
    told = {dropped.node for dropped in dropped_calls(engine, lives, owners)}
    untold = (each for node, each in found.items() if node not in told and not is_told_apart(each.unit, node))
    return sorted(untold, key=_order)


def idle_releases(life: Life, dropped: Iterable[Dropped]) -> set[Event]:
    """The releases of a client that do not happen, because nothing awaits them or the getter of what they release."""
    own = list(dropped_releases(life, dropped))
    nodes, getting = {each.node for each in own}, {each.unit for each in own if each.effect == "handed out"}
    return {event for event in life.releases if event.node in nodes or event.unit in getting}


def dropped_releases(life: Life, dropped: Iterable[Dropped]) -> Iterator[Dropped]:
    """The dropped calls that would release a client, or get it for a release; what tests drop is their own loss."""
    ending = {event.unit for event in life.releases}
    for each in dropped:
        is_release = each.effect == "released" or (each.effect == "handed out" and each.unit in ending)
        is_own = life.in_test or context_of(each.unit.module.path) != "test"
        if each.producer == life.id and is_release and is_own:
            yield each


def _order(dropped: Dropped) -> tuple[str, s.At]:
    return (dropped.unit.module.path, dropped.node.at)


def _of_clients(engine: Engine, ids: Mapping[Value, str], effect_of: _EffectOf) -> list[Dropped]:
    found, mixed = [], _on_synchronous_clients(engine)
    for event in engine.events.values():
        receiver = event.receiver
        if not isinstance(receiver, ClientObject | ForeignClient) or not isinstance(event.node, s.Call):
            continue
        effect = effect_of(event) if event.via == "call" and event.node not in mixed else None
        if effect and client_of(receiver).is_async and _is_dropped(engine, event.node):
            producer = ids.get(receiver) if isinstance(receiver, ClientObject) else None
            found.append(Dropped(event.node, event.unit, words(event.node), effect, producer, ()))
    return found


def _on_synchronous_clients(engine: Engine) -> set[Node]:
    """Calls of a synchronous client's methods: one that may also meet an asynchronous client is right as it is."""
    return {
        event.node
        for event in engine.events.values()
        if isinstance(event.receiver, ClientObject | ForeignClient) and not client_of(event.receiver).is_async
    }


def _effect(event: Event) -> Effect | None:
    if event.what == "use":
        return "flushed" if event.method == "flush" else None
    return "started" if event.what == "start" else "released"


def _sending(event: Event) -> Effect | None:
    receiver = event.receiver
    is_client = isinstance(receiver, ClientObject | ForeignClient)
    return "sent" if is_client and event.method in client_of(receiver).dirtied_by else None  # type: ignore[arg-type]


def _is_dropped(engine: Engine, node: s.Call) -> bool:
    return engine.modes.get(node) == "dropped"


def _of_wrappers(engine: Engine, lives: Lives, ids: Mapping[Value, str], effect_of: _EffectOf) -> list[Dropped]:
    """Calls of project coroutines whose body does that to an asynchronous client."""
    direct: dict[Unit, Event] = {}
    for event in engine.events.values():
        receiver = event.receiver
        if not isinstance(receiver, ClientObject | ForeignClient) or not client_of(receiver).is_async:
            continue
        if effect_of(event) not in {None, "flushed"} and event.via != "callback":
            direct.setdefault(event.unit, event)
    found = []
    for node, fact in engine.calls.items():
        if not isinstance(node, s.Call) or fact.mode != "dropped" or not _all_coroutines(fact):
            continue
        event_behind = next((event for event in (_behind(lives, c, direct) for c in fact.callees) if event), None)
        if event_behind is not None:
            found.append(_wrapper(node, fact, event_behind, ids, effect_of(event_behind) or "released"))
    return found


def _of_getters(engine: Engine, ids: Mapping[Value, str]) -> list[Dropped]:
    """`x = get_client()` without await, where `x` is then used as if it were the client."""
    found = []
    for node, fact in engine.calls.items():
        if not isinstance(node, s.Call) or fact.mode != "used" or not _all_coroutines(fact):
            continue
        values = {value for callee in fact.callees for value in callee.result.values}
        if not any(value in ids for value in values):
            continue
        if _used_unawaited(fact.unit, node):
            producer = min((ids[value] for value in values if value in ids), default=None)
            found.append(Dropped(node, fact.unit, words(node), "handed out", producer, ()))
    return found


def is_forgotten(engine: Engine, unit: Unit, call: s.Call) -> bool:
    """Whether the task that a call makes is thrown away, or only kept in a name that nothing waits for."""
    if engine.modes.get(call) == "dropped":
        return True
    every = list(statements(unit.body))
    names = _names_given(every, call)
    parts = [part for statement in every for expression in expressions(statement) for part in inside(expression)]
    waited = {part.value.id for part in parts if isinstance(part, s.Await) and isinstance(part.value, s.Name)}
    handed = {n.id for p in parts if isinstance(p, s.Call) for a in p.arguments for n in _carried(a.value)}
    kept = {
        n.id
        for statement in every
        if isinstance(statement, s.Return | s.Assign) and statement.value is not None and statement.value is not call
        for n in inside(statement.value)
        if isinstance(n, s.Name)
    }
    return bool(names) and names.isdisjoint(waited | handed | kept)


def _carried(value: s.Expr) -> Iterator[s.Name]:
    """The names that an argument hands over as they are, alone or in a display."""
    match value:
        case s.Name():
            yield value
        case s.Starred(inner):
            yield from _carried(inner)
        case s.Sequence(_, elements):
            for element in elements:
                yield from _carried(element)


def _names_given(every: list[s.Stmt], node: s.Call) -> set[str]:
    """The plain names that are assigned the result of a call, if that is all that becomes of it."""
    return {
        target.id
        for statement in every
        if isinstance(statement, s.Assign) and statement.value is node
        for target in statement.targets
        if isinstance(target, s.Name)
    }


def _used_unawaited(unit: Unit, node: s.Call) -> bool:
    """Whether the call is assigned to a name whose attributes are used, and that is never awaited or handed on."""
    every = list(statements(unit.body))
    names = _names_given(every, node)
    parts = [part for statement in every for expression in expressions(statement) for part in inside(expression)]
    used = {part.value.id for part in parts if isinstance(part, s.Attribute) and isinstance(part.value, s.Name)}
    awaited = {part.value.id for part in parts if isinstance(part, s.Await) and isinstance(part.value, s.Name)}
    handed = {
        a.value.id for part in parts if isinstance(part, s.Call) for a in part.arguments if isinstance(a.value, s.Name)
    }
    return bool(names & used - awaited - handed)


def _all_coroutines(fact: CallFact) -> bool:
    return all(callee.is_async and not callee.is_generator for callee in fact.callees)


def _behind(lives: Lives, unit: Unit, direct: dict[Unit, Event]) -> Event | None:
    """The life-cycle call that the coroutine would run itself, or through the method it hands on to."""
    if unit in direct:
        return direct[unit]
    inner = [edge.callee for edge in lives.reach.outgoing.get(unit, ()) if edge.callee.method_of is not None]
    return next((direct[callee] for callee in inner if callee in direct), None)


def _wrapper(node: s.Call, fact: CallFact, event: Event, ids: Mapping[Value, str], effect: Effect) -> Dropped:
    producer = ids.get(event.receiver) if isinstance(event.receiver, ClientObject) else None
    step = (event.unit.module.path, event.line, f"`{owner_name(event.unit)}` would run `{event.method}` of the client")
    return Dropped(node, fact.unit, words(node), effect, producer, (step,))

"""Which messages may be lost or change their order without anybody noticing?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kafka_audit.catalog.clients import Client
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event
from kafka_audit.link.flow.events import client_of
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClassValue, ClientObject, ForeignClient, Value
from kafka_audit.link.lives.life import Life
from kafka_audit.link.options.given import Configured
from kafka_audit.link.options.known import Entry, Known
from kafka_audit.link.paths.states import catches_everything
from kafka_audit.link.reach.replaced import replaces
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import child_bodies, expressions, holds, inside, statements, target_names
from kafka_audit.link.reading.words import words
from kafka_audit.model import Role

RETRIES = ("retries", "message.send.max.retries")
IN_FLIGHT = (
    "max_in_flight_requests_per_connection",
    "max.in.flight.requests.per.connection",
    "max.in.flight",
)
IDEMPOTENCE = ("enable_idempotence", "enable.idempotence", "transactional_id", "transactional.id")
ACKS = ("acks", "request.required.acks")
REPORTS = frozenset({"on_delivery", "callback"})
"""What a call, or the options of a client, take to tell of the delivery."""


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A call whose outcome nobody looks at: `why` says what is thrown away."""

    unit: Unit
    node: s.Call
    receiver: Value
    client: Client
    why: str


def reordering(configured: Configured, life: Life) -> Entry | None:
    """The option that has the client send again what failed, while later messages are on their way already."""
    client = life.site.client
    options = configured.options(life.site)
    verdict = configured.judged(life.site)
    if client.role != "producer" or client.is_async or options is None or verdict is None:
        return None
    retries = _first(options.known, RETRIES)
    if retries is None or not _is_positive(configured.constant(retries)):
        return None
    in_flight = _first(options.known, IN_FLIGHT)
    if in_flight is not None and configured.constant(in_flight) in (1, "1", None):
        return None
    is_closed = options.known.is_complete
    if in_flight is None and not is_closed:
        return None
    idempotence = _first(options.known, IDEMPOTENCE)
    if idempotence is not None:
        return retries if configured.constant(idempotence) in (False, "false", "False") else None
    acks = _first(options.known, ACKS)
    by_default = client.distribution == "kafka-python" and verdict.is_since("3.0.0")
    weak = acks is not None and configured.constant(acks) in (0, 1)
    return retries if is_closed and (weak or not by_default) else None


def waits_for_an_id(configured: Configured, life: Life) -> bool:
    """Whether the start may ask a broker for an id, for idempotence or transactions, when it has connected already."""
    options = configured.options(life.site)
    asked = [] if options is None else [entry for entry in options.known.entries if entry.name in IDEMPOTENCE]
    return options is None or any(configured.constant(entry) not in (False, None) for entry in asked)


def never_acknowledged(configured: Configured, life: Life) -> Entry | None:
    """The option that has brokers confirm nothing."""
    options = configured.options(life.site)
    acks = _first(options.known, ACKS) if options is not None and life.site.client.role == "producer" else None
    value = configured.constant(acks) if acks is not None else None
    return acks if value in (0, "0") and not isinstance(value, bool) else None


def _first(known: Known, names: Collection[str]) -> Entry | None:
    return next((entry for entry in known.entries if entry.name in names), None)


def _is_positive(value: object) -> bool:
    if isinstance(value, str):
        return value.isdigit() and int(value) > 0
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def unchecked(
    engine: Engine, configured: Configured, lives: Collection[Life], roles: Collection[Role]
) -> list[Unchecked]:
    """Every message whose delivery nothing looks at, and every flush whose count is thrown away."""
    reporting = {life.value for life in lives if _reports(configured, life)}
    thrown: dict[Unit, set[s.Expr]] = {}
    found: dict[s.Call, Unchecked] = {}
    for event in engine.events.values():
        receiver = event.receiver
        if not isinstance(receiver, ClientObject | ForeignClient) or not isinstance(event.node, s.Call):
            continue
        client = client_of(receiver)
        if client.role != "producer" or client.role not in roles or event.via != "call":
            continue
        if event.unit not in thrown:
            thrown[event.unit] = _thrown_away(event.unit)
        why = _why(event, event.node, client, thrown[event.unit], is_told=receiver in reporting)
        if why:
            found.setdefault(event.node, Unchecked(event.unit, event.node, receiver, client, why))
    found |= {each.node: each for each in _gathered(engine, lives, roles)}
    found |= {each.node: each for each in _unanswered(engine, roles)}
    return sorted(found.values(), key=lambda each: (each.unit.module.path, each.node.at))


def _reports(configured: Configured, life: Life) -> bool:
    """Whether the client's own options tell of each delivery, or may do so."""
    options = configured.options(life.site)
    return options is None or not options.known.is_complete or any(e.name in REPORTS for e in options.known.entries)


def _why(event: Event, node: s.Call, client: Client, thrown: set[s.Expr], *, is_told: bool) -> str:
    if client.flush_is_release:
        if event.method == "flush":
            if _is_told_here(event.unit, client):
                return ""
            return "the number of undelivered messages that it returns is not looked at" if _waits(node, thrown) else ""
        if event.method in client.dirtied_by and not is_told and not _has_report(node, event.method):
            return "no callback is told whether the message was delivered"
        return ""
    if event.method == "send" and node in thrown:
        return "the future that tells whether the message was delivered is thrown away"
    return ""


def _waits(node: s.Call, thrown: set[s.Expr]) -> bool:
    """Whether a flush with a time limit, which may leave messages behind, is a statement of its own."""
    return node in thrown and any(not isinstance(a.value, s.Attribute | s.Name) or a.keyword for a in node.arguments)


def _is_told_here(unit: Unit, client: Client) -> bool:
    """Whether the function itself gives a callback to what it sends: then that says what the count would say."""
    return any(
        isinstance(part, s.Call)
        and isinstance(part.function, s.Attribute)
        and part.function.name in client.dirtied_by
        and any(argument.keyword in REPORTS for argument in part.arguments)
        for statement in statements(unit.body)
        for expression in expressions(statement)
        for part in inside(expression)
    )


def _has_report(node: s.Call, method: str) -> bool:
    """Whether a call names a callback, or may do so by what it unpacks or by position.

    What hands the method to a thread has its arguments behind it.
    """
    plain = [argument for argument in node.arguments if argument.keyword is None]
    for index, argument in enumerate(plain):
        if isinstance(argument.value, s.Attribute) and argument.value.name == method:
            plain = plain[index + 1 :]
            break
    return len(plain) > 4 or any(a.star or a.keyword in REPORTS for a in node.arguments)


def _thrown_away(unit: Unit) -> set[s.Expr]:
    """The calls whose result is thrown away: those that are statements, awaited or not."""
    found: set[s.Expr] = set()
    for statement in statements(unit.body):
        if isinstance(statement, s.Evaluate):
            value = statement.value
            found.add(value.value if isinstance(value, s.Await) else value)
    return found


def _gathered(engine: Engine, lives: Collection[Life], roles: Collection[Role]) -> Iterator[Unchecked]:
    """`await gather(*sends)`: it waits for the messages to be taken, and throws the futures of their delivery away."""
    for event in engine.events.values():
        receiver, node = event.receiver, event.node
        if event.method != "send" or not isinstance(receiver, ClientObject | ForeignClient):
            continue
        client = client_of(receiver)
        if not client.is_async or client.role not in roles or engine.modes.get(node) in {"awaited", "dropped"}:
            continue
        names = _lists_with(event.unit, node)
        for thrown in _thrown_away(event.unit):
            if isinstance(thrown, s.Call) and words(thrown.function).endswith("gather"):
                parts = [part for argument in thrown.arguments for part in inside(argument.value)]
                if any(part is node or (isinstance(part, s.Name) and part.id in names) for part in parts):
                    why = "it waits until the messages are taken, and the futures of their delivery are thrown away"
                    yield Unchecked(event.unit, thrown, receiver, client, why)


def _unanswered(engine: Engine, roles: Collection[Role]) -> Iterator[Unchecked]:
    """Calls of functions that tell a failure by what they return alone, and whose result is thrown away."""
    answering: dict[Unit, Value] = {}
    for event in engine.events.values():
        receiver = event.receiver
        if isinstance(receiver, ClientObject | ForeignClient) and isinstance(event.node, s.Call):
            client = client_of(receiver)
            is_send = event.method in client.dirtied_by and client.role in roles
            if is_send and event.unit not in answering and _is_answered(event.unit, event.node):
                answering[event.unit] = receiver
    for node, fact in engine.calls.items():
        if not isinstance(node, s.Call) or answering.keys().isdisjoint(fact.callees):
            continue
        callees = _meant(engine, fact.unit, node, fact.callees) if node in _thrown_away(fact.unit) else []
        if not callees or not all(callee in answering for callee in callees):
            continue
        receiver, why = answering[callees[0]], "a failure is told by what it returns alone, and that is thrown away"
        name = client_of(receiver).name.rpartition(".")[2]  # type: ignore[arg-type]  # a client
        if context_of(fact.unit.module.path) != "test" or not replaces(fact.unit, callees, name):
            yield Unchecked(fact.unit, node, receiver, client_of(receiver), why)  # type: ignore[arg-type]  # a client


def _meant(engine: Engine, unit: Unit, node: s.Call, callees: Collection[Unit]) -> list[Unit]:
    """Which of the functions a call runs: those of the object that the same block has just made for its name."""
    name = node.function.value if isinstance(node.function, s.Attribute) else None
    maker = _made_before(unit.body, name.id, node) if isinstance(name, s.Name) else None
    if maker is None:
        return list(callees)
    made = [value.scope for value in engine.look(unit, maker.function) if isinstance(value, ClassValue)]
    classes = {base for scope in made for base in ancestry(engine, scope)}
    return [callee for callee in callees if callee.method_of in classes]


def _made_before(body: s.Body, name: str, node: s.Call) -> s.Call | None:
    """The call whose result the name was given last, before a call in the same block."""
    made: s.Call | None = None
    for statement in body:
        for inner in child_bodies(statement):
            found = _made_before(inner, name, node)
            if found is not None:
                return found
        if not any(True for _ in child_bodies(statement)) and holds(statement, {node}):
            return made
        if isinstance(statement, s.Assign) and any(name in target_names(target) for target in statement.targets):
            made = statement.value if isinstance(statement.value, s.Call) else None
    return None


def _is_answered(unit: Unit, send: s.Call) -> bool:
    """Whether the handler that takes every error of a send returns something, and does nothing else."""
    for statement in statements(unit.body):
        if not isinstance(statement, s.Try) or not holds(statement, {send}):
            continue
        for handler in statement.handlers:
            last = handler.body[-1] if len(handler.body) == 1 else None
            if catches_everything(handler) and isinstance(last, s.Return):
                return last.value is not None and not (isinstance(last.value, s.Constant) and last.value.value is None)
    return False


def _lists_with(unit: Unit, node: object) -> set[str]:
    """The names that hold what a call gives, unawaited, and of lists that it is put into."""
    names: set[str] = set()
    for statement in statements(unit.body):
        value = statement.value if isinstance(statement, s.Assign) else None
        value = None if isinstance(value, s.Await) else value
        if isinstance(statement, s.Assign) and value is not None and any(part is node for part in inside(value)):
            names.update(target.id for target in statement.targets if isinstance(target, s.Name))
        for expression in expressions(statement):
            for part in inside(expression):
                match part:
                    case s.Call(s.Attribute(s.Name(name), "append" | "add"), arguments) if any(
                        a.value is node or (isinstance(a.value, s.Name) and a.value.id in names) for a in arguments
                    ):
                        names.add(name)
    return names

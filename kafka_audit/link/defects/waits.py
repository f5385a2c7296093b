"""Which operations of synchronous clients wait in the thread that calls them?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kafka_audit.catalog.clients import CLIENTS, Client
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event, Node
from kafka_audit.link.flow.events import client_of
from kafka_audit.link.flow.futures import Futures
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClientMethod,
    ClientObject,
    External,
    ForeignClient,
    FunctionValue,
)
from kafka_audit.link.lives.life import Lives
from kafka_audit.link.reading.walk import expressions, inside, statements
from kafka_audit.link.reading.words import words
from kafka_audit.model import Role

CONSUMES = frozenset({"builtins.next", "builtins.list", "builtins.tuple", "builtins.set"})
"""Functions that loop over what they are given."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One operation that waits in its thread: where, as the code writes it, and on which client."""

    unit: Unit
    node: Node | None
    line: int
    text: str
    client: Client
    receiver: ClientObject | ForeignClient

    @property
    def order(self) -> tuple[int, str, tuple[str, s.At]]:
        """A fixed order of the operations of a unit."""
        return (self.line, self.client.name, _client_order(self.receiver))


def waits(engine: Engine, lives: Lives, roles: Collection[Role]) -> Iterator[Wait]:
    """Every operation of a synchronous client that waits in the thread that it is called in."""
    calls = _Calls(engine)
    for event in engine.events.values():
        receiver = event.receiver
        if not isinstance(receiver, ClientObject | ForeignClient) or event.node in engine.offloaded:
            continue
        client = client_of(receiver)
        if client.role in roles and not client.is_async and event.via != "callback":
            yield from _of_event(calls, event, receiver)
    for life in lives.all:
        client = life.site.client
        node = life.site.node
        if client.role in roles and waits_when_made(client, node) and node not in engine.offloaded:
            text = f"{client.name.rpartition('.')[2]}(...)"
            yield Wait(life.site.unit, node, node.at[0], text, client, life.value)
    if any(client.iterates and client.role in roles for client in CLIENTS):
        for module in engine.modules.values():
            for unit in module.units:
                yield from _iterations(engine, unit, roles)


def waits_when_made(client: Client, node: s.Call) -> bool:
    """Whether the constructor waits for a broker, and raises when there is none.

    kafka-python's does not ask a broker for the version that it is told; its admin client connects all the same.
    """
    asks = client.role == "admin" or client.distribution != "kafka-python"
    return client.blocks_on_construct and (
        asks or not any(a.keyword == "api_version" and not _is_none(a.value) for a in node.arguments)
    )


def _is_none(value: s.Expr) -> bool:
    return isinstance(value, s.Constant) and value.value is None


def _of_event(calls: _Calls, event: Event, receiver: ClientObject | ForeignClient) -> Iterator[Wait]:
    client = client_of(receiver)
    if calls.engine.modes.get(event.node) == "awaited":
        return
    if event.via == "with":
        if event.method == "__exit__" and isinstance(event.node, s.Item):
            yield Wait(event.unit, event.node, event.line, f"with {words(event.node.value)}", client, receiver)
        return
    node = event.node
    if not isinstance(node, s.Call) or not calls.is_only_synchronous(event.unit, node):
        return
    if event.method in client.futures:
        for waiting in calls.futures(event.unit).waiting_for(node, client.future_waits):
            yield Wait(event.unit, waiting, waiting.at[0], words(waiting), client, receiver)
    is_poll = event.method in client.polls
    if not is_poll and event.method not in client.blocking:
        return
    timeout = _timeout(node, 1 if event.method in client.timeout_second else 0)
    if timeout is None and is_poll and client.polls_return_at_once:
        return
    if (is_poll or event.method == "flush") and _is_zero(event.unit, timeout):
        return
    yield Wait(event.unit, node, event.line, words(node), client, receiver)


def can_wait(client: Client, node: Node | None) -> bool:
    """Whether a call of this method, or leaving such a `with`, can wait for a client of this class."""
    if client.is_async or node is None:
        return False
    if isinstance(node, s.Item):
        return bool(client.managed_by)
    return isinstance(node.function, s.Attribute) and node.function.name in {*client.blocking, *client.polls}


def _timeout(node: s.Call, index: int) -> s.Expr | None:
    """The timeout that a call is given."""
    for argument in node.arguments:
        if argument.keyword is not None and argument.keyword.startswith("timeout"):
            return argument.value
    plain = [argument.value for argument in node.arguments if argument.keyword is None and not argument.star]
    return plain[index] if index < len(plain) else None


def _is_zero(unit: Unit, timeout: s.Expr | None) -> bool:
    """Whether a timeout is zero, also when it is a parameter whose default is zero."""
    if isinstance(timeout, s.Name):
        parameters = unit.node.parameters if isinstance(unit.node, s.Function | s.Lambda) else ()
        timeout = next((p.default for p in parameters if p.name == timeout.id and p.default is not None), timeout)
    return isinstance(timeout, s.Constant) and timeout.value is not None and timeout.value == 0


class _Calls:
    """What is asked of the calls of clients again and again: once for each client that a call can be of."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._is_only: dict[s.Call, bool] = {}
        self._futures: dict[Unit, Futures] = {}

    def is_only_synchronous(self, unit: Unit, node: s.Call) -> bool:
        """Whether it can be nothing but a synchronous client's method: no function of the project, no coroutine."""
        if node not in self._is_only:
            self._is_only[node] = not any(
                isinstance(value, FunctionValue | BoundMethod)
                or (isinstance(value, ClientMethod) and client_of(value.receiver).is_async)
                for value in self.engine.look(unit, node.function)
            )
        return self._is_only[node]

    def futures(self, unit: Unit) -> Futures:
        """Where the unit waits for futures."""
        if unit not in self._futures:
            self._futures[unit] = Futures(unit)
        return self._futures[unit]


def _iterations(engine: Engine, unit: Unit, roles: Collection[Role]) -> Iterator[Wait]:
    """Loops over a consumer that waits for its messages, and `next` and `list` of one."""
    for statement in statements(unit.body):
        if isinstance(statement, s.For) and not statement.is_async:
            yield from _over(engine, unit, statement.iterable, None, statement.line, roles)
        for expression in expressions(statement):
            for part in inside(expression):
                match part:
                    case s.Call(s.Name(name) as function, arguments) if f"builtins.{name}" in CONSUMES and arguments:
                        over = _over(engine, unit, arguments[0].value, part, part.at[0], roles)
                        yield from over if _is_builtin(engine, unit, function) else ()


def _is_builtin(engine: Engine, unit: Unit, function: s.Name) -> bool:
    found = engine.look(unit, function)
    return any(isinstance(value, External) and value.dotted in CONSUMES for value in found)


def _over(
    engine: Engine, unit: Unit, iterable: s.Expr, node: s.Call | None, line: int, roles: Collection[Role]
) -> Iterator[Wait]:
    if not isinstance(iterable, s.Name | s.Attribute):
        return
    held = [value for value in engine.look(unit, iterable) if isinstance(value, ClientObject | ForeignClient)]
    for value in sorted(held, key=_client_order):
        client = client_of(value)
        if client.iterates and client.role in roles:
            text = words(node) if node is not None else f"for ... in {words(iterable)}"
            yield Wait(unit, node, line, text, client, value)
            return


def _client_order(value: ClientObject | ForeignClient) -> tuple[str, s.At]:
    if isinstance(value, ForeignClient):
        return (value.client.name, (0, 0, 0, 0))
    return (value.site.unit.module.path, value.site.node.at)

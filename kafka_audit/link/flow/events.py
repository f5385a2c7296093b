"""Recording what happens to clients."""

from __future__ import annotations

from typing import Literal

from kafka_audit.catalog.clients import Client
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event, Node, position
from kafka_audit.link.flow.values import ClientObject, ForeignClient


def client_of(receiver: ClientObject | ForeignClient) -> Client:
    """The catalogue row of a client object."""
    return receiver.site.client if isinstance(receiver, ClientObject) else receiver.client


def note_client_event(
    engine: Engine,
    receiver: ClientObject | ForeignClient,
    name: str,
    node: Node,
    via: Literal["call", "with", "callback"],
    registrar: str = "",
) -> None:
    """Record that a method of a client is called, or handed over to be called."""
    line = node.at[0] if isinstance(node, s.Call) else node.line
    what = meaning(client_of(receiver), name)
    engine.note_event(Event(what, receiver, name, engine.unit, node, line, engine.guarded, via, registrar))


def sort_events(engine: Engine) -> None:
    """Put the events in the order of the code, clients of unknown origin last.

    They come up in the order of evaluation, and of several receivers of one call any may be the first.
    """
    engine.events = dict(sorted(engine.events.items(), key=lambda item: _order(item[1])))


def _order(event: Event) -> tuple[object, ...]:
    receiver = event.receiver
    site = (receiver.site.unit.module.path, receiver.site.node.at) if isinstance(receiver, ClientObject) else ()
    client = client_of(receiver).name  # type: ignore[arg-type]  # `note_client_event` is given clients only
    return (event.unit.module.path, position(event.node), event.method, event.via, not site, site, client)


def meaning(client: Client, name: str) -> Literal["start", "release", "use"]:
    """What calling the method `name` does to the life of this client."""
    if name in client.release or (name in {"__aexit__", "__exit__"} and client.managed_by):
        return "release"
    if client.start and (name in client.start or name in {"__aenter__", "__enter__"}):
        return "start"
    return "use"

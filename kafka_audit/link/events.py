"""Recording what happens to clients."""

from __future__ import annotations

from typing import Literal

from kafka_audit.catalog.clients import Client
from kafka_audit.facts import schema as s
from kafka_audit.link.engine import Engine, Event, Node
from kafka_audit.link.values import ClientObject, ForeignClient


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


def meaning(client: Client, name: str) -> Literal["start", "release", "use"]:
    """What calling the method `name` does to the life of this client."""
    if name in client.release or (name in {"__aexit__", "__exit__"} and client.managed_by):
        return "release"
    if client.start and (name in client.start or name in {"__aenter__", "__enter__"}):
        return "start"
    return "use"

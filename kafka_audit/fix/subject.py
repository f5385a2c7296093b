"""What is repaired: one client, or one object that owns a client, as the function that makes it sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kafka_audit.facts import schema as s
from kafka_audit.facts.schema import At
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.engine import Event, position
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life
from kafka_audit.link.program import Program


@dataclass(frozen=True, slots=True)
class Subject:
    """A construction, the calls that start and release what it makes, and how a release of it is written.

    `enters`: an `async with` starts it and releases it. `tolerant`: it may be released before it was started, or half
    started. `once`: a second release raises.
    """

    path: str
    site: At
    starts: frozenset[At]
    releases: frozenset[At]
    release: str
    is_async: bool
    enters: bool
    tolerant: bool
    once: bool
    flushes: bool
    noun: str

    def releasing(self, target: str) -> str:
        """The statement that releases what `target` names."""
        return f"{'await ' if self.is_async else ''}{target}.{self.release}()"


def client_subject(program: Program, life: Life) -> Subject:
    """A client, as the function that constructs it sees it."""
    if sum(site.node is life.site.node for site in program.engine.sites.values()) > 1:
        raise Refused("the call that makes it may make another client as well")
    client, unit = life.site.client, life.site.unit
    return Subject(
        path=life.path,
        site=life.site.node.at,
        starts=_calls(event for event in life.starts if event.unit is unit),
        releases=_calls(e for e in (*life.releases, *life.undoings, *life.unreached) if e.unit is unit),
        release=release_method(life),
        is_async=client.is_async,
        enters=bool(client.start) and client.managed_by == "async with",
        tolerant=True,
        once=client.release_once,
        flushes=client.flush_is_release,
        noun=client.name.rpartition(".")[2],
    )


def release_method(life: Life) -> str:
    """The method that releases the client in every version of its library."""
    client = life.site.client
    if not client.release:
        raise Refused(f"no method of {client.name.rpartition('.')[2]} releases it")
    return "flush" if client.flush_is_release else client.release[0]


def factory_subject(program: Program, life: Life, unit: Unit, site: s.Call) -> Subject:
    """A client, as a function sees it that gets it by a call from the one that makes it."""
    return replace(
        client_subject(program, life),
        path=unit.module.path,
        site=site.at,
        starts=_calls(event for event in life.starts if event.unit is unit),
        releases=_calls(event for event in (*life.releases, *life.unreached) if event.unit is unit),
        enters=False,
    )


def _calls(events: Iterable[Event]) -> frozenset[At]:
    return frozenset(position(event.node) for event in events if isinstance(event.node, s.Call) and event.via == "call")

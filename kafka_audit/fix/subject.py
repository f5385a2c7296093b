"""What is repaired: one client, or one object that owns a client, as the function that makes it sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kafka_audit.facts import schema as s
from kafka_audit.facts.schema import At
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.engine import Event, position
from kafka_audit.link.lives import Life
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


def client_subject(life: Life) -> Subject:
    """A client, as the function that constructs it sees it."""
    client, unit = life.site.client, life.site.unit
    return Subject(
        path=life.path,
        site=life.site.node.at,
        starts=_calls(event for event in life.starts if event.unit is unit),
        releases=_calls(event for event in (*life.releases, *life.undoings) if event.unit is unit),
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


def life_of(program: Program, producer: str | None) -> Life:
    """The client that an alarm names."""
    for life in program.lives.all:
        if life.id == producer:
            return life
    raise Refused("the alarm is on no client of the project's own")


def _calls(events: Iterable[Event]) -> frozenset[At]:
    return frozenset(position(event.node) for event in events if isinstance(event.node, s.Call) and event.via == "call")

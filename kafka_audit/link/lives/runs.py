"""Does a client come and go inside one run of an event loop, which a program makes at its top level?"""

from __future__ import annotations

from collections.abc import Collection

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Value
from kafka_audit.link.lives.life import Life
from kafka_audit.link.reach.entries import Reach
from kafka_audit.link.reach.scripts import is_served
from kafka_audit.link.reading.walk import inside


def stays_in_one_run(reach: Reach, life: Life, owners: Collection[Value], path: str) -> bool:
    """Whether all that this file's own run does with the client happens while one loop is open.

    `asyncio.run` closes its loop, so there may be one such call; other runners leave the loop open to the next call.
    What the run gives back is kept for later.
    """
    top = reach.engine.modules[path].top
    units = {life.site.unit: None} | {event.unit: None for event in (*life.starts, *life.releases, *life.uses)}
    if top in units or (is_served(reach.engine, path) and any(_is_called_by_library(reach, unit) for unit in units)):
        return False
    nodes = {edge.fact.node: None for unit in units for edge in reach.from_top(unit, top) if edge.fact is not None}
    runners = [reach.engine.runners.get(node) for node in nodes]
    is_one = runners == ["run"] or (bool(runners) and all(runner in {"new", "kept"} for runner in runners))
    return is_one and not _is_given_away(reach, top, nodes, {life.value, *owners})


def _is_called_by_library(reach: Reach, unit: Unit) -> bool:
    return any(entry.kind in {"hook", "framework", "reference"} for entry in reach.entries(unit, tests=False))


def _is_given_away(reach: Reach, top: Unit, nodes: Collection[object], values: Collection[Value]) -> bool:
    """Whether the file gets the client, or what owns it, out of one of these calls, and keeps it."""
    assigned = [statement.value for statement in top.body if isinstance(statement, s.Assign) and statement.value]
    kept = [value for value in assigned if any(part in nodes for part in inside(value) if isinstance(part, s.Call))]
    return any(not reach.engine.look(top, value).isdisjoint(values) for value in kept)

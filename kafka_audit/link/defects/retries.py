"""Who tries again when a start has failed? Each attempt makes another client, and leaves the one before as it is."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.link.defects.overwrites import asks_first
from kafka_audit.link.flow.engine import Node, position
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life
from kafka_audit.link.losses.failing import Failing
from kafka_audit.link.losses.makers import calls_to, effects_in
from kafka_audit.link.paths.states import Loss, Stage, State, catches_everything, caught_types
from kafka_audit.link.paths.ways_out import Walk
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import holds, statements, within

UNCONNECTED = ("connection", "broker")
"""What names of errors have in them that come before anything is open (aiokafka 0.14.0: nothing is left, run)."""


class Retry(NamedTuple):
    """Where an attempt is made again, and the ways out of `unit`, which makes and starts the client, that leave it."""

    unit: Unit
    again: Unit
    line: int
    losses: list[Loss]


def retry_of(failing: Failing, life: Life) -> Retry | None:
    """The first retry of an attempt that leaves its client as it is when the start fails; None if nobody makes one.

    Nothing is said if the attempt itself, or who tries again, gets to a release on any way.
    """
    if not life.site.client.start or _asks_first(life):
        return None
    ending = {event.unit for event in (*life.releases, *life.undoings)}
    releasing = frozenset[Unit]().union(*map(failing.reach.callers, ending))
    for unit in dict.fromkeys(event.unit for event in life.starts):
        below = failing.reach.below(unit)
        if life.site.unit not in below or not below.isdisjoint(ending):
            continue
        losses = _left_behind(failing, life, unit)
        again = next(_again(failing, life, unit, releasing), None) if losses else None
        if again is not None:
            return Retry(unit, *again, losses)
    return None


def _asks_first(life: Life) -> bool:
    """Whether the function that makes the client looks first whether its place holds one."""
    return life.holding.at is not None and asks_first(life.site.unit, life.holding.at.name)


def _left_behind(failing: Failing, life: Life, unit: Unit) -> list[Loss]:
    """The ways by which the error of a failing start leaves the function, whoever holds the client then."""
    if unit.function is None:
        return []
    effects = effects_in(failing, life, unit, life.site.node, owed_at_once=False)
    begin = State() if unit is life.site.unit else State(Stage.CREATED, kept=True)
    losses = Walk(failing.lives.engine, unit, replace(effects, kept_is_owed=True)).run(begin)
    return [loss for loss in losses if loss.stage is Stage.FAILED and loss.by_exception]


def _again(failing: Failing, life: Life, unit: Unit, releasing: frozenset[Unit]) -> Iterator[tuple[Unit, int]]:
    """The functions that call this one again, or one that hands the error on, and the line where they do."""
    seen, waiting = {unit}, [unit]
    while waiting:
        current = waiting.pop(0)
        if failing.lives.engine.flagged(current, "retried"):
            yield current, current.line
        for edge in failing.reach.incoming.get(current, ()):
            caller, node = edge.caller, edge.fact.node if edge.fact is not None else None
            is_app = life.in_test or context_of(caller.module.path) != "test"
            if not isinstance(node, s.Call) or not is_app or not failing.reach.runs(edge):
                continue
            own = {event.node for event in (*life.releases, *life.undoings) if event.unit is caller}
            loop = _retrying(caller.body, node, own | calls_to(failing.lives, caller, releasing))
            if loop is not None:
                yield caller, loop.line
            elif caller not in seen and not failing.takes(life, caller, node):
                seen.add(caller)
                waiting.append(caller)


def _retrying(body: s.Body, node: s.Call, releases: Set[Node]) -> s.While | s.For | None:
    """The loop that makes the call again when it has failed, and gets to no release in between."""
    for loop in (each for each in statements(body) if isinstance(each, s.While | s.For)):
        attempts = [each for each in statements(loop.body) if isinstance(each, s.Try) and within(each.body, {node})]
        if attempts and _goes_on(attempts[-1]) and _ends_with_success(loop, attempts[-1]):
            return None if _is_released(loop, attempts[-1], node, releases) else loop
    return None


def _is_released(loop: s.While | s.For, attempt: s.Try, node: s.Call, releases: Set[Node]) -> bool:
    """Whether a turn gets to a release though the call has failed: what follows it in the `try` is skipped then."""
    skipped = {each for each in releases if position(each)[0] > node.at[0] and within(attempt.body, {each})}
    return holds(loop, releases - skipped)


def _goes_on(attempt: s.Try) -> bool:
    """Whether a handler takes the error of a start and has the loop go on."""
    leaving = s.Raise | s.Return | s.Break
    return any(_takes(each) and not (each.body and isinstance(each.body[-1], leaving)) for each in attempt.handlers)


def _takes(handler: s.Handler) -> bool:
    """Whether a start that came half-way ends in the handler, by the name of what it takes."""
    caught = (each for each in caught_types(handler) if isinstance(each, s.Name | s.Attribute))
    names = [(each.id if isinstance(each, s.Name) else each.name).lower() for each in caught]
    takes = any("kafka" in name and not any(word in name for word in UNCONNECTED) for name in names)
    return takes or catches_everything(handler)


def _ends_with_success(loop: s.While | s.For, attempt: s.Try) -> bool:
    """Whether the loop is over once the attempt has succeeded. One over items may only go on to the next item, and one
    that waits for a condition, or for nothing, makes the same attempt again.
    """
    behind = loop.body[loop.body.index(attempt) + 1 :] if attempt in loop.body else ()
    succeeding = (*statements(attempt.body), *statements(attempt.orelse), *behind)
    return isinstance(loop, s.While) or any(isinstance(each, s.Break | s.Return) for each in succeeding)

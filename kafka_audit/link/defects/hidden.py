"""Who takes an error, so that the process goes on with what has not started, or without what it lost?"""

from __future__ import annotations

from dataclasses import replace

from kafka_audit.facts import schema as s
from kafka_audit.link.defects.frequency import begins, runs_once
from kafka_audit.link.defects.kept import Early, is_once
from kafka_audit.link.flow.engine import Calling
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.losses.failing import Failing
from kafka_audit.link.losses.makers import effects_in
from kafka_audit.link.paths.states import Stage, State
from kafka_audit.link.paths.ways_out import Walk
from kafka_audit.link.reach.exits import is_exit_registrar
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import statements, within


def hiding(failing: Failing, early: Early) -> Unit | None:
    """The function that takes the error, if later callers find in the place what has not started.

    There are none where a program runs once, or where the application does not begin without the start.
    """
    unit, life, lives = early.kept.unit, early.kept.life, failing.lives
    if _ends_the_beginning(failing, early):
        return None
    releasing = {event.unit for event in (*life.releases, *life.undoings)}
    for taker in sorted(failing.takers(life, unit, early.start), key=lambda each: (each.module.path, each.line)):
        if taker is unit and _goes_on(failing, life, unit):
            return taker
        if taker is not unit and not runs_once(lives, taker) and releasing.isdisjoint(lives.reach.below(taker)):
            return taker
    return None


def _goes_on(failing: Failing, life: Life, unit: Unit) -> bool:
    """Whether the function that starts the client itself can end without an error after all its attempts failed."""
    if all(event.unit is not unit for event in life.starts):
        return True
    effects = effects_in(failing, life, unit, life.site.node, owed_at_once=False)
    exits = Walk(failing.lives.engine, unit, replace(effects, kept_is_owed=True)).exits(State())
    return any(state.stage is Stage.FAILED for states in (exits.normal, exits.returned) for state in states)


def _ends_the_beginning(failing: Failing, early: Early) -> bool:
    """Whether a hook by which an application begins leads to the start, and nothing on the way takes its error."""
    life, reach = early.kept.life, failing.reach
    seen, waiting = {early.kept.unit}, [(early.kept.unit, early.start)]
    while waiting:
        unit, node = waiting.pop()
        if failing.takes(life, unit, node) and (unit is not early.kept.unit or _goes_on(failing, life, unit)):
            continue
        if any(begins(entry) for entry in reach.entries_at(unit)):
            return True
        for edge in reach.incoming.get(unit, ()):
            called = edge.fact.node if edge.fact is not None else None
            if isinstance(called, s.Call) and edge.caller not in seen and reach.runs(edge):
                seen.add(edge.caller)
                waiting.append((edge.caller, called))
    return False


def ends_the_program(lives: Lives, unit: Unit) -> bool:
    """Whether an error that leaves the function ends the process: only programs lead there, and nothing takes it.

    What runs at exit has no other end to come.
    """
    reach = lives.reach
    if any(is_exit_registrar(each.target) for each in reach.registrations(unit)):
        return True
    entries = reach.entries(unit, tests=context_of(unit.module.path) == "test")
    if not entries or not all(is_once(lives, entry) for entry in entries):
        return False
    ways = reach.callers(unit)
    calls = ((each, edge) for each in ways for edge in reach.outgoing.get(each, ()) if edge.callee in ways)
    return not any(edge.fact is not None and _may_be_taken(each.body, edge.fact.node) for each, edge in calls)


def _may_be_taken(body: s.Body, node: Calling) -> bool:
    """Whether a handler around the call takes errors of some kind and raises nothing in turn."""
    return any(
        isinstance(each, s.Try)
        and within(each.body, {node})
        and any(not any(isinstance(inner, s.Raise) for inner in handler.body) for handler in each.handlers)
        for each in statements(body)
    )

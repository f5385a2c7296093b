"""Shapes of code that leak sooner or later: clients made twice, released one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.link.defects.first_use import can_meet
from kafka_audit.link.defects.frequency import REQUEST_HANDLERS
from kafka_audit.link.defects.kept import Kept, starting
from kafka_audit.link.defects.per_call import SHORT_LIVED
from kafka_audit.link.flow.engine import Engine, Event
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClientObject, External
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.losses.failing import QUIET, Failing
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements, target_names, within
from kafka_audit.link.reading.words import words

LOCK_TYPES = ("Lock", "Semaphore", "Condition")
"""Last words of the classes of locks in asyncio, threading, anyio and their kind."""

LOCKS = ("lock", "mutex", "semaphore")
"""What the code calls a thing that lets one in at a time."""


Race = Literal["", "second client", "unstarted client"]
"""What the second of two callers of a getter gets: a client of its own, or one that is not started yet."""


def race_in_getter(lives: Lives, life: Life) -> Race:
    """What can happen where a coroutine makes and starts the client it looked for, and lets others in between."""
    unit, place = life.site.unit, life.holding.at
    if not unit.is_async or place is None or life.value not in unit.result.values:
        return ""
    if life.holding.kind not in {"global", "instance"} or not any(event.unit is unit for event in life.starts):
        return ""
    missing = list(_where_missing(unit.body, place.name))
    if not missing or _is_locked(lives.engine, unit, life.site.node) or not can_meet(lives, unit):
        return ""
    return "second client" if any(_waits_before_keeping(body, place.name) for body in missing) else "unstarted client"


def meets_in_tasks(lives: Lives, kept: Kept) -> bool:
    """Whether two tasks can find the place of an object empty: its getter starts a client before it fills it."""
    unit = kept.unit
    if not unit.is_async or isinstance(kept.value, ClientObject) or kept.value not in unit.result.values:
        return False
    starts = starting(lives, kept)
    bodies = [body for body in _where_missing(unit.body, kept.place.name) if within(body, starts)]
    is_locked = _is_locked(lives.engine, unit, kept.made)
    waits = any(_waits_before_keeping(body, kept.place.name) for body in bodies)
    return not is_locked and waits and can_meet(lives, unit)


def meets_in_threads(lives: Lives, kept: Kept) -> bool:
    """Whether two threads can find the place empty: a getter without a lock, used by handlers that run in threads."""
    unit = kept.unit
    if unit.is_async or kept.life.site.client.is_async or kept.value not in unit.result.values:
        return False
    if _is_locked(lives.engine, unit, kept.made):
        return False
    is_asked = any(not caller.is_async and _is_handler(lives, caller) for caller in lives.reach.callers(unit))
    return is_asked and can_meet(lives, unit)


def _is_handler(lives: Lives, unit: Unit) -> bool:
    """Whether a framework calls the synchronous function for each request, which it does in several threads.

    A worker, such as Celery's by default, is a process that runs one task after the other.
    """
    registered = lives.engine.registrations.get(unit, {}).values()
    return any(each.via == "decorator" and each.target.rpartition(".")[2] in REQUEST_HANDLERS for each in registered)


def _where_missing(body: s.Body, name: str) -> Iterator[s.Body]:
    """What runs when the place was found empty: the block under the test, or what follows where the test leaves."""
    for index, statement in enumerate(body):
        if isinstance(statement, s.If) and any(_is_called(part, name) for part in inside(statement.test)):
            leaves = statement.body and isinstance(statement.body[-1], s.Return)
            yield body[index + 1 :] if leaves else statement.body
        for inner in child_bodies(statement):
            yield from _where_missing(inner, name)


def _waits_before_keeping(body: s.Body, name: str) -> bool:
    """Whether other tasks can run before the place is filled: no `await` in between, no second caller."""
    for statement in statements(body):
        waits = isinstance(statement, s.With | s.For) and statement.is_async
        if waits or any(isinstance(part, s.Await) for e in expressions(statement) for part in inside(e)):
            return True
        if isinstance(statement, s.Assign) and any(_is_called(target, name) for target in statement.targets):
            return False
    return False


def _is_called(part: s.Expr, name: str) -> bool:
    return (isinstance(part, s.Name) and part.id == name) or (isinstance(part, s.Attribute) and part.name == name)


def _is_locked(engine: Engine, unit: Unit, site: s.Call) -> bool:
    return any(
        isinstance(statement, s.With)
        and within(statement.body, {site})
        and any(_is_lock(engine, unit, item.value) for item in statement.items)
        for statement in statements(unit.body)
    )


def _is_lock(engine: Engine, unit: Unit, value: s.Expr) -> bool:
    """Whether the expression is a lock, by what it can be or, failing that, by what it is called."""
    known = engine.look(unit, value)
    if any(isinstance(each, External) and each.dotted.removesuffix("()").endswith(LOCK_TYPES) for each in known):
        return True
    return any(lock in words(value).lower() for lock in LOCKS)


class Skipped(NamedTuple):
    """A release that a failing one before it, of another client, would skip.

    In a loop over several clients both are one call: `node` is `before`.
    """

    unit: Unit
    life: Life
    node: s.Call
    before: s.Call


def second_releases(failing: Failing, audited: Iterator[Life]) -> list[Skipped]:
    """Releases that a failing release before them, of another client, would skip."""
    released: dict[s.Call, list[Life]] = {}
    safe: set[s.Call] = set()
    units: dict[Unit, None] = {}
    for life in audited:
        for event in life.releases:
            if event.via != "call" or not isinstance(event.node, s.Call):
                continue
            released.setdefault(event.node, []).append(life)
            units[event.unit] = None
            for caller, node in _asking(failing.lives, life, event):
                released.setdefault(node, []).append(life)
                units[caller] = None
                if failing.takes(life, event.unit, event.node):
                    safe.add(node)
    found = []
    for unit in units:
        for block in _blocks(unit.body):
            found += [Skipped(unit, *each) for each in _in_sequence(block, released, safe)]
        for statement in statements(unit.body):
            found += [Skipped(unit, *each) for each in _in_a_loop(statement, released)]
    return sorted(found, key=lambda each: (each.unit.module.path, each.node.at))


def _asking(lives: Lives, life: Life, event: Event) -> Iterator[tuple[Unit, s.Call]]:
    """The calls of the function that releases the client and does nothing else with it: it is there to release."""
    working = {each.unit for each in (*life.starts, *life.uses) if each.method not in QUIET}
    if event.unit in working or (life.holding.kind in SHORT_LIVED and life.site.unit in lives.reach.below(event.unit)):
        return
    for edge in lives.reach.incoming.get(event.unit, ()):
        node = edge.fact.node if edge.fact is not None else None
        is_done = edge.fact is not None and (not event.unit.is_async or edge.fact.mode == "awaited")
        if is_done and isinstance(node, s.Call) and lives.reach.runs(edge):
            yield edge.caller, node


def _in_sequence(
    block: s.Body, released: Mapping[s.Call, Sequence[Life]], safe: set[s.Call]
) -> Iterator[tuple[Life, s.Call, s.Call]]:
    """The releases of a block that come after the unprotected release of another client in the same block."""
    before: list[s.Call] = []
    for statement in block:
        if isinstance(statement, s.Try):
            continue
        nodes = [p for e in _expressions_of(statement) for p in inside(e) if isinstance(p, s.Call) and p in released]
        done = {life.id for node in before for life in released[node]}
        for node in nodes:
            late = next((life for life in released[node] if life.id not in done), None)
            if late is not None and before:
                yield late, node, before[-1]
        before += [node for node in nodes if node not in safe]


def _in_a_loop(statement: s.Stmt, released: Mapping[s.Call, Sequence[Life]]) -> Iterator[tuple[Life, s.Call, s.Call]]:
    """The releases of what a loop goes through, one after the other."""
    if not isinstance(statement, s.For):
        return
    names = set(target_names(statement.target))
    for inner in statement.body:
        if isinstance(inner, s.Try | s.With):
            continue
        for part in (each for expression in _expressions_of(inner) for each in inside(expression)):
            match part:
                case s.Call(s.Attribute(s.Name(name), method)) if name in names and method not in QUIET:
                    if part in released:
                        yield released[part][0], part, part


def _expressions_of(statement: s.Stmt) -> Iterator[s.Expr]:
    """What a statement evaluates, its conditional blocks included (`if self._p: self._p.stop()`), `try` left out."""
    yield from expressions(statement)
    if isinstance(statement, s.If):
        for body in child_bodies(statement):
            for inner in body:
                if not isinstance(inner, s.Try):
                    yield from _expressions_of(inner)


def _blocks(body: s.Body) -> Iterator[s.Body]:
    yield body
    for statement in body:
        for inner in child_bodies(statement):
            if not isinstance(statement, s.If):
                yield from _blocks(inner)

"""Assignments that let go of an open client: `self._producer = None` where nothing has released it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kafka_audit.facts import schema as s
from kafka_audit.link.defects.per_call import sent_parameter
from kafka_audit.link.flow.families import ancestry, descendants
from kafka_audit.link.flow.scopes import ClassScope, Unit, lookup
from kafka_audit.link.flow.values import Place
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.losses.makers import calls_to
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import handled_calls, inside, statements, within

BEGINNINGS = frozenset({"__init__", "__new__", "__post_init__", "__setstate__"})
"""Methods that set up an object: nothing is open yet."""


def replacements(lives: Lives, life: Life) -> list[tuple[Unit, s.Assign]]:
    """Where the client takes the place of another one that a different function made, and nothing releases that."""
    unit, place = life.site.unit, life.holding.at
    sharing = lives.kept_at(place)
    renewing = [each for other in (*sharing, life) for each in _renewals(lives, other)]
    if renewing:
        return list(dict.fromkeys(renewing))
    others = [other for other in sharing if other.site.unit is not unit]
    first = min((other.site.unit for other in sharing), key=lambda u: (u.module.path, u.line), default=unit)
    releasing = {event.unit for other in (*others, life) for event in (*other.releases, *other.undoings)}
    if place is None or not others or unit is first or _name(unit) in BEGINNINGS or unit.kind == "module":
        return []
    if not releasing.isdisjoint(lives.reach.below(unit)) or asks_first(unit, place.name):
        return []
    found = [n for n in statements(unit.body) if isinstance(n, s.Assign) and _stores(unit, n, place)]
    return [(unit, found[-1])] if found else []


def _renewals(lives: Lives, life: Life) -> list[tuple[Unit, s.Assign]]:
    """Where a function fills the client's place anew for each message that it sends, and releases none."""
    unit, place = life.site.unit, life.holding.at
    sends = {fill.node for fill in life.fills}
    if place is None or unit.kind == "module" or _name(unit) in BEGINNINGS or asks_first(unit, place.name):
        return []
    if not sent_parameter(unit, sends):
        return []
    found = [n for n in statements(unit.body) if isinstance(n, s.Assign) and _stores(unit, n, place)]
    after_failure = handled_calls(unit.body)
    ending = {event.unit for event in (*life.releases, *life.undoings) if event.node not in after_failure}
    return [(unit, node) for node in found[-1:]] if ending.isdisjoint(lives.reach.below(unit)) else []


def reconnections(lives: Lives, life: Life) -> list[tuple[Unit, s.Call]]:
    """Where a failure of the client has another one made in its place, and nothing releases the failed one."""
    unit, place = life.site.unit, life.holding.at
    releasing = {u for event in (*life.releases, *life.undoings) for u in lives.reach.callers(event.unit)}
    if place is None or life.holding.kind not in {"global", "instance"} or asks_first(unit, place.name):
        return []
    if not releasing.isdisjoint(lives.reach.below(unit)):
        return []
    found = []
    for edge in lives.reach.incoming.get(unit, ()):
        caller, node = edge.caller, edge.fact.node if edge.fact is not None else None
        in_test = context_of(caller.module.path) == "test" and not life.in_test
        uses = {event.node for event in life.uses if event.unit is caller}
        if isinstance(node, s.Call) and not in_test and caller not in releasing and _fails_over(caller, uses, node):
            found.append((caller, node))
    return found


def _fails_over(unit: Unit, uses: Collection[object], node: s.Call) -> bool:
    """Whether the call stands in a handler around a use of the client."""
    return any(
        isinstance(statement, s.Try)
        and within(statement.body, uses)
        and any(within(handler.body, {node}) for handler in statement.handlers)
        for statement in statements(unit.body)
    )


def asks_first(unit: Unit, name: str) -> bool:
    """Whether the function looks at the place before it fills it."""
    tests = [statement.test for statement in statements(unit.body) if isinstance(statement, s.If | s.While)]
    return any(
        (isinstance(part, s.Attribute) and part.name == name) or (isinstance(part, s.Name) and part.id == name)
        for test in tests
        for part in inside(test)
    )


def _stores(unit: Unit, node: s.Assign, place: Place) -> bool:
    """Whether the assignment writes the place with something that is not a constant."""
    if node.value is None or isinstance(node.value, s.Constant):
        return False
    return any(_is_place(unit, target, place) for target in node.targets)


def overwrites(lives: Lives, life: Life) -> list[tuple[Unit, s.Assign]]:
    """Where the place of the client is emptied in a function that releases nothing."""
    releasing = {event.unit for event in (*life.releases, *life.undoings)}
    found = []
    for unit in _units(lives, life):
        if not releasing.isdisjoint(lives.reach.below(unit)) or _name(unit) in BEGINNINGS:
            continue
        if _is_called_after_the_release(lives, life, unit):
            continue
        starting = {event.unit for event in life.starts}
        starts = calls_to(lives, unit, starting) | {event.node for event in life.starts if event.unit is unit}
        after_failure = _in_handlers(unit, starts)
        makes = unit in lives.reach.callers(life.site.unit)
        # What the maker empties before is a beginning, after a failed start an undoing, after a failed send a loss.
        emptying = _in_handlers(unit, _sends(life, unit)) if makes else statements(unit.body)
        found += [
            (unit, node)
            for node in emptying
            if isinstance(node, s.Assign) and _empties(life, unit, node) and node not in after_failure
        ]
    return sorted(found, key=lambda each: (each[0].module.path, each[1].line))


def _sends(life: Life, unit: Unit) -> set[object]:
    """The calls of a function that give the client a message."""
    return {fill.node for fill in life.fills if fill.unit is unit}


def _is_called_after_the_release(lives: Lives, life: Life, unit: Unit) -> bool:
    """Whether all that call the function have released the client before they do."""
    edges = lives.reach.incoming.get(unit, ())
    return bool(edges) and all(
        any(event.unit is edge.caller and event.line < edge.line for event in life.releases) for edge in edges
    )


def _in_handlers(unit: Unit, failing: Collection[object]) -> set[s.Stmt]:
    """What handlers do about one of these calls: a client whose start failed, say, never came to life."""
    return {
        inner
        for statement in statements(unit.body)
        if isinstance(statement, s.Try) and within(statement.body, failing)
        for handler in statement.handlers
        for inner in statements(handler.body)
    }


def _units(lives: Lives, life: Life) -> Iterator[Unit]:
    """The functions that can write the place by its own name: methods of the class, or functions of the module."""
    place = life.holding.at
    if place is None:
        return
    if life.holding.kind == "instance" and life.holding.scope is not None:
        family = [life.holding.scope, *descendants(lives.engine, life.holding.scope)]
        family += [base for base in ancestry(lives.engine, life.holding.scope) if isinstance(base, ClassScope)]
        for scope in dict.fromkeys(family):
            for methods in scope.methods.values():
                yield from methods
    elif life.holding.kind == "global" and isinstance(place.owner, Unit) and place.kind == "module":
        yield from (unit for unit in place.owner.module.units if unit.kind == "function")


def _empties(life: Life, unit: Unit, node: s.Assign) -> bool:
    if context_of(unit.module.path) == "test" and not life.in_test:
        return False
    if not isinstance(node.value, s.Constant) or node.value.value is not None:
        return False
    place = life.holding.at
    return place is not None and any(_is_place(unit, target, place) for target in node.targets)


def _is_place(unit: Unit, target: s.Expr, place: Place) -> bool:
    if place.kind == "field":
        return _is_own_field(unit, target, place.name)
    is_global = place.kind == "module" and isinstance(target, s.Name) and target.id == place.name
    return is_global and lookup(unit, place.name)[0] is place.owner


def _is_own_field(unit: Unit, target: s.Expr, name: str) -> bool:
    """Whether the target is `self.<name>`, and there is a `self`."""
    match target:
        case s.Attribute(s.Name("self"), attribute):
            return attribute == name and lookup(unit, "self")[1]
    return False


def _name(unit: Unit) -> str:
    return unit.function.name if unit.function is not None else ""

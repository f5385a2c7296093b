"""Releases that a guard defeats: after a failed start the flag that they look at is still false."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import CallFact
from kafka_audit.link.flow.families import ancestry, find_method
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import Instance
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import child_bodies, holds, statements, undoes, within
from kafka_audit.link.reading.words import words


class Flag(NamedTuple):
    """A field, property or method of an object that must be true, or equal to `state`, as the code writes that."""

    name: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Defeated:
    """A rollback that does nothing: the guarded method, its flag and the guard's line, who sets it, who rolls back.

    `asked` is what the guard looks at, `flag` the field behind it.
    """

    method: Unit
    asked: Flag
    flag: Flag
    guard_line: int
    starter: Unit
    set_line: int
    rollback: Unit
    rollback_line: int


class Rollbacks:
    """Answers for one program."""

    def __init__(self, lives: Lives) -> None:
        self.lives, self.engine, self.reach = lives, lives.engine, lives.reach

    def defeated(self, life: Life) -> Defeated | None:
        """The first rollback of a failed start that a flag defeats, if there is one."""
        keeper = life.holding.scope
        if keeper is None or life.holding.kind != "instance":
            return None
        starting = self._family_closure(keeper, [life.site.unit, *(event.unit for event in life.starts)])
        releasing = self._family_closure(keeper, [event.unit for event in life.releases])
        if any(event.unit in starting for event in life.undoings):
            return None  # the failed start is undone on the spot
        for method in _ordered(releasing):
            down = self._leading_down(method, releasing, [e.node for e in life.releases if e.unit is method])
            guards = list(_guards(method.body, down))
            for asked, flag, guard_line in ((a, f, line) for a, line in guards for f in self._behind(method, a)):
                if life.holding.at is not None and flag.name == life.holding.at.name:
                    continue  # the place itself: it holds the client as soon as there is one
                for starter in _ordered(starting):
                    set_line = self._set_after_start(starter, flag, starting, life)
                    rollback = self._rollback(method, starter, starting, life) if set_line else None
                    if rollback is not None:
                        return Defeated(method, asked, flag, guard_line, starter, set_line, *rollback)
        return None

    def _behind(self, method: Unit, asked: Flag) -> list[Flag]:
        """The fields that a guard looks at: what it names, or what the property or method of that name returns."""
        found = find_method(self.engine, method.method_of, asked.name) if method.method_of is not None else None
        if found is None:
            return [asked]
        returned = [each.value for each in statements(found.body) if isinstance(each, s.Return)]
        is_plain = len(returned) == 1 and returned[0] is not None and not asked.state
        return list(_needed(returned[0])) if is_plain else []  # type: ignore[arg-type]

    def _family_closure(self, keeper: ClassScope, units: Iterable[Unit]) -> set[Unit]:
        """The methods of the class, its bases and its subclasses that get to one of the units by calls."""
        found: set[Unit] = set()
        for unit in units:
            found |= {u for u in self.reach.callers(unit) if self._is_family(keeper, u)}
        return found

    def _is_family(self, keeper: ClassScope, unit: Unit) -> bool:
        scope = unit.method_of
        if scope is None:
            return False
        return scope in ancestry(self.engine, keeper) or keeper in ancestry(self.engine, scope)

    def _leading_down(self, method: Unit, releasing: set[Unit], own: list[s.Call | s.Item]) -> set[object]:
        """The calls of a method that bring the release about: the client's own, or of another releasing method."""
        down: set[object] = set(own)
        for fact in self._facts_of(method):
            if any(callee in releasing and callee is not method for callee in fact.callees):
                down.add(fact.node)
        return down

    def _facts_of(self, unit: Unit) -> list[CallFact]:
        return [edge.fact for edge in self.reach.outgoing.get(unit, ()) if edge.fact is not None]

    def _set_after_start(self, starter: Unit, flag: Flag, starting: set[Unit], life: Life) -> int:
        """The line where `starter` sets the flag, if that comes after what can fail; 0 otherwise."""
        fails_at = [e.line for e in life.starts if e.unit is starter]
        fails_at += [life.site.node.at[0]] if starter is life.site.unit else []
        for fact in self._facts_of(starter):
            if any(callee in starting for callee in fact.callees) and isinstance(fact.node, s.Call):
                fails_at.append(fact.node.at[0])
        lines = [
            statement.line
            for statement in statements(starter.body)
            if isinstance(statement, s.Assign)
            and statement.value is not None
            and _sets(statement.value, flag)
            and any(_is_flag(target, flag.name) for target in statement.targets)
        ]
        return lines[0] if lines and fails_at and min(lines) > min(fails_at) else 0

    def _rollback(self, method: Unit, starter: Unit, starting: set[Unit], life: Life) -> tuple[Unit, int] | None:
        """Who calls the guarded method when the start fails: a handler or `finally` around what starts."""
        callers = [edge.fact for edge in self.reach.incoming.get(method, ()) if edge.fact is not None]
        for fact in callers:
            unit = fact.unit
            if context_of(unit.module.path) == "test" and not life.in_test:
                continue
            begins = self._beginnings(unit, starter, starting, life)
            if not isinstance(fact.node, s.Call) or not self._same_object(unit, fact, method):
                continue
            if any(undoes(statement, begins, {fact.node}) for statement in statements(unit.body)):
                return unit, fact.node.at[0]
        return None

    def _beginnings(self, unit: Unit, starter: Unit, starting: set[Unit], life: Life) -> set[object]:
        """The calls of a unit in which the start may fail."""
        found: set[object] = {fact.node for fact in self._facts_of(unit) if not starting.isdisjoint(fact.callees)}
        if unit in starting:
            found |= {event.node for event in life.starts if event.unit is unit}
        return found

    def _same_object(self, unit: Unit, fact: CallFact, method: Unit) -> bool:
        """Whether the guarded method is called on the object that was started, as far as its class tells."""
        receivers = fact.callees.get(method, {})
        return any(isinstance(receiver, Instance) for receiver in receivers)


def _ordered(units: set[Unit]) -> list[Unit]:
    return sorted(units, key=lambda unit: (unit.module.path, unit.line))


def _is_flag(target: s.Expr, flag: str) -> bool:
    return isinstance(target, s.Attribute) and target.name == flag and isinstance(target.value, s.Name)


def _sets(value: s.Expr, flag: Flag) -> bool:
    """Whether the value may be the one that the flag is to have."""
    if flag.state:
        return words(value) == flag.state
    return not (isinstance(value, s.Constant) and not value.value)


def _guards(body: s.Body, wanted: set[object]) -> Iterator[tuple[Flag, int]]:
    """(flag, line) of the tests on an object that must be true for control to get to one of the wanted calls."""
    for statement in body:
        if holds(statement, wanted):
            if isinstance(statement, s.If) and within(statement.body, wanted):
                yield from ((flag, statement.line) for flag in _needed(statement.test))
            for inner in child_bodies(statement):
                if within(inner, wanted):
                    yield from _guards(inner, wanted)
                    return
            return
        if isinstance(statement, s.If) and not statement.orelse and _leaves(statement.body):
            yield from ((flag, statement.line) for flag in _missing(statement.test))


def _leaves(body: s.Body) -> bool:
    return bool(body) and isinstance(body[-1], s.Return)


def _needed(test: s.Expr) -> Iterator[Flag]:
    """What is true of an object when the test is."""
    match test:
        case s.Attribute(s.Name(), name) | s.Call(s.Attribute(s.Name(), name), ()):
            yield Flag(name)
        case s.Call(s.Name("bool"), [argument]):
            yield from _needed(argument.value)
        case s.Logic("and", operands):
            for operand in operands:
                yield from _needed(operand)
        case s.Compare(s.Attribute(s.Name(), name), "is" | "==", s.Constant(True)):
            yield Flag(name)
        case s.Compare(s.Attribute(s.Name(), name), "is not" | "!=", s.Constant(None)):
            yield Flag(name)
        case s.Compare(s.Attribute(s.Name(), name), "is" | "==", state) if _is_state(state):
            yield Flag(name, words(state))


def _missing(test: s.Expr) -> Iterator[Flag]:
    """What makes the test true when it is not true of an object."""
    match test:
        case s.Not(inner):
            yield from _needed(inner)
        case s.Logic("or", operands):
            for operand in operands:
                yield from _missing(operand)
        case s.Compare(s.Attribute(s.Name(), name), "is" | "==", s.Constant(False | None)):
            yield Flag(name)
        case s.Compare(s.Attribute(s.Name(), name), "is not" | "!=", state) if _is_state(state):
            yield Flag(name, words(state))


def _is_state(value: s.Expr) -> bool:
    """Whether a value names a state: a text, or a member of a class such as an enumeration."""
    match value:
        case s.Constant(text):
            return isinstance(text, str) and bool(text)
        case s.Attribute(s.Name(_), _):
            return True
    return False

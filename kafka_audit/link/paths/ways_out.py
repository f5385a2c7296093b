"""On which way out of a function is a client lost?

One function is walked with one client in mind. A state says how far the client has come, which names lead to it, and
which tests are known to hold; a block maps states to the states of each way out of it. States that agree are merged, so
the work is bounded by the few states there are, not by the number of paths.

An exit by exception is strong when the code says that it happens: `raise`, a failing call on the client itself, a
`yield` at which an exception can be thrown in. Any other call may raise too; such exits are weak, and not followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.effort import TooLong
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.paths.states import (
    ABRUPT,
    Effects,
    Exits,
    Loss,
    Repeat,
    Stage,
    State,
    States,
    at_once,
    catches_everything,
    elements,
    ends_program,
    expects_failure,
    hands_back,
    in_order,
    is_client,
    is_of_element,
    merge,
    pairs,
    past_loop,
    repeated,
    split,
    weighed,
    with_answers,
)
from kafka_audit.link.reading.conditions import assigned, counted, deciding, filled, forget
from kafka_audit.link.reading.walk import target_names

MOST_ROUNDS = 4
"""Times that a loop is walked until its states stay the same: they are few."""


class Walk:
    """Walks one function for one client. One that would take too long is walked no further, which is a fault of it."""

    def __init__(self, engine: Engine, unit: Unit, effects: Effects) -> None:
        self.engine, self.unit, self.effects = engine, unit, effects
        self.losses: dict[Loss, None] = {}
        self.repeats: dict[Repeat, None] = {}
        self.reached: set[s.Call] = set()
        self.returns: dict[s.Return, set[Stage]] = {}
        self._elements: list[str] = []
        self._is_expecting = False
        self._deciding = deciding(unit.body, {effects.site, *effects.starts, *effects.releases})

    def run(self, start: State | None = None) -> list[Loss]:
        """Every way on which the client is lost, by line; none when that takes too long to find out."""
        if self.unit.function is None:
            return []
        exits, end_line = self.exits(start or State()), self.unit.function.end_line
        for name in ("normal", "returned", "raised", "failed", *(["ended"] if self.effects.reopens else [])):
            states, by_exception = getattr(exits, name), name in {"raised", "failed", "ended"}
            for state, line in states.items():
                if self.effects.kept_is_owed or not state.kept:
                    self._lose(state, line if line and states is not exits.normal else end_line, by_exception)
        return sorted(self.losses, key=lambda loss: (loss.line, loss.stage, loss.by_exception))

    def exits(self, start: State) -> Exits:
        """The states at each way out of the function; none at all when that takes too long to find out."""
        try:
            return self.block(self.unit.body, {start: 0})
        except TooLong as error:
            self.engine.faults.setdefault(self.unit, str(error))
            return Exits()

    def _lose(
        self, state: State, line: int, by_exception: bool, *, again: bool = False, overwritten: bool = False
    ) -> None:
        created = {Stage.CREATED} if self.effects.is_owed_when_created else set()
        if state.stage in {Stage.OPEN, Stage.FAILED, *created}:
            self.losses[Loss(state.stage, line, by_exception, again, overwritten)] = None

    def block(self, body: s.Body, states: States) -> Exits:
        """Walk the statements of a block in order."""
        exits = Exits(normal=dict(states))
        for statement in body:
            if not exits.normal:
                break
            self.engine.effort.spend(self.unit, len(exits.normal))
            step = _STATEMENTS.get(type(statement))
            if step is not None:  # imports, declarations and definitions do nothing to a client
                inner = step(self, statement, exits.normal)
                exits.normal = inner.normal
                exits.absorb(inner)
        return exits

    def evaluate(self, expression: s.Expr | None, states: States, line: int) -> Exits:
        """Evaluate an expression: the calls in it happen, innermost first."""
        exits = Exits(normal=dict(states))
        for node in in_order(expression) if expression is not None else ():
            after: States = {}
            if isinstance(node, s.Call) and ends_program(node):
                merge(exits.ended, dict.fromkeys(exits.normal, line))
                exits.normal = {}
            for state, at in exits.normal.items():
                after.setdefault(self._happen(node, state, line, exits), at)
            exits.normal = with_answers(self.effects, node, after) if node in self.effects.opens else after
        return exits

    def _note_repeat(self, node: s.Call | s.Item, state: State) -> None:
        self.repeats |= dict.fromkeys(repeated(self.effects, node, state, self._elements))

    def _happen(self, node: s.Call | s.Yield | s.Walrus, state: State, line: int, exits: Exits) -> State:
        if isinstance(node, s.Call):
            return self._call(node, state, exits.failed)
        if isinstance(node, s.Walrus):
            return self._bind(s.Name(node.name), node.value, state, line)
        if self.effects.yields_raise:
            exits.raised.setdefault(state, line)
        return state

    def _call(self, node: s.Call, state: State, failed: States) -> State:
        effects, line = self.effects, node.at[0]
        if node is effects.site:
            is_dropped = state.stage is Stage.CREATED and bool(state.names)
            if state.stage is Stage.FAILED or ((state.stage is Stage.OPEN or is_dropped) and not state.kept):
                self._lose(state, line, by_exception=False, again=True, overwritten=is_dropped)
            return replace(state, stage=Stage.CREATED, names=frozenset(), kept=False)
        if node in effects.renews:
            return replace(state, stage=Stage.CREATED)
        self._note_repeat(node, state)
        reopens = state.stage is Stage.DONE and effects.reopens and node in effects.opens
        if state.stage in {Stage.ABSENT, Stage.DONE, Stage.HANDED} and not reopens:
            return state
        if node in effects.releases:
            self.reached.add(node)
            return replace(state, stage=Stage.DONE)
        if node in effects.starts and state.stage is Stage.CREATED:
            failed.setdefault(replace(state, stage=Stage.FAILED), line)
        elif node in effects.starts and not is_of_element(node, self._elements):  # the start of another one
            failed.setdefault(state, line)
        elif node in effects.uses and effects.raises_by_use:
            is_opened = node in effects.opens and not effects.reopens  # a message that fails is none in the buffer
            failed.setdefault(replace(state, stage=Stage.OPEN) if is_opened else state, line)
        if node in effects.opens:
            return replace(state, stage=Stage.OPEN)
        if node in effects.leaves_for_later or effects.hands_over(node, state.names):
            merge(failed, {replace(state, stage=Stage.OPEN): line} if effects.fails_open(node) else {})
            return replace(state, stage=Stage.HANDED)
        runs_start = any(argument.value in effects.starts for argument in node.arguments)
        if self._is_expecting and not runs_start and not effects.is_harmless(node):
            failed.setdefault(state, line)
        return state

    def evaluated(self, node: Any, states: States) -> Exits:
        """An expression statement."""
        return self.evaluate(node.value, states, node.line)

    def assign(self, node: s.Assign, states: States) -> Exits:
        """An assignment: names come to lead to the client, or stop doing so."""
        exits = self.evaluate(node.value, states, node.line)
        if node.value is None:
            return exits
        after: States = {}
        for before, line in exits.normal.items():
            state = before
            for target, value in pairs(node):
                state = self._bind(target, value, state, node.line)
            merge(after, dict.fromkeys(weighed(node, state), line))
        exits.normal = after
        return exits

    def augment(self, node: s.Augment, states: States) -> Exits:
        """`target += value`: what was known of the target is known no more; a counter has counted."""
        exits = self.evaluate(node.value, states, node.line)
        exits.normal = {replace(st, facts=counted(st.facts, node)): line for st, line in exits.normal.items()}
        return exits

    def _bind(self, target: s.Expr, value: s.Expr, state: State, line: int) -> State:
        is_its = is_client(value, self.effects.site, state.names)
        state = replace(state, facts=forget(state.facts, target))
        if isinstance(target, s.Name):
            if is_its:
                kept = state.kept or target.id in self.effects.outer_names
                return replace(state, names=state.names | {target.id}, kept=kept)
            return self._unbind({target.id}, replace(state, facts=assigned(state.facts, target, value)), line)
        if is_its and isinstance(target, s.Sequence):
            return replace(state, names=state.names | set(target_names(target)))
        if is_its:
            return replace(state, kept=True, facts=filled(state.facts, target))
        if isinstance(target, s.Attribute) and target.name == self.effects.place:
            return replace(state, stage=Stage.HANDED)  # the place holds another client from here on
        if isinstance(target, s.Attribute):
            state = replace(state, facts=assigned(state.facts, target, value))
        return self._unbind(set(target_names(target)), state, line)

    def _unbind(self, names: set[str], state: State, line: int, *, overwritten: bool = True) -> State:
        left = state.names - names
        if state.names and not left and not state.kept:
            self._lose(state, line, by_exception=False, overwritten=overwritten)
            return replace(state, stage=Stage.HANDED, names=left)
        return replace(state, names=left)

    def delete(self, node: s.Delete, states: States) -> Exits:
        """`del name`."""
        names = {name for target in node.targets for name in target_names(target)}
        return Exits(normal={self._unbind(names, st, node.line, overwritten=False): at for st, at in states.items()})

    def returned(self, node: s.Return, states: States) -> Exits:
        """`return`: a client that is returned is the caller's."""
        exits = self.evaluate(at_once(node.value), states, node.line)
        self.returns.setdefault(node, set()).update(state.stage for state in exits.normal)
        for state in exits.normal:
            handed = hands_back(node.value, self.effects.site, state.names, self.unit.body)
            exits.returned.setdefault(replace(state, stage=Stage.HANDED) if handed else state, node.line)
        exits.normal = {}
        return exits

    def raised(self, node: s.Raise, states: States) -> Exits:
        """`raise`."""
        exits = self.evaluate(node.value, states, node.line)
        merge(exits.ended if ends_program(node.value) else exits.raised, dict.fromkeys(exits.normal, node.line))
        exits.normal = {}
        return exits

    def jumped(self, node: s.Break | s.Continue, states: States) -> Exits:
        """`break` and `continue`."""
        marked = dict.fromkeys(states, node.line)
        return Exits(broken=marked) if isinstance(node, s.Break) else Exits(continued=marked)

    def branch(self, node: s.If, states: States) -> Exits:
        """`if`: each side only with the states that its test allows."""
        exits = Exits()
        then, otherwise = self._test(node.test, states, node.line, exits)
        for body, given in ((node.body, then), (node.orelse, otherwise)):
            inner = self.block(body, given)
            exits.absorb(inner)
            merge(exits.normal, inner.normal)
        return exits

    def _test(self, test: s.Expr, states: States, line: int, exits: Exits) -> tuple[States, States]:
        """The states in which a test is true and false; `a and b` does not get to `b` when `a` is false."""
        if not isinstance(test, s.Logic):
            head = self.evaluate(test, states, line)
            exits.absorb(head)
            return split(test, head.normal, self._deciding)
        going, stopped = states, States()
        for operand in test.operands:
            then, otherwise = self._test(operand, going, line, exits)
            going, leaving = (then, otherwise) if test.operator == "and" else (otherwise, then)
            merge(stopped, leaving)
        return (going, stopped) if test.operator == "and" else (stopped, going)

    def loop(self, node: s.While | s.For, states: States) -> Exits:
        """A loop, walked until its states stay the same."""
        test = node.test if isinstance(node, s.While) else node.iterable
        exits = Exits()
        seen: States = dict(states)
        leaving: States = {}
        passed: set[State] = set()
        for _ in range(MOST_ROUNDS):
            if isinstance(node, s.While):
                entering, over = self._test(test, seen, node.line, exits)
            else:
                head = self.evaluate(test, seen, node.line)
                exits.absorb(head)
                entering, over = head.normal, past_loop(test, head.normal, passed, self.effects.site)
            merge(leaving, over)
            inside = list(target_names(node.target)) if isinstance(node, s.For) else []
            self._elements += inside
            inner = self.block(node.body, self._next_item(node, entering))
            del self._elements[len(self._elements) - len(inside) :]
            for name in ("returned", "raised", "failed", "ended"):
                merge(getattr(exits, name), getattr(inner, name))
            merge(exits.normal, inner.broken)
            before = len(seen), len(passed)
            passed.update(inner.normal, inner.continued)
            merge(seen, inner.continued | inner.normal)
            if (len(seen), len(passed)) == before:
                break
        after = self.block(node.orelse, leaving)
        exits.absorb(after)
        merge(exits.normal, after.normal)
        return exits

    def _next_item(self, node: s.While | s.For, states: States) -> States:
        if isinstance(node, s.While):
            return states
        names, held = set(target_names(node.target)), elements(node)
        found: States = {}
        for state, line in states.items():
            known = replace(state, facts=forget(state.facts, node.target))
            is_element = is_client(node.iterable, self.effects.site, state.names)
            after = replace(known, names=known.names | held) if is_element else self._unbind(names, known, node.line)
            found.setdefault(after, line)
        return found

    def match(self, node: s.Match, states: States) -> Exits:
        """`match`: any case may be taken, or none unless one takes everything."""
        exits = self.evaluate(node.subject, states, node.line)
        before, exits.normal = exits.normal, {}
        for case in node.cases:
            inner = self.block(case.body, before)
            exits.absorb(inner)
            merge(exits.normal, inner.normal)
        if not any(case.irrefutable and case.guard is None for case in node.cases):
            merge(exits.normal, before)
        return exits

    def attempt(self, node: s.Try, states: States) -> Exits:
        """`try` with its handlers, `else` and `finally`."""
        before, self._is_expecting = self._is_expecting, expects_failure(node, self.effects)
        inner = self.block(node.body, states)
        self._is_expecting = before
        after = self.block(node.orelse, inner.normal)
        exits = Exits(normal=after.normal)
        exits.absorb(after)
        raised, failed, inner.raised, inner.failed = inner.raised, inner.failed, {}, {}
        exits.absorb(inner)
        for handler in node.handlers:
            handled = self.block(handler.body, raised | failed)
            merge(exits.normal, handled.normal)
            exits.absorb(handled)
            if catches_everything(handler):
                raised, failed = {}, {}
            elif self.effects.catches_its_errors(handler):
                failed = {}
        exits.absorb(Exits(raised=raised, failed=failed))
        return self._finally(node.final, exits) if node.final else exits

    def _finally(self, final: s.Body, before: Exits) -> Exits:
        """Every way out leads through `finally`; what it does abruptly itself takes the place of the way out."""
        exits = Exits()
        for name in ("normal", *ABRUPT):
            states: States = getattr(before, name)
            through = self.block(final, states)
            exits.absorb(through)
            line = min(states.values(), default=0)
            merge(getattr(exits, name), {state: states.get(state, line) for state in through.normal})
        return exits

    def managed(self, node: s.With, states: States) -> Exits:
        """`with`: a manager of the client releases it on every way out; `suppress` ends exceptions."""
        exits = Exits(normal=dict(states))
        for item in node.items:
            head = self.evaluate(item.value, exits.normal, item.line)
            exits.normal = head.normal
            exits.absorb(head)
            if item in self.effects.starts:
                exits.normal = {self._entered(item, state): line for state, line in exits.normal.items()}
            if item.target is not None:
                exits.normal = {self._enter(item, state, node.line): line for state, line in exits.normal.items()}
        inner, exits.normal = self.block(node.body, exits.normal), {}
        releases = any(item in self.effects.releases for item in node.items)
        for name in ("normal", *ABRUPT):
            leaving = getattr(inner, name)
            done = {replace(st, stage=Stage.DONE): line for st, line in leaving.items()} if releases else leaving
            swallowed = name in {"raised", "failed"} and any(self.effects.suppresses(item) for item in node.items)
            merge(exits.normal if swallowed else getattr(exits, name), done)
        return exits

    def _entered(self, item: s.Item, state: State) -> State:
        """Entering the block starts the client."""
        self._note_repeat(item, state)
        return replace(state, stage=Stage.OPEN) if state.stage is Stage.CREATED else state

    def _enter(self, item: s.Item, state: State, line: int) -> State:
        assert item.target is not None
        if item in self.effects.releases and isinstance(item.target, s.Name):
            return replace(state, names=state.names | {item.target.id})
        return self._bind(item.target, item.value, state, line)


_STATEMENTS: dict[type, Callable[[Walk, Any, States], Exits]] = {
    s.Evaluate: Walk.evaluated,
    s.Assign: Walk.assign,
    s.Augment: Walk.augment,
    s.Delete: Walk.delete,
    s.Return: Walk.returned,
    s.Raise: Walk.raised,
    s.Break: Walk.jumped,
    s.Continue: Walk.jumped,
    s.If: Walk.branch,
    s.While: Walk.loop,
    s.For: Walk.loop,
    s.Match: Walk.match,
    s.Try: Walk.attempt,
    s.With: Walk.managed,
}

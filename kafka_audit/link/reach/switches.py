"""Which calls of a function cannot happen, by what its caller gives it: `Ledger()` leaves `if app is not None` undone.

What a call gives is known where it is a constant, written in the call or the parameter's default, or a client, which is
true: `Ledger(producer)` leaves `producer or Producer()` at that. Only truth and `None` are looked at: nothing is
calculated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import CallFact, Engine, Node
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import BoundMethod, ClassValue, ClientObject, ForeignClient, FunctionValue, Value
from kafka_audit.link.reading.conditions import Facts, assume
from kafka_audit.link.reading.walk import (
    bound_names,
    child_bodies,
    expressions,
    inside,
    parts,
    statements,
    target_names,
)

Off = frozenset[Node]
"""Calls and `with` items that cannot happen."""

NONE_OFF: Off = frozenset()

Known = Mapping[str, bool | None]
"""What names are known to hold."""


class Switches:
    """The answers for one settled engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._tested: dict[Unit, frozenset[str]] = {}
        self._off: dict[tuple[Unit, frozenset[tuple[str, bool | None]]], Off] = {}

    def off(self, fact: CallFact | None, callee: Unit) -> Off:
        """What cannot happen in `callee` when this call runs it."""
        tested = self._tested_in(callee)
        if not tested or fact is None or not isinstance(fact.node, s.Call):
            return NONE_OFF
        given = self._given(fact, fact.node, callee, tested)
        key = (callee, frozenset(given.items()))
        if given and key not in self._off:
            self._off[key] = _never(callee.body, given)
        return self._off[key] if given else NONE_OFF

    def _tested_in(self, unit: Unit) -> frozenset[str]:
        """The parameters of a function that a test in it can look at; none where a decorator may give others."""
        if unit not in self._tested:
            function = unit.function
            names = {p.name for p in function.parameters} if function is not None and not function.decorators else set()
            has_test = names and any(_tests(each) for each in statements(unit.body))
            self._tested[unit] = frozenset(names if has_test else ())
        return self._tested[unit]

    def _given(self, fact: CallFact, node: s.Call, callee: Unit, tested: Collection[str]) -> dict[str, bool | None]:
        """The tested parameters of which this call says what they are, or leaves it to their defaults."""
        function = callee.function
        if function is None or any(each.star for each in node.arguments) or not self._is_direct(fact, node, callee):
            return {}
        receivers = set(fact.callees[callee])
        plain = [each for each in function.parameters if each.kind == "positional"]
        if None in receivers and len(receivers) > 1:
            return {}
        plain = plain if None in receivers else plain[1:]
        passed = [each.value for each in node.arguments if each.keyword is None]
        values = {each.name: each.default for each in function.parameters if each.default is not None}
        values.update(zip((each.name for each in plain), passed, strict=False))
        values.update({each.keyword: each.value for each in node.arguments if each.keyword is not None})
        known: dict[str, bool | None] = {}
        for name, value in values.items():
            if isinstance(value, s.Constant) and (value.value is None or isinstance(value.value, bool)):
                known[name] = value.value
            elif name in tested and self._is_client(fact.unit, value):
                known[name] = True
        return {name: value for name, value in known.items() if name in tested}

    def _is_client(self, unit: Unit, value: s.Expr) -> bool:
        """Whether what the call gives is a client and nothing else, as far as is known."""
        if not isinstance(value, s.Name | s.Attribute | s.Call):
            return False
        given = self.engine.look(unit, value)
        return bool(given) and all(isinstance(each, ClientObject | ForeignClient) for each in given)

    def _is_direct(self, fact: CallFact, node: s.Call, callee: Unit) -> bool:
        """Whether the arguments of the call are those of the function: no `partial`, and no runner that is given it."""
        called = self.engine.look(fact.unit, node.function)
        return (
            bool(called)
            and all(isinstance(value, _DIRECT) for value in called)
            and any(_runs(value, callee) for value in called)
        )


_DIRECT = (BoundMethod, ClassValue, FunctionValue)


def _runs(value: Value, callee: Unit) -> bool:
    match value:
        case BoundMethod(unit, _) | FunctionValue(unit):
            return unit is callee
        case ClassValue(scope):
            is_init = callee.function is not None and callee.function.name == "__init__"
            return is_init and not scope.node.decorators
    return False


def _never(body: s.Body, known: Known) -> Off:
    """The calls of a body that no path reaches."""
    reached: set[Node] = set()
    _block(body, known, reached)
    every = {node for statement in statements(body) for node in _nodes(statement, {})}
    return frozenset(every - reached)


def _tests(statement: s.Stmt) -> bool:
    """Whether the statement decides something, itself or in an expression."""
    parts = (part for expression in expressions(statement) for part in inside(expression))
    return isinstance(statement, s.If) or any(isinstance(part, s.Logic | s.Choice) for part in parts)


def _nodes(statement: s.Stmt, known: Known) -> Iterator[Node]:
    """The calls of a statement without its blocks, and the items of a `with`; those left out that cannot happen."""
    for expression in expressions(statement):
        yield from _calls(expression, known)
    if isinstance(statement, s.With):
        yield from statement.items


def _calls(expression: s.Expr, known: Known) -> Iterator[s.Call]:
    match expression:
        case s.Logic(operator, operands):
            for operand in operands:
                yield from _calls(operand, known)
                if known and not _can_be(operand, known, outcome=operator == "and"):
                    return
            return
        case s.Choice(test, then, otherwise):
            yield from _calls(test, known)
            for side, outcome in ((then, True), (otherwise, False)):
                if not known or _can_be(test, known, outcome=outcome):
                    yield from _calls(side, known)
            return
        case s.Call():
            yield expression
    for part in parts(expression):
        yield from _calls(part, known)


def _block(body: s.Body, known: Known | None, reached: set[Node]) -> Known | None:
    """Note what a block reaches; what is known after it, None when control does not come that far."""
    for statement in body:
        if known is None:
            return None
        reached.update(_nodes(statement, known))
        known = _statement(statement, known, reached)
    return known


def _statement(statement: s.Stmt, known: Known, reached: set[Node]) -> Known | None:
    match statement:
        case s.If(test, body, orelse):
            ways = [_block(body, known, reached)] if _can_be(test, known, outcome=True) else []
            ways += [_block(orelse, known, reached)] if _can_be(test, known, outcome=False) else []
            return _agreed([way for way in ways if way is not None])
        case s.Return() | s.Raise() | s.Break() | s.Continue():
            return None
        case s.Assign(targets, value):
            return _assigned(targets, value, known)
    left = _without(known, _bound(statement))
    for inner in child_bodies(statement):
        _block(inner, left, reached)
    return left


def _agreed(ways: list[Known]) -> Known | None:
    """What is known whichever way control came."""
    if not ways:
        return None
    return {name: value for name, value in ways[0].items() if all(way.get(name, ...) is value for way in ways[1:])}


def _assigned(targets: tuple[s.Expr, ...], value: s.Expr | None, known: Known) -> Known:
    """What is known after an assignment: a copy of what is known is known, too."""
    left = dict(_without(known, {name for target in targets for name in target_names(target)}))
    if isinstance(value, s.Name) and value.id in known:
        left.update({target.id: known[value.id] for target in targets if isinstance(target, s.Name)})
    return left


def _bound(statement: s.Stmt) -> frozenset[str]:
    """Everything that a statement and its blocks bind."""
    return bound_names((statement,)).bound


def _without(known: Known, names: Collection[str]) -> Known:
    return {name: value for name, value in known.items() if name not in names}


def _can_be(test: s.Expr, known: Known, *, outcome: bool) -> bool:
    """Whether a test can come out so. `False` is not `None`: of a name that is compared, it says nothing."""
    every = list(inside(test))
    read = _names(every)
    compared = _names(inner for part in every if isinstance(part, s.Compare) for inner in inside(part))
    facts: Facts = frozenset(
        (name, frozenset((name,)), bool(value))
        for name, value in known.items()
        if name in read and not (value is False and name in compared)
    )
    return assume(facts, test, outcome, frozenset()) is not None


def _names(expressions: Iterable[s.Expr]) -> set[str]:
    return {part.id for part in expressions if isinstance(part, s.Name)}

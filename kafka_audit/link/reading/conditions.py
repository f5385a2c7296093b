"""What is known of tests on a path: `if x is None`, flags, and any test whose text comes back.

A fact is a test in its plainest words with its outcome. Two facts that contradict each other end a path.
"""

from __future__ import annotations

from collections.abc import Set

from kafka_audit.facts import schema as s
from kafka_audit.link.reading.walk import inside, statements, target_names, within

Facts = frozenset[tuple[str, frozenset[str], bool]]
"""(the test as text, the names in it, its outcome)."""

MOST_FACTS = 4
"""More than this many facts are not kept for long: those that decide nothing about the client go first."""

MOST_FACTS_AT_ONCE = 2 * MOST_FACTS
"""More than this many facts are not even noted: the oldest by text go first."""


def assume(facts: Facts, test: s.Expr, outcome: bool, alive: frozenset[str]) -> Facts | None:
    """The facts after `test` came out as `outcome`, None when it cannot. `alive` are names that lead to objects."""
    if isinstance(test, s.Constant):
        return facts if bool(test.value) == outcome else None
    if isinstance(test, s.Walrus):
        return assume(facts, s.Name(test.name), outcome, alive)
    if isinstance(test, s.Not):
        return assume(facts, test.value, not outcome, alive)
    if isinstance(test, s.Logic):
        return _assume_all(facts, test, outcome, alive)
    if outcome and _is_other_than_nothing(facts, test):
        return None
    if isinstance(test, s.Compare) and (name := sought_by_name(test)):
        return None if name in alive and outcome is (test.operator == "not in") else facts
    subject, positive = _plain(test)
    if isinstance(subject, s.Name) and subject.id in alive:
        return facts if outcome is positive else None
    return _agreed(facts, _text(subject), _names(subject), outcome is positive)


def sought_by_name(test: s.Compare) -> str:
    """The variable that a test asks whether there is: `"producer" in locals()`; empty for another test."""
    match test:
        case s.Compare(
            s.Constant(str(name)), "in" | "not in", s.Call(s.Name("locals" | "globals" | "vars" | "dir"), ())
        ):
            return name
    return ""


def _is_other_than_nothing(facts: Facts, test: s.Expr) -> bool:
    """Whether the test compares what is known to be nothing with a name: `kind is KeyboardInterrupt`."""
    match test:
        case s.Compare(s.Name(name), "is" | "==", s.Name() | s.Attribute()):
            return (name, frozenset((name,)), False) in facts
    return False


def _assume_all(facts: Facts, test: s.Logic, outcome: bool, alive: frozenset[str]) -> Facts | None:
    """`a and b` true means both; `a and b` false means only that not both are known to hold (and the like for `or`)."""
    if outcome != (test.operator == "and"):
        possible = any(assume(facts, operand, outcome, alive) is not None for operand in test.operands)
        return facts if possible else None
    known: Facts | None = facts
    for operand in test.operands:
        known = assume(known, operand, outcome, alive) if known is not None else None
    return known


def assigned(facts: Facts, target: s.Name | s.Attribute, value: s.Expr) -> Facts:
    """The facts after `target = value`: a constant is known to be true or false, and what a call has answered."""
    if isinstance(value, s.Constant):
        return _add(facts, _text(target), _names(target), bool(value.value))
    answer = value.value if isinstance(value, s.Await) else value
    text = _text(answer) if isinstance(answer, s.Call) else ""
    known = [outcome for fact, _, outcome in facts if fact == text] if text else []
    return _add(facts, _text(target), _names(target), known[0]) if known else facts


def answered(facts: Facts, call: s.Call, *, outcome: bool) -> Facts:
    """The facts after a call has returned something true or false; what it returned before is forgotten."""
    text = _text(call)
    others = frozenset(fact for fact in facts if fact[0] != text)
    return _add(others, text, _names(call), outcome)


def filled(facts: Facts, target: s.Expr) -> Facts:
    """The facts after a field was given the client: it is there."""
    return _add(facts, _text(target), _names(target), True) if isinstance(target, s.Attribute) else facts


def counted(facts: Facts, node: s.Augment) -> Facts:
    """The facts after `target += value`: by a constant, it is not zero any more."""
    known = forget(facts, node.target)
    if not isinstance(node.target, s.Name | s.Attribute) or not isinstance(node.value, s.Constant):
        return known
    return _add(known, _text(node.target), _names(node.target), outcome=True)


def told(facts: Facts, target: s.Name, test: s.Expr, outcome: bool, alive: frozenset[str]) -> Facts | None:
    """The facts after `target = test`, when the test came out as `outcome`; None when it cannot."""
    known = assume(facts, test, outcome, alive)
    return None if known is None else _add(known, target.id, frozenset((target.id,)), outcome)


def trimmed(facts: Facts, deciding: frozenset[str]) -> Facts:
    """The facts that are kept: first those about the names that decide what becomes of the client."""
    if len(facts) <= MOST_FACTS:
        return facts
    return frozenset(sorted(facts, key=lambda fact: (bool(fact[1] & deciding), fact[0]))[-MOST_FACTS:])


def deciding(body: s.Body, nodes: Set[object]) -> frozenset[str]:
    """The names in the tests on which it depends whether one of these calls is made."""
    branches = (each for each in statements(body) if isinstance(each, s.If))
    tests = (branch.test for branch in branches if within((*branch.body, *branch.orelse), nodes))
    return frozenset(name for test in tests for name in _names(test))


def forget(facts: Facts, target: s.Expr) -> Facts:
    """The facts that survive an assignment to `target`."""
    names = set(target_names(target)) or {_text(target)}
    return frozenset(fact for fact in facts if not (fact[1] & names or fact[0] in names))


def _plain(test: s.Expr) -> tuple[s.Expr, bool]:
    """The subject of a test for existence, or for a number above zero, and whether a true outcome means that it is."""
    if isinstance(test, s.Compare) and isinstance(test.right, s.Constant) and test.right.value is None:
        if test.operator in {"is", "=="}:
            return test.left, False
        if test.operator in {"is not", "!="}:
            return test.left, True
    if isinstance(test, s.Compare) and isinstance(test.right, s.Constant):
        if (test.operator, test.right.value) in {(">", 0), ("!=", 0), (">=", 1)}:
            return test.left, True
        if (test.operator, test.right.value) in {("==", 0), ("<", 1), ("<=", 0)}:
            return test.left, False
    return test, True


def _agreed(facts: Facts, text: str, names: frozenset[str], outcome: bool) -> Facts | None:
    if not text:
        return facts
    if (text, names, not outcome) in facts:
        return None
    return _add(facts, text, names, outcome)


def _add(facts: Facts, text: str, names: frozenset[str], outcome: bool) -> Facts:
    if not text or (text, names, outcome) in facts:
        return facts
    kept = sorted(facts - {(text, names, not outcome)}, key=lambda fact: fact[0])[-(MOST_FACTS_AT_ONCE - 1) :]
    return frozenset(kept) | {(text, names, outcome)}


def _text(expression: s.Expr) -> str:
    """The test in words that are the same whenever the test is; empty for what has no such words."""
    match expression:
        case s.Name(name):
            return name
        case s.Await(value):
            return _text(value)
        case s.Attribute(value, name):
            inner = _text(value)
            return f"{inner}.{name}" if inner else ""
        case s.Constant(value):
            return repr(value)
        case s.Compare(left, operator, right):
            one, other = _text(left), _text(right)
            return f"{one} {operator} {other}" if one and other else ""
        case s.Call(function, arguments):
            texts = [_text(argument.value) for argument in arguments]
            return f"{_text(function)}({', '.join(texts)})" if all(texts) and _text(function) else ""
        case s.Subscript(value, key):
            return f"{_text(value)}[{_text(key)}]" if _text(value) and _text(key) else ""
    return ""


def _names(expression: s.Expr) -> frozenset[str]:
    return frozenset(part.id for part in inside(expression) if isinstance(part, s.Name))

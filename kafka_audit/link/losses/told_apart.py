"""Which calls stand where a test has said that what they call is no coroutine function?"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements, target_names, within
from kafka_audit.link.reading.words import words

ASKING = frozenset({"iscoroutinefunction", "is_async_callable"})
"""Functions of asyncio, inspect and Starlette that say of a function whether a call of it is to be awaited."""


def is_told_apart(unit: Unit, call: s.Call) -> bool:
    """Whether a test before the call has told coroutine functions apart: the call is for the others."""
    called = words(call.function)
    return _is_for_others(unit.body, call, _answers(unit, called), called)


def _answers(unit: Unit, called: str) -> set[str]:
    """The names that hold the answer: `is_async = iscoroutinefunction(called)`."""
    return {
        name
        for statement in statements(unit.body)
        if isinstance(statement, s.Assign) and statement.value is not None and _asks(statement.value, set(), called)
        for target in statement.targets
        for name in target_names(target)
    }


def _asks(test: s.Expr, answers: set[str], called: str) -> bool:
    """Whether the test is true for coroutine functions only."""
    match test:
        case s.Call(s.Name(name) | s.Attribute(_, name), (s.Argument() as given, *_)):
            return name in ASKING and words(given.value) == called
        case s.Name(name):
            return name in answers
    return False


def _is_for_others(body: s.Body, call: s.Call, answers: set[str], called: str) -> bool:
    for index, statement in enumerate(body):
        if isinstance(statement, s.If):
            others = _others(statement, body[index + 1 :], answers, called)
            if within(others, {call}):
                return True
        choices = (part for e in expressions(statement) for part in inside(e) if isinstance(part, s.Choice))
        for choice in choices:
            if _asks(choice.test, answers, called) and call in inside(choice.otherwise):
                return True
    return any(_is_for_others(inner, call, answers, called) for each in body for inner in child_bodies(each))


def _others(statement: s.If, after: s.Body, answers: set[str], called: str) -> s.Body:
    """What runs for the functions that are none: one of the two blocks, and what follows one that leaves."""
    if isinstance(statement.test, s.Not) and _asks(statement.test.value, answers, called):
        return statement.body
    if not _asks(statement.test, answers, called):
        return ()
    is_left = bool(statement.body) and isinstance(statement.body[-1], s.Return | s.Raise | s.Continue)
    return (*statement.orelse, *after) if is_left else statement.orelse

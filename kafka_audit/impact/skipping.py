"""Which tests do not run: those marked to be skipped, and those that a `conftest.py` marks when they are collected?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kafka_audit.facts import schema as s
from kafka_audit.impact.collection import Test, mark_named
from kafka_audit.impact.constants import bound_to, texts
from kafka_audit.link.flow.scopes import Module, Unit
from kafka_audit.link.reading.walk import child_bodies, expressions, inside
from kafka_audit.link.reading.words import words

_HOOK = "pytest_collection_modifyitems"


@dataclass(frozen=True, slots=True)
class Skip:
    """Why tests do not run: the mark or keyword that they have, and where that is turned into a skip."""

    keyword: str
    path: str
    line: int


def skips_of(modules: Sequence[Module]) -> list[Skip]:
    """What the collection hooks of these files mark to be skipped, as far as they ask for marks or keywords."""
    hooks = [
        unit
        for module in modules
        for unit in module.units
        if unit.parent is module.top and unit.function is not None and unit.function.name == _HOOK
    ]
    return [skip for unit in hooks for statement in unit.body for skip in _skips(unit, statement, ())]


def skipped(test: Test, skips: Sequence[Skip]) -> Skip | None:
    """Why a test does not run; None when nothing is known to skip it."""
    if mark_named(test.marks, "skip") is not None:
        return Skip("skip", test.unit.module.path, test.unit.line)
    names = {*PurePosixPath(test.unit.module.path).parts, *test.name.split("::")}
    return next((skip for skip in skips if skip.keyword in names or mark_named(test.marks, skip.keyword)), None)


def _skips(unit: Unit, statement: s.Stmt, keywords: tuple[str, ...]) -> Iterator[Skip]:
    """The skips in a statement that stands under tests for these keywords."""
    if isinstance(statement, s.If):
        asked = tuple(_asked(unit, statement.test))
        for inner in statement.body:
            yield from _skips(unit, inner, asked or keywords)
        for inner in statement.orelse:
            yield from _skips(unit, inner, keywords)
        return
    for expression in expressions(statement):
        for part in inside(expression):
            if isinstance(part, s.Call) and _adds_skip(unit, part):
                yield from (Skip(keyword, unit.module.path, part.at[0]) for keyword in keywords)
    for body in child_bodies(statement):
        for inner in body:
            yield from _skips(unit, inner, keywords)


def _asked(unit: Unit, test: s.Expr) -> Iterator[str]:
    """The keywords that a condition asks an item for; none of one that it must not have."""
    match test:
        case s.Compare(left, "in", right) if words(right).endswith("keywords"):
            yield from texts(unit, left)
        case s.Call(s.Attribute(_, "get_closest_marker"), arguments) if arguments:
            yield from texts(unit, arguments[0].value)
        case s.Logic("or", operands):
            for operand in operands:
                yield from _asked(unit, operand)


def _adds_skip(unit: Unit, call: s.Call) -> bool:
    """Whether a call is `item.add_marker(pytest.mark.skip(...))`, also by way of a variable."""
    if not (isinstance(call.function, s.Attribute) and call.function.name == "add_marker" and call.arguments):
        return False
    mark = call.arguments[0].value
    values = [value for _, value in bound_to(unit, mark.id)] if isinstance(mark, s.Name) else [mark]
    functions = [value.function if isinstance(value, s.Call) else value for value in values]
    return any(words(function).endswith("mark.skip") for function in functions)

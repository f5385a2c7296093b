"""Which names does a module define at its top level, and what does each definition mention?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from kafka_audit.catalog.hosts import GIVEN
from kafka_audit.facts import schema

_WORD = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"[^\W\d]\w*(?:[.:][^\W\d]\w*)*")
_OR = r"(?: ?\| ?[\w.]+)*"
_ANNOTATION = re.compile(rf"(?=[^\[|]+[\[|])[\w.]+{_OR}(?:\[[\w.,\[\] |]*\]{_OR})?")
"""What is in brackets may hold brackets: there is one way only to match it, or hostile text would take for ever."""


class Symbols:
    """Collects symbols statement by statement; definitions of one name are merged."""

    __slots__ = ("_mentions",)

    def __init__(self) -> None:
        self._mentions: dict[str, set[str]] = {}

    def add(self, statements: Sequence[schema.Stmt], bound: set[str], mentions: set[str]) -> None:
        """Add a statement: what it was lowered to, the names it binds by walrus or `global`, what it mentions.

        A statement that binds nothing counts for the name `""`. Names imported together say nothing of each other.
        """
        if statements and type(statements[0]) is schema.Import:
            for each in statements:
                self._add_import(each)
            return
        for name in {*bound, *_bindings(statements)} or {""}:
            self._mentions.setdefault(name, set()).update(mentions)

    def _add_import(self, statement: schema.Stmt) -> None:
        if type(statement) is schema.Import:
            words = {statement.bound, *statement.module.split("."), statement.name or ""} - {"", "*"}
            self._mentions.setdefault(statement.bound, set()).update(words)

    def sorted(self) -> tuple[schema.Symbol, ...]:
        """The symbols by name; without the nameless one if it mentions nothing."""
        return tuple(
            [
                schema.Symbol(name, tuple(sorted(mentions)))
                for name, mentions in sorted(self._mentions.items())
                if name or mentions
            ]
        )


def fixtures(body: schema.Body) -> tuple[schema.Fixture, ...]:
    """The functions that a decorator called `fixture` makes something for tests to ask for."""
    functions = (each for each in body if type(each) is schema.Function and any(map(_is_fixture, each.decorators)))
    return tuple([schema.Fixture(each.name, each.is_async) for each in functions])


def _is_fixture(decorator: schema.Expr) -> bool:
    called = decorator.function if type(decorator) is schema.Call else decorator
    return (type(called) is schema.Name and called.id == "fixture") or (
        type(called) is schema.Attribute and called.name == "fixture"
    )


def words(text: str) -> list[str]:
    """The identifiers of a text that is a dotted name (`pkg.module:attribute` included) or reads like an annotation."""
    if _DOTTED.fullmatch(text) is None and _ANNOTATION.fullmatch(text) is None:
        return []
    return _WORD.findall(text)


def asks_for_main(test: schema.Expr) -> bool:
    """Whether a test compares `__name__`: nobody imports what a script defines for itself."""
    if type(test) is not schema.Compare or test.operator != "==":
        return False
    sides = (test.left, test.right)
    return any(type(side) is schema.Name and side.id == "__name__" for side in sides)


def _bindings(statements: Iterable[schema.Stmt]) -> Iterator[str]:
    """Names that statements bind, blocks inside not looked into; an attribute or item of a name counts as the name."""
    for statement in statements:
        match statement:
            case schema.Function(name=name, decorators=decorators):
                yield name
                yield from _hosts(decorators)
            case schema.Class(name=name):
                yield name
            case schema.Evaluate(value=value):
                yield from ("", *_hosts((value,)))
            case schema.Assign(targets=targets):
                for target in targets:
                    yield from _targets(target)
            case schema.Augment(target=target) | schema.For(target=target):
                yield from _targets(target)
            case schema.With(items=items):
                for item in items:
                    yield from _targets(item.target)
            case schema.Match(cases=cases):
                for each in cases:
                    yield from each.captures


def _hosts(calls: Iterable[schema.Expr]) -> Iterator[str]:
    """The names whose objects are given a function for later: `router` in `@router.on_event("shutdown")`."""
    for call in calls:
        function = call.function if isinstance(call, schema.Call) else call
        if isinstance(function, schema.Attribute) and function.name in GIVEN:
            yield from _targets(function)


def _targets(target: schema.Expr | None) -> Iterator[str]:
    """The names a target binds or changes."""
    match target:
        case schema.Name(id=name):
            yield name
        case schema.Attribute(value=value) | schema.Subscript(value=value) | schema.Starred(value=value):
            yield from _targets(value)
        case schema.Sequence(elements=elements):
            for element in elements:
                yield from _targets(element)

"""Which names does a module define at its top level, and what does each definition mention?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kafka_audit.facts import schema


class Symbols:
    """Collects symbols statement by statement; definitions of one name are merged."""

    __slots__ = ("_mentions",)

    def __init__(self) -> None:
        self._mentions: dict[str, set[str]] = {}

    def add(self, statements: schema.Body, bound: Iterable[str], mentions: set[str]) -> None:
        """One top-level statement: what it was lowered to, names bound inside expressions and by `global`, mentions.

        A block is one definition of every name it binds; a statement that binds nothing counts for the name `""`.
        """
        for name in {*bound, *_bindings(statements)} or {""}:
            self._mentions.setdefault(name, set()).update(mentions)

    def sorted(self) -> tuple[schema.Symbol, ...]:
        """The symbols by name; without the nameless one if it mentions nothing."""
        return tuple(
            [
                schema.Symbol(name, tuple(sorted(mentions)))
                for name, mentions in sorted(self._mentions.items())
                if name or mentions
            ]
        )


def _bindings(body: schema.Body) -> Iterator[str]:
    """Names that statements bind in their own scope; an attribute or item of a name counts as the name."""
    for statement in body:
        match statement:
            case schema.Function(name=name) | schema.Class(name=name) | schema.Import(bound=name):
                yield name
            case schema.Assign(targets=targets):
                for target in targets:
                    yield from _targets(target)
            case schema.Augment(target=target):
                yield from _targets(target)
            case schema.For(target=target):
                yield from _targets(target)
            case schema.With(items=items):
                for item in items:
                    yield from _targets(item.target)
            case schema.Match(cases=cases):
                for case in cases:
                    yield from case.captures
        for inner in _blocks(statement):
            yield from _bindings(inner)


def _blocks(statement: schema.Stmt) -> Iterator[schema.Body]:
    """The blocks of a statement that run in the scope of the statement."""
    match statement:
        case schema.If() | schema.While() | schema.For():
            yield statement.body
            yield statement.orelse
        case schema.Try():
            yield statement.body
            yield from [handler.body for handler in statement.handlers]
            yield statement.orelse
            yield statement.final
        case schema.With():
            yield statement.body
        case schema.Match():
            yield from [case.body for case in statement.cases]


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

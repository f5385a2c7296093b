"""Walking the facts: which bodies, expressions and names a statement holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kafka_audit.facts import schema as s


class Names(NamedTuple):
    """The names a body binds itself, and those it declares `global` or `nonlocal`."""

    bound: frozenset[str]
    outer: frozenset[str]


def bound_names(body: s.Body, parameters: Iterable[s.Parameter] = ()) -> Names:
    """The names that a unit with this body binds, not looking into functions and classes inside it."""
    bound = {parameter.name for parameter in parameters}
    outer: set[str] = set()
    for statement in statements(body):
        if isinstance(statement, s.Declare):
            outer.update(statement.names)
        else:
            bound.update(_binds(statement))
        for expression in expressions(statement):
            bound.update(_binds_inside(expression))
    return Names(frozenset(bound - outer), frozenset(outer))


def statements(body: s.Body) -> Iterator[s.Stmt]:
    """Every statement of a unit, nested blocks included, functions and classes not entered."""
    for statement in body:
        yield statement
        for inner in child_bodies(statement):
            yield from statements(inner)


def handled_calls(body: s.Body) -> set[s.Call]:
    """The calls that stand in `except` handlers of this body."""
    found: set[s.Call] = set()
    for statement in statements(body):
        if isinstance(statement, s.Try):
            for handler in statement.handlers:
                for inner in statements(handler.body):
                    for expression in expressions(inner):
                        found.update(part for part in inside(expression) if isinstance(part, s.Call))
    return found


def child_bodies(statement: s.Stmt) -> tuple[s.Body, ...]:
    """The blocks of a statement that run in the same unit."""
    match statement:
        case s.If() | s.While() | s.For():
            return (statement.body, statement.orelse)
        case s.Try():
            return (
                statement.body,
                *(handler.body for handler in statement.handlers),
                statement.orelse,
                statement.final,
            )
        case s.With():
            return (statement.body,)
        case s.Match():
            return tuple(case.body for case in statement.cases)
    return ()


def expressions(statement: s.Stmt) -> tuple[s.Expr, ...]:
    """The expressions that a statement evaluates itself, in its own unit (its blocks not included)."""
    match statement:
        case s.Assign(targets, value, annotation):
            return (*targets, *_present(value, annotation))
        case s.Augment(target, value):
            return (target, value)
        case s.Evaluate(value):
            return (value,)
        case s.Return(value) | s.Raise(value):
            return _present(value)
        case s.Delete(targets):
            return targets
        case s.Assert(test) | s.If(test) | s.While(test):
            return (test,)
        case s.For(target, iterable):
            return (target, iterable)
        case s.Try(_, handlers):
            return tuple(handler.types for handler in handlers if handler.types is not None)
        case s.With(items):
            return tuple(part for item in items for part in _present(item.value, item.target))
        case s.Match(subject, cases):
            return (subject, *(case.guard for case in cases if case.guard is not None))
        case s.Function():
            defaults = (p.default for p in statement.parameters if p.default is not None)
            return (*statement.decorators, *defaults)
        case s.Class():
            return (*statement.decorators, *(argument.value for argument in statement.bases))
    return ()


def parts(expression: s.Expr) -> tuple[s.Expr, ...]:
    """The direct sub-expressions that run in the same unit; a lambda's body does not."""
    match expression:
        case s.Attribute(value) | s.Await(value) | s.Not(value) | s.Starred(value):
            return (value,)
        case s.Call(function, arguments):
            return (function, *(argument.value for argument in arguments))
        case s.Sequence(_, elements):
            return elements
        case s.Mapping(entries):
            return tuple(part for entry in entries for part in _present(entry.key, entry.value))
        case s.Subscript(value, key):
            return (value, key)
        case s.Lambda(parameters):
            return tuple(p.default for p in parameters if p.default is not None)
        case s.Choice(test, then, otherwise):
            return (test, then, otherwise)
        case s.Logic(_, operands):
            return operands
        case s.Compare(left, _, right):
            return (left, right)
        case s.Comprehension(_, key, element, generators):
            loops = (part for g in generators for part in (g.target, g.iterable, *g.conditions))
            return (*_present(key), element, *loops)
        case s.Walrus(_, value):
            return (value,)
        case s.Yield(value):
            return _present(value)
        case s.Opaque(inner):
            return inner
    return ()


def inside(expression: s.Expr) -> Iterator[s.Expr]:
    """The expression and everything below it that runs in the same unit, outside in."""
    stack = [expression]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(parts(current)))


def lambdas_in(expression: s.Expr) -> Iterator[s.Lambda]:
    """The lambdas of an expression, not those inside other lambdas."""
    return (node for node in inside(expression) if isinstance(node, s.Lambda))


def target_names(target: s.Expr) -> Iterator[str]:
    """The plain names that an assignment target binds."""
    match target:
        case s.Name(name):
            yield name
        case s.Sequence(_, elements):
            for element in elements:
                yield from target_names(element)
        case s.Starred(value):
            yield from target_names(value)


def _binds(statement: s.Stmt) -> Iterator[str]:
    match statement:
        case s.Assign(targets) | s.Delete(targets):
            for target in targets:
                yield from target_names(target)
        case s.Augment(target) | s.For(target):
            yield from target_names(target)
        case s.With(items):
            for item in items:
                if item.target is not None:
                    yield from target_names(item.target)
        case s.Try(_, handlers):
            yield from (handler.name for handler in handlers if handler.name)
        case s.Match(_, cases):
            for case in cases:
                yield from case.captures
        case s.Function(name) | s.Class(name):
            yield name
        case s.Import() if statement.name != "*":
            yield statement.bound


def _binds_inside(expression: s.Expr) -> Iterator[str]:
    """Names bound by `:=` and by the loops of comprehensions (kept in the unit: their scope does not matter here)."""
    for node in inside(expression):
        if isinstance(node, s.Walrus):
            yield node.name
        elif isinstance(node, s.Comprehension):
            for generator in node.generators:
                yield from target_names(generator.target)


def _present(*expressions: s.Expr | None) -> tuple[s.Expr, ...]:
    return tuple(expression for expression in expressions if expression is not None)

"""Walking the facts: which bodies, expressions and names a statement holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from kafka_audit.facts import schema as s


class Names(NamedTuple):
    """The names a body binds itself, those it declares `global` or `nonlocal`, and which of these are `nonlocal`."""

    bound: frozenset[str]
    outer: frozenset[str]
    enclosed: frozenset[str] = frozenset()


class Survey(NamedTuple):
    """What one pass over the body of a unit finds: its names, and what it defines itself, in the order of the code."""

    names: Names
    defined: list[s.Function | s.Class | s.Lambda | s.Import]
    hidden: set[s.Import]
    """Imports whose name a later import of the same block binds again: what they bind is never seen."""


def bound_names(body: s.Body, parameters: Iterable[s.Parameter] = ()) -> Names:
    """The names that a unit with this body binds, not looking into functions and classes inside it."""
    return survey(body, parameters).names


def survey(body: s.Body, parameters: Iterable[s.Parameter] = (), *, is_nesting: bool = True) -> Survey:
    """Look through the body of a unit, not into functions and classes inside it.

    Its expressions are of interest only when it `is_nesting`: see `Function`.
    """
    looked = _Look({parameter.name for parameter in parameters}, is_nesting)
    looked.through(body)
    names = Names(frozenset(looked.bound - looked.outer), frozenset(looked.outer), frozenset(looked.enclosed))
    return Survey(names, looked.defined, looked.hidden)


class _Look:
    """What a survey has found so far."""

    __slots__ = ("bound", "defined", "enclosed", "hidden", "is_nesting", "outer")

    def __init__(self, bound: set[str], is_nesting: bool) -> None:
        self.bound, self.is_nesting = bound, is_nesting
        self.outer: set[str] = set()
        self.enclosed: set[str] = set()
        self.defined: list[Any] = []
        self.hidden: set[s.Import] = set()

    def through(self, body: s.Body) -> None:
        """Look through a block, and those in it."""
        last: dict[str, s.Import] = {}
        for statement in body:
            kind = type(statement)
            if self.is_nesting:
                for expression in expressions(statement):
                    _note_inside(expression, self.bound, self.defined)
            if kind in _SIMPLE:
                continue
            if kind is s.Function:
                for annotation in _annotations(statement):  # type: ignore[arg-type]
                    _note_inside(annotation, set(), self.defined)
            elif kind is s.Declare:
                self.outer.update(statement.names)  # type: ignore[union-attr]
                if statement.kind == "nonlocal":  # type: ignore[union-attr]
                    self.enclosed.update(statement.names)  # type: ignore[union-attr]
            elif kind is s.Import:
                self._note_hidden(statement, last)  # type: ignore[arg-type]
            if kind in _DEFINING:
                self.defined.append(statement)
            binds = _BINDS.get(kind)
            if binds is not None:
                self.bound.update(binds(statement))
            for inner in child_bodies(statement):
                self.through(inner)

    def _note_hidden(self, node: s.Import, last: dict[str, s.Import]) -> None:
        """Note an import that is never seen, because this one, of the same block, binds its name again."""
        if node.name is not None and node.name != "*":
            if node.bound in last:
                self.hidden.add(last[node.bound])
            last[node.bound] = node


def _note_inside(expression: s.Expr, bound: set[str], lambdas: list[Any]) -> None:
    """Note the lambdas of an expression and what it binds: by `:=`, and in comprehensions, whose scope is no matter."""
    stack = [expression]
    while stack:
        current = stack.pop()
        kind = type(current)
        direct = _PARTS.get(kind)
        if direct is None:
            continue
        if kind is s.Lambda:
            lambdas.append(current)
        elif kind is s.Walrus:
            bound.add(current.name)  # type: ignore[union-attr]
        elif kind is s.Comprehension:
            for generator in current.generators:  # type: ignore[union-attr]
                bound.update(target_names(generator.target))
        stack.extend(direct(current)[::-1])


def statements(body: s.Body) -> Iterator[s.Stmt]:
    """Every statement of a unit, nested blocks included, functions and classes not entered."""
    for statement in body:
        yield statement
        for inner in child_bodies(statement):
            yield from statements(inner)


def calls_in(body: s.Body) -> Iterator[s.Call]:
    """Every call that a unit makes itself, in its statements and their blocks."""
    for statement in statements(body):
        yield from calls_of(statement)


def calls_of(statement: s.Stmt) -> Iterator[s.Call]:
    """Every call in the expressions of one statement; not those in its blocks."""
    for expression in expressions(statement):
        for part in inside(expression):
            if isinstance(part, s.Call):
                yield part


def handled_calls(body: s.Body, *, raising: bool = False) -> set[s.Call]:
    """The calls that stand in `except` handlers of this body; when `raising`, in those that end with a `raise`."""
    handlers = (h for statement in statements(body) if isinstance(statement, s.Try) for h in statement.handlers)
    kept = (h.body for h in handlers if not raising or any(isinstance(last, s.Raise) for last in h.body[-1:]))
    return {call for handled in kept for call in calls_in(handled)}


def ending_calls(body: s.Body, ends: Collection[object]) -> set[s.Call]:
    """The calls that stand in a `finally` together with one of these ends."""
    finals = (statement.final for statement in statements(body) if isinstance(statement, s.Try))
    return {call for final in finals if within(final, ends) for call in calls_in(final)}


def holds(statement: s.Stmt, wanted: Collection[object]) -> bool:
    """Whether one of the wanted calls, or items of a `with`, stands in the statement or in a block of it."""
    every = [statement, *(inner for body in child_bodies(statement) for inner in statements(body))]
    return any(
        any(part in wanted for e in expressions(each) for part in inside(e))
        or (isinstance(each, s.With) and any(item in wanted for item in each.items))
        for each in every
    )


def within(body: s.Body, wanted: Collection[object]) -> bool:
    """Whether one of the wanted calls, or items of a `with`, stands in a block."""
    return any(holds(statement, wanted) for statement in body)


def undoes(statement: s.Stmt, begun: Collection[object], ends: Collection[object]) -> bool:
    """Whether it is a `try` with one of the first calls in its body and one of the others in a handler or `finally`."""
    if not isinstance(statement, s.Try) or not within(statement.body, begun):
        return False
    blocks = (*(handler.body for handler in statement.handlers), statement.final)
    return any(within(body, ends) for body in blocks)


def child_bodies(statement: s.Stmt) -> tuple[s.Body, ...]:
    """The blocks of a statement that run in the same unit."""
    bodies = _BODIES.get(type(statement))
    return bodies(statement) if bodies is not None else ()


def expressions(statement: s.Stmt) -> tuple[s.Expr, ...]:
    """The expressions that a statement evaluates itself, in its own unit (its blocks not included)."""
    own = _EXPRESSIONS.get(type(statement))
    return own(statement) if own is not None else ()


def parts(expression: s.Expr) -> tuple[s.Expr, ...]:
    """The direct sub-expressions that run in the same unit; a lambda's body does not."""
    direct = _PARTS.get(type(expression))
    return direct(expression) if direct is not None else ()


def inside(expression: s.Expr) -> Iterator[s.Expr]:
    """The expression and everything below it that runs in the same unit, outside in."""
    stack = [expression]
    while stack:
        current = stack.pop()
        yield current
        direct = _PARTS.get(type(current))
        if direct is not None:
            stack.extend(direct(current)[::-1])


LAZY = frozenset(
    {"iter", "map", "filter", "filterfalse", "enumerate", "zip", "islice", "chain", "takewhile", "dropwhile"}
)
"""What reads that which it is given only when it is read itself."""


def reads_later(expression: s.Expr | None, names: Collection[str]) -> bool:
    """Whether the expression gives something that uses one of these variables only when it is read."""
    match expression:
        case s.Comprehension("generator"):
            is_lazy = True
        case s.Call(s.Name(name) | s.Attribute(_, name)):
            is_lazy = name in LAZY
        case _:
            return False
    return is_lazy and any(isinstance(part, s.Name) and part.id in names for part in inside(expression))


def with_readers(body: s.Body, names: frozenset[str]) -> frozenset[str]:
    """The variables, and the functions defined beside them that use one: `return send, close`."""
    inner = (each for each in statements(body) if isinstance(each, s.Function))
    return names.union(each.name for each in inner if names & _used(each.body))


def _used(body: s.Body) -> set[str]:
    parts = (part for each in statements(body) for expression in expressions(each) for part in inside(expression))
    return {part.id for part in parts if isinstance(part, s.Name)}


def given_once(body: s.Body, name: str) -> s.Expr | None:
    """What a variable of a function is given, if it is in one place only and by a plain assignment."""
    given: list[s.Expr | None] = []
    for statement in statements(body):
        match statement:
            case s.Assign(targets, value):
                bound = [each for target in targets for each in target_names(target)]
                given += [value if len(bound) == 1 else None] * bound.count(name)
            case s.For(target):
                given += [None] * list(target_names(target)).count(name)
            case s.With(items):
                given += [None for item in items if item.target is not None and name in target_names(item.target)]
    return given[0] if len(given) == 1 else None


def has_elements(iterable: s.Expr) -> bool:
    """Whether a loop over the expression has at least one turn: `range` of a positive number, a display."""
    match iterable:
        case s.Sequence(_, elements):
            return any(not isinstance(element, s.Starred) for element in elements)
        case s.Call(s.Name("range"), (s.Argument(s.Constant(int() as stop)),)):
            return stop > 0
        case s.Call(s.Name("range"), (s.Argument(s.Constant(int() as start)), s.Argument(s.Constant(int() as stop)))):
            return stop > start
    return False


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


def _bound_by_targets(statement: s.Assign | s.Delete) -> Iterator[str]:
    for target in statement.targets:
        yield from target_names(target)


def _bound_by_target(statement: s.Augment | s.For) -> Iterator[str]:
    return target_names(statement.target)


def _bound_by_with(statement: s.With) -> Iterator[str]:
    for item in statement.items:
        if item.target is not None:
            yield from target_names(item.target)


def _bound_by_import(statement: s.Import) -> tuple[str, ...]:
    return () if statement.name == "*" else (statement.bound,)


def _in_definition(statement: s.Function) -> tuple[s.Expr, ...]:
    defaults = [p.default for p in statement.parameters if p.default is not None]
    return (*statement.decorators, *defaults)


def _annotations(statement: s.Function) -> tuple[s.Expr, ...]:
    return _present(*[parameter.annotation for parameter in statement.parameters], statement.returns)


def _in_comprehension(node: s.Comprehension) -> tuple[s.Expr, ...]:
    loops = [part for g in node.generators for part in (g.target, g.iterable, *g.conditions)]
    return (*_present(node.key), node.element, *loops)


def _present(*expressions: s.Expr | None) -> tuple[s.Expr, ...]:
    return tuple([expression for expression in expressions if expression is not None])


_DEFINING = frozenset({s.Function, s.Class, s.Import})
_SIMPLE = frozenset({s.Evaluate, s.Return, s.Raise, s.Assert, s.Break, s.Continue})
"""Statements that bind and define nothing, and hold no others."""

_BODIES: dict[type, Callable[[Any], tuple[s.Body, ...]]] = {
    s.If: lambda node: (node.body, node.orelse),
    s.While: lambda node: (node.body, node.orelse),
    s.For: lambda node: (node.body, node.orelse),
    s.Try: lambda node: (node.body, *[handler.body for handler in node.handlers], node.orelse, node.final),
    s.With: lambda node: (node.body,),
    s.Match: lambda node: tuple([case.body for case in node.cases]),
}

_EXPRESSIONS: dict[type, Callable[[Any], tuple[s.Expr, ...]]] = {
    s.Assign: lambda node: (*node.targets, *_present(node.value, node.annotation)),
    s.Augment: lambda node: (node.target, node.value),
    s.Evaluate: lambda node: (node.value,),
    s.Return: lambda node: _present(node.value),
    s.Raise: lambda node: _present(node.value),
    s.Delete: lambda node: node.targets,
    s.Assert: lambda node: (node.test,),
    s.If: lambda node: (node.test,),
    s.While: lambda node: (node.test,),
    s.For: lambda node: (node.target, node.iterable),
    s.Try: lambda node: _present(*[handler.types for handler in node.handlers]),
    s.With: lambda node: tuple([part for item in node.items for part in _present(item.value, item.target)]),
    s.Match: lambda node: (node.subject, *_present(*[case.guard for case in node.cases])),
    s.Function: _in_definition,
    s.Class: lambda node: (*node.decorators, *[argument.value for argument in node.bases]),
}

_PARTS: dict[type, Callable[[Any], tuple[s.Expr, ...]]] = {
    s.Attribute: lambda node: (node.value,),
    s.Await: lambda node: (node.value,),
    s.Not: lambda node: (node.value,),
    s.Starred: lambda node: (node.value,),
    s.Walrus: lambda node: (node.value,),
    s.Call: lambda node: (node.function, *[argument.value for argument in node.arguments]),
    s.Sequence: lambda node: node.elements,
    s.Mapping: lambda node: tuple([part for entry in node.entries for part in _present(entry.key, entry.value)]),
    s.Subscript: lambda node: (node.value, node.key),
    s.Lambda: lambda node: _present(*[parameter.default for parameter in node.parameters]),
    s.Choice: lambda node: (node.test, node.then, node.otherwise),
    s.Logic: lambda node: node.operands,
    s.Compare: lambda node: (node.left, node.right),
    s.Comprehension: _in_comprehension,
    s.Yield: lambda node: _present(node.value),
    s.Opaque: lambda node: node.parts,
    s.Slice: lambda node: node.bounds,
    s.Below: lambda node: (node.base,),
    s.Joined: lambda node: node.parts,
}
"""For each kind of expression that has parts; one without is a name or a constant."""

_BINDS: dict[type, Callable[[Any], Iterable[str]]] = {
    s.Assign: _bound_by_targets,
    s.Delete: _bound_by_targets,
    s.Augment: _bound_by_target,
    s.For: _bound_by_target,
    s.With: _bound_by_with,
    s.Try: lambda node: [handler.name for handler in node.handlers if handler.name],
    s.Match: lambda node: [name for case in node.cases for name in case.captures],
    s.Function: lambda node: (node.name,),
    s.Class: lambda node: (node.name,),
    s.Import: _bound_by_import,
}

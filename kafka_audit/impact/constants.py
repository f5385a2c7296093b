"""Which strings and folders can an expression be, as far as the code itself says?

Imports by name and additions to `sys.path` are written with constants, with names bound to constants, and with paths
built from `__file__`. Nothing is computed beyond that: what is not such an expression has no answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from kafka_audit.discover.pytest_ini import below
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit, lookup, once
from kafka_audit.link.reading.walk import statements, target_names
from kafka_audit.link.reading.words import words

Folder = tuple[str, ...]

_MOST = 50
"""Strings that are put together from names with several values: more say nothing."""

DEEPEST = 12
"""Names bound to names bound to names: more steps than this say nothing."""


def texts(unit: Unit, expression: s.Expr, depth: int = 0) -> list[str]:
    """Every string that the expression can be in this unit."""
    if depth > DEEPEST:
        return []
    match expression:
        case s.Constant(str(text)):
            return [text]
        case s.Name(name):
            return [text for at, value in bound_to(unit, name) for text in texts(at, value, depth + 1)]
        case s.Choice(_, then, otherwise):
            return [*texts(unit, then, depth + 1), *texts(unit, otherwise, depth + 1)]
        case s.Joined(parts):
            every = (texts(unit, part, depth + 1) for part in parts)
            return ["".join(each) for each in itertools.islice(itertools.product(*every), _MOST)]
    return []


def elements(unit: Unit, expression: s.Expr, depth: int = 0) -> list[s.Expr]:
    """The elements of a display, or of a name that is bound to one."""
    if depth > DEEPEST:
        return []
    match expression:
        case s.Sequence(_, found):
            return list(found)
        case s.Mapping(entries):
            return [entry.key for entry in entries if entry.key is not None]
        case s.Name(name):
            return [each for at, value in bound_to(unit, name) for each in elements(at, value, depth + 1)]
        case s.Opaque(parts):  # lists put together
            return [each for part in parts for each in elements(unit, part, depth + 1)]
        case s.Call(s.Attribute(base, "items"), ()):
            return [
                s.Sequence("tuple", (entry.key, entry.value))
                for mapping in _mappings(unit, base, depth + 1)
                for entry in mapping.entries
                if entry.key is not None
            ]
    return []


def bound_to(unit: Unit, name: str) -> Iterator[tuple[Unit, s.Expr]]:
    """The expressions that a name is bound to, each with the unit that it stands in."""
    owner, is_bound = lookup(unit, name)
    if not is_bound:
        return
    for binding in _bindings(owner).get(name, ()):
        if isinstance(binding, s.For):
            yield from _looped(owner, binding, name)
        else:
            yield owner, binding
    parameters = owner.node.parameters if isinstance(owner.node, s.Function | s.Lambda) else ()
    for parameter in parameters:
        if parameter.name == name and parameter.default is not None and owner.parent is not None:
            yield owner.parent, parameter.default


@once
def _bindings(unit: Unit) -> dict[str, list[s.Expr | s.For]]:
    """What binds each name of a unit: the values of assignments, and loops."""
    found: dict[str, list[s.Expr | s.For]] = {}
    for statement in statements(unit.body):
        if isinstance(statement, s.Assign) and statement.value is not None:
            for target in statement.targets:
                if isinstance(target, s.Name):
                    found.setdefault(target.id, []).append(statement.value)
        elif isinstance(statement, s.Augment) and isinstance(statement.target, s.Name):
            if isinstance(statement.value, s.Sequence | s.Name):  # a list gets longer
                found.setdefault(statement.target.id, []).append(statement.value)
        elif isinstance(statement, s.For):
            for name in target_names(statement.target):
                found.setdefault(name, []).append(statement)
    return found


def _looped(unit: Unit, loop: s.For, name: str) -> Iterator[tuple[Unit, s.Expr]]:
    """What `for name in ...` and `for a, name in ...` bind."""
    match loop.target:
        case s.Name(bound) if bound == name:
            yield from ((unit, element) for element in elements(unit, loop.iterable))
        case s.Sequence(_, targets):
            for index, target in enumerate(targets):
                if isinstance(target, s.Name) and target.id == name:
                    for element in elements(unit, loop.iterable):
                        if isinstance(element, s.Sequence) and index < len(element.elements):
                            yield unit, element.elements[index]


def _mappings(unit: Unit, expression: s.Expr, depth: int) -> list[s.Mapping]:
    if isinstance(expression, s.Mapping):
        return [expression]
    if isinstance(expression, s.Name) and depth <= DEEPEST:
        return [found for at, value in bound_to(unit, expression.id) for found in _mappings(at, value, depth + 1)]
    return []


# --- folders ---------------------------------------------------------------------------------------------------------


def folder(unit: Unit, expression: s.Expr, current: Folder, depth: int = 0) -> Folder | None:
    """The place below the base that a path expression names; `current` is where relative paths start from."""
    if depth > DEEPEST:
        return None

    def inner(part: s.Expr) -> Folder | None:
        return folder(unit, part, current, depth + 1)

    match expression:
        case s.Name("__file__"):
            return PurePosixPath(unit.module.path).parts
        case s.Name(name):
            found = (folder(at, value, current, depth + 1) for at, value in bound_to(unit, name))
            return next((each for each in found if each is not None), None)
        case s.Constant(str(path)):
            return below(current, path)
        case s.Attribute(base, "parent"):
            return _up(inner(base), 1)
        case s.Subscript(s.Attribute(base, "parents"), s.Constant(int(count))):
            return _up(inner(base), count + 1)
        case s.Below(base, parts):
            return _down(inner(base), parts)
        case s.Call():
            return _called(expression, current, inner)
    return None


def _called(node: s.Call, current: Folder, inner: Callable[[s.Expr], Folder | None]) -> Folder | None:
    arguments = [argument.value for argument in node.arguments if argument.keyword is None]
    dotted = words(node.function)
    name = dotted.rpartition(".")[2]
    if name in {"getcwd", "cwd"}:
        return current
    if isinstance(node.function, s.Attribute) and name in _OF_PATH and dotted not in _MODULE_LEVEL:
        return _down(inner(node.function.value), _constants(arguments))
    if arguments and name == "dirname":
        return _up(inner(arguments[0]), 1)
    if arguments and name in _SAME:
        return _down(inner(arguments[0]), _constants(arguments[1:]))
    return None


_OF_PATH = frozenset({"resolve", "absolute", "as_posix", "expanduser", "joinpath"})
"""Methods of a path whose result is the path, with what they are given joined on."""

_MODULE_LEVEL = frozenset({"os.path.expanduser", "path.expanduser"})

_SAME = frozenset({"str", "fspath", "Path", "PurePath", "abspath", "realpath", "normpath", "expanduser", "join"})
"""Calls whose result is the path they are given, with what follows it joined on."""


def _constants(arguments: list[s.Expr]) -> tuple[str, ...] | None:
    found = tuple(each.value for each in arguments if isinstance(each, s.Constant) and isinstance(each.value, str))
    return found if len(found) == len(arguments) else None


def _up(place: Folder | None, count: int) -> Folder | None:
    return place[: len(place) - count] if place is not None and count <= len(place) else None


def _down(place: Folder | None, parts: tuple[str, ...] | None) -> Folder | None:
    if place is None or parts is None:
        return None
    for part in parts:
        if place is None:
            return None
        place = below(place, part)
    return place

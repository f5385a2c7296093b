"""Releases that a flag turns off: they ask for the client instead, or for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.editing.blocks import plain_call, split_lead
from kafka_audit.fix.editing.edits import Changes, Edit, Tree
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.defects.rollbacks import Defeated
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.lives.life import Life
from kafka_audit.link.program import Program
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements


class _Kept(NamedTuple):
    """A client that the guarded method releases: its field, whether that is ever empty, and how it is released."""

    field: str
    is_emptied: bool
    releases: tuple[s.At, ...]


def unguarded(tree: Tree, program: Program, life: Life, defeated: Defeated) -> Changes:
    """The edits to the method whose guard defeats the release."""
    scope = defeated.method.method_of
    assert scope is not None
    test = _guard(tree, defeated.guard_line)
    kept = sorted(_kept(program, scope, defeated))
    if life.site.client.release_once and not all(each.is_emptied for each in kept):
        raise Refused("a second release raises, so the flag is needed")
    _check_rest(scope, defeated, {each.field for each in kept})
    if not kept:
        raise Refused("the guarded method leaves the release to another one")
    edits = Changes()
    for each in kept:
        if each.is_emptied:
            _empty(edits, tree, defeated, each)
    if all(each.is_emptied for each in kept):
        edits[test.test] = lambda _: _widened(tree, test, defeated.asked.name, [each.field for each in kept])
    else:
        edits[test] = _dropped(test, defeated.asked.name)
    return edits


def _kept(program: Program, scope: ClassScope, defeated: Defeated) -> Iterator[_Kept]:
    """The clients, of whatever role, that the method itself releases from a field of its class."""
    for life in program.lives.all:
        place = life.holding.at
        at = tuple(
            event.node.at
            for event in life.releases
            if event.unit is defeated.method and event.via == "call" and isinstance(event.node, s.Call)
        )
        if at and place is not None and life.holding.kind == "instance":
            yield _Kept(place.name, place.name in _empty_at_first(scope), at)


def _guard(tree: Tree, line: int) -> cst.If:
    """The `if` at a line."""
    for node in tree.every(cst.If):
        if tree.line(node) == line:
            return node
    raise Refused("the guard is no `if` statement")


def _is_flag(node: cst.CSTNode, flag: str) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == flag and isinstance(node.value, cst.Name)


def _is_missing(node: cst.CSTNode, flag: str) -> bool:
    """Whether the expression is `not self.flag`."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        return _is_flag(node.expression, flag)
    return False


def _widened(tree: Tree, test: cst.If, flag: str, fields: list[str]) -> cst.BaseExpression:
    """The test of the guard, which lets through whoever still has a client."""
    if _is_missing(test.test, flag):
        code = " and ".join([tree.code(test.test), *(f"self.{field} is None" for field in fields)])
    elif _is_flag(test.test, flag):
        code = " or ".join([tree.code(test.test), *(f"self.{field} is not None" for field in fields)])
    else:
        raise Refused("the guard asks for more than the flag")
    return cst.parse_expression(code, config=tree.module.config_for_parsing)


def _dropped(test: cst.If, flag: str) -> Edit:
    """The edit that takes the guard away."""
    if test.orelse is not None:
        raise Refused("the guard has an `else`")
    if _is_missing(test.test, flag):
        return lambda _: cst.RemoveFromParent()
    if not _is_flag(test.test, flag):
        raise Refused("the guard asks for more than the flag")

    def opened(node: cst.If) -> cst.FlattenSentinel[cst.BaseStatement]:
        first, *rest = node.body.body
        lead = [*node.leading_lines, *split_lead(first)[1].leading_lines]  # type: ignore[arg-type]
        return cst.FlattenSentinel([first.with_changes(leading_lines=lead), *rest])

    return opened


def _empty(edits: Changes, tree: Tree, defeated: Defeated, kept: _Kept) -> None:
    """Empty a field behind its release, unless the method does: the guard asks for it the next time."""
    if kept.field in _emptied(defeated.method.body):
        return
    for at in kept.releases:
        call = tree.call(at)
        statement = tree.statement(call)
        if plain_call(statement) is not call or tree.code(call.func) != f"self.{kept.field}.{_method(call)}":
            raise Refused(f"`self.{kept.field}` is not released by a statement of its own")
        edits.after(statement, tree.parsed(f"self.{kept.field} = None"))


def _method(call: cst.Call) -> str:
    return call.func.attr.value if isinstance(call.func, cst.Attribute) else ""


def is_harmless_early(unit: Unit) -> bool:
    """Whether a method may run on an object whose start never came, or failed: it uses nothing that is empty then."""
    scope = unit.method_of
    if scope is None:
        return False
    filled = _filled_at_first(scope)
    return all(field in filled or field in scope.methods for _, field in _used_unasked(unit.body, frozenset()))


def _check_rest(scope: ClassScope, defeated: Defeated, kept: set[str]) -> None:
    """Raise `Refused` when the method uses a field that a start which failed may have left empty."""
    filled = _filled_at_first(scope)
    for line, field in _used_unasked(defeated.method.body, frozenset()):
        if line > defeated.guard_line and field not in filled | kept and field not in scope.methods:
            raise Refused(f"`{defeated.method.function.name}` uses `self.{field}`, which a failed start leaves empty")  # type: ignore[union-attr]


def _used_unasked(body: s.Body, asked: frozenset[str]) -> Iterator[tuple[int, str]]:
    """(line, field) of each `self.field.something` that stands under no test of the field."""
    for statement in body:
        known = asked
        if isinstance(statement, s.If):
            known = asked | {field for field, _ in _fields([statement.test])}
        for field, is_used in _fields(expressions(statement)):
            if is_used and field not in known:
                yield statement.line, field
        for inner in child_bodies(statement):
            yield from _used_unasked(inner, known)


def _fields(found: Iterable[s.Expr]) -> Iterator[tuple[str, bool]]:
    """The fields of `self` in expressions, and whether something of each is used."""
    for expression in found:
        used = {part.value for part in inside(expression) if isinstance(part, s.Attribute)}
        for part in inside(expression):
            if isinstance(part, s.Attribute) and isinstance(part.value, s.Name) and part.value.id == "self":
                yield part.name, part in used


def assigned(body: s.Body) -> Iterator[tuple[str, s.Expr]]:
    """The fields of `self` that a body gives a value."""
    for statement in statements(body):
        if isinstance(statement, s.Assign) and statement.value is not None:
            for target in statement.targets:
                if isinstance(target, s.Attribute) and isinstance(target.value, s.Name) and target.value.id == "self":
                    yield target.name, statement.value


def _is_none(value: s.Expr) -> bool:
    return isinstance(value, s.Constant) and value.value is None


def _emptied(body: s.Body) -> set[str]:
    return {field for field, value in assigned(body) if _is_none(value)}


def _beginnings(scope: ClassScope) -> Iterator[tuple[str, s.Expr]]:
    for unit in scope.methods.get("__init__", ()):
        yield from assigned(unit.body)


def _empty_at_first(scope: ClassScope) -> set[str]:
    return {field for field, value in _beginnings(scope) if _is_none(value)}


def _filled_at_first(scope: ClassScope) -> set[str]:
    return {field for field, value in _beginnings(scope) if not _is_none(value)}

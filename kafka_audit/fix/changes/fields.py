"""Classes that keep a client and cannot release it: they get a release, or the one they have gets the client's.

The release may be called twice, and on an object that never started: an empty field is nothing to release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.changes.guard import assigned
from kafka_audit.fix.changes.keeper import required
from kafka_audit.fix.editing.blocks import only, protected, statements_of
from kafka_audit.fix.editing.edits import Changes, Tree
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.program import Program
from kafka_audit.link.reach.components import component_of
from kafka_audit.link.reach.entries import PLAIN_BASES
from kafka_audit.link.reading.walk import statements

NAMES = {True: ("stop", "close", "aclose", "disconnect"), False: ("close", "stop", "shutdown", "disconnect")}
"""What a release is called, likeliest first, for those that are awaited and for others."""
STARTS = ("start", "connect", "open", "setup", "initialize")
"""What a start is called that an `async with` may call."""


class Field(NamedTuple):
    """A field to be released: its name, by which method, how messages call what it holds, and how it is kept.

    `many` is the kind of container when the field holds several. `once`: a second release raises. `started_by` are the
    methods that start it.
    """

    name: str
    release: str
    is_async: bool
    noun: str
    many: str = ""
    once: bool = False
    flushes: bool = False
    started_by: tuple[str, ...] = ()


class Released(NamedTuple):
    """The edits that let a class release some fields, the names to import, and the method that does it."""

    changes: Changes
    needed: tuple[Needed, ...]
    method: str


def releasable(program: Program, tree: Tree, scope: ClassScope, fields: Sequence[Field]) -> Released:
    """Let a class release these fields: by a release that it has, or by a new one."""
    node = _class(tree, scope)
    _check_bases(program, scope)
    is_async = any(field.is_async for field in fields)
    body = _joined([_lines(scope, field) for field in fields])
    stack = Needed("contextlib", "AsyncExitStack" if is_async else "ExitStack")
    needed = (stack,) if any(field.many for field in fields) else ()
    changes = Changes()
    own = _own_release(scope, is_async, fields)
    if own is not None:
        _extend(changes, tree, own, body, fields)
        return Released(changes, needed, own.qualname.rpartition(".")[2])
    name = _free(program, scope, is_async)
    returns = " -> None" if tree.is_annotated else ""
    head = f"{'async ' if is_async else ''}def {name}(self){returns}:"
    methods = tree.methods("\n".join([head, *_indented([f'"""{_says(fields)}"""', *body])]) + "\n")
    methods += _managers(program, tree, scope, name, is_async, fields)
    changes.after(statements_of(node.body)[-1], *methods)  # type: ignore[arg-type]
    return Released(changes, needed, name)


def _says(fields: Sequence[Field]) -> str:
    """The docstring of a release."""
    if all(field.flushes for field in fields):
        return f"Deliver what the {fields[0].noun} still holds."
    nouns = dict.fromkeys(f"every {field.noun} of the pool" if field.many else f"the {field.noun}" for field in fields)
    return f"Release {' and '.join(nouns)}."


def _class(tree: Tree, scope: ClassScope) -> cst.ClassDef:
    node = tree.class_at(scope.name, scope.node.line)
    if "frozen=True" in "".join(tree.code(each) for each in node.decorators):
        raise Refused(f"{scope.name} is frozen")
    return node


def _check_bases(program: Program, scope: ClassScope) -> None:
    for base in ancestry(program.engine, scope):
        if isinstance(base, str) and not base.startswith(PLAIN_BASES):
            raise Refused(f"{scope.name} extends {base}, which may have a life cycle of its own")
    made = component_of(program.engine, scope)
    if made is not None:
        raise Refused(f"{made.framework.capitalize()} makes it, and calls no release but its own hooks")


def _family(program: Program, scope: ClassScope) -> Iterator[ClassScope]:
    return (base for base in ancestry(program.engine, scope) if isinstance(base, ClassScope))


def _own_release(scope: ClassScope, is_async: bool, fields: Sequence[Field]) -> Unit | None:
    """A method of the class itself that is a release by its name, callable without an argument.

    What is made when the object is entered may as well be released by its `__exit__`.
    """
    for unit in (unit for name in NAMES[is_async] for unit in scope.methods.get(name, ())):
        is_like = unit.is_async is is_async and not unit.is_generator
        if is_like and unit.function is not None and not required(unit.function)[1:]:
            return unit
    enter, leave = ("__aenter__", "__aexit__") if is_async else ("__enter__", "__exit__")
    filled = {name for unit in scope.methods.get(enter, ()) for name, _ in assigned(unit.body)}
    return next(iter(scope.methods.get(leave, ())), None) if filled & {field.name for field in fields} else None


def _free(program: Program, scope: ClassScope, is_async: bool) -> str:
    taken = {name for base in _family(program, scope) for name in (*base.methods, *base.fields, *base.body.bound)}
    for name in NAMES[is_async]:
        if name not in taken:
            return name
    raise Refused(f"{scope.name} has other methods of every name that a release could have")


def _extend(changes: Changes, tree: Tree, unit: Unit, body: list[str], fields: Sequence[Field]) -> None:
    """The release and what the method does otherwise each happen, whatever the other raises.

    The release comes last, unless the method forgets what is in the field: then it comes first, or in its place.
    """
    function = tree.function_at(unit)
    if not isinstance(function.body, cst.IndentedBlock):
        raise Refused(f"`{unit.qualname}` is written in one line")
    own = statements_of(function.body)
    text = own[:1] if _is_docstring(own[0]) else []
    rest = [each for each in own[len(text) :] if not _does_nothing(each)]
    new = tree.parsed_all("\n".join(body) + "\n")
    forgetting = [each for each in rest if any(_forgets(tree, each, field.name) for field in fields)]
    if forgetting == rest:
        whole = new
    elif not forgetting:
        whole = [protected(rest, new)]
    else:
        if any(f"self.{field.name}" in tree.code(each) for each in rest if each not in forgetting for field in fields):
            raise Refused(f"`{unit.qualname}` both uses and forgets what it is to release")
        whole = [protected(new, rest)]
    changes.also(function.body, lambda block: block.with_changes(body=[*text, *whole]))


def _forgets(tree: Tree, statement: cst.CSTNode, field: str) -> bool:
    """Whether a statement empties a field without a look at what was in it."""
    small = only(statement)
    place = f"self.{field}"
    if isinstance(small, cst.Assign):
        return any(tree.code(target.target) == place for target in small.targets)
    return isinstance(small, cst.Expr) and tree.code(small.value) in {f"{place}.clear()", f"await {place}.clear()"}


def _is_docstring(statement: cst.CSTNode) -> bool:
    small = only(statement)
    return isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString | cst.ConcatenatedString)


def _does_nothing(statement: cst.CSTNode) -> bool:
    small = only(statement)
    return isinstance(small, cst.Pass) or (isinstance(small, cst.Expr) and isinstance(small.value, cst.Ellipsis))


# --- what the release does -------------------------------------------------------------------------------------------


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _joined(parts: list[list[str]]) -> list[str]:
    """Several releases, each reached whatever those before it raise."""
    if len(parts) == 1:
        return parts[0]
    return ["try:", *_indented(parts[0]), "finally:", *_indented(_joined(parts[1:]))]


def _lines(scope: ClassScope, field: Field) -> list[str]:
    """The statements that release one field."""
    place, waits = f"self.{field.name}", "await " if field.is_async else ""
    state = _at_first(scope, field.name)
    if field.many:
        if state == "unknown":
            raise Refused(f"`{place}` does not exist before it is filled")
        return _drain(place, field)
    local = field.name.strip("_") or "client"
    if field.flushes:
        guard = [f"if {place} is not None:", f"    {place}.{field.release}()"]
        return guard if state == "empty" else [f"{place}.{field.release}()"]
    if state == "filled" and not field.once:
        return [f"{waits}{place}.{field.release}()"]
    held = f'getattr(self, "{field.name}", None)' if state == "unknown" else place
    return [
        f"{local}, {place} = {held}, None",
        f"if {local} is not None:",
        f"    {waits}{local}.{field.release}()",
    ]


_TAKES = {"list": "pop()", "deque": "pop()", "set": "pop()", "dict": "popitem()[1]", "queue": "get_nowait()"}


def _drain(place: str, field: Field) -> list[str]:
    """Every element is released, whatever the others raise."""
    taken = _TAKES.get(field.many)
    if taken is None:
        raise Refused(f"nothing is known of how a {field.many} is emptied")
    stack, push = (
        ("async with AsyncExitStack()", "push_async_callback") if field.is_async else ("with ExitStack()", "callback")
    )
    return [
        f"{stack} as ending:",
        f"    while {f'not {place}.empty()' if field.many == 'queue' else place}:",
        f"        ending.{push}({place}.{taken}.{field.release})",
    ]


def _at_first(scope: ClassScope, name: str) -> str:
    """What the constructor leaves in a field: `filled`, `empty`, or `unknown`."""
    values = [
        statement.value
        for unit in scope.methods.get("__init__", ())
        for statement in statements(unit.body)
        if isinstance(statement, s.Assign) and any(_is_field(target, name) for target in statement.targets)
    ]
    if name in scope.body.bound:
        return "empty"
    if not values:
        return "unknown"
    return "empty" if any(isinstance(value, s.Constant) for value in values) else "filled"


def _is_field(target: s.Expr, name: str) -> bool:
    return isinstance(target, s.Attribute) and target.name == name and isinstance(target.value, s.Name)


# --- context managers ------------------------------------------------------------------------------------------------


def _managers(
    program: Program, tree: Tree, scope: ClassScope, release: str, is_async: bool, fields: Sequence[Field]
) -> list[cst.BaseStatement]:
    """`__aenter__` and `__aexit__`, or the others, unless the class or a base has some."""
    enter, leave = ("__aenter__", "__aexit__") if is_async else ("__enter__", "__exit__")
    methods = {name for base in _family(program, scope) for name in base.methods}
    starts = [name for name in STARTS if name in {each for field in fields for each in field.started_by}]
    is_started = any(field.started_by for field in fields)
    if {enter, leave} & methods or (is_started and not starts):
        return []
    waits, prefix = ("await ", "async ") if is_async else ("", "")
    own = scope.name if tree.defers_annotations else f'"{scope.name}"'
    gives, takes, returns = (f" -> {own}", "*_: object", " -> None") if tree.is_annotated else ("", "*_", "")
    begin = [f"    {waits}self.{starts[0]}()"] if starts else []
    entering = [f"{prefix}def {enter}(self){gives}:", *begin, "    return self"]
    leaving = [f"{prefix}def {leave}(self, {takes}){returns}:", f"    {waits}self.{release}()"]
    return tree.methods("\n".join([*entering, *leaving]) + "\n")

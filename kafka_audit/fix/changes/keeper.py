"""Process-wide places: the function that releases what one of them keeps."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.editing.blocks import statements_of
from kafka_audit.fix.editing.edits import Changes, Tree
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Place
from kafka_audit.link.lives.life import Life
from kafka_audit.link.program import Program
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import statements


class Release(NamedTuple):
    """A function of a module that releases something: it needs no argument.

    `bound` is set when it is a method, written with what it is read from: whoever binds that.
    """

    path: str
    name: str
    is_async: bool
    bound: Unit | None = None


class Kept(NamedTuple):
    """What a module variable, a class attribute or a cached function keeps: where it is made, and how it is released.

    `noun` is what messages call it. `flushes`: its release only empties a buffer, and may be needed again.
    """

    place: Place
    unit: Unit
    site: s.At
    release: str
    is_async: bool
    noun: str
    flushes: bool = False

    @property
    def owner(self) -> Unit:
        """The module, the body of the class, or the cached function."""
        assert isinstance(self.place.owner, Unit)
        return self.place.owner

    @property
    def path(self) -> str:
        """The file of the variable."""
        return self.owner.module.path

    @property
    def stem(self) -> str:
        """The variable's name for use in another one."""
        name = self.place.name.strip("_").lower()
        return name.removeprefix("get_").removeprefix("create_") if self.place.kind == "result" else name

    @property
    def release_name(self) -> str:
        """What a new function is called that releases it."""
        return f"{'flush' if self.flushes else 'close'}_{self.stem}"


def releasing(program: Program, life: Life, kept: Kept) -> Release | None:
    """A function that releases what is kept already: of a module, callable without an argument, not only in tests.

    It has to look at the variable, and must not be one that also leads to the construction, such as `main`.
    """
    reach = program.lives.reach
    makers = reach.callers(kept.unit)
    found = {unit for event in life.releases for unit in reach.callers(event.unit)} - makers
    if kept.place.kind == "result":  # whoever asks a cached function may make the client
        found = {event.unit for event in life.releases} - {event.unit for event in life.uses}
    for unit in sorted(found, key=lambda unit: (unit.module.path, unit.line)):
        function = unit.function
        if function is None or context_of(unit.module.path) == "test" or unit.is_generator:
            continue
        looks = any(turn.unit is unit for turn in kept.place.readers) or kept.place.name in unit.outer
        if not looks or unit.is_async is not kept.is_async:
            continue
        if unit.parent is unit.module.top and not required(function):
            return Release(unit.module.path, function.name, unit.is_async)
        scope = unit.method_of
        is_own = scope is not None and scope.body is kept.owner and scope.body.parent is unit.module.top
        if is_own and program.engine.flagged(unit, "class") and not required(function)[1:]:
            return Release(unit.module.path, unit.qualname, unit.is_async)
    return None


def required(function: s.Function) -> list[str]:
    """The parameters of a function that have no default."""
    return [
        each.name for each in function.parameters if each.default is None and each.kind in {"positional", "keyword"}
    ]


def with_release(program: Program, tree: Tree, kept: Kept) -> tuple[Changes, Release]:
    """The edits that add a function which releases what is kept."""
    name, owner, place = kept.release_name, kept.owner, kept.place
    if kept.path != tree.path or kept.unit.module.path != tree.path:
        raise Refused(f"`{place.name}` is filled in another file")
    if owner.parent not in (None, owner.module.top):
        raise Refused("it is kept inside of a function")
    around = owner.module.top if place.kind == "result" else owner
    if name in around.bound:
        raise Refused(f"`{name}` means something else already")
    changes = Changes()
    if place.kind == "class":
        _check_class(program, owner)
        method = tree.methods(_written(tree, kept, name, kept.place.name, "cls."))
        node = tree.class_at(owner.qualname.rpartition(".")[2], owner.line)
        changes.after(statements_of(node.body)[-1], *method)  # type: ignore[arg-type]
        return changes, Release(tree.path, f"{owner.qualname}.{name}", kept.is_async)
    code = _of_cache(tree, kept, name) if place.kind == "result" else _written(tree, kept, name, place.name)
    changes.after(tree.outermost(tree.call(kept.site)), *tree.definitions(code))
    return changes, Release(tree.path, name, kept.is_async)


def _check_class(program: Program, owner: Unit) -> None:
    scope = owner.scope
    if scope is not None and (program.engine.below.get(scope) or scope.children):
        raise Refused(f"{scope.name} has subclasses, each of which may keep one of its own")


CACHES = frozenset({"cache", "lru_cache"})
"""Decorators whose functions tell what they keep, and forget it."""


def _of_cache(tree: Tree, kept: Kept, name: str) -> str:
    """The code of a function that releases what a cached function keeps, and has it forgotten first."""
    function = tree.function_at(kept.owner)
    marks = {tree.code(each.decorator).partition("(")[0].rpartition(".")[2] for each in function.decorators}
    if not marks & CACHES or kept.owner.is_async:
        raise Refused(f"nothing is known of how the cache of `{function.name.value}` is asked and emptied")
    if kept.owner.function is not None and kept.owner.function.parameters:
        raise Refused(f"`{function.name.value}` keeps one for each argument that it was called with")
    getter, waits = function.name.value, "await " if kept.is_async else ""
    head = f"{'async ' if kept.is_async else ''}def {name}(){' -> None' if tree.is_annotated else ''}:"
    if kept.flushes:
        text, body = "Deliver what the {} still holds, if there is one.", [f"{getter}().{kept.release}()"]
    else:
        local = kept.stem if kept.stem != getter else "closing"
        text = "Release the {}, if there is one."
        body = [f"{local} = {getter}()", f"{getter}.cache_clear()", f"{waits}{local}.{kept.release}()"]
    lines = [
        f'"""{text.format(kept.noun)}"""',
        f"if {getter}.cache_info().currsize:",
        *(f"    {each}" for each in body),
    ]
    return "\n".join([head, *(f"    {line}" for line in lines)]) + "\n"


def is_empty_at_first(kept: Kept) -> bool:
    """Whether a statement of the module or the class itself makes the variable `None`."""
    return any(
        any(isinstance(target, s.Name) and target.id == kept.place.name for target in statement.targets)
        for statement in statements(kept.owner.body)
        if isinstance(statement, s.Assign) and isinstance(statement.value, s.Constant) and statement.value.value is None
    )


def _written(tree: Tree, kept: Kept, name: str, variable: str, receiver: str = "") -> str:
    """The function's code. Emptying the variable first lets the release be called twice, also at once."""
    if not is_empty_at_first(kept):
        raise Refused(f"`{variable}` has no value before it is made, so nothing can ask whether it is there")
    place = f"{receiver}{variable}"
    local = kept.stem if kept.stem != place else "closing"
    waits = "await " if kept.is_async else ""
    returns = " -> None" if tree.is_annotated else ""
    head = f"{'async ' if kept.is_async else ''}def {name}({receiver[:-1]}){returns}:"
    if kept.flushes:
        text = f'"""Deliver what the {kept.noun} still holds, if there is one."""'
        body = [f"if {place} is not None:", f"    {place}.{kept.release}()"]
    else:
        text = f'"""Release the {kept.noun}, if there is one."""'
        body = [
            f"{local}, {place} = {place}, None",
            f"if {local} is not None:",
            f"    {waits}{local}.{kept.release}()",
        ]
        lock = _lock(tree, kept, receiver)
        if lock:
            body = [f"{lock}:", *(f"    {line}" for line in body)]
        if not receiver:
            body = [f"global {variable}", *body]
    lines = [*(["@classmethod"] if receiver else []), head, *(f"    {line}" for line in (text, *body))]
    return "\n".join(lines) + "\n"


def _lock(tree: Tree, kept: Kept, receiver: str) -> str:
    """The head of the `with` on a lock beside the variable under which that is filled; empty when there is none."""
    for node in tree.around(tree.call(kept.site)):
        if isinstance(node, cst.With) and len(node.items) == 1 and node.items[0].asname is None:
            item, is_async = tree.code(node.items[0].item), node.asynchronous is not None
            is_beside = item.startswith(receiver) and item.removeprefix(receiver) in kept.owner.bound
            if is_beside and is_async is kept.is_async:
                return f"{'async ' if is_async else ''}with {item}"
    return ""

"""Process-wide places: the function that releases what one of them keeps."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from kafka_audit.facts import schema as s
from kafka_audit.fix.edits import Changes, Tree
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.context import context_of
from kafka_audit.link.lives import Life
from kafka_audit.link.program import Program
from kafka_audit.link.scopes import Unit
from kafka_audit.link.values import Place
from kafka_audit.link.walk import statements


class Release(NamedTuple):
    """A function of a module that releases something: it needs no argument.

    `bound` is set when it is a method, written with what it is read from: whoever binds that.
    """

    path: str
    name: str
    is_async: bool
    bound: Unit | None = None


class Kept(NamedTuple):
    """What a module variable keeps: where it is made, and how it is released.

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
    def path(self) -> str:
        """The file of the variable."""
        owner = self.place.owner
        assert isinstance(owner, Unit)
        return owner.module.path

    @property
    def stem(self) -> str:
        """The variable's name for use in another one."""
        return self.place.name.strip("_").lower()


def releasing(program: Program, life: Life, kept: Kept) -> Release | None:
    """A function that releases what is kept already: of a module, callable without an argument, not only in tests.

    It has to look at the variable, and must not be one that also leads to the construction, such as `main`.
    """
    reach = program.lives.reach
    makers = reach.callers(kept.unit)
    found = {unit for event in life.releases for unit in reach.callers(event.unit)} - makers
    for unit in sorted(found, key=lambda unit: (unit.module.path, unit.line)):
        function = unit.function
        if function is None or unit.parent is not unit.module.top or context_of(unit.module.path) == "test":
            continue
        looks = any(turn.unit is unit for turn in kept.place.readers) or kept.place.name in unit.outer
        if looks and unit.is_async is kept.is_async and not required(function) and not unit.is_generator:
            return Release(unit.module.path, function.name, unit.is_async)
    return None


def required(function: s.Function) -> list[str]:
    """The parameters of a function that have no default."""
    return [
        each.name for each in function.parameters if each.default is None and each.kind in {"positional", "keyword"}
    ]


def with_release(tree: Tree, kept: Kept) -> tuple[Changes, Release]:
    """The edits that add a function which releases what a module variable keeps."""
    name = f"{'flush' if kept.flushes else 'close'}_{kept.stem}"
    place = kept.place
    if place.kind != "module" or kept.path != tree.path:
        raise Refused("it is not kept in a variable of a module")
    if not _is_empty_at_first(place):
        raise Refused(f"`{place.name}` has no value before it is made, so nothing can ask whether it is there")
    if kept.unit.module.path != tree.path:
        raise Refused(f"`{place.name}` is filled in another file")
    owner = place.owner
    assert isinstance(owner, Unit)
    if name in owner.bound:
        raise Refused(f"`{name}` means something else already")
    anchor = tree.outermost(tree.call(kept.site))
    changes = Changes()
    changes.after(anchor, *tree.definitions(_written(tree, kept, name)))
    return changes, Release(tree.path, name, kept.is_async)


def _is_empty_at_first(place: Place) -> bool:
    """Whether a statement of the module itself makes the variable `None`."""
    owner = place.owner
    assert isinstance(owner, Unit)
    return any(
        any(isinstance(target, s.Name) and target.id == place.name for target in statement.targets)
        for statement in statements(owner.body)
        if isinstance(statement, s.Assign) and isinstance(statement.value, s.Constant) and statement.value.value is None
    )


def _written(tree: Tree, kept: Kept, name: str) -> str:
    """The function's code. Emptying the variable first lets the release be called twice, also at once."""
    variable = kept.place.name
    local = kept.stem if kept.stem != variable else "closing"
    waits = "await " if kept.is_async else ""
    returns = " -> None" if tree.is_annotated else ""
    if kept.flushes:
        return (
            f"def {name}(){returns}:\n"
            f'    """Deliver what the {kept.noun} still holds, if there is one."""\n'
            f"    if {variable} is not None:\n        {variable}.{kept.release}()\n"
        )
    body = [
        f"{local}, {variable} = {variable}, None",
        f"if {local} is not None:",
        f"    {waits}{local}.{kept.release}()",
    ]
    lock = _lock(tree, kept)
    if lock:
        body = [f"{lock}:", *(f"    {line}" for line in body)]
    head = f"{'async ' if kept.is_async else ''}def {name}(){returns}:"
    lines = [f'"""Release the {kept.noun}, if there is one."""', f"global {variable}", *body]
    return "\n".join([head, *(f"    {line}" for line in lines)]) + "\n"


def _lock(tree: Tree, kept: Kept) -> str:
    """The head of the `with` on a lock of the module under which the variable is filled; empty when there is none."""
    owner = kept.place.owner
    assert isinstance(owner, Unit)
    for node in tree.around(tree.call(kept.site)):
        if isinstance(node, cst.With) and len(node.items) == 1 and node.items[0].asname is None:
            item, is_async = node.items[0].item, node.asynchronous is not None
            if isinstance(item, cst.Name) and item.value in owner.bound and is_async is kept.is_async:
                return f"{'async ' if is_async else ''}with {item.value}"
    return ""

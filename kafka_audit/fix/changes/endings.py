"""How a call is put where something ends, so that it is reached whatever happens before it."""

from __future__ import annotations

from typing import Any, NamedTuple

import libcst as cst

from kafka_audit.fix.changes.keeper import Release
from kafka_audit.fix.changes.naming import reference
from kafka_audit.fix.editing.blocks import only, protected, split_lead, statements_of, suite
from kafka_audit.fix.editing.edits import Changes, Tree, Trees
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.scopes import Unit, enclosing
from kafka_audit.link.program import Program


class Wire(NamedTuple):
    """A change of one file that has the release called: the edits, the names to import, and what it does in words."""

    path: str
    changes: Changes
    needed: tuple[Needed, ...]
    title: str


class Ending(NamedTuple):
    """A call that a coroutine makes at its end, as its file writes it; what is not awaited gets a thread."""

    text: str
    is_async: bool
    needed: tuple[Needed, ...]

    @property
    def statement(self) -> str:
        """The call as a statement."""
        return f"await {self.text}()" if self.is_async else f"await asyncio.to_thread({self.text})"

    @property
    def pushed(self) -> str:
        """What an exit stack is given to call."""
        return self.text if self.is_async else f"asyncio.to_thread, {self.text}"


def ending(program: Program, release: Release, unit: Unit) -> Ending:
    """The call of a release in a function."""
    if release.bound is not None:
        if release.bound not in enclosing(unit):
            raise Refused(f"`{release.name}` is not known where the call of it would have to stand")
        return Ending(release.name, release.is_async, _threads(release))
    named = reference(program, release, unit.module.path)
    return Ending(named.text, release.is_async, (*named.needed, *_threads(release)))


def _threads(release: Release) -> tuple[Needed, ...]:
    return () if release.is_async else (Needed("asyncio"),)


def at_the_end(program: Program, trees: Trees, release: Release, unit: Unit, where: str) -> Wire:
    """The release in a `finally` around everything that a coroutine function does."""
    return around_all(trees, ending(program, release, unit), unit, release.name, where)


def around_all(trees: Trees, called: Ending, unit: Unit, name: str, where: str) -> Wire:
    """A call in a `finally` around everything that a coroutine function, or one that yields, does."""
    if not unit.is_async:
        raise Refused(f"{where} cannot await `{name}`")
    tree = trees[unit.module.path]
    function = tree.function_at(unit)
    if not isinstance(function.body, cst.IndentedBlock):
        raise Refused(f"{where} is written in one line")
    body = statements_of(function.body)
    first = next((i for i, each in enumerate(body) if not _is_preamble(each)), len(body))
    if first == len(body):
        first = len(body) - 1
    title = f"Call `{name}` at the end of {where}"
    only_try = body[first]
    is_ended = len(body) == first + 1 and isinstance(only_try, cst.Try) and not only_try.handlers
    if is_ended and only_try.finalbody is not None:  # type: ignore[union-attr]
        return further_end(tree, only_try.finalbody, called, title)  # type: ignore[union-attr]
    ended = protected(body[first:], [tree.parsed(called.statement)])
    changes = Changes()
    changes.also(function.body, lambda block: block.with_changes(body=[*body[:first], ended]))
    return Wire(tree.path, changes, called.needed, title)


def further_end(tree: Tree, final: cst.Finally, called: Ending, title: str) -> Wire:
    """One release more in a `finally`: by an exit stack, so that each is reached whatever the others raise."""
    assert isinstance(final.body, cst.IndentedBlock)
    changes = Changes()
    body = statements_of(final.body)
    first = body[0]
    is_stack = len(body) == 1 and isinstance(first, cst.With) and "AsyncExitStack()" in tree.code(first.items[0])
    if is_stack and isinstance(first, cst.With) and first.items[0].asname is not None:
        name = tree.code(first.items[0].asname.name)
        pushed = tree.parsed(f"{name}.push_async_callback({called.pushed})")
        assert isinstance(first.body, cst.IndentedBlock)
        changes.also(first.body, lambda block: block.with_changes(body=[pushed, *block.body]))
        return Wire(tree.path, changes, called.needed, title)
    pushed = tree.parsed(f"ending.push_async_callback({called.pushed})")
    stack = cst.With(
        items=[cst.WithItem(cst.parse_expression("AsyncExitStack()"), cst.AsName(cst.Name("ending")))],
        body=suite([pushed, *body]),
        asynchronous=cst.Asynchronous(),
    )
    changes.also(final.body, lambda _: suite([stack]))
    return Wire(tree.path, changes, (*called.needed, Needed("contextlib", "AsyncExitStack")), title)


def two_blank_lines_before_last(node: Any) -> Any:
    """The statement that follows a new definition, two blank lines after it."""
    *new, last = list(node)
    blank = cst.EmptyLine(indent=False)
    return cst.FlattenSentinel(
        [*new, last.with_changes(leading_lines=[blank, blank, *split_lead(last)[1].leading_lines])]
    )


def _is_preamble(statement: cst.CSTNode) -> bool:
    """Whether a statement only declares: a docstring, `global`, an import."""
    small = only(statement)
    if isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString | cst.ConcatenatedString):
        return True
    return isinstance(small, cst.Global | cst.Nonlocal | cst.Import | cst.ImportFrom)

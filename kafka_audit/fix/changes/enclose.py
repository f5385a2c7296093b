"""Local clients: a release that every way out of the block reaches, whatever happens.

A client that an `async with` starts and stops is entered where it was made; any other gets a `try` right after its
construction, so that a start which fails half-way is released, too, and a `finally` with the release.
"""

from __future__ import annotations

from typing import Any

import libcst as cst

from kafka_audit.fix.editing.blocks import (
    Block,
    Statement,
    leaves_after,
    only,
    plain_call,
    protected,
    split_lead,
    statements_of,
    suite,
    without,
)
from kafka_audit.fix.editing.edits import Edit, Tree
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import Subject


def entered_or_ended(tree: Tree, subject: Subject) -> dict[cst.CSTNode, Edit]:
    """The edits for what nothing releases: everything after its construction becomes the body of a `with` or `try`."""
    made = Made(tree, subject)
    made.check_absence()
    body = statements_of(made.block)
    rest = body[made.index + 1 :]
    if not rest or not made.uses:
        raise Refused(f"the {subject.noun} is made and never used, so there is nothing to end after it")
    if subject.enters and made.is_started_by(rest[0]) and isinstance(only(made.statement), cst.Assign):
        entered = _entered(made, rest)
        return {made.block: lambda block: block.with_changes(body=[*body[: made.index], entered])}
    skip = 0 if subject.tolerant else made.last_start()
    if skip == len(rest):
        raise Refused(f"nothing is done with the {subject.noun} after its start")
    final = [made.generated()]
    ended = protected(rest[skip:], final)
    kept = body[: made.index + 1 + skip]
    return {made.block: lambda block: block.with_changes(body=[*kept, ended])}


def released_always(tree: Tree, subject: Subject) -> dict[cst.CSTNode, Edit]:
    """The edits for what some ways out release: its release moves to a `finally` that begins after the construction."""
    made = Made(tree, subject)
    body = statements_of(made.block)
    last = max((index for index, _ in made.released()), default=-1)
    if last <= made.index:
        raise Refused(f"the {subject.noun} is not released in the block that makes it")
    first = made.index + 1 + (0 if subject.tolerant else made.last_start())
    region, final = _ended_region(made, body[first : last + 1])
    after = body[last + 1 :]
    if after and not after[0].leading_lines and isinstance(after[0], cst.BaseCompoundStatement):
        after[0] = after[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    ended = protected(region, final)
    return {made.block: lambda block: block.with_changes(body=[*body[:first], ended, *after])}


def started_inside(tree: Tree, subject: Subject) -> dict[cst.CSTNode, Edit]:
    """The edits for what a `finally` releases that begins after the start: the start moves inside."""
    made = Made(tree, subject)
    last = max((index for index, _ in made.released()), default=-1)
    statement = made.block.body[last]
    if last <= made.index or not _ends_only(made, statement):
        raise Refused("no `finally` of the same block, without handlers of its own, releases it")
    return released_always(tree, subject)


class Made:
    """Where the subject is made: its statement, the block of that, its name and the uses of the name."""

    def __init__(self, tree: Tree, subject: Subject) -> None:
        self.tree, self.subject = tree, subject
        call = tree.call(subject.site)
        self.statement: Statement = tree.statement(call)
        self.block: Block = tree.block(self.statement)
        self.index = statements_of(self.block).index(self.statement)
        target = _target(self.statement, call)
        self.name = target.value
        function = tree.function(call)
        if subject.is_async and (function is None or function.asynchronous is None):
            raise Refused(f"the {subject.noun} is made where nothing can be awaited")
        self._find_uses(target)

    def _find_uses(self, target: cst.Name) -> None:
        scope = self.tree.scope(target)
        assignments = list(scope[self.name])
        if len(assignments) != 1:
            raise Refused(f"`{self.name}` is given more than one value")
        accesses = list(assignments[0].references)
        self.uses: list[cst.CSTNode] = [access.node for access in accesses]
        self.closures = any(access.scope is not scope for access in accesses)
        if any(self.top(use) < self.index for use in self.uses):
            self._move_out()
        for use in self.uses:
            if self.top(use) < self.index:
                raise Refused(f"`{self.name}` is used outside of the block that makes it")
            if any(isinstance(each, cst.Del) for each in self.tree.around(use)):
                raise Refused(f"`{self.name}` is deleted")

    def _move_out(self) -> None:
        """Go on from the `try` around the construction, if control comes past it only with the subject."""
        attempt = self.tree.parent(self.block)
        if not isinstance(attempt, cst.Try) or attempt.body is not self.block or attempt.orelse or attempt.finalbody:
            return
        if not all(isinstance(only(handler.body.body[-1]), cst.Return | cst.Raise) for handler in attempt.handlers):
            return
        if any(handler in self.tree.around(use) for use in self.uses for handler in attempt.handlers):
            return
        self.statement, self.block = attempt, self.tree.block(attempt)
        self.index = statements_of(self.block).index(attempt)

    def top(self, node: cst.CSTNode) -> int:
        """The index of the statement of the block that holds the node; -1 when none does."""
        below = node
        for current in self.tree.around(node):
            if current is self.block:
                return [*self.block.body].index(below)  # type: ignore[arg-type]
            below = current
        return -1

    def check_absence(self) -> None:
        """Raise `Refused` when the end of the block may come too early for somebody who still has the subject."""
        if self.closures:
            raise Refused(f"a function inside uses `{self.name}` and may run after the end")

    def is_started_by(self, statement: cst.CSTNode) -> bool:
        """Whether a statement is nothing but the only start: `await name.start()`."""
        call = plain_call(statement)
        starts = [self.tree.call(at) for at in self.subject.starts]
        return call is not None and starts == [call] and isinstance(call.func, cst.Attribute)

    def last_start(self) -> int:
        """How many statements after the construction are over once it is started."""
        starts = [self.top(self.tree.call(at)) for at in self.subject.starts]
        return max([index - self.index for index in starts if index >= 0], default=0)

    def released(self) -> list[tuple[int, cst.CSTNode]]:
        """The releases after the construction: the index in the block, and the call."""
        calls = [self.tree.call(at) for at in sorted(self.subject.releases)]
        return [(self.top(call), call) for call in calls]

    def generated(self) -> cst.SimpleStatementLine:
        """A release as it is written where there was none."""
        return self.tree.parsed(self.subject.releasing(self.name))

    def plain(self, call: cst.CSTNode) -> Statement | None:
        """The statement of a release that does nothing else, awaited if it has to be."""
        statement = next((each for each in self.tree.around(call) if isinstance(each, cst.SimpleStatementLine)), None)
        if statement is None or plain_call(statement) is not call:
            return None
        is_awaited = isinstance(self.tree.parent(call), cst.Await)
        return statement if is_awaited is self.subject.is_async else None


def _target(statement: Statement, call: cst.Call) -> cst.Name:
    """The name that a statement, which only makes the subject, gives it."""
    small = only(statement)
    targets: list[Any] = []
    if isinstance(small, cst.Assign):
        targets = [target.target for target in small.targets]
    elif isinstance(small, cst.AnnAssign):
        targets = [small.target]
    value = getattr(small, "value", None)
    value = value.expression if isinstance(value, cst.Await) else value
    if value is not call:
        raise Refused("it is made in the middle of a larger statement")
    if len(targets) != 1 or not isinstance(targets[0], cst.Name):
        raise Refused("it is not kept in a plain local variable")
    return targets[0]


def _entered(made: Made, rest: list[Any]) -> cst.With:
    """`async with` in place of the construction and the start, around all that follows."""
    start, *body = rest
    small = only(made.statement)
    assert isinstance(small, cst.Assign)
    assert isinstance(made.statement, cst.SimpleStatementLine)
    if body:
        comments = split_lead(start)[1].leading_lines
        body[0] = body[0].with_changes(leading_lines=[*comments, *split_lead(body[0])[1].leading_lines])
    block = suite(body).with_changes(header=made.statement.trailing_whitespace)
    return cst.With(
        items=[cst.WithItem(item=small.value, asname=cst.AsName(cst.Name(made.name)))],
        body=block,
        asynchronous=cst.Asynchronous(),
        leading_lines=made.statement.leading_lines,
    )


def _ended_region(made: Made, region: list[Any]) -> tuple[list[Statement], list[Statement]]:
    """What the `try` holds, and what its `finally` does, from the statements up to the last release."""
    last = region[-1]
    calls = [call for _, call in made.released()]
    plain = [statement for call in calls if (statement := made.plain(call)) is not None]
    if any(last is each for each in plain):
        final, region = [last], region[:-1]
    elif _ends_only(made, last):
        final, region = list(last.finalbody.body.body), [*region[:-1], *_opened(last)]
    else:
        final = [made.generated()]
    if not region:
        raise Refused("nothing stands between its construction and its release")
    unwanted = _removable(made, [each for each in plain if each not in final])
    kept = [left for each in region for left in without(each, unwanted)]
    remaining = len(calls) - len(unwanted) - len([each for each in final if each in plain])
    if made.subject.once and remaining:
        raise Refused(f"another release of `{made.name}` would be the second, which raises")
    return kept or region, [split_lead(each)[1] for each in final]


def _opened(statement: cst.Try) -> list[Any]:
    """The statements of a `try` body, the first one after the lines that stood before the `try`."""
    first, *rest = statement.body.body
    lead = [*statement.leading_lines, *first.leading_lines]  # type: ignore[union-attr]
    return [first.with_changes(leading_lines=lead), *rest]


def _ends_only(made: Made, statement: Any) -> bool:
    """Whether a statement is a `try` without handlers whose `finally` does nothing but release the subject."""
    if not isinstance(statement, cst.Try) or statement.handlers or statement.orelse or statement.finalbody is None:
        return False
    plain = {made.plain(call) for _, call in made.released()}
    return all(each in plain for each in statement.finalbody.body.body)


def _removable(made: Made, statements: list[Any]) -> set[cst.CSTNode]:
    """The releases that a `finally` makes superfluous: those after which control only leaves. A flush has its use."""
    if made.subject.flushes:
        return set()
    unwanted: set[cst.CSTNode] = set(statements)
    found = set()
    for statement in statements:
        block = made.tree.parent(statement)
        body = list(block.body) if isinstance(block, cst.IndentedBlock) else []
        if statement in body and leaves_after(body, body.index(statement), unwanted):
            found.add(statement)
    return found

"""Which repair does an alarm get, or why does it get none?

A repair is chosen by the rule and by the kind of owner; the first one whose preconditions hold is made. What none of
them may touch is refused with the reason of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from kafka_audit.fix.edits import Tree
from kafka_audit.fix.enclose import entered_or_ended, released_always, started_inside
from kafka_audit.fix.guard import unguarded
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import client_subject, life_of
from kafka_audit.fix.undo import start_undone
from kafka_audit.link.lives import Life
from kafka_audit.link.program import Program
from kafka_audit.model import Finding, Safety


class Repair(NamedTuple):
    """A change that removes an alarm: how safe it is, what it does in words, and the new bytes of each file."""

    safety: Safety
    title: str
    changed: dict[str, bytes]


class Case(NamedTuple):
    """One alarm of a linked program, with the bytes of all files by name."""

    program: Program
    finding: Finding
    contents: Mapping[str, bytes]

    @property
    def life(self) -> Life:
        """The client that the alarm is on."""
        return life_of(self.program, self.finding.producer)

    def tree(self, path: str) -> Tree:
        """One file."""
        return Tree(path, self.contents[path])


Make = Callable[[Case], Repair]


def planned(case: Case) -> Repair:
    """The repair of an alarm. Raises `Refused` when there is none that a careful engineer would accept."""
    reasons: list[Refused] = []
    for make in REPAIRS.get(case.finding.code, ()):
        try:
            return make(case)
        except Refused as refused:
            reasons.append(refused)
    if reasons:
        raise reasons[0]
    raise Refused(BY_HAND.get(case.finding.code, "the repair needs a decision about the design"))


def repaired() -> Iterator[str]:
    """The rules whose alarms may get a repair."""
    return iter(sorted(REPAIRS))


def _dropped_local(case: Case) -> Repair:
    life = case.life
    if case.program.hands_over(life):
        raise Refused("it is handed to code that cannot be seen and that may keep it")
    subject, tree = client_subject(life), case.tree(life.path)
    edits = entered_or_ended(tree, subject)
    return Repair("safe", f"Release the {subject.noun} however its block ends", {life.path: tree.rewritten(edits)})


def _skipped_release(case: Case) -> Repair:
    life = case.life
    subject, tree = client_subject(life), case.tree(life.path)
    edits = released_always(tree, subject)
    return Repair("safe", f"Release the {subject.noun} in a `finally`", {life.path: tree.rewritten(edits)})


def _late_try(case: Case) -> Repair:
    life = case.life
    subject, tree = client_subject(life), case.tree(life.path)
    title = f"Start the {subject.noun} inside the `try` whose `finally` releases it"
    return Repair("safe", title, {life.path: tree.rewritten(started_inside(tree, subject))})


def _failed_start(case: Case) -> Repair:
    life = case.life
    subject, tree = client_subject(life), case.tree(life.path)
    title = f"Release the {subject.noun} when its start fails"
    return Repair("safe", title, {life.path: tree.rewritten(start_undone(tree, subject, life))})


def _defeated_release(case: Case) -> Repair:
    life = case.life
    defeated = case.program.rollbacks.defeated(life)
    if defeated is None:
        raise Refused("the guard that defeats the release is not known")
    tree = case.tree(defeated.method.module.path)
    edits = unguarded(tree, case.program, life, defeated)
    title = f"Release what there is, whatever `{defeated.flag}` says"
    return Repair("safe", title, {tree.path: tree.rewritten(edits)})


REPAIRS: dict[str, tuple[Make, ...]] = {
    "KA203": (_dropped_local,),
    "KA301": (_skipped_release,),
    "KA302": (_skipped_release,),
    "KA303": (_late_try, _failed_start),
    "KA305": (_defeated_release,),
    "KA306": (_late_try, _failed_start),
}
"""The repairs of each rule, the better one first."""

BY_HAND: dict[str, str] = {
    "KA403": "where a shared client lives and who ends it is for the design to decide",
}
"""Why the alarms of a rule are never repaired."""

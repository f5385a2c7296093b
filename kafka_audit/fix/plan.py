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
from kafka_audit.fix.keeper import Kept, releasing, with_release
from kafka_audit.fix.owners import owner_release
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.removal import without_handler
from kafka_audit.fix.subject import client_subject, life_of, release_method
from kafka_audit.fix.undo import start_undone
from kafka_audit.fix.wiring import Trees, wired
from kafka_audit.link.lives import Life
from kafka_audit.link.owners import Holding
from kafka_audit.link.program import Program
from kafka_audit.link.values import Place
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


def _global(case: Case) -> Repair:
    """A release beside the place, if there is none, or somebody who calls the one that there is."""
    kept = _kept(case)
    release = releasing(case.program, case.life, kept)
    if release is None:
        tree = case.tree(kept.path)
        changes, release = with_release(tree, kept)
        title = f"Add `{release.name}`, which releases the {kept.noun}"
        return Repair("safe", title, {tree.path: tree.rewritten(changes)})
    trees = Trees(case.tree)
    wire = wired(case.program, trees, release, kept.unit)
    return Repair("safe", wire.title, {wire.path: trees[wire.path].rewritten(wire.changes, wire.needed)})


def _exit_handler(case: Case) -> Repair:
    finding = case.finding
    tree = case.tree(finding.path)
    at = (finding.line, finding.column, finding.end_line, finding.end_column)
    return Repair(
        "safe", "Remove the exit handler that cannot work", {tree.path: without_handler(tree, at, case.contents)}
    )


def _kept(case: Case) -> Kept:
    """What the alarm says is kept for the whole process: the client itself, or the object at the alarm's place."""
    life, finding = case.life, case.finding
    holding, unit, site = life.holding, life.site.unit, life.site.node.at
    if (finding.path, finding.line) == (life.path, site[0]) and holding.kind == "global":
        noun = life.site.client.name.rpartition(".")[2]
        return Kept(_place(holding), unit, site, release_method(life), life.site.client.is_async, noun)
    for owner in case.program.owning.roots(life):
        if (owner.path, owner.at[0]) == (finding.path, finding.line) and owner.holding.kind == "global":
            method = owner_release(case.program, owner)
            return Kept(_place(owner.holding), owner.origin.unit, owner.at, method.name, method.is_async, owner.name)
    raise Refused("it is not kept in a variable of a module")


def _place(holding: Holding) -> Place:
    if holding.at is None or holding.at.kind != "module":
        raise Refused("it is not kept in a variable of a module")
    return holding.at


REPAIRS: dict[str, tuple[Make, ...]] = {
    "KA201": (_global,),
    "KA203": (_dropped_local,),
    "KA301": (_skipped_release,),
    "KA302": (_skipped_release,),
    "KA501": (_exit_handler,),
    "KA303": (_late_try, _failed_start),
    "KA305": (_defeated_release,),
    "KA306": (_late_try, _failed_start),
}
"""The repairs of each rule, the better one first."""

BY_HAND: dict[str, str] = {
    "KA403": "where a shared client lives and who ends it is for the design to decide",
}
"""Why the alarms of a rule are never repaired."""

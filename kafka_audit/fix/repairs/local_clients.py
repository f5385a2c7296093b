"""Repairs of what a function keeps in a variable of its own."""

from __future__ import annotations

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.changes.enclose import entered_or_ended, released_always, started_inside
from kafka_audit.fix.changes.owners import owner_subject
from kafka_audit.fix.changes.undo import start_undone
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import Subject, client_subject, factory_subject
from kafka_audit.link.flow.engine import position
from kafka_audit.link.losses.makers import caller_losses


def dropped(case: Case) -> Repair:
    """Nothing releases it: its block does, however it ends."""
    life = case.life
    if life.holding.kind != "local":
        raise Refused("it is not kept in a plain local variable")
    if case.program.hands_over(life):
        raise Refused("it is handed to code that cannot be seen and that may keep it")
    return _ended(case, client_subject(case.program, life))


def dropped_owner(case: Case) -> Repair:
    """Nothing releases the object that owns it: the block that makes the object does."""
    owner = case.owner
    if owner is None or owner.holding.kind != "local":
        raise Refused("the owner is not kept in a plain local variable")
    return _ended(case, owner_subject(case.program, owner))


def dropped_by_caller(case: Case) -> Repair:
    """A caller drops what a factory made for it: the caller's block releases it."""
    life = case.life
    dropping = {each.node: each.unit for each in caller_losses(case.program.failing, life) if not each.only_by_error}
    if not dropping and case.program.keeping(life):
        raise Refused("the class that keeps it has no method that releases it")
    if len(dropping) != 1:
        raise Refused("several callers drop it" if dropping else "no caller that drops it is known")
    [(node, unit)] = dropping.items()
    return _ended(case, factory_subject(case.program, life, unit, node))


def _ended(case: Case, subject: Subject) -> Repair:
    """The block releases it; what stands behind a loop that never ends moves to its `finally`."""
    tree = case.tree(subject.path)
    is_behind = any(position(event.node) in subject.releases for event in case.life.unreached)
    changed = tree.rewritten((released_always if is_behind else entered_or_ended)(tree, subject))
    return Repair("safe", f"Release the {subject.noun} however its block ends", {tree.path: changed})


def skipped(case: Case) -> Repair:
    """Some ways out do not get to the release: it moves to a `finally`."""
    owner = case.owner
    subject = client_subject(case.program, case.life) if owner is None else owner_subject(case.program, owner)
    tree = case.tree(subject.path)
    changed = tree.rewritten(released_always(tree, subject))
    return Repair("safe", f"Release the {subject.noun} in a `finally`", {tree.path: changed})


def started_late(case: Case) -> Repair:
    """The start moves into the `try` whose `finally` releases the client."""
    subject = client_subject(case.program, case.life)
    tree = case.tree(subject.path)
    title = f"Start the {subject.noun} inside the `try` whose `finally` releases it"
    return Repair("safe", title, {tree.path: tree.rewritten(started_inside(tree, subject))})


def failed_start(case: Case) -> Repair:
    """A start that fails is undone on the spot."""
    subject = client_subject(case.program, case.life)
    tree = case.tree(subject.path)
    title = f"Release the {subject.noun} when its start fails"
    return Repair("safe", title, {tree.path: tree.rewritten(start_undone(tree, subject, case.life))})

"""Repairs of what lives as long as the process."""

from __future__ import annotations

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.changes.keeper import Kept, Release, releasing, with_release
from kafka_audit.fix.changes.lazy import made_on_use
from kafka_audit.fix.changes.owners import owner_release
from kafka_audit.fix.changes.removal import without_handler
from kafka_audit.fix.changes.wiring import moved, wired
from kafka_audit.fix.editing.edits import Changes, Trees
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.repairs import containers
from kafka_audit.fix.subject import release_method
from kafka_audit.link.flow.values import Container, Place
from kafka_audit.link.lives.owners import Holding


def made_at_import(case: Case) -> Repair:
    """A client that importing a module makes: it is made on first use."""
    life = case.life
    changed = made_on_use(case.program, Trees(case.tree), life, case.contents)
    noun = life.site.client.name.rpartition(".")[2]
    return Repair("unsafe", f"Make the {noun} on first use, in a function that every reader asks", changed)


def never_released(case: Case) -> Repair:
    """A release beside the place, if there is none, or somebody who calls the one that there is."""
    unclosed = case.program.injection.unclosed(case.life)
    if unclosed:
        return containers.closed(case, unclosed)
    provider = case.program.injection.endless(case.life)
    if provider is not None:
        return containers.released_by_provider(case, provider)
    if any(case.program.discharge.comes_too_late(case.life, event) for event in case.life.releases):
        raise Refused(
            "it is started, used and released on event loops of their own, each closed before the next",
            "put all of that into one coroutine, and run that one",
        )
    kept = _kept(case)
    release = releasing(case.program, case.life, kept)
    if release is None:
        tree = case.tree(kept.path)
        changes, release = with_release(case.program, tree, kept)
        title = f"Add `{release.name}`, which releases the {kept.noun}"
        if kept.place.kind == "result":
            return _at_once(case, kept, changes, release, title)
        return Repair("safe", title, {tree.path: tree.rewritten(changes)})
    done = wired(case.program, Trees(case.tree), release, kept.unit)
    return Repair("safe", done.title, done.changed)


def _at_once(case: Case, kept: Kept, changes: Changes, release: Release, title: str) -> Repair:
    """The release of a cached function with its wiring: whoever asks such a function may release what it gives, too."""
    trees = Trees(case.tree)
    tree = trees[release.path]
    if kept.is_async:
        done = moved(case.program, trees, release, kept.unit, {tree.path: changes})
        return Repair("safe", f"{title}; {done.title}", done.changed)
    anchor = tree.outermost(tree.call(kept.site))
    changes.after(anchor, *tree.definitions(f"atexit.register({release.name})\n"))
    changed = tree.rewritten(changes, [Needed("atexit")])
    return Repair("safe", f"{title}, and call it when the interpreter exits", {tree.path: changed})


def useless_exit_handler(case: Case) -> Repair:
    """An exit handler that cannot work goes; what it hid comes up and is repaired in turn."""
    _check_other_end(case)
    tree = case.tree(case.finding.path)
    changed = without_handler(tree, case.at, case.contents)
    return Repair("safe", "Remove the exit handler that cannot work", {tree.path: changed})


def _check_other_end(case: Case) -> None:
    """Raise `Refused` if nothing could end the client without the handler: the audit need not be asked about that."""
    life = case.life
    if life.holding.kind != "global" or not life.site.client.is_async or case.program.discharge.effective(life):
        return
    kept = _kept(case)
    release = releasing(case.program, life, kept) or Release(kept.path, kept.release_name, kept.is_async)
    try:
        wired(case.program, Trees(case.tree), release, kept.unit)
    except Refused as refused:
        raise Refused(f"nothing would end the client without it: {refused.reason}", refused.by_hand) from None


def _kept(case: Case) -> Kept:
    """What the alarm says is kept for the whole process: the client itself, or the object at the alarm's place."""
    life, owner = case.life, case.owner
    if owner is not None and owner.holding.kind == "global":
        method = owner_release(case.program, owner)
        place, unit = _place(owner.holding), owner.origin.unit
        if place.kind == "result":  # calls of its release would count for other objects of the class as well
            raise Refused("an object that owns the client is kept by a cached function", "release it where that ends")
        return Kept(place, unit, owner.at, method.name, method.is_async, owner.name)
    if life.holding.kind != "global":
        raise Refused("what keeps it lives as long as the process, and is no place that code can name")
    client, site = life.site.client, life.site
    noun = client.name.rpartition(".")[2]
    release = release_method(life)
    return Kept(_place(life.holding), site.unit, site.node.at, release, client.is_async, noun, client.flush_is_release)


KEEPING = frozenset({"module", "class", "result"})
"""Kinds of places that live as long as the process and that code can name."""


def _place(holding: Holding) -> Place:
    if holding.at is None or holding.at.kind not in KEEPING:
        raise Refused(
            "what keeps it is no variable, class attribute or cached function of the project",
            "release it in the application's shutdown hook, by the object that keeps it",
        )
    if any(isinstance(value, Container) and value.kind == "supplier" for value in holding.at.values):
        raise Refused("a provider keeps it that ends nothing", containers.WITHOUT_END)
    return holding.at

"""Repairs of what an object keeps in a field."""

from __future__ import annotations

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.changes.fields import Field, releasable
from kafka_audit.fix.changes.guard import unguarded
from kafka_audit.fix.changes.owners import owner_release
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import release_method
from kafka_audit.link.flow.scopes import ClassScope
from kafka_audit.link.flow.values import Container
from kafka_audit.link.lives.life import Life


def kept_in_a_field(case: Case) -> Repair:
    """No method of the class releases its client: one does, and with it the class's other clients that none does."""
    if case.program.lives.left_out(case.life):
        raise Refused("a parameter turns the release on: which call is to pass it is for the design to decide")
    life = case.life
    scope = life.holding.scope
    if life.holding.kind != "instance" or scope is None:
        raise Refused("it is not kept in a field of a class of the project")
    fields = [_field(each) for each in case.program.lives.all if each is life or _is_like(each, life)]
    return _releasable(case, scope, fields)


def kept_by_another(case: Case) -> Repair:
    """The object that owns the client is itself kept in a field, of a class that never asks it for the release."""
    owner = case.owner
    if owner is None or owner.holding.kind != "instance" or owner.holding.scope is None or owner.holding.at is None:
        raise Refused("the owner is not kept in a field of a class of the project")
    method = owner_release(case.program, owner)
    field = Field(owner.holding.at.name, method.name, method.is_async, owner.name, once=True)
    return _releasable(case, owner.holding.scope, [field])


def pooled(case: Case) -> Repair:
    """No method of the class releases the clients in its pool: one releases them all, whatever one of them raises."""
    life = case.life
    scope, place = life.holding.scope, life.holding.at
    if life.holding.kind != "pooled" or scope is None or place is None or place.kind != "field":
        raise Refused("the pool is not kept in a field of a class of the project")
    if life.releases:
        raise Refused("what is taken out of the pool is lost, and where it is to go back is for its user to say")
    kinds = {value.kind for value in place.values if isinstance(value, Container)}
    if len(kinds) != 1:
        raise Refused("the pool is more than one kind of container")
    field = _field(life)._replace(many=kinds.pop())
    return _releasable(case, scope, [field])


def defeated_release(case: Case) -> Repair:
    """A flag turns the release off after a failed start: the release asks for the client instead."""
    life = case.life
    defeated = case.program.rollbacks.defeated(life)
    if defeated is None:
        raise Refused("the guard that defeats the release is not known")
    tree = case.tree(defeated.method.module.path)
    changed = tree.rewritten(unguarded(tree, case.program, life, defeated))
    return Repair("safe", f"Release what there is, whatever `{defeated.asked.name}` says", {tree.path: changed})


def _releasable(case: Case, scope: ClassScope, fields: list[Field]) -> Repair:
    tree = case.tree(scope.module.path)
    released = releasable(case.program, tree, scope, fields)
    title = f"Let `{scope.name}.{released.method}` release the {fields[0].noun}"
    return Repair("safe", title, {tree.path: tree.rewritten(released.changes, released.needed)})


def _is_like(each: Life, life: Life) -> bool:
    """Whether another client of the class is not released either."""
    same = each.holding.scope is life.holding.scope and each.holding.kind == "instance"
    return same and not each.releases and bool(each.site.client.release) and each.holding.at is not life.holding.at


def _field(life: Life) -> Field:
    client, place = life.site.client, life.holding.at
    if place is None or place.kind not in {"field", "class"}:
        raise Refused("it is not kept in a field of a class of the project")
    starters = {event.unit for event in life.starts}
    methods = [
        event.function.name
        for event in starters
        if event.method_of is life.holding.scope and event.function is not None and event.is_async is client.is_async
    ]
    return Field(
        name=place.name,
        release=release_method(life),
        is_async=client.is_async,
        noun=client.name.rpartition(".")[2],
        once=client.release_once,
        flushes=client.flush_is_release,
        started_by=tuple(sorted(methods)),
    )

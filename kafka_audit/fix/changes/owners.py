"""Objects that own a client: the method of theirs that releases it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.fix.changes.guard import is_harmless_early
from kafka_audit.fix.changes.keeper import required
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import Subject
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import Instance
from kafka_audit.link.ownership.owning import Owner
from kafka_audit.link.program import Program

USUAL = ("close", "stop", "aclose", "shutdown", "disconnect", "cleanup", "flush")
"""Names of releases, the likelier one first; any other name counts as well, after these."""


STARTING = ("start", "connect", "open", "init", "setup", "begin", "launch", "enter")
"""How the names of methods begin that do nothing but start: any other that starts is of use as well."""


class Method(NamedTuple):
    """A method that releases what its object owns, callable without an argument; harmless before any start or not."""

    name: str
    is_async: bool
    is_tolerant: bool


def owner_release(program: Program, owner: Owner) -> Method:
    """The method to call on an owner when it is done with."""
    family = [base for base in ancestry(program.engine, owner.value.scope) if isinstance(base, ClassScope)]
    found: dict[str, Unit] = {}
    for event in owner.life.releases:
        for unit in program.lives.reach.callers(event.unit):
            function = unit.function
            if function is None or unit.method_of not in family or required(function)[1:] or unit.is_generator:
                continue
            if not function.name.startswith("_"):
                found.setdefault(function.name, unit)
    usual = [name for name in USUAL if name in found]
    names = usual or sorted(found)
    if not names:
        raise Refused(f"no method of {owner.name} that needs no argument releases what it owns")
    unit = found[names[0]]
    return Method(names[0], unit.is_async, is_harmless_early(unit))


def owner_subject(program: Program, owner: Owner) -> Subject:
    """An object that owns a client, as the function that makes it sees it."""
    method = owner_release(program, owner)
    for value in program.engine.values():
        is_other = isinstance(value, Instance) and value is not owner.value and value.origin is not None
        if is_other and value.origin.node is owner.origin.node:  # type: ignore[attr-defined]
            raise Refused(f"the call that makes the {owner.name} may make something else as well")
    releasing = program.owning.closure(owner.life.releases)
    opening = program.lives.reach.callers(owner.life.site.unit) | program.owning.closure(owner.life.starts)
    starting = {unit for unit in opening if unit.function is not None and unit.function.name.startswith(STARTING)}
    return Subject(
        path=owner.path,
        site=owner.at,
        starts=_calls_on(program, owner, starting - releasing) - {owner.at},
        releases=_calls_on(program, owner, releasing),
        release=method.name,
        is_async=method.is_async,
        enters=False,
        tolerant=method.is_tolerant,
        once=False,
        flushes=False,
        noun=owner.name,
    )


def _calls_on(program: Program, owner: Owner, wanted: Collection[Unit]) -> frozenset[s.At]:
    """Where the function that makes the object calls a method of it that gets to one of these functions."""
    facts = (edge.fact for edge in program.lives.reach.outgoing.get(owner.origin.unit, ()) if edge.fact is not None)
    return frozenset(
        fact.node.at
        for fact in facts
        for callee, receivers in fact.callees.items()
        if callee in wanted and owner.value in receivers and isinstance(fact.node, s.Call)
    )

"""Objects that own a client: the method of theirs that releases it."""

from __future__ import annotations

from typing import NamedTuple

from kafka_audit.fix.keeper import required
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.attributes import ancestry
from kafka_audit.link.owning import Owner
from kafka_audit.link.program import Program
from kafka_audit.link.scopes import ClassScope, Unit

USUAL = ("close", "stop", "aclose", "shutdown", "disconnect", "cleanup", "flush")
"""Names of releases, the likelier one first; any other name counts as well, after these."""


class Method(NamedTuple):
    """A method that releases what its object owns, callable without an argument."""

    name: str
    is_async: bool


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
    return Method(names[0], found[names[0]].is_async)

"""Which classes of the project does a framework make objects of, and which of their methods does it call?"""

from __future__ import annotations

from kafka_audit.catalog.hooks import Hook, hooks_for
from kafka_audit.catalog.schema import Component
from kafka_audit.catalog.workers import component
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope


def component_of(engine: Engine, scope: ClassScope | None) -> Component | None:
    """What a class is to a framework that makes the object itself, and calls no other methods than its own."""
    bases = ancestry(engine, scope) if scope is not None else ()
    return component({name for base in bases if isinstance(base, ClassScope) for name in base.methods})


def hooks_of(engine: Engine, scope: ClassScope, name: str) -> tuple[Hook, ...]:
    """The hooks that a method of this name is in such a class."""
    made = component_of(engine, scope)
    rows = hooks_for("object") if made is not None else ()
    return tuple(hook for hook in rows if made and hook.framework == made.framework and hook.select == name)

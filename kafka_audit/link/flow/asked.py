"""What objects of the project are asked for: the calls on each, by the place where it is made."""

from __future__ import annotations

from collections.abc import Iterable

from kafka_audit.link.flow.engine import CallFact, Engine
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Instance, Value
from kafka_audit.link.reading.context import context_of


def calls_by_object(engine: Engine) -> dict[Instance, list[tuple[Unit, Unit]]]:
    """(caller, callee) of the calls on each object; those on objects of unknown origin under that of their class.

    Where the application gives a call an object that it makes, an annotation says nothing more: whoever ends the one
    feed of `get() -> Feed` would seem to end all other feeds, too.
    """
    found: dict[Instance, list[tuple[Unit, Unit]]] = {}
    for fact in engine.calls.values():
        is_known = _gets_known_objects(fact)
        for callee, receivers in fact.callees.items():
            for receiver in _objects(receivers):
                if receiver.origin is not None or not is_known or receiver.scope in engine.merged:
                    found.setdefault(receiver, []).append((fact.unit, callee))
    return found


def _gets_known_objects(fact: CallFact) -> bool:
    made = (each.origin for receivers in fact.callees.values() for each in _objects(receivers))
    return any(origin is not None and context_of(origin.unit.module.path) != "test" for origin in made)


def _objects(receivers: Iterable[Value | None]) -> list[Instance]:
    return [each for each in receivers if isinstance(each, Instance)]

"""Which releases come only when a message has failed, and leave the end of the client to others?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Event
from kafka_audit.link.paths.states import caught_types
from kafka_audit.link.reading.walk import statements, within

_ENDING: Final = frozenset({"KeyboardInterrupt", "SystemExit", "GeneratorExit", "CancelledError", "BaseException"})
"""Errors by which a program, a generator or a task is ended."""


def after_errors(releases: Collection[Event]) -> set[Event]:
    """The releases in a handler of what a single use raises, beside others that are there for the end.

    What serves until it fails, in a loop, ends its client with that; a handler for what ends the program does so, too.
    """
    rare = {each for each in releases if _is_after_error(each)}
    return rare if {each.unit for each in releases} > {each.unit for each in rare} else set()


def _is_after_error(release: Event) -> bool:
    if release.via != "call" or release.unit.function is None:
        return False
    tries = [each for each in statements(release.unit.body) if isinstance(each, s.Try)]
    once = [each for each in tries if not any(isinstance(inner, s.While | s.For) for inner in statements(each.body))]
    handlers = [handler for each in once for handler in each.handlers if not _is_for_the_end(handler)]
    return any(within(handler.body, {release.node}) for handler in handlers)


def _is_for_the_end(handler: s.Handler) -> bool:
    return any(isinstance(each, s.Name | s.Attribute) and _last(each) in _ENDING for each in caught_types(handler))


def _last(name: s.Name | s.Attribute) -> str:
    return name.id if isinstance(name, s.Name) else name.name

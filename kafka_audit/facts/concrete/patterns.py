"""What does the pattern of a `case` bind, and does it match everything?"""

from __future__ import annotations

from typing import Any

import libcst as cst

from kafka_audit.facts.concrete.names import identifier


def captures(pattern: Any) -> tuple[str, ...]:
    """The names a pattern binds, sorted."""
    names: set[str] = set()
    for part in _parts(pattern):
        name = part.rest if type(part) is cst.MatchMapping else getattr(part, "name", None)
        if name is not None:
            names.add(identifier(name))
    return tuple(sorted(names))


def is_irrefutable(pattern: Any) -> bool:
    """Whether a pattern matches whatever it is given: a name, `_`, or an alternative that is one."""
    if type(pattern) is cst.MatchAs:
        return pattern.pattern is None or is_irrefutable(pattern.pattern)
    if type(pattern) is cst.MatchOr:
        return any(is_irrefutable(element.pattern) for element in pattern.patterns)
    return False


def values(pattern: Any) -> list[Any]:
    """The expressions a pattern compares with, in order: classes, constants, keys."""
    found: list[Any] = []
    for part in _parts(pattern):
        if type(part) is cst.MatchClass:
            found.append(part.cls)
        elif type(part) is cst.MatchValue:
            found.append(part.value)
        elif type(part) is cst.MatchMapping:
            found.extend(element.key for element in part.elements)
    return found


def _parts(pattern: Any) -> list[Any]:
    """A pattern and all patterns inside it, outer ones first."""
    parts = [pattern]
    for part in parts:
        inner = [*getattr(part, "patterns", ()), *getattr(part, "kwds", ()), *getattr(part, "elements", ())]
        for element in inner:
            parts.append(
                element if type(element) is cst.MatchStar else getattr(element, "value", None) or element.pattern
            )
        if type(part) is cst.MatchAs and part.pattern is not None:
            parts.append(part.pattern)
    return parts

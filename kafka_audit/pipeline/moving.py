"""What did an earlier audit say of code that has only moved to other lines since?

A comment of a line, a longer docstring, an import sorted into two lines: all that is kept of the file is what it was,
but for the lines. Linking and judging compare lines and show them, and never count with them. So what they said holds,
on the lines where the code is now.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from kafka_audit.facts.schema import FileFacts, Flaw, Node
from kafka_audit.model import Record

Lines = Mapping[int, int]
"""Where each line with code of a file was, and where it is."""

_T = TypeVar("_T")

_POSITIONS = frozenset({"at", "line", "end_line"})
"""The fields that say where something stands; `at` is two lines, each with a column."""

_SPOKEN = re.compile(r"\bline \d|\.\w+:\d")
"""A line inside a sentence, which could not be moved with the rest."""


def lines_moved(before: FileFacts, now: FileFacts) -> Lines | None:
    """Where the lines of a file went; None when more has changed, or lines were joined, parted or exchanged."""
    found: dict[int, int] = {}
    for old, new in _places(before, now):
        if new is None or found.setdefault(old, new) != new:
            return None
    moved = [found[line] for line in sorted(found)]
    return found if all(one < other for one, other in itertools.pairwise(moved)) else None


def _places(before: object, now: object) -> Iterator[tuple[int, int | None]]:
    """The lines of what corresponds; one without a counterpart as soon as anything else differs."""
    waiting = [(before, now)]
    while waiting:
        old, new = waiting.pop()
        if type(old) is not type(new):
            yield 0, None
        elif isinstance(old, Node):
            for field in old.__struct_fields__:
                pair = getattr(old, field), getattr(new, field)
                if field in _POSITIONS:
                    yield from _corresponding(*pair)
                else:
                    waiting.append(pair)
        elif isinstance(old, tuple) and len(old) == len(new):  # type: ignore[arg-type]  # of the same type
            waiting.extend(zip(old, new, strict=True))  # type: ignore[call-overload]
        elif old != new:
            yield 0, None


def _corresponding(old: Any, new: Any) -> Iterator[tuple[int, int | None]]:
    if isinstance(old, int):
        yield old, new
    elif old[1::2] == new[1::2]:
        yield from zip(old[::2], new[::2], strict=True)
    else:
        yield 0, None


class _Untold(Exception):
    """A place of which it is not known where it is now."""


def moved(records: _T, lines: Mapping[str, Lines]) -> _T | None:
    """Records, alone, in tuples or by the names of files, with every place in these files where it is now.

    None when that cannot be said of one.
    """
    try:
        return _moved(records, lines)  # type: ignore[no-any-return]  # of the same type
    except _Untold:
        return None


def _moved(value: Any, lines: Mapping[str, Lines], here: Lines | None = None) -> Any:
    """`here` is where the lines of the file went that the value belongs to, if that file is one of them."""
    match value:
        case Record() | Flaw():
            path = getattr(value, "path", None)
            here = lines.get(path) if path is not None else here
            changed = {name: _field(name, getattr(value, name), lines, here) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **changed)
        case tuple():
            return tuple(_moved(each, lines, here) for each in value)
        case dict():
            return {name: _moved(each, lines, lines.get(name)) for name, each in value.items()}
        case str() if _SPOKEN.search(value):
            raise _Untold
    return value


def _field(name: str, value: Any, lines: Mapping[str, Lines], here: Lines | None) -> Any:
    if name not in _POSITIONS or here is None or value is None:
        return _moved(value, lines, here)
    if value == 1 and here.get(1, 1) == 1:  # a file as a whole is told by its first line
        return value
    if value == 1 or value not in here:
        raise _Untold
    return here[value]

"""Which changes of the same files can be made together, each written without a look at the others?

Two changes that keep a line between them do not touch each other's text. What they may still do to each other is for
the audit to find out.
"""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Mapping
from typing import NamedTuple

_DEFINED = re.compile(rb"(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|(\w+)[ \t]*(?::[^=\n]*)?=[^=]")
"""How a line of the module itself begins that gives a name a meaning."""


class Hunk(NamedTuple):
    """Lines that take the place of the lines from `first` up to but without `last`."""

    first: int
    last: int
    new: tuple[bytes, ...]

    def meets(self, other: Hunk) -> bool:
        """Whether no line stands between the two."""
        return self.first <= other.last and other.first <= self.last

    @property
    def names(self) -> set[bytes]:
        """The names that the new lines define in the module itself."""
        found = (_DEFINED.match(line) for line in self.new)
        return {each[1] or each[2] for each in found if each is not None}


class Together:
    """The changes taken so far, of files that are `before`."""

    def __init__(self, before: Mapping[str, bytes]) -> None:
        self._before = before
        self._hunks: dict[str, set[Hunk]] = {}

    def take(self, changed: Mapping[str, bytes]) -> bool:
        """Take one more change in, if it keeps clear of the others; whether it does."""
        new = {path: _hunks(self._before[path], data) for path, data in changed.items()}
        if any(_collide(self._hunks.get(path, set()), hunks) for path, hunks in new.items()):
            return False
        for path, hunks in new.items():
            self._hunks.setdefault(path, set()).update(hunks)
        return True

    def changed(self) -> dict[str, bytes]:
        """The new bytes of each file."""
        return {path: _applied(self._before[path], hunks) for path, hunks in sorted(self._hunks.items())}


def _hunks(before: bytes, after: bytes) -> set[Hunk]:
    old, new = _lines(before), _lines(after)
    found = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return {Hunk(first, last, tuple(new[start:end])) for what, first, last, start, end in found if what != "equal"}


def _collide(taken: set[Hunk], hunks: set[Hunk]) -> bool:
    """Whether two changes of one file meet. Where both make the very same change, they agree."""
    others, own = taken - hunks, hunks - taken
    if any(not each.new for each in others) and any(not each.new for each in own):
        return True  # what both only take out may leave something unused that each believes the other to need
    names = {name for each in others for name in each.names}
    return any(each.meets(other) for each in own for other in others) or any(names & each.names for each in own)


def _applied(before: bytes, hunks: set[Hunk]) -> bytes:
    lines = _lines(before)
    for hunk in sorted(hunks, reverse=True):
        lines[hunk.first : hunk.last] = hunk.new
    return b"".join(lines)


def _lines(data: bytes) -> list[bytes]:
    return io.BytesIO(data).readlines()

"""When is it worth looking for garbage?"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def not_collecting() -> Iterator[None]:
    """Nearly all that an audit makes lives until its end: a search for garbage finds none, again and again."""
    with _switched(gc.disable):
        yield


@contextmanager
def collecting() -> Iterator[None]:
    """Of audits one after another, each leaves a whole program behind."""
    with _switched(gc.enable):
        yield


@contextmanager
def _switched(switch: Callable[[], None]) -> Iterator[None]:
    before = gc.enable if gc.isenabled() else gc.disable
    switch()
    try:
        yield
    finally:
        before()


MOST_LEFT = 4_000_000
"""Bytes of sources whose programs may be garbage before it is looked for: fifty megabytes, a tenth of a second."""


class Programs:
    """Programs that are made one after the other, each garbage when the next one comes; what was there before stays."""

    def __enter__(self) -> Programs:
        gc.freeze()
        self._left = 0
        return self

    def __exit__(self, *_: object) -> None:
        gc.unfreeze()

    def make_room(self, size: int) -> None:
        """Before a program of sources with so many bytes is made: look for garbage if it may be much."""
        if self._left > MOST_LEFT:
            gc.collect()
            self._left = 0
        self._left += size

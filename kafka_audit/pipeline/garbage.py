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

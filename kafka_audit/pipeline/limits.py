"""How long may one file take?

The clock counts the time of the processor, so that a busy machine gives up nothing. Windows has no such clock.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

Task = Callable[[bytes], bytes]

MOST_SECONDS = 30
"""Of a processor, for one file: three times what the largest file takes that is read at all."""


def run_or_end(task: Task, content: bytes) -> bytes:
    """Run a task, and end this process when that takes too long: nothing else interrupts a parser in native code."""
    if sys.platform == "win32":
        return task(content)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        return task(content)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def run_or_raise(task: Task, content: bytes) -> bytes:
    """Run a task, and raise `TimeoutError` in it when that takes too long.

    That interrupts the interpreter and a search for a pattern; a parser in native code goes on to its end. Only the
    main thread can be interrupted.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        return task(content)
    before = signal.signal(signal.SIGPROF, _raise)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS, MOST_SECONDS)
    try:
        return task(content)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _raise(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"it takes more than {MOST_SECONDS} seconds")

"""What runs a function that it is given, later or in another thread, and how is it told what to call that with?

Read in the standard library of Python 3.11 and in APScheduler 3.11; known by their last names, since what a pool or a
scheduler is kept in is often not followed.
"""

from __future__ import annotations

from typing import Final

STARTERS: Final = frozenset({"Thread", "Process"})
"""What runs the function once, when the object that this makes is started."""

TAKE_A_LIST: Final = frozenset({"Timer", "apply", "apply_async", "start_new_thread"})
"""What takes the arguments of the function behind it, as one list: `threading.Timer`, pools of `multiprocessing`."""

NAMED: Final = frozenset({"args", "kwargs"})
"""Keywords for what a function is to be called with: threads, processes, timers, pools and schedulers have them."""

RUNNERS: Final = frozenset(
    STARTERS
    | {"Timer", "apply_async", "start_new_thread", "submit", "add_job", "add_done_callback"}
    | {"call_soon", "call_soon_threadsafe", "call_later", "call_at"}
)
"""All that run the function, by and by."""

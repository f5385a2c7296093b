"""How long did each part of a run take?"""

from __future__ import annotations

import time


class Stopwatch:
    """Takes the time between calls of `lap`; `laps` has the seconds of each name, in the order of the first call."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last call to what has this name."""
        now = time.perf_counter()
        self.add(name, now - self._last)
        self._last = now

    def add(self, name: str, seconds: float) -> None:
        """Add time that another process took."""
        self.laps[name] = self.laps.get(name, 0.0) + seconds

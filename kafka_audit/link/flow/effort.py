"""How much work is the walking of one function worth?"""

from __future__ import annotations

from collections import Counter

from kafka_audit.link.flow.scopes import Unit

MOST_STEPS = 400_000
"""Statements of a function, times the states before each, times the clients it is walked for: a few seconds."""


class TooLong(Exception):
    """A function takes more steps than it is worth."""

    def __init__(self) -> None:
        super().__init__(f"its paths take more than {MOST_STEPS} steps")


class Effort:
    """The steps that each function has taken: counted, because a clock would say something else in each run."""

    def __init__(self) -> None:
        self._steps: Counter[Unit] = Counter()

    def spend(self, unit: Unit, steps: int) -> None:
        """Count further steps; raises `TooLong`."""
        self._steps[unit] += steps
        if self._steps[unit] > MOST_STEPS:
            raise TooLong

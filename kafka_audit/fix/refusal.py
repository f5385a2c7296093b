"""What is said when there is no repair."""

from __future__ import annotations


class Refused(Exception):
    """Why a careful engineer would not make this change, and what a person can do: a sentence without a period.

    `by_hand` continues "by hand: "; by default that is what the rule advises, and nothing if it is empty.
    """

    def __init__(self, reason: str, by_hand: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.by_hand = reason, by_hand

    def told(self, advice: str) -> str:
        """The whole sentence, with the advice of the rule."""
        hand = advice if self.by_hand is None else self.by_hand
        return f"{self.reason}; by hand: {hand}" if hand else self.reason

"""What is said when there is no repair."""

from __future__ import annotations


class Refused(Exception):
    """Why a careful engineer would not make this change: one sentence without a period."""

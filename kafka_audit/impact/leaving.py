"""How a body is left early while it is gone through."""

from __future__ import annotations


class Fails(Exception):
    """What the walk is at raises: an import that finds nothing, a mock of a name that is not there."""


class Suspended(Exception):
    """A body is left at its `yield`, to be gone through from there later."""

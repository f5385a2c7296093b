"""What a project says of classes and hooks that the catalogue does not know: its own rows, as a file has them."""

from __future__ import annotations

from typing import Literal

import msgspec

from kafka_audit.model import Role


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Base of the rows: keys as TOML has them, and none that the row does not know."""


class OwnClient(Row, frozen=True, kw_only=True):
    """A class whose objects must be released: a wrapper library's client, or any other resource.

    `name` is the dotted name of the class, `also` are further names that it can be imported by. `release` are methods
    any of which releases it. Without `start` the constructor starts it. `managed-by` is the statement that releases it
    at its end.
    """

    name: str
    release: tuple[str, ...]
    also: tuple[str, ...] = ()
    role: Role = "producer"
    is_async: bool = False
    start: tuple[str, ...] = ()
    managed_by: Literal["", "with", "async with"] = ""
    needs_running_loop: bool = False
    blocks_on_construct: bool = False
    closes_at_exit: bool = False
    flush_is_release: bool = False
    dirtied_by: tuple[str, ...] = ()
    release_once: bool = False


class OwnHook(Row, frozen=True, kw_only=True):
    """A function that a framework of the project's own finds by its name.

    `target` is a pattern (`*` matches anything) for the last name of the module or class that holds the function,
    `select` the function. A function that the code itself hands to a framework needs no row: it counts as called.
    """

    target: str
    select: str
    phase: Literal["startup", "shutdown", "both"]
    awaits: bool = False

"""Which functions does a project declare as its commands?"""

from __future__ import annotations

import os
from collections.abc import Iterable

TABLES = (("project", "scripts"), ("project", "gui-scripts"), ("tool", "poetry", "scripts"))
"""Where `pyproject.toml` names commands: the packaging standard's tables, and Poetry's own of before."""


def declared_scripts(roots: Iterable[str]) -> frozenset[str]:
    """The `module:function` of every command that a `pyproject.toml` in one of these folders declares.

    A file that cannot be read or is no TOML declares nothing: it is not what is audited here.
    """
    found: set[str] = set()
    for root in roots:
        found.update(_commands(os.path.join(root, "pyproject.toml")))
    return frozenset(found)


def _commands(path: str) -> Iterable[str]:
    if not os.path.isfile(path):
        return
    import tomli  # late: most runs have at most one such file, and some none

    try:
        with open(path, "rb") as file:
            document = tomli.load(file)
    except (OSError, ValueError, RecursionError):  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        return
    for table in TABLES:
        found: object = document
        for key in table:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            yield from (value for value in found.values() if isinstance(value, str) and ":" in value)

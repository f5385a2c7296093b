"""Which calls can do anything to a session, by their names alone?

Most calls of a test do nothing that matters here, and tests make many.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.driving import ENTERS, REQUESTS, STARTS, driver_named
from kafka_audit.catalog.web import DJANGO_APPS
from kafka_audit.facts import schema as s
from kafka_audit.impact.mocks import is_replacing

_LAST: Final = frozenset(
    {"__import__", "addsitedir", "append", "cache_clear", "extend", "import_module", "insert"}
    | {DJANGO_APPS.setup.rpartition(".")[2]}
    | ENTERS
    | REQUESTS
    | STARTS
)
"""What imports, changes the search path, forgets a result, or has to do with applications."""


def is_telling(node: s.Call) -> bool:
    """Whether a call with this name can replace, load, start or request something."""
    function = node.function
    last = function.name if isinstance(function, s.Attribute) else function.id if isinstance(function, s.Name) else ""
    return (
        last in _LAST
        or is_replacing(last)
        or driver_named(last) is not None
        or any(argument.keyword == "base_url" for argument in node.arguments)
    )

"""Hooks of another scope than the client's: those that end with each request, and those of the parent process."""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.hooks import HOOKS
from kafka_audit.catalog.schema import Hook, Scope
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Event
from kafka_audit.link.flow.values import Container
from kafka_audit.link.lives.life import Life
from kafka_audit.link.reach.entries import Entry, Reach
from kafka_audit.link.reading.walk import expressions, inside, statements

NARROW: Final = frozenset({"request", "task"})

FORKING: Final = {hook.framework for hook in HOOKS if hook.scope == "worker"} & {
    hook.framework for hook in HOOKS if hook.scope == "process"
}
"""Frameworks with hooks of a parent process and of the workers that it starts."""


class Misfits:
    """Answers for one program."""

    def __init__(self, engine: Engine, reach: Reach) -> None:
        self.engine, self.reach = engine, reach

    def too_narrow(self, life: Life, event: Event, entry: Entry) -> Scope | None:
        """The scope of a hook that ends a process-wide client with each request or task; None when it does not.

        A client that each request makes itself ends with it rightly, and so does one that each task makes: a worker
        runs one task after the other.
        """
        narrow = [hook for hook in entry.hooks if hook.scope in NARROW and hook.phase != "startup"]
        if not narrow or len(narrow) < len(entry.hooks) or not self._is_shared(life):
            return None
        if narrow[0].phase == "both" and not _comes_after_yield(entry, event):
            return None
        makers = self._makers(life)
        if narrow[0].scope == "request":
            made_by_request = bool(makers) and all(_scopes(maker) == {"request"} for maker in makers)
            return None if made_by_request else "request"
        return "task" if any(_scopes(maker) & {"process", "worker", "app"} for maker in makers) else None

    def _is_shared(self, life: Life) -> bool:
        """Whether all requests share the client: what a context variable holds belongs to one of them."""
        place = life.holding.at
        if life.holding.kind != "global" or place is None:
            return False
        return not any(isinstance(value, Container) and value.kind == "contextvar" for value in place.values)

    def is_in_parent(self, life: Life, entry: Entry) -> bool:
        """Whether the hook runs in the parent process only, and the client is made only in its workers."""
        ends = [hook for hook in entry.hooks if _is_of_parent(hook) and hook.phase in {"shutdown", "exit"}]
        if not ends or len(ends) < len(entry.hooks) or life.created_at_import is not None:
            return False
        makers = self._makers(life)
        outside = any(
            maker.kind in {"import", "main", "name"} or any(map(_is_of_parent, maker.hooks)) for maker in makers
        )
        return not outside and any(_is_in_worker(maker, ends[0]) for maker in makers)

    def is_certain(self, life: Life) -> bool:
        """Whether a hook that runs in workers only makes the client: not one that some pools call in the parent."""
        return any(hook.scope == "worker" and not hook.live for maker in self._makers(life) for hook in maker.hooks)

    def _makers(self, life: Life) -> list[Entry]:
        return [entry for entry in self.reach.entries(life.site.unit, tests=False) if entry.kind != "api"]


def _scopes(entry: Entry) -> set[Scope]:
    return {hook.scope for hook in entry.hooks}


def _is_of_parent(hook: Hook) -> bool:
    return hook.scope == "process" and hook.framework in FORKING


def _is_in_worker(maker: Entry, end: Hook) -> bool:
    """Whether control gets to the client's constructor in a worker of the framework.

    What a server's configuration names serves any application.
    """
    if end.via == "named":
        return maker.kind in {"hook", "framework"}
    own = maker.target.partition(".")[0] == end.target.partition(".")[0]
    return own and not any(map(_is_of_parent, maker.hooks))


def _comes_after_yield(entry: Entry, event: Event) -> bool:
    """Whether the release can be code behind the generator's `yield`."""
    if not entry.unit.is_generator:
        return False
    if event.unit is not entry.unit:
        return True
    lines = [
        statement.line
        for statement in statements(entry.unit.body)
        for expression in expressions(statement)
        for part in inside(expression)
        if isinstance(part, s.Yield)
    ]
    return bool(lines) and event.line > min(lines)

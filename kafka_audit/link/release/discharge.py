"""Which of the releases that exist count: those that control reaches from an entry, in time and on the right loop."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kafka_audit.link.flow.engine import Event, Registration
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.reach.entries import Entry
from kafka_audit.link.reach.exits import is_exit_registrar, releases_at_exit, releases_on_signal
from kafka_audit.link.reach.hosts import Hosts
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.release.loops import Loops
from kafka_audit.link.release.misfits import Misfits


@dataclass(frozen=True, slots=True)
class Weak:
    """A hook that gets to a release and does not count, with the registration that makes it one.

    There is none for `__del__`, and for what a framework finds by its name (`target`).
    """

    event: Event
    handler: Unit
    registration: Registration | None
    why: str
    target: str = ""


class Discharge:
    """Answers for one program."""

    def __init__(self, lives: Lives) -> None:
        self.lives, self.engine, self.reach = lives, lives.engine, lives.reach
        self.hosts = Hosts(self.engine)
        self.misfits = Misfits(self.engine, self.reach)
        self.loops = Loops(self.engine, self.reach)
        self._effective: dict[str, tuple[Event, ...]] = {}

    def effective(self, life: Life) -> tuple[Event, ...]:
        """The releases of a client that something really runs."""
        if life.id not in self._effective:
            self._effective[life.id] = tuple(event for event in life.releases if self._is_run(life, event))
        return self._effective[life.id]

    def _is_run(self, life: Life, event: Event) -> bool:
        """Whether control reaches the release from an entry that counts.

        An exit handler counts only if it can release the client at all. Tests never count for application code. A
        demonstration under the main guard of the very module does not count for the programs that import it.
        """
        if self.comes_too_late(life, event) or (life.site.client.is_async and _is_handed_to_exit(event)):
            return False  # the bound method of an asynchronous client only makes a coroutine
        entries = self.reach.entries(event.unit, tests=life.in_test)
        creators = self.reach.entries(life.site.unit, tests=life.in_test)
        is_idle = _is_called_by_nobody(entries) and not _is_called_by_nobody(creators)
        along = life.holding.kind != "global" and not is_idle and self.goes_along(life, event)
        if _is_made_to_end(life, event) or along:
            return True
        counting = [entry for entry in entries if self.counts(life, event, entry)]
        own = [entry for entry in counting if entry.kind == "main" and entry.path == life.path]
        if len(own) < len(counting):
            return True
        return bool(own) and all(entry.kind in {"main", "import"} and entry.path == life.path for entry in creators)

    def comes_too_late(self, life: Life, event: Event) -> bool:
        """Whether an asynchronous client is released on another loop, when its own is closed: that does not work."""
        return life.site.client.is_async and self.loops.part(life, event)

    def goes_along(self, life: Life, event: Event) -> bool:
        """Whether whoever makes the client gets to the release, too: by calling it, or by handing it to be called."""
        makers, enders = self.reach.callers(life.site.unit), self.reach.callers(event.unit)
        registrations = (r for unit in enders for r in self.reach.registrations(unit) if not self.hosts.unmet(r))
        handed = {r.unit for r in registrations if not (life.site.client.is_async and is_exit_registrar(r.target))}
        if not life.in_test:
            handed = {unit for unit in handed if context_of(unit.module.path) != "test"}
        return event.unit in makers or life.site.unit in enders or not makers.isdisjoint(handed)

    def counts(self, life: Life, event: Event, entry: Entry) -> bool:
        """Whether an entry that leads to the release counts.

        A function that nothing calls lets whoever uses the code make a client, but releases nothing by itself.
        """
        return entry.kind != "api" and not self.weakness(life, event, entry)

    def weakness(self, life: Life, event: Event, entry: Entry) -> str:
        """Why an entry does not bring the release about; empty when it does."""
        if entry.registration is not None and self.hosts.unmet(entry.registration):
            return "dead"
        if entry.target == "signal.signal" and life.site.client.is_async:
            return "" if releases_on_signal(self.engine, self.reach, entry.unit, event) else "exit"
        if self.misfits.is_in_parent(life, entry):
            return "scope"
        at_exit = entry.kind == "exit" or is_exit_registrar(entry.target) or _comes_after_the_loop(entry)
        handed = _is_handed_to_exit(event)
        if not life.site.client.is_async or not (at_exit or handed):
            return ""
        if handed:
            return "exit"
        return "" if releases_at_exit(self.engine, self.reach, entry.unit, event) else "exit"

    def weak_hooks(self, life: Life, why: str) -> list[Weak]:
        """The hooks that get to a release of the client without bringing it about, for this reason."""
        found = []
        for event in life.releases:
            for entry in self.reach.entries(event.unit, tests=life.in_test):
                if self.weakness(life, event, entry) == why:
                    found.append(Weak(event, entry.unit, entry.registration, why, entry.target))
            if why == "exit" and life.site.client.is_async and _is_handed_to_exit(event):
                found.append(Weak(event, event.unit, None, why))
        return found

    def told(self, life: Life) -> bool:
        """Whether a hook that does not bring the release about is the root cause: KA501, KA504 and KA505 tell it."""
        return any(self.weak_hooks(life, why) for why in ("exit", "dead", "scope")) or bool(self.pretences(life))

    def pretences(self, life: Life) -> list[Weak]:
        """Exit handlers that only set private attributes so that the client looks closed."""
        found = []
        for (value, unit), line in self.engine.pokes.items():
            if value is not life.value:
                continue
            for entry in self.reach.entries(unit, tests=life.in_test):
                if entry.kind == "exit" or is_exit_registrar(entry.target):
                    event = Event("use", value, "_closed", unit, life.site.node, line, False, "call")
                    found.append(Weak(event, entry.unit, entry.registration, "exit"))
        return found

    def early_hooks(self, life: Life) -> list[Weak]:
        """Hooks that release a process-wide client at the end of every request or task."""
        return [
            Weak(event, entry.unit, entry.registration, scope)
            for event in life.releases
            for entry in self.reach.entries(event.unit, tests=life.in_test)
            if (scope := self.misfits.too_narrow(life, event, entry))
        ]


def _is_called_by_nobody(entries: Collection[Entry]) -> bool:
    """Whether control comes by functions only that nothing calls, not even a library."""
    return all(entry.kind == "api" for entry in entries)


def _is_handed_to_exit(event: Event) -> bool:
    """Whether the method that releases is itself what the interpreter calls in the end: `atexit.register(x.close)`."""
    return event.via == "callback" and is_exit_registrar(event.registrar)


def _is_made_to_end(life: Life, event: Event) -> bool:
    """Whether the function that makes a synchronous client leaves its release to the interpreter at once."""
    return not life.site.client.is_async and event.unit is life.site.unit and _is_handed_to_exit(event)


def _comes_after_the_loop(entry: Entry) -> bool:
    """Whether a server calls the function, by its name, when the loop that served has ended."""
    return any(hook.via == "named" and hook.phase == "exit" for hook in entry.hooks)

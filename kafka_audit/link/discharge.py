"""Which of the releases that exist count: those that control reaches from an entry, in time and on the right loop."""

from __future__ import annotations

from dataclasses import dataclass

from kafka_audit.link.engine import Event, Registration
from kafka_audit.link.exits import is_exit_registrar, releases_at_exit, releases_on_signal
from kafka_audit.link.lives import Life, Lives
from kafka_audit.link.reach import Entry
from kafka_audit.link.scopes import Unit

APPLICATIONS = frozenset({"fastapi.FastAPI", "starlette.applications.Starlette"})
"""Applications whose own shutdown handlers an explicit lifespan silences (FastAPI 0.110 to 0.165, run)."""

PER_REQUEST = frozenset({"teardown_appcontext", "teardown_request", "after_request"})
"""Flask's hooks that run at the end of every request (Flask 3.1, run)."""


@dataclass(frozen=True, slots=True)
class Weak:
    """A hook that gets to a release and does not count, with the registration that makes it one (None: `__del__`)."""

    event: Event
    handler: Unit
    registration: Registration | None
    why: str


class Discharge:
    """Answers for one program."""

    def __init__(self, lives: Lives) -> None:
        self.lives, self.engine, self.reach = lives, lives.engine, lives.reach
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
        if life.holding.kind != "global" and self._goes_along(life, event):
            return True
        entries = self.reach.entries(event.unit, tests=life.in_test)
        counting = [entry for entry in entries if self.counts(life, event, entry)]
        own = [entry for entry in counting if entry.kind == "main" and entry.path == life.path]
        if len(own) < len(counting):
            return True
        creators = self.reach.entries(life.site.unit, tests=life.in_test)
        return bool(own) and all(entry.kind in {"main", "import"} and entry.path == life.path for entry in creators)

    def _goes_along(self, life: Life, event: Event) -> bool:
        """Whether whoever makes the client gets to the release, too: by calling it, or by handing it to be called."""
        makers, enders = self.reach.callers(life.site.unit), self.reach.callers(event.unit)
        registrations = (r for unit in enders for r in self.engine.registrations.get(unit, {}).values())
        handed = {r.unit for r in registrations if not (life.site.client.is_async and is_exit_registrar(r.target))}
        return event.unit in makers or life.site.unit in enders or not makers.isdisjoint(handed)

    def counts(self, life: Life, event: Event, entry: Entry) -> bool:
        """Whether an entry that leads to the release counts.

        A function that nothing calls lets whoever uses the code make a client, but releases nothing by itself.
        """
        return entry.kind != "api" and not self.weakness(life, event, entry)

    def weakness(self, life: Life, event: Event, entry: Entry) -> str:
        """Why an entry does not bring the release about; empty when it does."""
        if self.is_dead(entry):
            return "dead"
        if entry.target == "signal.signal" and life.site.client.is_async:
            return "" if releases_on_signal(self.engine, self.reach, entry.unit, event) else "exit"
        at_exit = entry.kind == "exit" or is_exit_registrar(entry.target)
        handed = event.via == "callback" and is_exit_registrar(event.registrar)
        if not life.site.client.is_async or not (at_exit or handed):
            return ""
        if handed:
            return "exit"  # the bound method of an asynchronous client only makes a coroutine
        return "" if releases_at_exit(self.engine, self.reach, entry.unit, event) else "exit"

    def is_dead(self, entry: Entry) -> bool:
        """Whether the hook never runs: a shutdown handler of an application that has an explicit lifespan."""
        application = entry.target.partition("()")[0]
        if application not in APPLICATIONS or not entry.target.endswith(("on_event", "add_event_handler")):
            return False
        made = [made for made in self.engine.made.get(application, ()) if made.unit.module.path == entry.path]
        return bool(made) and all("lifespan" in made.keywords for made in made)

    def weak_hooks(self, life: Life, why: str) -> list[Weak]:
        """The hooks that get to a release of the client without bringing it about, for this reason."""
        found = []
        for event in life.releases:
            for entry in self.reach.entries(event.unit, tests=life.in_test):
                if self.weakness(life, event, entry) == why:
                    found.append(Weak(event, entry.unit, self._registration(entry), why))
            if why == "exit" and event.via == "callback" and is_exit_registrar(event.registrar):
                found.append(Weak(event, event.unit, None, why))
        return found

    def pretences(self, life: Life) -> list[Weak]:
        """Exit handlers that only set private attributes so that the client looks closed."""
        found = []
        for (value, unit), _ in self.engine.pokes.items():
            if value is not life.value:
                continue
            for entry in self.reach.entries(unit, tests=life.in_test):
                if entry.kind == "exit" or is_exit_registrar(entry.target):
                    event = Event("use", value, "_closed", unit, life.site.node, unit.line, False, "call")
                    found.append(Weak(event, entry.unit, self._registration(entry), "exit"))
        return found

    def per_request_hooks(self, life: Life) -> list[Weak]:
        """Hooks that release a process-wide client at the end of every request."""
        return [
            Weak(event, entry.unit, self._registration(entry), "request")
            for event in life.releases
            for entry in self.reach.entries(event.unit, tests=life.in_test)
            if entry.target.rpartition(".")[2] in PER_REQUEST
        ]

    def _registration(self, entry: Entry) -> Registration | None:
        every = self.engine.registrations.get(entry.unit, {}).values()
        return next((registration for registration in every if registration.target == entry.target), None)

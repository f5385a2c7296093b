"""The linked program: what rules and reports ask."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from kafka_audit.discover.pytest_ini import PytestIni
from kafka_audit.discover.versions import Declarations
from kafka_audit.facts import schema as s
from kafka_audit.facts.schema import Flaw
from kafka_audit.link.defects.blocking import Blocked, blocked_calls
from kafka_audit.link.defects.kept import Early, Kept, is_handed_out, kept_for_all, published_early
from kafka_audit.link.defects.restarts import restarted
from kafka_audit.link.defects.retries import Retry, retry_of
from kafka_audit.link.defects.rollbacks import Rollbacks
from kafka_audit.link.defects.shapes import meets_in_tasks, meets_in_threads
from kafka_audit.link.flow.engine import Engine, Event, Node
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Value
from kafka_audit.link.lives.life import Life, Lives, owner_name
from kafka_audit.link.lives.likely import likely_releases
from kafka_audit.link.lives.runs import stays_in_one_run
from kafka_audit.link.losses.coroutines import Dropped, dropped_calls, dropped_sends
from kafka_audit.link.losses.failing import Failing
from kafka_audit.link.losses.makers import Caller, caller_losses, is_fresh, losses_of
from kafka_audit.link.options.delivery import Unchecked, never_acknowledged, reordering, unchecked, waits_for_an_id
from kafka_audit.link.options.given import Configured
from kafka_audit.link.options.known import Entry
from kafka_audit.link.ownership.ends import Ends
from kafka_audit.link.ownership.injection import Injection
from kafka_audit.link.ownership.owning import Owner, Owning
from kafka_audit.link.ownership.siblings import Keeper, never_releasing
from kafka_audit.link.ownership.users import Users
from kafka_audit.link.paths.states import Loss, Stage
from kafka_audit.link.reach.scripts import is_script, is_served, unimported
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.words import words
from kafka_audit.link.release.discharge import Discharge
from kafka_audit.link.verdicts import verdict
from kafka_audit.model import Created, Producer, Release, Released, Role, Root, Started, Verdict


class Program:
    """A solved engine with the lives of its clients; read only."""

    def __init__(
        self,
        engine: Engine,
        roles: Collection[Role],
        scripts: Collection[str] = (),
        declarations: Declarations | None = None,
        pytest: Mapping[tuple[str, ...], PytestIni] | None = None,
    ) -> None:
        self.engine = engine
        self.answers: dict[Callable[[Any], Any], Any] | None = None
        self._pytest = pytest or {}
        self.lives = Lives(engine, scripts)
        self.discharge = Discharge(self.lives)
        self.owning = Owning(self.lives, self.discharge)
        self.failing = Failing(self.lives)
        self.ends = Ends(self.discharge, self.owning, self.failing)
        self.injection = Injection(self.lives, self.discharge, self.owning)
        self.rollbacks = Rollbacks(self.lives)
        self.users = Users(self.owning, self.ends)
        self._caller_losses: dict[str, list[Caller]] = {}
        self.unimported = unimported(engine)
        self._roles = roles
        self.audited = tuple(life for life in self.lives.all if life.site.client.role in roles)
        self._losses: dict[str, list[Loss]] = {}
        self._retries: dict[str, Retry | None] = {}
        self._is_script = functools.cache(functools.partial(is_script, engine))
        self._left_open: list[tuple[Owner, list[Loss]]] | None = None
        self.configured = Configured(engine, declarations or Declarations("", {}))

    @functools.cached_property
    def living(self) -> tuple[Life, ...]:
        """The audited clients that come to life: a constructor that always raises is the one fault of its client."""
        return tuple(life for life in self.audited if not self.configured.never_made(life))

    def missed(self) -> list[str]:
        """The files of the project that were asked for, and that nobody had read."""
        return sorted((self.engine.missed | self.engine.wanted) - self.engine.modules.keys())

    def faults(self) -> dict[str, list[Flaw]]:
        """By file: the functions that could not be followed, though the file could be read."""
        found: dict[str, list[Flaw]] = {}
        for unit, message in self.engine.faults.items():
            flaw = Flaw("internal", unit.line, f"{owner_name(unit)} could not be followed: {message}")
            found.setdefault(unit.module.path, []).append(flaw)
        return found

    def pytest_ini(self, path: str) -> PytestIni:
        """How pytest is configured for a file."""
        return self._pytest.get(PurePosixPath(path).parent.parts, PytestIni())

    def owing(self) -> Iterator[Life]:
        """The audited clients that must be released by somebody: those that a method can release."""
        return (life for life in self.living if life.site.client.release and life.holding.kind != "managed")

    def asks_for_nothing(self, life: Life) -> bool:
        """Whether the client needs no release: it has none, or it is one of its buffer, into which nothing is put."""
        client = life.site.client
        return not client.release or (client.flush_is_release and not life.fills and not self.hands_over(life))

    def owed_once(self) -> Iterator[Life]:
        """The audited clients whose second release raises, those in a `with` included."""
        return (life for life in self.living if life.site.client.release_once)

    def hands_over(self, life: Life) -> bool:
        """Whether the client is handed to code that cannot be seen, which might release it."""
        client = life.site.client.name
        escapes = self.lives.holdings.escapes.get(life.value, ())
        return any(not escape.target.startswith(client) for escape in escapes)

    def likely_releases(self, life: Life) -> list[tuple[Node, Unit]]:
        """The calls on unknown objects, named like the client's place, that may be its release."""
        is_seen = life.holding.kind != "local" or self.hands_over(life)
        return likely_releases(self.engine, life) if is_seen else []  # nobody else ever sees it

    @functools.cached_property
    def dropped_lifecycle_calls(self) -> list[Dropped]:
        """Starts and releases of asynchronous clients, and of what wraps them, that nothing awaits."""
        return self._of_the_living(dropped_calls(self.engine, self.lives, self._owners()))

    def dropped_sends(self) -> list[Dropped]:
        """Messages for asynchronous clients, in coroutines that nothing awaits."""
        return self._of_the_living(dropped_sends(self.engine, self.lives, self._owners()))

    def blocked_calls(self) -> list[Blocked]:
        """Calls in coroutines that wait for a synchronous client."""
        return blocked_calls(self.engine, self.lives, self._roles)

    def loop_bound(self) -> Iterator[Kept]:
        """Getters of loop-bound clients that are handed out in any loop."""
        for life in self.living:
            if life.site.client.needs_running_loop:
                yield from filter(is_handed_out, kept_for_all(self.owning, life, frozenset({"global"})))

    def reordered(self) -> Iterator[tuple[Life, Entry]]:
        """Producers that can change the order of messages, with the option that has them do so."""
        found = ((life, reordering(self.configured, life)) for life in self.living)
        return ((life, entry) for life, entry in found if entry is not None)

    def restarted(self, life: Life) -> Iterator[Event]:
        """The starts that every call of their function repeats."""
        return restarted(self.owning, life)

    def starts_in_steps(self, life: Life) -> bool:
        """Whether a start that fails can have come half-way: plain aiokafka producers connect, and that is all."""
        return life.site.client.role != "producer" or waits_for_an_id(self.configured, life)

    def unacknowledged(self) -> Iterator[tuple[Life, Entry]]:
        """Producers whose messages no broker confirms, with the option that says so."""
        found = ((life, never_acknowledged(self.configured, life)) for life in self.living)
        return ((life, entry) for life, entry in found if entry is not None)

    def unchecked(self) -> list[Unchecked]:
        """Calls whose messages may be lost without a trace."""
        return unchecked(self.engine, self.configured, self.living, self._roles)

    def met_in_threads(self) -> Iterator[Kept]:
        """Getters of synchronous clients in which two threads can meet."""
        return self._met(meets_in_threads)

    def met_in_tasks(self) -> Iterator[Kept]:
        """Getters of objects that own asynchronous clients in which two tasks can meet."""
        return self._met(meets_in_tasks)

    def _met(self, meets: Callable[[Lives, Kept], bool]) -> Iterator[Kept]:
        seen: set[s.Call] = set()
        for life in self.owing():
            for kept in kept_for_all(self.owning, life, frozenset({"global", "instance"})):
                if kept.made not in seen and meets(self.lives, kept):
                    seen.add(kept.made)
                    yield kept

    def published_early(self) -> Iterator[Early]:
        """Places that are asked before a client is made, and filled before it is started."""
        seen: set[s.Call] = set()
        for life in self.living:
            for kept in kept_for_all(self.owning, life, frozenset({"global", "instance"})):
                early = published_early(self.lives, kept) if kept.made not in seen else None
                if early is not None:
                    seen.add(kept.made)
                    yield early

    def id_of(self, value: Value) -> str | None:
        """The id of an audited client, None for one of unknown origin."""
        return next((life.id for life in self.audited if life.value is value), None)

    def _owners(self) -> dict[Value, str]:
        return {o.value: life.id for life in reversed(self.living) for o in self.owning.roots(life)}

    def _of_the_living(self, dropped: list[Dropped]) -> list[Dropped]:
        unmade = {life.id for life in self.audited} - {life.id for life in self.living}
        return [each for each in dropped if each.producer not in unmade]

    def producers(self) -> list[Producer]:
        """The audited clients as the report tells them."""
        return [self.producer(life) for life in self.audited]

    def producer(self, life: Life) -> Producer:
        """One client as the report tells it."""
        line, column, end_line, end_column = life.site.node.at
        return Producer(
            id=life.id,
            path=life.path,
            line=line,
            column=column,
            end_line=end_line,
            end_column=end_column,
            client=life.site.client.name,
            via=life.site.via,
            role=life.site.client.role,  # type: ignore[arg-type]  # frameworks are no sites
            context=context_of(life.path),
            owner=life.owner,
            kind=life.holding.kind,
            place=life.holding.place,
            created=Created(when="import" if life.created_at_import is not None else "call"),
            started=self._started(life),
            released=Released(verdict=self.verdict(life), by=tuple(release_of(event) for event in life.releases)),
            roots=tuple(self._root(owner) for owner in self.owning.roots(life)),
        )

    def _started(self, life: Life) -> Started:
        client = life.site.client
        if not client.start:
            return Started(when="constructor", path=life.path, line=life.site.node.at[0])
        event = self.first_start(life)
        if event is None:
            return Started(when="never")
        at_import = event in self.starts_at_import(life)
        return Started(when="import" if at_import else "call", path=event.unit.module.path, line=event.line)

    def first_start(self, life: Life) -> Event | None:
        """The start to show: in the function that makes the client, if there is one, else the first in order."""
        own = [e for e in life.starts if e.unit is life.site.unit and e.line >= life.site.node.at[0]]
        return next(iter(own or life.starts), None)

    def starts_at_import(self, life: Life) -> list[Event]:
        """The starts that run while a module is imported."""
        return [
            event
            for event in life.starts
            if not event.guarded
            and self.lives.reach.runs_at_import(event.unit, event.node)
            and self._really_runs(event)
        ]

    def ends_with_its_script(self, life: Life) -> bool:
        """Whether the client comes and goes while a file runs that nobody imports: nothing is left to an importer."""
        first = life.created_at_import[0].caller.module.path if life.created_at_import else life.path
        if first not in self.unimported:
            return False
        is_short_lived = life.holding.kind in {"local", "managed", "returned"} or not life.site.client.is_async
        owners = [owner.value for owner in self.owning.roots(life)]
        if not is_short_lived and not stays_in_one_run(self.lives.reach, life, owners, first):
            return False
        uses = () if is_served(self.engine, first) else life.uses
        acts_there = any(e.unit.kind == "module" and e.unit.module.path == first for e in (*life.releases, *uses))
        return acts_there or self._is_script(first)

    def _really_runs(self, event: Event) -> bool:
        if event.via != "call" or not isinstance(event.node, s.Call):
            return event.via == "with"
        if self.lives.reach.is_put_off(event.unit, event.node):
            return False
        return self.engine.modes.get(event.node) in {"awaited", "run"}

    def verdict(self, life: Life) -> Verdict:
        """Whether the client is released: on every path and by every owner, on some, never, or by somebody unknown."""
        return verdict(self, life)

    def retry(self, life: Life) -> Retry | None:
        """Who makes another client when the start of one has failed, and leaves that one as it is."""
        if life.id not in self._retries:
            self._retries[life.id] = retry_of(self.failing, life)
        return self._retries[life.id]

    def caller_losses(self, life: Life) -> list[Caller]:
        """Where the functions that get a fresh client lose it; see `losses.caller_losses`."""
        if life.id not in self._caller_losses:
            is_given = life.holding.kind == "returned" or (bool(life.releases) and is_fresh(self.lives, life))
            self._caller_losses[life.id] = caller_losses(self.failing, life) if is_given else []
        return self._caller_losses[life.id]

    def dropping(self, life: Life) -> list[Caller]:
        """The callers that drop a fresh client though nothing fails, or whatever happens."""
        losses = self.caller_losses(life)
        return [each for each in losses if not each.only_by_error and each.loss.stage is not Stage.FAILED]

    def keeping(self, life: Life) -> list[Keeper]:
        """The classes that got a fresh client of a factory and never release it, while others release theirs."""
        return never_releasing(self.owning, life)

    def _root(self, owner: Owner) -> Root:
        verdict: Verdict = "always" if owner.is_released else "never" if owner.opens else "unknown"
        if not owner.is_released and owner.holding.kind in {"returned", "delegated"}:
            verdict = "delegated"
        elif not owner.is_released and self.owning.dies_released(owner.life, owner.value):
            verdict = "sometimes"
        return Root(
            path=owner.path,
            line=owner.at[0],
            name=owner.value.scope.name,
            owner=owner.owner,
            kind=owner.holding.kind,
            opens=owner.opens,
            released=verdict,
        )

    def unreleased_owners(self) -> Iterator[Owner]:
        """Objects that own an audited client and could release it, but that nothing asks to."""
        return self.owning.unreleased(self.owing())

    def owners_left_open(self) -> list[tuple[Owner, list[Loss]]]:
        """Objects that own an audited client and that the function which makes them releases on some ways out only."""
        if self._left_open is None:
            self._left_open = list(self._find_left_open())
        return self._left_open

    def _find_left_open(self) -> Iterator[tuple[Owner, list[Loss]]]:
        seen: set[object] = set()
        for life in self.owing():
            for owner in self.owning.roots(life):
                pool = owner.holding.at if owner.holding.kind == "pooled" else None
                key = owner.origin if pool is None else (life.id, pool)  # of the elements of a pool the first one
                losses = self.ends.of_owner(owner) if key not in seen else []
                if losses:
                    seen.add(key)
                    yield owner, losses

    def losses(self, life: Life) -> list[Loss]:
        """The ways out of the making function that lose the client."""
        if life.id not in self._losses:
            self._losses[life.id] = losses_of(self.failing, life, is_sole_end=self._is_sole_end(life))
        return self._losses[life.id]

    def _is_sole_end(self, life: Life) -> bool:
        """Whether only the method that makes the client and puts it into a field releases it, as far as can be seen."""
        unit, is_in_field = life.site.unit, life.holding.kind == "instance" and life.holding.scope is not None
        if not life.releases or not is_in_field or unit.method_of is None or life.possible or self.hands_over(life):
            return False
        ends = (*life.releases, *life.undoings)
        return all(event.unit is unit for event in ends) and not self.likely_releases(life)


def release_of(event: Event) -> Release:
    """A release in the report's words."""
    return Release(path=event.unit.module.path, line=event.line, owner=owner_name(event.unit), how=how(event))


def how(event: Event) -> str:
    """The release as the code writes it."""
    if isinstance(event.node, s.Item):
        return f"with {words(event.node.value)}"
    return words(event.node)

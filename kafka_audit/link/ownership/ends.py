"""Functions that end what others keep: which of their ways out leave it open?

An object that owns a client is made, used and released in one function; a client that the whole process shares is
released by the function that runs the application, and one that an object keeps by the method that uses it. The client
itself is somewhere else, so what is walked here is the object's methods, or the functions that get to the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Calling, Event, Node
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Instance
from kafka_audit.link.lives.lending import Given
from kafka_audit.link.lives.life import Life
from kafka_audit.link.losses.failing import QUIET, Failing, suppresses
from kafka_audit.link.losses.makers import calls_to, is_thrown_into, left_when_failing, throws_at_yield
from kafka_audit.link.ownership.owning import Owner, Owning
from kafka_audit.link.paths.states import Effects, Loss, Stage, State
from kafka_audit.link.paths.ways_out import Walk
from kafka_audit.link.reach.entries import Entry
from kafka_audit.link.reach.exits import runs_later
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import ending_calls, statements, undoes
from kafka_audit.link.release.discharge import Discharge

TEARDOWN = frozenset({"hook", "framework", "exit", "reference"})
"""Entries from outside that may still release what a function leaves open."""


EXITS = frozenset({"__exit__", "__aexit__"})


class _Nodes(NamedTuple):
    """The calls of one function that matter to an object, by what they do to it."""

    opens: frozenset[s.Call]
    releases: frozenset[Node]
    uses: frozenset[s.Call]


class Ends:
    """Answers for one program."""

    def __init__(self, discharge: Discharge, owning: Owning, failing: Failing) -> None:
        self.lives, self.reach, self.engine = discharge.lives, discharge.reach, discharge.engine
        self.discharge, self.owning, self.failing = discharge, owning, failing
        self._saying: dict[tuple[str, Unit], bool] = {}

    def of_owner(self, owner: Owner) -> list[Loss]:
        """The ways out of the function that makes the object on which it stays open, though another releases it.

        Only for an object that lives and dies in that function, which others are lent at most.
        """
        unit, value = owner.origin.unit, owner.value
        in_pool = _is_in_own_pool(owner)
        if (owner.holding.kind not in {"local", "delegated"} and not in_pool) or unit.function is None:
            return []
        opening, nodes = self._opening(owner.life), self._on_object(owner)
        if not nodes.releases or self._ends_with_its_loop(owner) or self.owning.dies_released(owner.life, value):
            return []
        created_open = any(callee in opening for _, callee in self.owning.calls.get(value, ()) if _is_init(callee))
        effects = replace(
            self._effects(owner.life, unit, owner.origin.node, nodes),
            hands_over=lambda node, names: self._hands_over(owner, node, Given(owner.origin.node, names)),
            is_owed_when_created=created_open,
            kept_is_owed=False,
        )
        losses = [each for each in Walk(self.engine, unit, effects).run() if not each.overwritten and not each.again]
        if in_pool and not all(loss.by_exception for loss in losses):
            return []  # which of the elements a loop has released, and whether it had a turn, is not known
        return losses

    def _opening(self, life: Life) -> Set[Unit]:
        """The functions after which something is owed: those that start the client, make one that starts itself, or
        fill its buffer.
        """
        opening = (
            {event.unit for event in life.uses if _fills(life, event)}
            if life.site.client.flush_is_release
            else openers(life)
        )
        return frozenset[Unit]().union(*map(self.reach.callers, opening))

    def _on_object(self, owner: Owner) -> _Nodes:
        unit, value = owner.origin.unit, owner.value
        releasing, opening = self.owning.closure(owner.life.releases), self._opening(owner.life)
        failing = self.failing.units(owner.life) - releasing
        meant = {value}
        if _is_in_own_pool(owner):
            meant.add(self.engine.instance(value.scope))  # what stands for elements too many to be told apart
        opens, releases, uses = (
            self._nodes(unit, meant, wanted) - {owner.origin.node}  # what its constructor hands to others is theirs
            for wanted in (opening - releasing, releasing, failing)
        )
        for scope in self.lives.holdings.fields(value):
            for borrower in self.owning.made(scope, unit):
                uses |= self._nodes(unit, {borrower}, failing)
        direct = {event.node for event in owner.life.uses if event.unit is unit and event.method not in QUIET}
        return _Nodes(_calls(opens), releases, _calls(uses | direct))

    def _ends_with_its_loop(self, owner: Owner) -> bool:
        """Whether a loop of the function goes through the object and ends it, which it does on every way out."""
        releasing = self.owning.closure(owner.life.releases)
        return any(isinstance(node, s.For) for node in self._reaching(owner.origin.unit, {owner.value}, releasing))

    def _nodes(self, unit: Unit, values: Set[Instance], wanted: Set[Unit]) -> frozenset[Node]:
        """The calls (and `with` items) of `unit` on these objects that reach one of the wanted functions."""
        return frozenset(node for node in self._reaching(unit, values, wanted) if not isinstance(node, s.For))

    def _reaching(self, unit: Unit, values: Set[Instance], wanted: Set[Unit]) -> Iterator[Calling]:
        for fact in (edge.fact for edge in self.reach.outgoing.get(unit, ()) if edge.fact is not None):
            if any(each in wanted and not values.isdisjoint(receivers) for each, receivers in fact.callees.items()):
                yield fact.node

    def _hands_over(self, owner: Owner, node: s.Call, given: Given) -> bool:
        """Whether a call makes the object somebody else's to release; what its maker releases is lent as a rule."""
        if not given.goes_into(node):
            return False
        callees, releasing = self.lives.callees(node), self.owning.closure(owner.life.releases)
        if any(callee in releasing for callee in callees):
            return True
        is_followed = bool(callees) and owner.holding.kind == "local"
        return not (is_followed or given.is_lent_by(node))

    def of_shared(self, life: Life) -> Iterator[tuple[Unit, list[Loss]]]:
        """The functions that have a process-wide client made and released, and leave it open when something fails.

        Only the outermost of them, and only when no hook releases the client as well.
        """
        if life.holding.kind != "global" or not life.releases or self._torn_down(life):
            return
        releasing = self.owning.closure(life.releases)
        for unit in sorted(releasing, key=lambda u: (u.module.path, u.line)):
            if unit.function is None or (context_of(unit.module.path) == "test" and not life.in_test):
                continue
            nodes = self._on_shared(life, unit, releasing)
            begin = self._begin(life, unit)
            is_opened = nodes.opens or begin.stage is Stage.OPEN
            can_fail = nodes.uses or is_thrown_into(self.lives, unit)
            if not nodes.releases or not can_fail or not is_opened or self._ended_outside(life, unit, releasing):
                continue
            effects = self._effects(life, unit, life.site.node, nodes)
            losses = Walk(self.engine, unit, effects).run(begin)
            skipped = [loss for loss in losses if loss.by_exception and loss.stage is Stage.OPEN]
            if skipped and all(loss.by_exception for loss in losses if loss.stage is Stage.OPEN):
                yield unit, skipped

    def of_kept(self, life: Life) -> Iterator[tuple[Unit, list[Loss]]]:
        """The method that uses the client of its object and alone releases it, if it leaves it open when that fails."""
        client, units = life.site.client, {event.unit for event in life.releases}
        if life.holding.kind != "instance" or len(units) != 1 or client.flush_is_release:
            return
        unit, releasing = units.pop(), self.owning.closure(life.releases)
        if unit.function is None or unit is life.site.unit or unit.function.name in EXITS:
            return
        nodes = self._on_shared(life, unit, releasing)
        can_fail = nodes.uses or throws_at_yield(self.lives, unit)
        if not can_fail or not nodes.releases or self._ended_outside(life, unit, releasing):
            return
        begin = State(Stage.CREATED if nodes.opens else Stage.OPEN, kept=True)
        losses = Walk(self.engine, unit, self._effects(life, unit, life.site.node, nodes)).run(begin)
        left = [loss for loss in losses if loss.stage is Stage.OPEN]
        if left and all(loss.by_exception for loss in left):
            yield unit, left

    def of_handed(self, life: Life) -> Iterator[tuple[Unit, list[Loss]]]:
        """The functions that are handed the client to be run by a thread or the like, and end it unless they fail."""
        if life.holding.kind not in {"local", "delegated"} or any(e.unit is life.site.unit for e in life.releases):
            return
        for unit in sorted({event.unit for event in life.releases}, key=lambda u: (u.module.path, u.line)):
            if any(runs_later(each.target) for each in self.engine.registrations.get(unit, {}).values()):
                losses = left_when_failing(self.failing, life, unit)
                if losses:
                    yield unit, losses

    def leaves_nothing(self, life: Life, unit: Unit, releasing: set[Unit]) -> bool:
        """Whether a function that opens the client of an object, or fills its buffer, ends that whatever happens."""
        return self._left_by(life, unit, releasing) == []

    def is_left_by_opener(self, owner: Owner) -> bool:
        """Whether a method that opens what its own object keeps, and ends it, leaves it open when something fails."""
        if owner.holding.kind != "instance" or owner.life.site.client.flush_is_release:
            return False
        life, calls = owner.life, self.owning.calls_on(owner.value)
        releasing, opening = self.owning.closure(life.releases), self._opening(life)
        openers = {caller for caller, callee in calls if callee in opening - releasing}
        enders = {caller for caller, callee in calls if callee in releasing}
        every = [self._left_by(life, unit, releasing) for unit in openers & enders]
        return any(left and all(loss.by_exception for loss in left) for left in every)

    def _left_by(self, life: Life, unit: Unit, releasing: set[Unit]) -> list[Loss] | None:
        """The ways out of a function that opens the client on which it stays open; None if it never ends it.

        What both opens it and, when that fails, ends it is no end of it.
        """
        opening = frozenset[Unit]().union(*(self.reach.callers(each) for each in openers(life)))
        nodes = self._on_shared(life, unit, releasing)
        opens = nodes.opens | calls_to(self.lives, unit, opening - {unit})
        opens |= {e.node for e in life.uses if e.unit is unit and _fills(life, e) and isinstance(e.node, s.Call)}
        releases = nodes.releases - opens
        if not releases:
            return None
        effects = self._effects(life, unit, life.site.node, _Nodes(opens, releases, nodes.uses))
        losses = Walk(self.engine, unit, effects).run(State(Stage.CREATED, kept=True))
        return [loss for loss in losses if loss.stage is Stage.OPEN]

    def of_exit(self, life: Life) -> Iterator[tuple[Unit, list[Loss]]]:
        """The `__exit__` methods that release the client after a block that went well, not after one that raised."""
        releasing = self.owning.closure(life.releases)
        for unit in sorted(releasing, key=lambda u: (u.module.path, u.line)):
            function = unit.function
            if function is None or function.name not in EXITS or len(function.parameters) < 2:
                continue
            names = [parameter.name for parameter in function.parameters[1:] if parameter.kind == "positional"]
            well, badly = (self._open_after(life, unit, releasing, dict.fromkeys(names, raised)) for raised in (0, 1))
            if badly and not well:
                yield unit, badly

    def of_entered(self, life: Life) -> Iterator[tuple[Unit, list[Loss]]]:
        """The context managers that are handed the client, and release it only after a block that went well.

        Where a function that enters none releases the client, nothing is said: it may end what they leave open.
        """
        ending = {event.unit for event in (*life.releases, *life.undoings)}
        managers = {
            u for u in ending if u.is_generator and u is not life.site.unit and self.engine.flagged(u, "manager")
        }
        if life.holding.kind not in {"local", "returned"}:
            return
        for unit in sorted(managers, key=lambda u: (u.module.path, u.line)):
            if not ending <= managers | self.reach.callers(unit) or self._ended_outside(life, unit, ending):
                continue
            nodes = self._on_shared(life, unit, ending)
            starts_it = life.site.client.flush_is_release or any(event.unit is unit for event in life.starts)
            begin = State(Stage.CREATED if starts_it else Stage.OPEN, kept=True)
            losses = Walk(self.engine, unit, self._effects(life, unit, life.site.node, nodes)).run(begin)
            skipped = [loss for loss in losses if loss.by_exception and loss.stage is Stage.OPEN]
            if skipped:
                yield unit, skipped

    def _open_after(self, life: Life, unit: Unit, releasing: set[Unit], known: Mapping[str, int]) -> list[Loss]:
        """The normal ways out of a function on which the client is still open, when these names are true or false."""
        nodes = self._on_shared(life, unit, releasing)
        facts = frozenset((name, frozenset((name,)), bool(value)) for name, value in known.items())
        effects = self._effects(life, unit, life.site.node, nodes)
        losses = Walk(self.engine, unit, effects).run(State(Stage.OPEN, kept=True, facts=facts))
        return [loss for loss in losses if not loss.by_exception]

    def _torn_down(self, life: Life) -> bool:
        """Whether something outside the project's own calls releases it, too."""
        return any(
            entry.kind in TEARDOWN and self.discharge.counts(life, event, entry) and not self._lives_in(life, entry)
            for event in life.releases
            for entry in self.reach.entries(event.unit, tests=life.in_test)
        )

    def _lives_in(self, life: Life, entry: Entry) -> bool:
        """Whether what is called from outside is the client's whole life, such as a command: it makes and uses it, too.

        Into a lifespan nothing is thrown, and a function that asks for the client only to end it is a teardown.
        """
        unit = entry.unit
        if unit not in self.reach.callers(life.site.unit):
            return False
        if unit.is_generator:
            return is_thrown_into(self.lives, unit)
        below = self.reach.below(unit)
        return any(event.unit in below and event.method not in QUIET for event in life.uses)

    def _on_shared(self, life: Life, unit: Unit, releasing: set[Unit]) -> _Nodes:
        own = {what: {e.node for e in events if e.unit is unit} for what, events in _events(life)}
        below = releasing - self.reach.callers(unit)
        opening = self.reach.callers(life.site.unit) - releasing - {unit}
        releases = own["release"] | set(calls_to(self.lives, unit, below))
        opens = calls_to(self.lives, unit, opening) | _calls(own["start"])
        uses = calls_to(self.lives, unit, self.failing.units(life) - below - {unit}) | _calls(own["use"])
        return _Nodes(opens - releases, frozenset(releases), uses - releases)

    def _ended_outside(self, life: Life, unit: Unit, releasing: set[Unit]) -> bool:
        """Whether a caller releases the client when this function, or a block that it surrounds, fails."""
        callers, own = self.reach.callers(unit), {event.node for event in life.releases}
        entered = {edge.fact.node for edge in self.reach.incoming.get(unit, ()) if edge.fact is not None}
        return any(
            undoes(
                statement,
                entered | calls_to(self.lives, caller, callers),
                own | calls_to(self.lives, caller, releasing - callers),
            )
            for caller in callers - {unit}
            for statement in statements(caller.body)
        )

    def _begin(self, life: Life, unit: Unit) -> State:
        """How far the client has come when the function begins, and the names by which it can see the client."""
        if unit is life.site.unit:
            return State()
        names = frozenset(name for name, place in unit.seen.items() if life.value in place.values)
        runs_since_import = not life.site.client.start or any(
            self.reach.runs_at_import(e.unit, e.node) for e in life.starts
        )
        is_open = life.created_at_import is not None and runs_since_import
        return State(Stage.OPEN if is_open else Stage.CREATED, names, kept=True)

    def _tells(self, life: Life, node: s.Call) -> bool:
        """Whether a call says by what it returns whether it has opened the client: true or false."""
        callees = self.lives.callees(node)
        return bool(callees) and all(self._says(life, unit) for unit in callees)

    def _says(self, life: Life, unit: Unit) -> bool:
        if (life.id, unit) not in self._saying:
            self._saying[life.id, unit] = False  # one that calls itself is not followed
            self._saying[life.id, unit] = self._returns_whether(life, unit)
        return self._saying[life.id, unit]

    def _returns_whether(self, life: Life, unit: Unit) -> bool:
        """Whether a function returns something false wherever it leaves the client unopened, and only there.

        That its own start fails opens nothing: what is made of that is told where it happens (KA303, KA306).
        """
        returns = [each for each in statements(unit.body) if isinstance(each, s.Return)]
        constants = [bool(each.value.value) for each in returns if isinstance(each.value, s.Constant)]
        if len(constants) < len(returns) or len(set(constants)) < 2 or unit.is_generator:
            return False
        nodes = self._on_shared(life, unit, self.owning.closure(life.releases))
        walk = Walk(self.engine, unit, self._effects(life, unit, life.site.node, _without_own_failures(nodes)))
        exits = walk.exits(self._begin(life, unit))
        falls_through = any(state.stage is Stage.OPEN for state in exits.normal)
        told = all((Stage.OPEN in stages) == _is_true(each) for each, stages in walk.returns.items() if stages)
        return not falls_through and told

    def _effects(self, life: Life, unit: Unit, site: s.Call, nodes: _Nodes) -> Effects:
        return Effects(
            site=site,
            renews=frozenset(),
            starts=frozenset(),
            releases=nodes.releases,
            leaves_for_later=frozenset(),
            uses=nodes.uses - ending_calls(unit.body, nodes.releases),
            opens=nodes.opens,
            hands_over=lambda *_: False,
            suppresses=suppresses,
            tells=partial(self._tells, life),
            is_owed_when_created=False,
            reopens=life.site.client.flush_is_release,
            raises_by_use=not life.site.client.flush_is_release,
            is_harmless=partial(self.failing.is_harmless, unit),
            catches_its_errors=self.failing.taking(life, unit),
            yields_raise=throws_at_yield(self.lives, unit),
            place="",
            outer_names=unit.outer,
            kept_is_owed=True,
        )


def openers(life: Life) -> set[Unit]:
    """The functions after which a release is owed."""
    filling = {event.unit for event in life.uses if _fills(life, event)}
    return filling or {event.unit for event in life.starts} or {life.site.unit}


def _fills(life: Life, event: Event) -> bool:
    """Whether the client owes a flush after an event, and nothing else."""
    client = life.site.client
    return client.flush_is_release and event.method in client.dirtied_by


def _is_in_own_pool(owner: Owner) -> bool:
    """Whether a container that the function makes for itself holds the object, and nothing else does."""
    at = owner.holding.at
    return owner.holding.kind == "pooled" and at is not None and at.kind == "local" and at.owner is owner.origin.unit


def _events(life: Life) -> tuple[tuple[str, tuple[Event, ...]], ...]:
    uses = tuple(event for event in life.uses if event.method not in QUIET)
    return ("start", life.starts), ("release", life.releases), ("use", uses)


def _calls(nodes: frozenset[Node] | set[Node]) -> frozenset[s.Call]:
    return frozenset(node for node in nodes if isinstance(node, s.Call))


def _without_own_failures(nodes: _Nodes) -> _Nodes:
    return nodes._replace(uses=nodes.uses - nodes.opens)


def _is_true(returned: s.Return) -> bool:
    return isinstance(returned.value, s.Constant) and bool(returned.value.value)


def _is_init(unit: Unit) -> bool:
    return unit.function is not None and unit.function.name == "__init__"

"""Walking the function that makes a client: which of its ways out lose it?"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from kafka_audit.catalog.hosts import DEPENDENCIES
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import position
from kafka_audit.link.flow.scopes import Unit, enclosing, is_special
from kafka_audit.link.flow.templates import is_template
from kafka_audit.link.flow.values import BoundMethod, ClientObject, Container, FunctionValue, Place, Value
from kafka_audit.link.lives.helping import starting_helpers
from kafka_audit.link.lives.lending import Given, is_handed_over
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.lives.owners import LOOSE
from kafka_audit.link.losses.failing import QUIET, Failing, suppresses
from kafka_audit.link.paths.states import Effects, Loss, Repeat, Stage, State
from kafka_audit.link.paths.ways_out import Walk
from kafka_audit.link.reach.exits import left_for_later
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import calls_in, calls_of, ending_calls, statements


def losses_of(failing: Failing, life: Life, *, is_sole_end: bool) -> list[Loss]:
    """The ways out of the making function that lose the client; none for clients that a `with` holds from the start.

    What a field keeps is lost only if nothing but this function ends it (`is_sole_end`), and it does whenever all goes
    well: else it may mean to leave the client to a later call.
    """
    if life.holding.kind in {"managed", "delegated", "fixture"}:
        return []
    client, unit, node = life.site.client, life.site.unit, life.site.node
    owed_at_once = not client.start and not client.flush_is_release
    if is_sole_end:
        effects = replace(effects_in(failing, life, unit, node, owed_at_once), kept_is_owed=True)
        losses = Walk(failing.lives.engine, unit, effects).run()
        if all(loss.by_exception or loss.stage is Stage.FAILED for loss in losses):
            return losses
    return _walk(failing, life, unit, node, owed_at_once)


def is_fresh(lives: Lives, life: Life) -> bool:
    """Whether the function that makes the client returns it, and keeps no reference: each call gives another one."""
    unit = life.site.unit
    is_returned = life.value in unit.result.values and not lives.engine.flagged(unit, "cached")
    return (
        is_returned
        and unit.function is not None
        and not is_special(unit.function.name)
        and not keeps(lives, life, unit)
    )


def keeps(lives: Lives, life: Life, unit: Unit) -> bool:
    """Whether the function itself puts the client where it outlives the call: in a field, a global, a container."""
    for place in lives.holdings.places.get(life.value, ()):
        if (place, unit) in lives.engine.written or (place.kind == "element" and _is_made_in(place, unit)):
            return True
        is_global = place.kind == "module" and isinstance(place.owner, Unit) and place.name in unit.outer
        if is_global and place.owner is unit.module.top:
            return True
    return False


def _is_made_in(place: Place, unit: Unit) -> bool:
    """Whether a container that holds the client is the function's own, its object's, or that of what is around it."""
    owner = place.owner
    if not isinstance(owner, Container) or owner.kind in LOOSE:
        return False
    if owner.unit in {*enclosing(unit), unit.module.top} or unit.method_of is None:
        return owner.unit in {*enclosing(unit), unit.module.top}
    return unit.method_of in {owner.unit.method_of, owner.unit.scope}


def caller_losses(failing: Failing, life: Life) -> list[Caller]:
    """What becomes of a fresh client in the functions that get it from the one that makes it, where they lose it.

    A caller that returns it in turn passes the question on to its own callers.
    """
    lives = failing.lives
    found: list[Caller] = []
    seen = {life.site.unit}
    waiting = [life.site.unit]
    owed_at_once = not life.site.client.flush_is_release
    while waiting:
        for edge in lives.reach.incoming.get(waiting.pop(), ()):
            caller, node = edge.caller, edge.fact.node if edge.fact is not None else None
            if not isinstance(node, s.Call) or lives.engine.flagged(caller, "fixture"):
                continue
            if not brings(lives, life.value, caller, node):
                continue
            if context_of(caller.module.path) == "test" and not life.in_test:
                continue
            if keeps(lives, life, caller):
                continue
            losses = _walk(failing, life, caller, node, owed_at_once)
            if not life.releases and not losses and not lives.holdings.is_handed_on(life.value, caller):
                # A function that never ends, such as a serving loop, is no reason to owe nothing.
                losses = [Loss(Stage.OPEN, node.at[0], by_exception=False)]
            releases = any(event.unit in lives.reach.below(caller) for event in life.releases)
            found += [Caller(caller, node, loss, releases) for loss in losses]
            if life.value in caller.result.values and caller not in seen:
                seen.add(caller)
                waiting.append(caller)
    return [*found, *_askers_losses(failing, life)]


def _askers_losses(failing: Failing, life: Life) -> Iterator[Caller]:
    """The same of functions that ask a container for the client and release it, unless an error keeps them from that.

    Who does not release it leaves it to the next one who asks.
    """
    lives = failing.lives
    enders = {event.unit for event in life.releases}
    for (_, node), unit in lives.engine.hosting.asked.items():
        if unit in enders and life.value in lives.engine.look(unit, node):
            losses = _walk(failing, life, unit, node, owed_at_once=not life.site.client.flush_is_release)
            if all(loss.by_exception for loss in losses):
                yield from (Caller(unit, node, loss, releases=True) for loss in losses)


def brings(lives: Lives, value: Value, caller: Unit, node: s.Call) -> bool:
    """Whether a call gives this client, and not another one that the same helper gives elsewhere.

    What calls a function that it is given, or that it decorates, gives what that one gives.
    """
    callees = lives.callees(node)
    if any(is_template(lives.engine, callee) for callee in callees):
        return value in lives.engine.look(caller, node)
    named = [
        each for each in callees if each.function and each.function.decorators and each.function.name == _last(node)
    ]
    given = (each for argument in node.arguments for each in lives.engine.look(caller, argument.value))
    handed = [each.unit for each in given if isinstance(each, FunctionValue | BoundMethod)]
    makers = handed if len(named) == len(callees) else named or handed
    clients = {each for maker in makers for each in maker.result.values if isinstance(each, ClientObject)}
    return not clients or value in clients


class Caller(NamedTuple):
    """One way out of a function that got a fresh client by `node`, on which it loses the client.

    `releases` is whether it gets to a release on another way: if not, it drops the client on whatever way it is left.
    """

    unit: Unit
    node: s.Call
    loss: Loss
    releases: bool

    @property
    def only_by_error(self) -> bool:
        """Whether it loses a client by an exception that it releases otherwise."""
        return self.loss.by_exception and self.releases


def repeats_of(failing: Failing, life: Life) -> list[tuple[Unit, Repeat]]:
    """Starts and releases that come a second time, in any function that starts or releases the client."""
    found = []
    units = {event.unit: None for event in (*life.starts, *life.releases)}
    for unit in units:
        if unit.function is None:
            continue
        renews = calls_to(failing.lives, unit, failing.reach.callers(life.site.unit)) - {life.site.node}
        effects = replace(effects_in(failing, life, unit, life.site.node, owed_at_once=False), renews=renews)
        walk = Walk(failing.lives.engine, unit, effects)
        begin = State() if unit is life.site.unit else State(Stage.CREATED, frozenset(), kept=True)
        walk.run(begin)
        found += [(unit, repeat) for repeat in walk.repeats]
    return sorted(found, key=lambda pair: (pair[0].module.path, pair[0].line, position(pair[1].node)))


def _walk(failing: Failing, life: Life, unit: Unit, site: s.Call, owed_at_once: bool) -> list[Loss]:
    if unit.function is None:
        return []
    return Walk(failing.lives.engine, unit, effects_in(failing, life, unit, site, owed_at_once)).run()


def left_open(losses: list[Loss]) -> list[Loss]:
    """The losses at a way out of the function, not those by an assignment."""
    return [loss for loss in losses if not loss.overwritten]


def failed_start(life: Life, losses: list[Loss]) -> str:
    """What makes a failed start more than the documented idiom of starting before `try`; empty when nothing does."""
    failed = [loss for loss in losses if loss.stage is Stage.FAILED]
    if any(loss.again for loss in failed):
        return AGAIN
    if failed and any(is_limited_in_time(life.site.unit, event.node) for event in life.starts):
        return "a time limit cancels it half-way"
    if any(not loss.by_exception for loss in failed):
        return GOES_ON
    if failed and life.holding.kind == "pooled" and life.value in life.site.unit.result.values and not life.in_test:
        return "whoever asks the pool next makes another one"
    return ""


AGAIN = "every further attempt makes another one"
GOES_ON = "the function goes on, so the next call makes another one"


def is_always_released(life: Life, losses: list[Loss]) -> bool:
    """Whether no way out counts as a loss."""
    return not failed_start(life, losses) and all(loss.stage is Stage.FAILED for loss in losses)


def is_limited_in_time(unit: Unit, start: object) -> bool:
    """Whether a start stands inside `wait_for(...)` or a `timeout` block, which cancel it when time is up."""
    for statement in statements(unit.body):
        blocks = isinstance(statement, s.With) and any(_last(item.value) in TIMEOUTS for item in statement.items)
        for inner in (statement, *(statements(statement.body) if blocks and isinstance(statement, s.With) else ())):
            for call in calls_of(inner):
                if (call is start and inner is not statement) or _waits_for(call, start):
                    return True
    return False


TIMEOUTS = frozenset({"timeout", "timeout_at", "fail_after", "move_on_after"})
"""Context managers of asyncio, async_timeout, anyio and trio that cancel what runs in them."""


def _waits_for(call: s.Call, start: object) -> bool:
    return _last(call) == "wait_for" and any(argument.value is start for argument in call.arguments)


def _last(expression: s.Expr) -> str:
    """The last part of the name that a call calls; empty for anything else."""
    function = expression.function if isinstance(expression, s.Call) else None
    match function:
        case s.Name(name) | s.Attribute(_, name):
            return name
    return ""


def effects_in(failing: Failing, life: Life, unit: Unit, site: s.Call, owed_at_once: bool) -> Effects:
    """What the calls of `unit` do to the client that `site`, its construction or a call that gives it, brings there."""
    client, lives = life.site.client, failing.lives
    here = [event for event in (*life.starts, *life.releases, *life.undoings, *life.uses) if event.unit is unit]
    starts = frozenset(e.node for e in here if e.what == "start")
    uses = frozenset(e.node for e in here if e.what == "use" and e.method not in QUIET and isinstance(e.node, s.Call))
    fills = frozenset(
        e.node for e in here if e.what == "use" and e.method in client.dirtied_by and isinstance(e.node, s.Call)
    )
    starts |= starting_helpers(lives, life, unit, site, calls_in(unit.body))
    releasing, releases = _releasing(lives, life, unit), frozenset(e.node for e in here if e.what == "release")
    for_later = left_for_later(lives.engine, unit, here, releasing)
    releases -= for_later
    uses |= calls_to(lives, unit, failing.units(life) - releasing)
    # What fails in the `finally` that releases the client is the release's own trouble (KA304).
    ending = ending_calls(unit.body, releases | calls_to(lives, unit, releasing))

    return Effects(
        site=site,
        renews=frozenset(),
        starts=starts,
        releases=releases,
        leaves_for_later=for_later,
        uses=uses - ending,
        opens=fills if client.flush_is_release else frozenset(e for e in starts if isinstance(e, s.Call)),
        hands_over=lambda node, names: (
            node is not site and is_handed_over(lives, life, unit, releasing, node, Given(site, names))
        ),
        fails_open=partial(_fails_open, failing, life, releasing),
        suppresses=suppresses,
        tells=lambda _: False,
        is_owed_when_created=owed_at_once,
        reopens=client.flush_is_release,
        raises_by_use=not client.flush_is_release,
        is_harmless=lambda node: node in ending or failing.is_harmless(unit, node),
        catches_its_errors=failing.taking(life, unit),
        yields_raise=throws_at_yield(lives, unit),
        place=life.holding.at.name if life.holding.at is not None and life.holding.kind == "instance" else "",
        outer_names=unit.outer,
        kept_is_owed=False,
    )


def _fails_open(failing: Failing, life: Life, releasing: Set[Unit], node: s.Call) -> bool:
    """Whether a call of a helper that ends the client leaves it open when something fails before."""
    ending = releasing & set(failing.lives.callees(node))
    return any(left_when_failing(failing, life, helper) for helper in ending)


def left_when_failing(failing: Failing, life: Life, unit: Unit) -> list[Loss]:
    """The ways out of a function that ends the client which it is handed, on which an error makes it leave that open.

    None where it leaves the client open on a normal way, too: it may not be the one that is to end it.
    """
    if unit.is_generator:
        return []
    key = (life.id, unit)
    if key not in failing.left:
        failing.left[key] = []  # a function that calls itself
        names = frozenset(name for name, place in unit.seen.items() if life.value in place.values)
        is_started = not any(event.unit is unit for event in life.starts)
        effects = effects_in(failing, life, unit, life.site.node, owed_at_once=False)
        begin = State(Stage.OPEN if is_started else Stage.CREATED, names)
        left = [loss for loss in Walk(failing.lives.engine, unit, effects).run(begin) if loss.stage is Stage.OPEN]
        failing.left[key] = left if all(loss.by_exception for loss in left) else []
    return failing.left[key]


def calls_to(lives: Lives, unit: Unit, wanted: Set[Unit]) -> frozenset[s.Call]:
    """The calls of a unit that can run one of the wanted functions and wait for it."""
    return frozenset(
        edge.fact.node
        for edge in lives.reach.outgoing.get(unit, ())
        if edge.callee in wanted
        and edge.fact is not None
        and isinstance(edge.fact.node, s.Call)
        and lives.reach.runs(edge)
        and lives.engine.runners.get(edge.fact.node) not in {"task", "group"}
    )


def throws_at_yield(lives: Lives, unit: Unit) -> bool:
    """Whether an exception can be thrown in at a `yield`: by the user of a context manager, by a failing request, or
    by whoever goes through a generator and leaves it early, which closes it. What a decorator makes of a generator,
    such as a coroutine, is another matter.

    FastAPI throws the endpoint's exception into its dependencies (FastAPI 0.165, run), and nothing into a lifespan.
    """
    registered = lives.engine.registrations.get(unit, {})
    is_plain = unit.is_generator and unit.function is not None and not unit.function.decorators
    return is_thrown_into(lives, unit) or ((lives.engine.flagged(unit, "manager") or is_plain) and not registered)


def is_thrown_into(lives: Lives, unit: Unit) -> bool:
    """Whether it is a dependency that FastAPI resumes with the exception of the request which it was run for."""
    return unit.is_generator and runs_for_requests(lives, unit)


def runs_for_requests(lives: Lives, unit: Unit) -> bool:
    """Whether FastAPI was told of the function as a dependency: it then runs for each request."""
    registered = lives.engine.registrations.get(unit, {}).values()
    return any(each.target.rpartition(".")[2] in DEPENDENCIES for each in registered)


def is_dependency(node: s.Call) -> bool:
    """Whether the call only tells FastAPI of a function, which then runs for each request."""
    return _last(node) in DEPENDENCIES


def _releasing(lives: Lives, life: Life, unit: Unit) -> set[Unit]:
    """The units that release the client, themselves or by calling on; not those that lead to `unit` itself."""
    found: set[Unit] = set()
    for event in (*life.releases, *life.undoings):
        if event.unit is not unit:
            found |= lives.reach.callers(event.unit)
    return found - lives.reach.callers(unit)

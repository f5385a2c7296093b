"""What is known of one client besides what the report says: its places, the ways to it, every release, every gap."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import position
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import Container
from kafka_audit.link.lives.life import owner_name
from kafka_audit.link.lives.owners import LOOSE, place_order
from kafka_audit.link.paths.emergencies import after_errors
from kafka_audit.link.paths.states import Stage
from kafka_audit.link.program import how
from kafka_audit.link.reach.refills import before_any, now_and_then
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import inside, statements
from kafka_audit.link.release.considered import why, why_not
from kafka_audit.model import Considered, Dossier, Finding, Problem, Step
from kafka_audit.rules._evidence import BEHIND, import_chain, leaves, where

if TYPE_CHECKING:
    from kafka_audit.link.flow.engine import Event
    from kafka_audit.link.flow.values import Place
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.link.reach.entries import Entry, Reach


def dossier(program: Program, life: Life, findings: Iterable[Finding], problems: Iterable[Problem]) -> Dossier:
    """Everything about one client, with those of the findings that are on it."""
    return Dossier(
        producer=program.producer(life),
        places=tuple(_places(program, life)),
        ways=tuple(_ways(program, life)),
        starts=tuple(_start(program, event) for event in life.starts),
        releases=tuple(_releases(program, life)),
        losses=tuple(_losses(program, life)),
        gaps=tuple(_gaps(program, life)),
        findings=tuple(finding for finding in findings if finding.producer == life.id),
        problems=tuple(problems),
    )


# Places.


def _places(program: Program, life: Life) -> Iterator[Step]:
    """The places that the client reaches, in the order of the files."""
    reached = program.lives.holdings.places
    for element in sorted(reached.get(life.value, []), key=place_order):
        kept = sorted(reached.get(element.owner, ()), key=place_order) if isinstance(element.owner, Container) else []
        place = life.holding.at if life.holding.at in kept else next(iter(kept), element)
        text, path = _place(place), _path(place) or life.path
        if text and (life.in_test or context_of(path) != "test"):
            inside = "" if place is element else "element of "
            decides = ": the one that counts" if place is life.holding.at else ""
            yield Step(path=path, line=_line(life, place), message=inside + text + decides)


def _place(place: Place) -> str:
    """A place in words; empty for one that says nothing to a reader."""
    owner = place.owner
    match place.kind:
        case "local":
            assert isinstance(owner, Unit)
            return f"variable `{place.name}` of {where(owner_name(owner))}"
        case "module":
            return f"variable `{place.name}` of the module"
        case "class" | "field":
            assert isinstance(owner, Unit | ClassScope)
            return f"attribute `{place.name}` of `{owner.qualname}`"
        case "result" | "yield":
            return f"what {where(place.name)} {'returns' if place.kind == 'result' else 'yields'}"
        case "element":
            is_kept = isinstance(owner, Container) and owner.kind not in LOOSE and owner.line
            return "element of a container" if is_kept else ""
        case "outside":
            return f"attribute `{place.name}` of an object that is not the project's own"
    return ""


def _path(place: Place) -> str:
    owner = place.owner
    if isinstance(owner, Container):
        return owner.unit.module.path
    return owner.module.path if owner is not None else ""


def _line(life: Life, place: Place) -> int:
    """Where the place is first assigned, else where what it belongs to begins."""
    owner = place.owner
    if isinstance(owner, Container):
        return owner.line
    if owner is None:
        return life.site.node.at[0]
    units = [unit for methods in owner.methods.values() for unit in methods] if isinstance(owner, ClassScope) else []
    if isinstance(owner, Unit):
        units = [owner] if place.kind == "local" else owner.module.units
    first = sorted(units, key=lambda unit: (unit is not life.site.unit, unit.line))
    begin = owner.node.line if isinstance(owner, ClassScope) else owner.line
    return next((line for unit in first for line in _assignments(unit, place)), begin)


def _assignments(unit: Unit, place: Place) -> Iterator[int]:
    for statement in statements(unit.body):
        if isinstance(statement, s.Assign) and not _is_none(statement.value):
            parts = [part for target in statement.targets for part in inside(target)]
            if any(place.name == getattr(part, "id" if isinstance(part, s.Name) else "name", None) for part in parts):
                yield statement.line


def _is_none(value: s.Expr | None) -> bool:
    return value is None or (isinstance(value, s.Constant) and value.value is None)


# The ways to the constructor, and the starts.

_ENTRANCES = {
    "hook": "given to {}",
    "main": "the main guard runs it",
    "import": "importing the module runs it",
    "name": "started from outside by its name",
    "framework": "a method that a library calls",
    "exit": "runs when the object ends",
    "test": "a test",
    "reference": "kept where anything may call it",
    "api": "nothing in the project calls it",
}
"""How control enters the project, in words: the most telling ways first."""

_MOST_CALLS = 3
"""Calls that a way names; of a longer one the first and the last."""


def _ways(program: Program, life: Life) -> list[Step]:
    """The calls that run the constructor during an import, else each entry from which control gets to it."""
    if life.created_at_import is not None:
        here = Step(path=life.path, line=life.site.node.at[0], message="the module body runs the constructor itself")
        return import_chain(life.created_at_import) or [here]
    reach, ranks = program.lives.reach, list(_ENTRANCES)
    entries = sorted(reach.entries(life.site.unit, tests=life.in_test), key=lambda entry: ranks.index(entry.kind))
    by_unit: dict[Unit, Entry] = {}
    for entry in entries:
        by_unit.setdefault(entry.unit, entry)
    return [_way(reach, entry, life.site.unit) for entry in by_unit.values()]


def _way(reach: Reach, entry: Entry, unit: Unit) -> Step:
    begin, *through = [where(owner_name(each)) for each in _chain(reach, entry.unit, unit)]
    target = "code that cannot be followed" if entry.target == "?" else f"`{entry.target}`"
    entrance = _ENTRANCES[entry.kind].format(target)
    calls = through[:-1]
    if len(calls) > _MOST_CALLS:
        calls = [calls[0], f"{len(calls) - 2} more calls", calls[-1]]
    by_way = f", by way of {', '.join(calls)}" if calls else ""
    return Step(path=entry.unit.module.path, line=entry.unit.line, message=f"{begin} ({entrance}){by_way}")


def _chain(reach: Reach, start: Unit, end: Unit) -> list[Unit]:
    """A shortest chain of calls, both ends included."""
    before: dict[Unit, Unit | None] = {start: None}
    queue = deque([start])
    while queue and end not in before:
        unit = queue.popleft()
        for edge in reach.outgoing.get(unit, ()):
            if edge.callee not in before:
                before[edge.callee] = unit
                queue.append(edge.callee)
    chain: list[Unit] = []
    current = end if end in before else None
    while current is not None:
        chain.append(current)
        current = before[current]
    return chain[::-1] or [start]


def _start(program: Program, event: Event) -> Step:
    dropped = program.engine.modes.get(event.node) == "dropped" and event.via == "call"
    note = ", never awaited, so that it starts nothing" if dropped else ""
    return _step(event.unit, event.line, f"`{how(event)}` in {where(owner_name(event.unit))}{note}")


# Releases.


def _releases(program: Program, life: Life) -> Iterator[Considered]:
    """Every call that could release the client: what counts, what does not, what only looks like a release."""
    discharge, client = program.discharge, life.site.client
    manager = program.engine.managed.get(life.value)
    if manager is not None and not life.releases:
        line = position(manager)[0]
        yield _considered(life.site.unit, line, "", True, "the block or exit stack that holds the client releases it")
    for event in life.releases:
        counts = event in discharge.effective(life)
        reason = why(discharge, life, event) if counts else why_not(discharge, life, event)
        yield _considered(event.unit, event.line, how(event), counts, reason)
    for event in life.undoings:
        yield _considered(event.unit, event.line, how(event), False, _undoing(program, life, event))
    for event in life.unreached:
        yield _considered(event.unit, event.line, how(event), False, f"it stands {BEHIND}")
    for event in life.uses:
        if event.method in client.absent:
            reason = f"{client.name.rpartition('.')[2]} has no method `{event.method}`"
            yield _considered(event.unit, event.line, how(event), False, reason)
    for weak in discharge.pretences(life):
        yield _considered(weak.event.unit, weak.event.line, "", False, "it only makes the client look closed")
    for event in program.engine.events.values():
        is_test = event.receiver is life.value and event.what == "release" and not life.in_test
        if is_test and context_of(event.unit.module.path) == "test":
            yield _considered(event.unit, event.line, how(event), False, "a test releases nothing for the application")


def _undoing(program: Program, life: Life, event: Event) -> str:
    if program.lives.is_left_out(event):
        return "no call of the function passes what it takes to get there"
    if event in now_and_then((*life.undoings, *life.uses), life.site.client.dirtied_by):
        return "it comes only every so many messages, or when one is refused"
    if event in before_any(program.lives.reach, (*life.undoings, *life.uses), life.site.client.dirtied_by):
        return "it comes with the import of its module, before anything is sent"
    filled = life.filled_after(event)
    if life.site.client.flush_is_release and filled is not None:
        return f"`{filled.method}` on line {filled.line} fills the buffer again"
    if event.unit is life.site.unit:
        return "it undoes a failed start, or one step of it, and ends no client that was in use"
    if event in after_errors((*life.releases, *life.undoings)):
        return "it comes only when a message has failed"
    if life.holding.kind == "pooled":
        return "it releases one element by its index, not the others"
    return "the class of the client's owner overrides this method of its base class"


def _considered(unit: Unit, line: int, call: str, counts: bool, reason: str) -> Considered:
    return Considered(path=unit.module.path, line=line, owner=owner_name(unit), how=call, counts=counts, why=reason)


# What is lost, and what could not be followed.


def _losses(program: Program, life: Life) -> list[Step]:
    """The ways out that lose the client: of the function that makes it, and of those that it is returned to."""
    every = program.losses(life)
    failed = [loss for loss in every if loss.stage is Stage.FAILED]
    found = [
        *leaves(life, [loss for loss in every if loss not in failed]),
        *(_step(life.site.unit, loss.line, "its start fails, and this way out drops it unreleased") for loss in failed),
    ]
    if life.holding.kind == "returned":
        found += [
            _step(each.unit, each.loss.line, f"{where(owner_name(each.unit))} got the client and drops it here")
            for each in program.caller_losses(life)
        ]
    return sorted(set(found), key=lambda step: (step.path, step.line, step.message))


def _gaps(program: Program, life: Life) -> Iterator[Step]:
    """Where the client, or what may be its release, was lost from view."""
    engine = program.engine
    for escape in engine.escapes.values():
        if escape.value is life.value and not escape.target.startswith(life.site.client.name):
            target = "code that could not be followed" if escape.target == "?" else f"`{escape.target}`"
            message = f"the client is handed to {target}, which may keep it or release it"
            yield _step(escape.unit, escape.node.at[0], message)
    for event in life.possible:
        text = f"`{how(event)}` in {where(owner_name(event.unit))}"
        yield _step(event.unit, event.line, f"{text} releases such a client of unknown origin, which may be this one")
    for node, unit in program.likely_releases(life):
        message = f"a call in {where(owner_name(unit))} on an unknown object looks like its release"
        yield _step(unit, position(node)[0], message)


def _step(unit: Unit, line: int, message: str) -> Step:
    return Step(path=unit.module.path, line=line, message=message)

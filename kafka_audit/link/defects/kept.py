"""Clients that a process keeps for whoever asks: bound to the loop of the first, or handed out before they started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit, lookup
from kafka_audit.link.flow.values import ClientObject, Instance, Place
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.ownership.owning import Owner, Owning
from kafka_audit.link.reach.entries import Entry
from kafka_audit.link.reading.walk import expressions, inside, statements, within
from kafka_audit.link.reading.words import words

ONCE = frozenset({"main", "name", "import"})
"""Entries that run once in a process."""

STARTS = ("aenter", "begin", "connect", "init", "open", "setup", "start")
"""How names of functions begin that start an object once."""

COMMAND_LIBRARIES = frozenset({"click", "typer", "cyclopts"})
"""Libraries whose `command` decorator hands a function to the parser of a command line."""

COMMANDS = frozenset({"command", "callback", "group"})
"""Decorators of functions of which a process runs one: the commands of click and typer."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A client, or an object that owns one, in a place that is asked before another is made.

    `unit` makes it there, by the call `made`; `line` is the first test of the place.
    """

    life: Life
    value: ClientObject | Instance
    place: Place
    unit: Unit
    made: s.Call
    line: int


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A synchronous function that runs a coroutine on a loop of its own choice, each time that it is called."""

    unit: Unit
    line: int
    text: str


def kept_for_all(owning: Owning, life: Life, kinds: frozenset[str]) -> Iterator[Kept]:
    """The places of these kinds that keep a client, or what owns it, and are asked by the function that fills them."""
    candidates: list[tuple[ClientObject | Instance, Place | None, str, Unit, s.Call]] = [
        (life.value, life.holding.at, life.holding.kind, life.site.unit, life.site.node)
    ]
    candidates += [_of_owner(owner) for owner in owning.roots(life)]
    for value, place, kind, unit, made in candidates:
        if place is not None and kind in kinds and unit.function is not None:
            line = first_test(unit, place.name, made) if _means(unit, place) else 0
            if line:
                yield Kept(life, value, place, unit, made, line)


def _means(unit: Unit, place: Place) -> bool:
    """Whether the place is what its name means in the unit: a variable of that name may be another one."""
    return place.kind in {"field", "class"} or lookup(unit, place.name)[0].place(place.name) is place


def _of_owner(owner: Owner) -> tuple[ClientObject | Instance, Place | None, str, Unit, s.Call]:
    return (owner.value, owner.holding.at, owner.holding.kind, owner.origin.unit, owner.origin.node)


def first_test(unit: Unit, name: str, made: s.Call) -> int:
    """The line of the first `if` that looks at the place and decides whether `made` runs; 0 when there is none."""
    for statement in statements(unit.body):
        if isinstance(statement, s.If) and any(_is_named(part, name) for part in inside(statement.test)):
            leaves = any(isinstance(inner, s.Return) for inner in statements(statement.body))
            is_around = within(statement.body, {made}) or within(statement.orelse, {made})
            if is_around or (leaves and statement.line < made.at[0]):
                return statement.line
    return 0


def is_handed_out(kept: Kept) -> bool:
    """Whether the function that makes the object also gives it to later callers, and looks at no loop."""
    return kept.value in kept.unit.result.values and not _looks_at_loop(kept.unit)


def second_loops(lives: Lives, kept: Kept) -> list[Wrapper]:
    """Functions that bring a loop of their own to a getter."""
    reaching = lives.reach.callers(kept.unit)
    found = []
    for node, runner in lives.engine.runners.items():
        fact = lives.engine.calls.get(node)
        if (
            runner not in {"run", "new"}
            or fact is None
            or reaching.isdisjoint(fact.callees)
            or not isinstance(node, s.Call)
        ):
            continue
        if _runs_often(lives, fact.unit):
            found.append(Wrapper(fact.unit, node.at[0], words(node)))
    return sorted(found, key=lambda each: (each.unit.module.path, each.line))


def _runs_often(lives: Lives, unit: Unit) -> bool:
    """Whether a synchronous function is called again and again, as far as can be seen: no script, no command."""
    if unit.function is None or unit.is_async:
        return False
    entries = lives.reach.entries(unit, tests=False)
    return any(entry.kind != "exit" and not is_once(lives, entry) for entry in entries)


def is_once(lives: Lives, entry: Entry) -> bool:
    """Whether a process comes in this way once: it starts a program, or one of its commands."""
    registered = lives.engine.registrations.get(entry.unit, {}).values()
    is_command = any(each.target.rpartition(".")[2] in COMMANDS for each in registered) or _is_command(entry)
    return entry.kind in ONCE or is_command


def _is_command(entry: Entry) -> bool:
    """Whether the function is given to the parser of a command line by an object that is not followed."""
    node = entry.registration.node if entry.registration is not None else None
    if isinstance(node, s.Call) and _last(node) == "set_defaults":
        return True  # argparse
    imports = {each.module.partition(".")[0] for other in entry.unit.module.units for each in other.imports}
    decorators = entry.unit.function.decorators if entry.unit.function is not None else ()
    return not COMMAND_LIBRARIES.isdisjoint(imports) and any(_last(each) == "command" for each in decorators)


def _last(expression: s.Expr) -> str:
    """The last part of the name that an expression calls or is; empty for anything else."""
    match expression:
        case s.Call(function):
            return _last(function)
        case s.Name(name) | s.Attribute(_, name):
            return name
    return ""


def _looks_at_loop(unit: Unit) -> bool:
    """Whether the function takes the loop into account, by what it calls and reads."""
    return any(
        "loop" in name.lower()
        for statement in statements(unit.body)
        for expression in expressions(statement)
        for part in inside(expression)
        for name in ([part.id] if isinstance(part, s.Name) else [part.name] if isinstance(part, s.Attribute) else [])
    )


@dataclass(frozen=True, slots=True)
class Early:
    """A place that is filled with what has not started yet: the assignment and the start."""

    kept: Kept
    assigned: int
    start: s.Call
    started: int


def published_early(lives: Lives, kept: Kept) -> Early | None:
    """Whether the place is assigned before the start, and keeps the client when the start fails."""
    unit = kept.unit
    if not unit.is_async:
        return None
    target = _target(unit, kept)
    if target is None:
        return None
    expression, assigned = target
    starts = starting(lives, kept)
    for statement in statements(unit.body):
        for part in (p for e in expressions(statement) for p in inside(e)):
            is_it = isinstance(part, s.Call) and part in starts and isinstance(part.function, s.Attribute)
            if not is_it or not isinstance(part, s.Call) or not isinstance(part.function, s.Attribute):
                continue
            if words(part.function.value) == expression and part.at[0] >= assigned:
                early = Early(kept, assigned, part, part.at[0])
                return None if _is_reset(unit.body, part, expression) else early
    return None


def _target(unit: Unit, kept: Kept) -> tuple[str, int] | None:
    """How the place is written where the new object is assigned to it directly, and the line."""
    for statement in statements(unit.body):
        if isinstance(statement, s.Assign) and statement.value is kept.made:
            for target in statement.targets:
                if _is_named(target, kept.place.name):
                    return words(target), statement.line
    return None


def starting(lives: Lives, kept: Kept) -> set[object]:
    """The calls that start the client, or run a method of its owner that does, or that makes it in the first place."""
    direct = {event.unit for event in kept.life.starts}
    if not direct and isinstance(kept.value, Instance):
        direct = {kept.life.site.unit}
    starts = set().union(*(lives.reach.callers(unit) for unit in direct))
    nodes: set[object] = {event.node for event in kept.life.starts}
    for edge in lives.reach.outgoing.get(kept.unit, ()):
        if edge.fact is not None and (edge.callee in direct or (edge.callee in starts and _is_start(edge.callee))):
            nodes.add(edge.fact.node)
    return nodes - {kept.made}


def _is_start(unit: Unit) -> bool:
    """Whether a function starts things, by what it is called; others may do so on the way, when they need them."""
    return unit.function is not None and unit.function.name.lstrip("_").startswith(STARTS)


def _is_reset(body: s.Body, start: s.Call, expression: str) -> bool:
    """Whether a handler or `finally` around the start empties the place, or what follows when a handler goes on."""
    tries = [each for each in statements(body) if isinstance(each, s.Try) and within(each.body, {start})]
    attempted = set(statements(tries[-1].body)) if tries else set()  # of the innermost
    return bool(tries) and any(
        words(target) == expression
        for each in statements(body)
        if isinstance(each, s.Assign | s.Delete) and each.line > start.at[0] and each not in attempted
        for target in each.targets
    )


def _is_named(expression: s.Expr, name: str) -> bool:
    match expression:
        case s.Name(found) | s.Attribute(_, found):
            return found == name
    return False

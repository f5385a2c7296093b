"""Functions of the project that run a coroutine which they are handed: `def run_sync(coro): return asyncio.run(coro)`.

What stands in a call of such a helper runs, and the helper gives what it returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit, once
from kafka_audit.link.reading.walk import bound_names, expressions, inside, statements

if TYPE_CHECKING:
    from kafka_audit.link.flow.engine import Engine, Runner

LOOP_LIBRARIES = frozenset({"asyncio", "anyio", "trio", "uvloop"})
RUNNING = frozenset({"run", "run_until_complete", "run_coroutine_threadsafe"})
"""Functions and methods that run the coroutine that is their first argument."""


def mark_handed(engine: Engine, unit: Unit, node: object, *, is_bound: bool) -> None:
    """The coroutines that a call makes for a helper run as the helper runs them; `is_bound` leaves out its `self`."""
    if not isinstance(node, s.Call) or not any(isinstance(each.value, s.Call) for each in node.arguments):
        return
    runs = _runs_of_parameters(unit)
    if not runs:
        return
    plain = [parameter.name for parameter in unit.node.parameters if parameter.kind == "positional"]  # type: ignore[union-attr]
    given = [argument for argument in node.arguments if argument.keyword is None and not argument.star]
    named = [(argument.keyword, argument.value) for argument in node.arguments]
    for name, value in (*zip(plain[is_bound:], (each.value for each in given), strict=False), *named):
        if isinstance(value, s.Call) and name in runs:
            engine.modes[value] = "run"
            engine.runners[value] = runs[name]
            if value in engine.calls:
                engine.calls[value].mode = "run"


@once
def _runs_of_parameters(unit: Unit) -> dict[str | None, Runner]:
    """The parameters that a function gives to a runner, and which loop each runs on."""
    if not isinstance(unit.node, s.Function):
        return {}
    names = {parameter.name for parameter in unit.node.parameters}
    calls = [call for call in _calls(unit) if run_by(call) in names]
    bound = bound_names(unit.body).bound if calls else frozenset()
    found: dict[str | None, Runner] = {}
    for call in calls:
        if run_by(call) not in bound:
            found.setdefault(run_by(call), _loop_of(call, bound))
    return found


def _calls(unit: Unit) -> Iterator[s.Call]:
    for statement in statements(unit.body):
        for expression in expressions(statement):
            yield from (part for part in inside(expression) if isinstance(part, s.Call))


def run_by(call: s.Call) -> str:
    """The name whose coroutine a call runs: of `loop.run_until_complete(coro)`, `coro`; empty for other calls."""
    match call:
        case s.Call(s.Name(last) | s.Attribute(_, last), [s.Argument(value=s.Name(name)), *_]) if last in RUNNING:
            return name
    return ""


def _loop_of(call: s.Call, bound: frozenset[str]) -> Runner:
    """On which loop a runner runs: one that it opens and closes, one made in the helper, or one that somebody keeps."""
    match call.function:
        case s.Attribute(s.Name(library), "run") if library in LOOP_LIBRARIES:
            return "run"
        case s.Name("run"):
            return "run"
        case s.Attribute(s.Name(loop), "run_until_complete") if loop in bound:
            return "new"
        case s.Attribute(s.Call(), "run_until_complete"):
            return "new"
    return "kept"

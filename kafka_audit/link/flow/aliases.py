"""Functions that give back what they are handed, such as `started(producer)`: each call gives its own argument only.

Otherwise all callers of such a helper would seem to share their clients, and one of them would release those of all.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Arguments, Engine, Values
from kafka_audit.link.flow.runners import run_by
from kafka_audit.link.flow.scopes import Unit, once
from kafka_audit.link.flow.values import ForeignClient, Instance, Value
from kafka_audit.link.reading.walk import bound_names, statements


def given_back(engine: Engine, unit: Unit, found: Values, arguments: Arguments, receivers: Sequence[Value]) -> Values:
    """What a call gives of the values that a function can return; all of them if it does not give an argument back.

    Of an argument that stays unknown only what the parameter's annotation says is known.
    """
    name = _returned_parameter(unit)
    if not name:
        return found
    plain = [p.name for p in unit.node.parameters if p.kind == "positional"]  # type: ignore[union-attr]
    if receivers and not engine.flagged(unit, "static"):
        plain = plain[1:]
    if name in arguments.keywords:
        own = arguments.keywords[name]
    elif name in plain[: len(arguments.positional)]:
        own = arguments.positional[plain.index(name)]
    else:
        return found  # its default, or part of what `*values` holds
    if not own and not engine.settled:
        engine.wait()
    if own or not engine.settled:
        return own
    return {v for v in found if type(v) is ForeignClient or (type(v) is Instance and v.origin is None)}


@once
def _returned_parameter(unit: Unit) -> str:
    """The parameter that the function returns whatever way it ends, if it returns anything; empty for none."""
    returned = [_result_of(unit, each.value) for each in statements(unit.body) if isinstance(each, s.Return)]
    names = {each.id for each in returned if isinstance(each, s.Name)}
    others = [each for each in returned if each is not None and not isinstance(each, s.Name | s.Constant)]
    if len(names) != 1 or others or not isinstance(unit.node, s.Function | s.Lambda):
        return ""
    (name,) = names
    is_parameter = any(each.name == name and each.kind != "*" and each.kind != "**" for each in unit.node.parameters)
    return name if is_parameter and name not in bound_names(unit.body).bound else ""


def _result_of(unit: Unit, value: s.Expr | None) -> s.Expr | None:
    """What a returned expression comes to: `run(coro)`, and the `result()` of that, give what the coroutine returns."""
    match value:
        case s.Call(s.Attribute(s.Name(future), "result")):
            made = [each.value for each in statements(unit.body) if isinstance(each, s.Assign) and _binds(each, future)]
            return _result_of(unit, made[0]) if len(made) == 1 and isinstance(made[0], s.Call) else value
        case s.Call(s.Attribute(s.Call() as future, "result")):
            return _result_of(unit, future)
        case s.Call(arguments=[first, *_]) if run_by(value):
            return first.value
    return value


def _binds(assign: s.Assign, name: str) -> bool:
    return any(isinstance(target, s.Name) and target.id == name for target in assign.targets)

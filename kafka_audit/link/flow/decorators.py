"""What decorators make of functions: properties, cached factories, context managers, fixtures, registered handlers."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Registration, Values
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClassValue, External, FunctionValue

FLAGS = {
    "property": "property",
    "cached_property": "kept property",
    "staticmethod": "static",
    "classmethod": "class",
    "contextmanager": "manager",
    "asynccontextmanager": "manager",
    "lru_cache": "cached",
    "cache": "cached",
    "alru_cache": "cached",
    "cache_resource": "cached",
    "experimental_singleton": "cached",
    "cached": "cached",
    "singleton": "cached",
    "fixture": "fixture",
}
"""By the last part of the decorator's name: libraries that offer these agree on what the names mean."""

RETRIES = frozenset({"retry", "on_exception", "on_predicate"})
"""Decorators that call the function again when it fails: of tenacity, backoff, stamina, retrying and their kind."""

TRANSPARENT = RETRIES | frozenset({"coroutine", "inject", "validate_call", "deprecated", "timed"})
"""Decorators of other libraries that leave the function what it is: calling it still runs it."""

SILENT = TRANSPARENT | frozenset(
    {"abstractmethod", "overload", "override", "final", "wraps", "setter", "deleter", "no_type_check"}
)


def decorate(engine: Engine, unit: Unit, decorator: s.Expr, values: Values, line: int) -> Values:
    """Apply one decorator to a function whose current values are `values`."""
    last = _last_name(decorator)
    found = engine.evaluate(decorator)
    if isinstance(decorator, s.Call):
        _give_own_task(engine, unit, decorator)
        # `@app.on_event("shutdown")`: what the call gives is not followed, what is called says enough.
        found = found | {v for v in engine.evaluate(decorator.function) if isinstance(v, External)}
    if last in FLAGS and not any(isinstance(value, FunctionValue) for value in found):
        _flag(engine, unit, last)
        return values
    if last in RETRIES:
        engine.flag(unit, "retried")
    if last in SILENT:
        return values
    known = False
    for value in found:
        match value:
            case FunctionValue(wrapper):
                known = True
                values = values | _wrap(engine, wrapper, values, line)
            case External(dotted, made):
                known = True
                select = _select(decorator)
                target = dotted.removesuffix("()")
                registration = Registration(target, select, engine.unit, line, "decorator", host=made)
                engine.note_registration(unit, registration)
    if not known and not engine.settled:
        engine.wait()
    elif not known:
        engine.note_registration(unit, Registration("?", _select(decorator), engine.unit, line, "decorator"))
    return values


def _give_own_task(engine: Engine, unit: Unit, decorator: s.Call) -> None:
    """`@app.task(bind=True, base=Tasks)`: celery hands the function an object of that class, its own task."""
    given = {argument.keyword: argument.value for argument in decorator.arguments}
    bound, parameters = given.get("bind"), unit.function.parameters if unit.function is not None else ()
    if "base" in given and isinstance(bound, s.Constant) and bound.value is True and parameters:
        tasks = (value for value in engine.evaluate(given["base"]) if isinstance(value, ClassValue))
        engine.write(unit.place(parameters[0].name), {engine.instance(task.scope) for task in tasks})


def _flag(engine: Engine, unit: Unit, last: str) -> None:
    engine.flag(unit, FLAGS[last])
    if last == "fixture" and unit.function is not None:
        fixtures = engine.fixtures.setdefault(unit.function.name, [])
        if unit not in fixtures:
            fixtures.append(unit)
            engine.tell(("fixture", unit.function.name))


def _last_name(decorator: s.Expr) -> str:
    function = decorator.function if isinstance(decorator, s.Call) else decorator
    match function:
        case s.Name(name) | s.Attribute(_, name):
            return name
    return ""


def _select(decorator: s.Expr) -> str:
    """The event that a decorator such as `@app.on_event("shutdown")` names."""
    if isinstance(decorator, s.Call):
        for argument in decorator.arguments:
            if isinstance(argument.value, s.Constant) and isinstance(argument.value.value, str):
                return argument.value.value
    return ""


def _wrap(engine: Engine, wrapper: Unit, values: Values, line: int) -> Values:
    """A decorator of the project: it runs here, gets the function, and gives what takes its place."""
    engine.note_implicit(wrapper, line)
    parameters = wrapper.node.parameters if isinstance(wrapper.node, s.Function | s.Lambda) else ()
    if parameters:
        engine.write(wrapper.place(parameters[0].name), values)
    return {value for value in engine.read(wrapper.result) if isinstance(value, FunctionValue)}

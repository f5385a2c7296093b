"""What each kind of statement does to the places of its unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.annotations import types_of
from kafka_audit.link.flow.binding import bind, variable
from kafka_audit.link.flow.containers import element_store, iterate
from kafka_audit.link.flow.decorators import decorate
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.families import inherit
from kafka_audit.link.flow.fixpoint import Turn
from kafka_audit.link.flow.imports import bind_import
from kafka_audit.link.flow.iterating import step_through
from kafka_audit.link.flow.managers import enter
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClientType, Instance
from kafka_audit.link.reading.walk import bound_names, child_bodies


def turns(unit: Unit) -> Iterator[Turn]:
    """What there is to evaluate in a unit, in the order of the code."""
    if unit.function is not None:
        yield Turn(unit, None)
    # `__main__.py` is what `python -m package` runs: as a whole it stands behind the guard.
    runs_alone = unit.kind == "module" and PurePosixPath(unit.module.path).name == "__main__.py"
    yield from _turns(unit, unit.body, guarded=runs_alone)


def _turns(unit: Unit, body: s.Body, *, guarded: bool) -> Iterator[Turn]:
    for statement in body:
        kind = type(statement)
        if kind in _RUN:
            yield Turn(unit, statement, guarded)
        if kind is s.If:
            yield from _turns_of_branches(unit, statement, guarded=guarded)  # type: ignore[arg-type]
        else:
            for inner in child_bodies(statement):
                yield from _turns(unit, inner, guarded=guarded)


def _turns_of_branches(unit: Unit, node: s.If, *, guarded: bool) -> Iterator[Turn]:
    if not is_typing_guard(node.test):  # only its imports count, and the `if` itself sees to them
        guards = unit.kind == "module" and is_main_guard(node.test)
        yield from _turns(unit, node.body, guarded=guarded or guards)
    yield from _turns(unit, node.orelse, guarded=guarded)


def run(engine: Engine, turn: Turn) -> None:
    """Evaluate one statement once, or what is known of the parameters."""
    if turn.statement is not None:
        _RUN[type(turn.statement)](engine, turn.statement)
    elif turn.unit.function is not None:
        _receive(engine, turn.unit, turn.unit.function)


def _receive(engine: Engine, unit: Unit, node: s.Function) -> None:
    """Give parameters what is known of them without looking at callers: `self`, annotations, fixtures."""
    parameters = node.parameters
    scope = unit.method_of
    if scope is not None and parameters and not engine.flagged(unit, "static"):
        is_class = engine.flagged(unit, "class") or (unit.function is not None and unit.function.name == "__new__")
        first = engine.class_value(scope) if is_class else engine.instance(scope)
        engine.write(unit.place(parameters[0].name), {first})
    for parameter in parameters:
        if parameter.annotation is not None:
            engine.write(unit.place(parameter.name), types_of(engine, parameter.annotation))
        engine.ask(("fixture", parameter.name))
        for fixture in engine.fixtures.get(parameter.name, ()):
            if fixture is not unit and _sees(unit, fixture):
                place = fixture.yields if fixture.is_generator else fixture.result
                engine.write(unit.place(parameter.name), engine.read(place))


def _sees(unit: Unit, fixture: Unit) -> bool:
    """Whether pytest would resolve a parameter of `unit` to `fixture`: same file, or a conftest above it."""
    if fixture.module is unit.module:
        return True
    folder, name = _split(fixture.module.path)
    return name == "conftest.py" and _split(unit.module.path)[0].startswith(folder)


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return f"{folder}/" if folder else "", name


def _assign(engine: Engine, node: s.Assign) -> None:
    values = engine.evaluate(node.value) if node.value is not None else set()
    if node.annotation is not None:
        values = values | types_of(engine, node.annotation)
    if not values and isinstance(node.value, s.Sequence) and len(node.targets) == 1:
        return
    for target in node.targets:
        if node.value in engine.per_object and isinstance(target, s.Name):
            engine.per_object.add(variable(engine, target.id))
        if isinstance(target, s.Sequence) and isinstance(node.value, s.Sequence):
            _assign_pairwise(engine, target, node.value, values, node.line)
        else:
            bind(engine, target, values, node.line)


def _assign_pairwise(engine: Engine, target: s.Sequence, value: s.Sequence, values: Values, line: int) -> None:
    """`a, b = x, y` without a detour over a tuple that would mix them up."""
    starred = any(isinstance(part, s.Starred) for part in (*target.elements, *value.elements))
    if starred or len(target.elements) != len(value.elements):
        bind(engine, target, values, line)
        return
    for one, other in zip(target.elements, value.elements, strict=True):
        bind(engine, one, engine.evaluate(other), line)


def _augment(engine: Engine, node: s.Augment) -> None:
    values = engine.evaluate(node.value)
    element_store(engine, node.target, engine.evaluate(node.target), None, iterate(engine, values), node.line)


def _evaluate(engine: Engine, node: s.Evaluate) -> None:
    _drop(engine, node.value)
    engine.evaluate(node.value)


def _drop(engine: Engine, value: s.Expr) -> None:
    """Mark the calls whose result this statement throws away."""
    match value:
        case s.Call():
            engine.modes[value] = "dropped"
        case s.Choice(_, then, otherwise):
            _drop(engine, then)
            _drop(engine, otherwise)
        case s.Logic(_, operands):
            _drop(engine, operands[-1])


def _return(engine: Engine, node: s.Return) -> None:
    if node.value is not None:
        engine.write(engine.unit.result, engine.evaluate(node.value))


def _raise(engine: Engine, node: s.Raise) -> None:
    if node.value is not None:
        engine.evaluate(node.value)


def _delete(engine: Engine, node: s.Delete) -> None:
    for target in node.targets:
        engine.evaluate(target)


def _assert(engine: Engine, node: s.Assert) -> None:
    engine.evaluate(node.test)


def _if(engine: Engine, node: s.If) -> None:
    engine.evaluate(node.test)
    if is_typing_guard(node.test):
        _import_for_types(engine, node)


def is_typing_guard(test: s.Expr) -> bool:
    """Whether the test is `TYPE_CHECKING`, plain or as an attribute of `typing`."""
    return isinstance(test, s.Name | s.Attribute) and "TYPE_CHECKING" in (
        test.id if isinstance(test, s.Name) else test.name
    )


def _import_for_types(engine: Engine, node: s.If) -> None:
    """Code that only type checkers see: its imports give names to annotations, unless `else` binds them for real."""
    real = bound_names(node.orelse).bound
    for statement in node.body:
        if isinstance(statement, s.Import) and statement.bound not in real:
            bind_import(engine, statement)


def is_main_guard(test: s.Expr) -> bool:
    """Whether the test is `__name__ == "__main__"`, either way round."""
    if not isinstance(test, s.Compare) or test.operator != "==":
        return False
    sides = (test.left, test.right)
    has_name = any(isinstance(side, s.Name) and side.id == "__name__" for side in sides)
    return has_name and any(isinstance(side, s.Constant) and side.value == "__main__" for side in sides)


def _while(engine: Engine, node: s.While) -> None:
    engine.evaluate(node.test)


def _for(engine: Engine, node: s.For) -> None:
    bind(engine, node.target, step_through(engine, engine.evaluate(node.iterable), node), node.line)


def _with(engine: Engine, node: s.With) -> None:
    for item in node.items:
        entered = enter(engine, item, engine.evaluate(item.value), node.is_async)
        if item.target is not None:
            bind(engine, item.target, entered, item.line)


def _match(engine: Engine, node: s.Match) -> None:
    values = engine.evaluate(node.subject)
    for case in node.cases:
        for name in case.captures:
            engine.write(variable(engine, name), values | iterate(engine, values))
        if case.guard is not None:
            engine.evaluate(case.guard)


def _function(engine: Engine, node: s.Function) -> None:
    unit = engine.unit.module.unit_of[node]
    give_defaults(engine, unit, node.parameters)
    if node.returns is not None:
        # Only a class of the project says more than the body: the annotated result of an abstract method.
        engine.write(unit.result, {v for v in types_of(engine, node.returns) if isinstance(v, Instance)})
    values: Values = {engine.function(unit)}
    for decorator in reversed(node.decorators):
        values = decorate(engine, unit, decorator, values, node.line)
    engine.write(variable(engine, node.name), values)


def give_defaults(engine: Engine, unit: Unit, parameters: tuple[s.Parameter, ...]) -> None:
    """Evaluate default arguments where the function is defined, and give them to its parameters."""
    for parameter in parameters:
        if parameter.default is not None:
            engine.write(unit.place(parameter.name), engine.evaluate(parameter.default))


def _class(engine: Engine, node: s.Class) -> None:
    body = engine.unit.module.unit_of[node]
    scope = body.scope
    assert scope is not None
    positional = [argument for argument in node.bases if argument.keyword is None]
    for place, argument in zip(scope.bases, positional, strict=True):
        inherit(engine, scope, place, engine.evaluate(argument.value))
    for decorator in node.decorators:
        engine.evaluate(decorator)
    engine.note_implicit(body, node.line)
    engine.write(variable(engine, node.name), {_described(engine, node) or engine.class_value(scope)})


def _described(engine: Engine, node: s.Class) -> ClientType | None:
    """The client that a module's class is, when the project's own rows describe it."""
    if engine.unit is not engine.unit.module.top:
        return None
    client = dict(engine.catalogue.defined_in(engine.unit.module.path)).get(node.name)
    return engine.client_type(client) if client is not None else None


_RUN: dict[type, Callable[[Engine, Any], None]] = {
    s.Assign: _assign,
    s.Augment: _augment,
    s.Evaluate: _evaluate,
    s.Return: _return,
    s.Raise: _raise,
    s.Delete: _delete,
    s.Assert: _assert,
    s.If: _if,
    s.While: _while,
    s.For: _for,
    s.With: _with,
    s.Match: _match,
    s.Function: _function,
    s.Class: _class,
    s.Import: bind_import,
}
"""For each kind of statement that moves values: what it does itself, apart from the blocks in it."""

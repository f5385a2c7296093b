"""What an annotation says about the object behind a name."""

from __future__ import annotations

import re

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.values import ClassValue, ClientType, External

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_CLASS_OF = frozenset({"builtins.type", "typing.Type"})
_TRANSPARENT = frozenset({"Optional", "Union", "Annotated", "Final", "ClassVar", "FromDishka", "Injected"})
"""What says how a name is bound, or who gives it, and leaves its class to the subscript."""

_PLAIN = ("builtins.", "typing.", "collections.", "types.")


def types_of(engine: Engine, annotation: s.Expr) -> Values:
    """Objects of the classes that the annotation names; through `Optional`, `|`, `Annotated` and quotes.

    `type[X]` gives the class itself. The call in `Annotated[X, Depends(get_x)]` gives what `get_x` provides.
    """
    found: Values = set()
    match annotation:
        case s.Constant(str() as text):
            for dotted in _DOTTED.findall(text):
                found |= _objects(engine, engine.evaluate(_as_expression(dotted)))
        case s.Subscript(value, key):
            heads = {v.dotted for v in engine.evaluate(value) if isinstance(v, External)}
            if heads & _CLASS_OF:
                return _classes(engine, key)
            found |= _objects(engine, engine.evaluate(value))
            if any(head.rpartition(".")[2] in _TRANSPARENT for head in heads):
                for part in key.elements if isinstance(key, s.Sequence) else (key,):
                    found |= engine.evaluate(part) if isinstance(part, s.Call) else types_of(engine, part)
        case s.Opaque(inner):
            for part in inner:
                found |= types_of(engine, part)
        case s.Name() | s.Attribute():
            found |= _objects(engine, engine.evaluate(annotation))
    return found


def _objects(engine: Engine, classes: Values) -> Values:
    found: Values = set()
    for value in classes:
        match value:
            case ClassValue(scope):
                found.add(engine.instance(scope))
            case ClientType(client):
                found.add(engine.foreign(client))
            case External(dotted) if not dotted.startswith(_PLAIN):
                found.add(engine.external(f"{dotted}()"))
    return found


def _classes(engine: Engine, key: s.Expr) -> Values:
    expression = _as_expression(key.value) if isinstance(key, s.Constant) and isinstance(key.value, str) else key
    return {value for value in engine.evaluate(expression) if isinstance(value, ClassValue | ClientType)}


def _as_expression(dotted: str) -> s.Expr:
    first, *rest = dotted.split(".")
    expression: s.Expr = s.Name(first)
    for name in rest:
        expression = s.Attribute(expression, name)
    return expression

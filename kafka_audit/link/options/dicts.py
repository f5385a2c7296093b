"""What is known to be in a dict when it is used? Data, which the value flow does not follow.

Statements are read in their order, in the unit that keeps the dict and in the one that uses it. What cannot be read
makes the answer incomplete and never wrong: a key that may have been taken out again is not told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import ClassScope, Unit, enclosing, lookup
from kafka_audit.link.flow.values import External
from kafka_audit.link.options.histories import COPIES, History, bound
from kafka_audit.link.options.known import UNKNOWN, Entry, Known
from kafka_audit.link.reading.walk import statements

DEEPEST = 6
"""Dicts made of dicts made of dicts: further layers are not looked at."""


class Dicts:
    """Answers for one solved engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def constant(self, unit: Unit, expression: s.Expr | None) -> s.Expr | None:
        """The expression, or what the name in it was assigned once and for all."""
        if not isinstance(expression, s.Name):
            return expression
        keeper, is_bound = lookup(unit, expression.id)
        if not is_bound:
            return expression
        given = [st for st in statements(keeper.body) if expression.id in bound(st)]
        if len(given) != 1 or _is_parameter(keeper, expression.id) or not isinstance(given[0], s.Assign):
            return expression
        value = given[0].value
        plain = isinstance(given[0].targets[0], s.Name)
        return value if plain and isinstance(value, s.Constant | s.Sequence | s.Mapping | s.Lambda) else expression

    def text(self, unit: Unit, expression: s.Expr | None) -> str | None:
        """The text that a key is known to be."""
        value = self.constant(unit, expression)
        return value.value if isinstance(value, s.Constant) and isinstance(value.value, str) else None

    def of(self, unit: Unit, expression: s.Expr, at: s.Node, depth: int = 0) -> Known:
        """What the dict holds when `at`, a call in `unit`, is reached."""
        if depth > DEEPEST:
            return UNKNOWN
        match expression:
            case s.Mapping(entries):
                return self._display(unit, entries, at, depth)
            case s.Call():
                return self._call(unit, expression, at, depth)
            case s.Choice(_, then, otherwise):
                return self._either(unit, (then, otherwise), at, depth)
            case s.Logic(_, operands):
                return self._either(unit, operands, at, depth)
            case s.Opaque(parts) if parts and all(self._is_dict(unit, part) for part in parts):
                return self._all(unit, parts, at, depth)
            case s.Subscript(base, s.Constant(str() as key)):
                inner = [e for e in self.of(unit, base, at, depth + 1).entries if e.name == key and e.is_certain]
                return self.of(inner[0].unit, inner[0].value, at, depth + 1) if inner and inner[0].value else UNKNOWN
            case s.Name(name):
                return self._variable(unit, name, at, depth)
            case s.Attribute(s.Name(), name):
                return self._field(unit, expression, name, at, depth)
        return UNKNOWN

    def _display(self, unit: Unit, entries: Iterable[s.Entry], at: s.Node, depth: int) -> Known:
        known = Known()
        for entry in entries:
            key = self.text(unit, entry.key)
            if entry.key is None:
                known = known.merged(self.of(unit, entry.value, at, depth + 1))
            elif key is not None:
                known = known.with_entry(Entry(key, entry.value, unit, entry.line))
            else:
                known = replace(known.with_hidden_values(), is_complete=False)
        return known

    def _call(self, unit: Unit, node: s.Call, at: s.Node, depth: int) -> Known:
        """`dict(...)`, copies, and functions of the project that return a dict."""
        match node.function:
            case s.Attribute(base, "copy") if not node.arguments:
                return self.of(unit, base, at, depth + 1)
        callees = self.engine.look(unit, node.function)
        if any(isinstance(value, External) and value.dotted in COPIES for value in callees):
            return self.dict_call(unit, node, at, depth)
        fact = self.engine.calls.get(node)
        if fact is None or len(fact.callees) != 1:
            return UNKNOWN
        [callee] = fact.callees
        returns = [st for st in statements(callee.body) if isinstance(st, s.Return) and st.value is not None]
        if callee.is_async or callee.is_generator or len(returns) != 1 or returns[0].value is None:
            return UNKNOWN
        return self.of(callee, returns[0].value, returns[0], depth + 1)

    def dict_call(self, unit: Unit, node: s.Call, at: s.Node, depth: int) -> Known:
        """What `dict` or `update` makes of the arguments of a call."""
        known = Known()
        for argument in node.arguments:
            if argument.keyword is not None:
                known = known.with_entry(Entry(argument.keyword, argument.value, unit, argument.line))
            elif argument.star == "*":
                known = known.merged(UNKNOWN)
            else:
                known = known.merged(self.of(unit, argument.value, at, depth + 1))
        return known

    def _either(self, unit: Unit, choices: Iterable[s.Expr], at: s.Node, depth: int) -> Known:
        found = [self.of(unit, choice, at, depth + 1) for choice in choices]
        return Known(tuple(e for known in found for e in known.perhaps().entries), False)

    def _all(self, unit: Unit, parts: Iterable[s.Expr], at: s.Node, depth: int) -> Known:
        known = Known()
        for part in parts:
            known = known.merged(self.of(unit, part, at, depth + 1))
        return known

    def _is_dict(self, unit: Unit, part: s.Expr) -> bool:
        value = self.constant(unit, part)
        return isinstance(value, s.Mapping)

    # Variables and fields: the statements that fill them, in order.

    def _variable(self, unit: Unit, name: str, at: s.Node, depth: int) -> Known:
        keeper, is_bound = lookup(unit, name)
        if not is_bound or _is_parameter(keeper, name):
            return UNKNOWN
        imported = next((node for node in keeper.imports if node.bound == name), None)
        if imported is not None:
            return self._imported(keeper, imported, depth)
        history = History(self, keeper, s.Name(name), depth)
        known = history.after(keeper.body, at if keeper is unit else None)
        return known if known is not None else UNKNOWN

    def _imported(self, keeper: Unit, node: s.Import, depth: int) -> Known:
        """A dict of another module of the project: `from settings import KAFKA`."""
        if node.name is None:
            return UNKNOWN
        paths, here = self.engine.paths, keeper.module.path
        path = paths.relative(node.module, node.level, here) if node.level else paths.absolute(node.module, here)
        module = self.engine.module_at(path) if path else None
        if module is None or node.name not in module.top.bound or module is keeper.module:
            return UNKNOWN
        return self._variable(module.top, node.name, node, depth + 1)

    def _field(self, unit: Unit, target: s.Attribute, name: str, at: s.Node, depth: int) -> Known:
        """`self.config`, filled in the class body, in `__init__`, and in the method that uses it."""
        scope = next((u.method_of for u in enclosing(unit) if u.method_of is not None), None)
        receiver = _first_parameter(unit)
        if scope is None or not isinstance(target.value, s.Name) or target.value.id != receiver:
            return UNKNOWN
        known = None
        if name in scope.body.bound:
            known = History(self, scope.body, s.Name(name), depth).after(scope.body.body, None)
        for method in _before(scope, unit):
            history = History(self, method, s.Attribute(s.Name(_first_parameter(method)), name), depth)
            known = history.after(method.body, at if method is unit else None, known)
        is_shared = any(_assigns(method, name) for method in _others(scope, unit))
        return known.perhaps() if known is not None and is_shared else known or UNKNOWN


def _is_parameter(unit: Unit, name: str) -> bool:
    parameters = unit.node.parameters if isinstance(unit.node, s.Function | s.Lambda) else ()
    return any(parameter.name == name for parameter in parameters)


def _first_parameter(unit: Unit) -> str:
    for outer in enclosing(unit):
        if outer.method_of is not None and outer.function is not None and outer.function.parameters:
            return outer.function.parameters[0].name
    return ""


def _before(scope: ClassScope, unit: Unit) -> list[Unit]:
    """The methods that run before and while `unit` does: `__init__`, then itself."""
    method = next((u for u in enclosing(unit) if u.method_of is scope), unit)
    inits = [init for init in scope.methods.get("__init__", []) if init is not method]
    return [*inits[-1:], method]


def _others(scope: ClassScope, unit: Unit) -> Iterator[Unit]:
    seen = _before(scope, unit)
    return (method for methods in scope.methods.values() for method in methods if method not in seen)


def _assigns(method: Unit, name: str) -> bool:
    """Whether a method changes the field of that name in any way."""
    receiver = _first_parameter(method)
    for statement in statements(method.body):
        targets = statement.targets if isinstance(statement, s.Assign | s.Delete) else ()
        for target in targets:
            base = target.value if isinstance(target, s.Subscript) else target
            if isinstance(base, s.Attribute) and base.name == name and _is_name(base.value, receiver):
                return True
    return False


def _is_name(expression: s.Expr, name: str) -> bool:
    return isinstance(expression, s.Name) and expression.id == name

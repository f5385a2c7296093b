"""Which branches can be told apart without running anything: on switches, and on variables that are filled once?

A switch is off unless somebody turns it on: an environment variable, a `getattr` that defaults to nothing, a constant
or a field that is False. A variable that outlives calls, of a module or a class, is empty until it is filled: what the
first call keeps there, the second one finds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.impact.constants import bound_to
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import ClassScope, Unit, lookup
from kafka_audit.link.flow.values import ClassValue, Instance, ModuleValue
from kafka_audit.link.reading.walk import statements
from kafka_audit.link.reading.words import words

DEEPEST = 6
"""Names bound to names, functions that call functions: a switch is not hidden deeper than this."""

_SAME_TEXT = frozenset({"lower", "strip", "upper", "casefold"})
_OFF = frozenset({"", "0", "false", "no", "off", "none"})
"""What the value of an environment variable says when it turns a switch off, in small letters."""


KEPT = "nothing before has filled"
"""How the condition begins on which a client is made that a variable holds already."""


class Variable(NamedTuple):
    """A variable of a module or, with its qualified name, of a class."""

    path: str
    qualname: str
    name: str

    @property
    def condition(self) -> str:
        """That it is still empty, in words."""
        owner = f"{self.qualname}." if self.qualname else ""
        return f"{KEPT} `{owner}{self.name}`"


class Switch(NamedTuple):
    """A switch by its name; `variable` is that of the environment which may turn it on, empty if none does."""

    name: str
    variable: str


class Switches(NamedTuple):
    """What a condition asks of switches: whether all have to be on, or one, and whether it holds when they are."""

    switches: tuple[Switch, ...]
    needs_all: bool
    is_on: bool

    def __str__(self) -> str:
        """What has to be, in words."""
        names = (" and " if self.needs_all else " or ").join(f"`{each.name}`" for each in self.switches)
        return f"{names} {'are' if self.needs_all and len(self.switches) > 1 else 'is'} set"


def is_off(value: str) -> bool:
    """Whether the text that an environment variable is set to turns a switch off."""
    return value.strip().lower() in _OFF


class Branches:
    """Reads the conditions of one program."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Switches.

    def switches(self, unit: Unit, test: s.Expr, depth: int = 0) -> Switches | None:
        """What a condition asks of switches; None when it is not about any, or not in a way that says something."""
        if depth > DEEPEST:
            return None
        match test:
            case s.Not(value):
                found = self.switches(unit, value, depth + 1)
                return found._replace(is_on=not found.is_on) if found is not None else None
            case s.Logic(operator, operands):
                return self._of_several(operator, [self.switches(unit, each, depth + 1) for each in operands])
            case s.Compare(left, "==" | "in" | "is", right) if not _is_nothing(right):
                return self.switches(unit, left, depth + 1)
            case s.Call(s.Attribute(value, name), ()) if name in _SAME_TEXT:
                return self.switches(unit, value, depth + 1)
            case s.Call():
                return self._of_call(unit, test, depth)
            case s.Name(name):
                return self._of_values([(at, value) for at, value in bound_to(unit, name)], name, depth)
            case s.Attribute(base, name):
                return self._of_values(list(self._defaults(unit, base, name)), name, depth)
        return None

    def _of_several(self, operator: str, found: list[Switches | None]) -> Switches | None:
        """`a and b` needs both, whatever else it asks; `not a or not b` fails unless both are on."""
        known = [each for each in found if each is not None]
        if not known or len({each.is_on for each in known}) > 1:
            return None
        is_on = known[0].is_on
        needs_all = (operator == "and") == is_on
        if len(known) < len(found) and not needs_all:
            return None
        return Switches(tuple(switch for each in known for switch in each.switches), needs_all, is_on)

    def _of_call(self, unit: Unit, node: s.Call, depth: int) -> Switches | None:
        values = [argument.value for argument in node.arguments if argument.keyword is None]
        constants = [value.value if isinstance(value, s.Constant) else ... for value in values]
        match words(node.function), constants:
            case "getattr", [_, str(name), False | None | 0 | ""]:
                return Switches((Switch(name, ""),), True, True)
            case "os.getenv" | "getenv" | "os.environ.get" | "environ.get", [str(name), *default]:
                is_switch = not default or not default[0] or (isinstance(default[0], str) and is_off(default[0]))
                return Switches((Switch(name, name),), True, True) if is_switch else None
            case "bool" | "str" | "int", [_]:
                return self.switches(unit, values[0], depth + 1)
        fact = self._engine.calls.get(node)
        if fact is None or len(fact.callees) != 1:
            return None
        (callee,) = fact.callees
        returned = [each.value for each in statements(callee.body) if isinstance(each, s.Return)]
        if len(returned) != 1 or returned[0] is None:
            return None
        return self.switches(callee, returned[0], depth + 1)

    def _of_values(self, values: Iterable[tuple[Unit, s.Expr]], name: str, depth: int) -> Switches | None:
        """A name that is bound to nothing but a switch, or to False."""
        found: list[Switches] = []
        for at, value in values:
            if isinstance(value, s.Constant) and value.value is False:
                found.append(Switches((Switch(name, name.upper()),), True, True))
                continue
            inner = self.switches(at, value, depth + 1) if not isinstance(value, s.Constant) else None
            if inner is None:
                return None
            found.append(inner)
        return found[0] if found and all(each.is_on == found[0].is_on for each in found) else None

    def _defaults(self, unit: Unit, base: s.Expr, name: str) -> Iterable[tuple[Unit, s.Expr]]:
        """What a field is in its class, or a name in its module, unless somebody sets it."""
        for value in self._engine.look(unit, base):
            if isinstance(value, ModuleValue):
                yield from bound_to(value.module.top, name)
            elif isinstance(value, Instance | ClassValue):
                for at, found in _in_class(value.scope, name):
                    yield at, _default_of(found)

    # Variables that are filled once.

    def variable(self, unit: Unit, test: s.Expr) -> tuple[Variable, bool] | None:
        """The variable that a condition asks for, and whether it holds when that is filled."""
        match test:
            case s.Not(value):
                found = self.lasting(unit, value)
                return (found, False) if found is not None else None
            case s.Compare(value, "is" | "==" | "is not" | "!=" as operator, right) if _is_nothing(right):
                found = self.lasting(unit, value)
                return (found, "not" in operator or operator == "!=") if found is not None else None
            case s.Name() | s.Attribute():
                found = self.lasting(unit, test)
                return (found, True) if found is not None else None
        return None

    def lasting(self, unit: Unit, target: s.Expr) -> Variable | None:
        """The variable of a module or class that an expression names, if it is empty to begin with."""
        match target:
            case s.Name(name):
                owner, is_bound = lookup(unit, name)
                if is_bound and owner.kind == "module" and _is_empty_at_first(bound_to(owner, name)):
                    return Variable(owner.module.path, "", name)
            case s.Attribute(s.Name() as base, name):
                for scope in self._classes(unit, base):
                    if _is_empty_at_first(_in_class(scope, name)):
                        return Variable(scope.module.path, scope.qualname, name)
        return None

    def _classes(self, unit: Unit, base: s.Name) -> Iterable[ClassScope]:
        values = self._engine.look(unit, base)
        return sorted((v.scope for v in values if isinstance(v, ClassValue)), key=lambda scope: scope.qualname)


def _in_class(scope: ClassScope, name: str) -> Iterable[tuple[Unit, s.Expr]]:
    for statement in statements(scope.node.body):
        if (
            isinstance(statement, s.Assign)
            and statement.value is not None
            and any(isinstance(target, s.Name) and target.id == name for target in statement.targets)
        ):
            yield scope.body, statement.value


def _default_of(value: s.Expr) -> s.Expr:
    """The default in `Field(False)` and `field(default=False)`."""
    if isinstance(value, s.Call) and words(value.function).rpartition(".")[2].lower() == "field":
        for argument in value.arguments:
            if argument.keyword in {None, "default"}:
                return argument.value
    return value


def _is_empty_at_first(values: Iterable[tuple[Unit, s.Expr]]) -> bool:
    first = next(iter(values), None)
    return first is not None and _is_nothing(first[1])


def _is_nothing(expression: s.Expr) -> bool:
    return isinstance(expression, s.Constant) and expression.value is None

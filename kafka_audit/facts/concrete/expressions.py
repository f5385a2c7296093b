"""What does a parsed expression say, in the words of `schema`?

One pass over the fields of the tree that hold code, each node handled by the function its type has in a table; visitors
and `children` would walk the white space too and cost ten times as much. `statements` builds on this class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from kafka_audit.facts import schema
from kafka_audit.facts.concrete.literals import LITERALS, pieces, text_value
from kafka_audit.facts.concrete.names import identifier
from kafka_audit.facts.concrete.positions import Positions
from kafka_audit.facts.joining import NOTHING, is_name_like, joined, opaque, total
from kafka_audit.facts.symbols import words

MAX_DEPTH = 200
"""Deepest nesting of facts: whatever reads them recurses, and Python stops at 1000 frames unless told otherwise."""

_COMPARISONS: dict[type[cst.CSTNode], str] = {
    cst.Equal: "==",
    cst.NotEqual: "!=",
    cst.LessThan: "<",
    cst.LessThanEqual: "<=",
    cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=",
    cst.Is: "is",
    cst.IsNot: "is not",
    cst.In: "in",
    cst.NotIn: "not in",
}
_NAMED_CONSTANTS = {name: schema.Constant(value) for name, value in (("None", None), ("True", True), ("False", False))}


class TooDeep(Exception):
    """A node lies deeper than `MAX_DEPTH`."""


class Expressions:
    """Lowers the expressions of one module.

    `mentions` collects every identifier met, `bound` the names that walruses bind, `nests` becomes true with an
    expression that has names of its own or binds some, `yields` with a `yield`; the caller resets them.
    """

    __slots__ = ("bound", "depth", "mentions", "nests", "positions", "yields")

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.depth = 0
        self.yields = False
        self.nests = False
        self.mentions: set[str] = set()
        self.bound: set[str] = set()

    # The parameters that are typed `Any` are LibCST nodes of the type the table at the end pairs the function with.

    def expression(self, node: Any) -> schema.Expr:
        """Lower an expression; raises `TooDeep`."""
        if self.depth >= MAX_DEPTH:
            raise TooDeep
        self.depth += 1
        lowered = _EXPRESSIONS[type(node)](self, node)
        self.depth -= 1
        return lowered

    def optional(self, node: Any) -> schema.Expr | None:
        """Lower an expression that may be missing."""
        return None if node is None else self.expression(node)

    def opaque(self, *nodes: Any) -> schema.Opaque:
        """The parts of an expression whose own meaning does not matter, without those that hold no name or call."""
        return opaque([self.expression(node) for node in nodes])

    def _name(self, node: Any) -> schema.Expr:
        name = identifier(node)
        constant = _NAMED_CONSTANTS.get(name)
        if constant is not None:
            return constant
        self.mentions.add(name)
        return schema.Name(name)

    def _attribute(self, node: Any) -> schema.Expr:
        name = identifier(node.attr)
        self.mentions.add(name)
        return schema.Attribute(self.expression(node.value), name)

    def argument(self, node: Any) -> schema.Argument:
        """Lower an argument of a call or a class header."""
        keyword = node.keyword
        return schema.Argument(
            self.expression(node.value),
            None if keyword is None else identifier(keyword),
            node.star,
            self.positions.lines[id(node)],
        )

    def _call(self, node: Any) -> schema.Expr:
        return schema.Call(
            self.expression(node.func),
            tuple([self.argument(argument) for argument in node.args]),
            self.positions.spans[id(node)],
        )

    def _await(self, node: Any) -> schema.Expr:
        return schema.Await(self.expression(node.expression))

    def _literal(self, node: Any) -> schema.Expr:
        value = LITERALS[type(node)](node)
        if value is None:
            return NOTHING
        if type(value) is str:
            self.mentions.update(words(value))
        return schema.Constant(value)

    def _concatenated(self, node: Any) -> schema.Expr:
        value = text_value(node)
        if value is not None:
            self.mentions.update(words(value))
            return schema.Constant(value)
        joint = self._joint(node)
        if joint is not None:
            return joint
        strings: list[Any] = []
        while type(node) is cst.ConcatenatedString:
            strings.append(node.left)
            node = node.right
        return self.opaque(*[hole for string in (*strings, node) for hole in _holes(string)])

    def _joint(self, node: Any) -> schema.Joined | None:
        """An f-string, alone or among strings in a row, that may make a name or an address."""
        found = pieces(node)
        if found is None or not is_name_like(found) or all(type(piece) is str for piece in found):
            return None
        return joined([piece if type(piece) is str else self.expression(piece) for piece in found])

    def _interpolated(self, node: Any) -> schema.Expr:
        joint = self._joint(node)
        if joint is not None:
            return joint
        return self.opaque(*_holes(node))

    def _elements(self, node: Any) -> tuple[schema.Expr, ...]:
        return tuple(
            [
                schema.Starred(self.expression(element.value))
                if type(element) is cst.StarredElement
                else self.expression(element.value)
                for element in node.elements
            ]
        )

    def _tuple(self, node: Any) -> schema.Expr:
        return schema.Sequence("tuple", self._elements(node))

    def _list(self, node: Any) -> schema.Expr:
        return schema.Sequence("list", self._elements(node))

    def _set(self, node: Any) -> schema.Expr:
        return schema.Sequence("set", self._elements(node))

    def _starred(self, node: Any) -> schema.Expr:
        return schema.Starred(self.expression(node.value))

    def _dict(self, node: Any) -> schema.Expr:
        lines = self.positions.lines
        return schema.Mapping(
            tuple(
                [
                    schema.Entry(
                        self.expression(entry.key) if type(entry) is cst.DictElement else None,
                        self.expression(entry.value),
                        lines[id(entry)],
                    )
                    for entry in node.elements
                ]
            )
        )

    def _index(self, node: Any) -> schema.Expr:
        if type(node) is cst.Slice:
            bounds = self.opaque(*[part for part in (node.lower, node.upper, node.step) if part is not None])
            return schema.Slice(bounds.parts)
        value = self.expression(node.value)
        return schema.Starred(value) if node.star else value

    def _subscript(self, node: Any) -> schema.Expr:
        value = self.expression(node.value)
        keys = tuple([self._index(element.slice) for element in node.slice])
        is_single = (
            len(keys) == 1 and type(node.slice[0].comma) is not cst.Comma and type(keys[0]) is not schema.Starred
        )
        return schema.Subscript(value, keys[0] if is_single else schema.Sequence("tuple", keys))

    def _lambda(self, node: Any) -> schema.Expr:
        parameters = self.parameters(node.params)
        outer, self.yields = self.yields, False
        body = self.expression(node.body)
        self.yields, self.nests = outer, True
        return schema.Lambda(parameters, body, self.positions.spans[id(node)])

    def _choice(self, node: Any) -> schema.Expr:
        return schema.Choice(self.expression(node.test), self.expression(node.body), self.expression(node.orelse))

    def _logic(self, node: Any) -> schema.Expr:
        operator = type(node.operator)
        operands: list[Any] = []
        waiting = [node]
        while waiting:
            operand = waiting.pop()
            if type(operand) is cst.BooleanOperation and type(operand.operator) is operator:
                waiting += (operand.right, operand.left)
            else:
                operands.append(operand)
        return schema.Logic(
            "and" if operator is cst.And else "or", tuple([self.expression(operand) for operand in operands])
        )

    def _arithmetic(self, node: Any) -> schema.Expr:
        path = self._path(node)
        if path is not None:
            return path
        operands: list[Any] = []
        operators: set[type] = set()
        waiting = [node]
        while waiting:
            operand = waiting.pop()
            if type(operand) is cst.BinaryOperation:
                waiting += (operand.right, operand.left)
                operators.add(type(operand.operator))
            else:
                operands.append(operand)
        lowered = [self.expression(operand) for operand in operands]
        return (total(lowered) if operators == {cst.Add} else None) or opaque(lowered)

    def _path(self, node: Any) -> schema.Below | None:
        """`base / "part"`, which is how code builds the paths that it imports from."""
        parts: list[Any] = []
        while (
            type(node) is cst.BinaryOperation
            and type(node.operator) is cst.Divide
            and type(node.right) is cst.SimpleString
        ):
            parts.append(self.expression(node.right))
            node = node.left
        texts = tuple([part.value for part in reversed(parts) if hasattr(part, "value") and type(part.value) is str])
        if not texts or len(texts) < len(parts):
            return None
        return schema.Below(self.expression(node), texts)

    def _unary(self, node: Any) -> schema.Expr:
        value = self.expression(node.expression)
        if type(node.operator) is cst.Not:
            return schema.Not(value)
        if type(value) is schema.Constant and type(node.operator) is cst.Minus and type(value.value) in (int, float):
            return schema.Constant(-value.value)  # type: ignore[operator]
        if type(value) is schema.Opaque:
            return value
        return NOTHING if type(value) is schema.Constant else schema.Opaque((value,))

    def _comparison(self, node: Any) -> schema.Expr:
        if len(node.comparisons) > 1:
            return self.opaque(node.left, *[target.comparator for target in node.comparisons])
        (target,) = node.comparisons
        return schema.Compare(
            self.expression(node.left), _COMPARISONS[type(target.operator)], self.expression(target.comparator)
        )

    def _generators(self, node: Any) -> tuple[schema.Generator, ...]:
        self.nests = True
        generators = []
        while node is not None:
            generators.append(
                schema.Generator(
                    self.expression(node.target),
                    self.expression(node.iter),
                    tuple([self.expression(condition.test) for condition in node.ifs]),
                    node.asynchronous is not None,
                )
            )
            node = node.inner_for_in
        return tuple(generators)

    def _comprehension(self, node: Any) -> schema.Expr:
        generators = self._generators(node.for_in)
        return schema.Comprehension(_COMPREHENSIONS[type(node)], None, self.expression(node.elt), generators)

    def _dict_comprehension(self, node: Any) -> schema.Expr:
        generators = self._generators(node.for_in)
        return schema.Comprehension("dict", self.expression(node.key), self.expression(node.value), generators)

    def _starred_dict_comprehension(self, node: Any) -> schema.Expr:
        generators = self._generators(node.for_in)
        return schema.Comprehension("dict", None, schema.Starred(self.expression(node.value)), generators)

    def _walrus(self, node: Any) -> schema.Expr:
        name = identifier(node.target)
        self.bound.add(name)
        self.mentions.add(name)
        self.nests = True
        return schema.Walrus(name, self.expression(node.value))

    def _yield(self, node: Any) -> schema.Expr:
        self.yields = True
        value = node.value
        if type(value) is cst.From:
            return schema.Yield(self.expression(value.item), True)
        return schema.Yield(self.optional(value), False)

    def parameters(self, node: Any) -> tuple[schema.Parameter, ...]:
        """Lower the parameters of a function or lambda, in the order they are written."""
        parameters = [self._parameter(parameter, "positional") for parameter in (*node.posonly_params, *node.params)]
        if type(node.star_arg) is cst.Param:
            parameters.append(self._parameter(node.star_arg, "*"))
        parameters += [self._parameter(parameter, "keyword") for parameter in node.kwonly_params]
        if node.star_kwarg is not None:
            parameters.append(self._parameter(node.star_kwarg, "**"))
        return tuple(parameters)

    def _parameter(self, node: Any, kind: Any) -> schema.Parameter:
        annotation = node.annotation
        return schema.Parameter(
            identifier(node.name),
            kind,
            None if annotation is None else self.expression(annotation.annotation),
            self.optional(node.default),
        )


def _holes(string: Any) -> list[Any]:
    """The expressions in the braces of an f-string, those that say how to write one included."""
    holes: list[Any] = []
    waiting: list[Any] = list(reversed(string.parts)) if type(string) is cst.FormattedString else []
    while waiting:
        part = waiting.pop()
        if hasattr(part, "expression"):  # the other parts are text
            holes.append(part.expression)
            waiting.extend(reversed(part.format_spec or ()))
    return holes


_COMPREHENSIONS: dict[type[cst.CSTNode], Any] = {
    cst.GeneratorExp: "generator",
    cst.ListComp: "list",
    cst.SetComp: "set",
}

_EXPRESSIONS: dict[type[cst.CSTNode], Callable[[Expressions, Any], schema.Expr]] = {
    cst.Attribute: Expressions._attribute,
    cst.Await: Expressions._await,
    cst.BinaryOperation: Expressions._arithmetic,
    cst.BooleanOperation: Expressions._logic,
    cst.Call: Expressions._call,
    cst.Comparison: Expressions._comparison,
    cst.ConcatenatedString: Expressions._concatenated,
    cst.Dict: Expressions._dict,
    cst.DictComp: Expressions._dict_comprehension,
    cst.FormattedString: Expressions._interpolated,
    cst.GeneratorExp: Expressions._comprehension,
    cst.IfExp: Expressions._choice,
    cst.Lambda: Expressions._lambda,
    cst.List: Expressions._list,
    cst.ListComp: Expressions._comprehension,
    cst.Name: Expressions._name,
    cst.NamedExpr: Expressions._walrus,
    cst.Set: Expressions._set,
    cst.SetComp: Expressions._comprehension,
    cst.StarredElement: Expressions._starred,
    cst.Subscript: Expressions._subscript,
    cst.Tuple: Expressions._tuple,
    cst.UnaryOperation: Expressions._unary,
    cst.Yield: Expressions._yield,
    **dict.fromkeys(LITERALS, Expressions._literal),
}

_NEWER: dict[str, Callable[[Expressions, Any], schema.Expr]] = {
    "StarredDictComp": Expressions._starred_dict_comprehension,
    "TemplatedString": Expressions._interpolated,
}
"""Node types that the oldest supported LibCST does not have."""

_EXPRESSIONS.update({getattr(cst, name): lower for name, lower in _NEWER.items() if hasattr(cst, name)})

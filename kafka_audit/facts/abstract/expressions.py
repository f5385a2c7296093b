"""What does an expression of the interpreter's own syntax tree say, in the words of `schema`?

The counterpart of `concrete.expressions`, node for node; `statements` builds on it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from kafka_audit.facts import schema
from kafka_audit.facts.joining import NOTHING, is_name_like, joined, opaque, total
from kafka_audit.facts.schema import MAX_TEXT
from kafka_audit.facts.symbols import words

_DEEPEST = 150
"""Deeper nesting than this is left to `concrete`, which knows the limit."""

_COMPARISONS: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


class NotTheSame(Exception):
    """The facts might not be those that `concrete` finds."""


class Expressions:
    """Lowers the expressions of one module.

    `mentions` collects every identifier met, `bound` the names that walruses bind, `nests` becomes true with an
    expression that has names of its own or binds some, `yields` with a `yield`; the caller resets them.
    """

    __slots__ = ("_lines", "bound", "depth", "mentions", "nests", "yields")

    def __init__(self, text: str) -> None:
        self._lines = None if text.isascii() else [line.encode() for line in text.split("\n")]
        self.depth = 0
        self.yields = False
        self.nests = False
        self.mentions: set[str] = set()
        self.bound: set[str] = set()

    # The parameters that are typed `Any` are nodes of the type the table at the end pairs the function with.

    def deeper(self) -> None:
        """Enter a node; raises `NotTheSame`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotTheSame

    def expression(self, node: Any) -> schema.Expr:
        """Lower an expression; raises `NotTheSame`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotTheSame
        lowered = _EXPRESSIONS[type(node)](self, node)
        self.depth -= 1
        return lowered

    def optional(self, node: Any) -> schema.Expr | None:
        """Lower an expression that may be missing."""
        return None if node is None else self.expression(node)

    def opaque(self, nodes: Sequence[Any]) -> schema.Opaque:
        """The parts of an expression whose own meaning does not matter, without those that hold no name or call."""
        return opaque([self.expression(node) for node in nodes])

    def _at(self, node: Any) -> schema.At:
        if self._lines is None:
            return (node.lineno, node.col_offset + 1, node.end_lineno, node.end_col_offset + 1)
        start = len(self._lines[node.lineno - 1][: node.col_offset].decode())
        end = len(self._lines[node.end_lineno - 1][: node.end_col_offset].decode())
        return (node.lineno, start + 1, node.end_lineno, end + 1)

    def _name(self, node: Any) -> schema.Expr:
        self.mentions.add(node.id)
        return schema.Name(node.id)

    def _attribute(self, node: Any) -> schema.Expr:
        self.mentions.add(node.attr)
        return schema.Attribute(self.expression(node.value), node.attr)

    def arguments(self, positional: list[Any], keywords: list[Any]) -> tuple[schema.Argument, ...]:
        """Lower the arguments of a call or a class header, in the order they are written."""
        lowered = [self._argument(node) for node in positional]
        lowered += [
            schema.Argument(self.expression(node.value), node.arg, "" if node.arg else "**", node.lineno)
            for node in keywords
        ]
        if keywords and positional and type(positional[-1]) is ast.Starred:
            order = sorted(range(len(lowered)), key=lambda i: _start((*positional, *keywords)[i]))
            lowered = [lowered[i] for i in order]
        return tuple(lowered)

    def _argument(self, node: Any) -> schema.Argument:
        if type(node) is ast.Starred:
            return schema.Argument(self.expression(node.value), None, "*", node.lineno)
        return schema.Argument(self.expression(node), None, "", node.lineno)

    def _call(self, node: Any) -> schema.Expr:
        return schema.Call(self.expression(node.func), self.arguments(node.args, node.keywords), self._at(node))

    def _await(self, node: Any) -> schema.Expr:
        return schema.Await(self.expression(node.value))

    def _constant(self, node: Any) -> schema.Expr:
        value = node.value
        kind = type(value)
        if kind is str:
            if len(value) > MAX_TEXT or not _is_encodable(value):
                return NOTHING
            self.mentions.update(words(value))
        elif kind is int:
            if not -(2**63) < value < 2**63:
                return NOTHING
        elif kind is not float and kind is not bool and value is not None:
            return NOTHING
        return schema.Constant(value)

    def _joined(self, node: Any) -> schema.Expr:
        pieces = [_piece(part) for part in node.values]
        holes = [piece for piece in pieces if type(piece) is not str]
        if holes and None not in holes and is_name_like(pieces):
            return joined([piece if type(piece) is str else self.expression(piece) for piece in pieces])
        return self.opaque([part for part in node.values if type(part) is not ast.Constant])

    def _hole(self, node: Any) -> schema.Expr:
        inner = [] if node.format_spec is None else node.format_spec.values
        return self.opaque([node.value, *[part for part in inner if type(part) is not ast.Constant]])

    def _elements(self, node: Any) -> tuple[schema.Expr, ...]:
        return tuple([self.expression(element) for element in node.elts])

    def _tuple(self, node: Any) -> schema.Expr:
        return schema.Sequence("tuple", self._elements(node))

    def _list(self, node: Any) -> schema.Expr:
        return schema.Sequence("list", self._elements(node))

    def _set(self, node: Any) -> schema.Expr:
        return schema.Sequence("set", self._elements(node))

    def _starred(self, node: Any) -> schema.Expr:
        return schema.Starred(self.expression(node.value))

    def _dict(self, node: Any) -> schema.Expr:
        return schema.Mapping(
            tuple(
                [
                    schema.Entry(self.optional(key), self.expression(value), (key or value).lineno)
                    for key, value in zip(node.keys, node.values, strict=True)
                ]
            )
        )

    def _slice(self, node: Any) -> schema.Expr:
        bounds = self.opaque([part for part in (node.lower, node.upper, node.step) if part is not None])
        return schema.Slice(bounds.parts)

    def _subscript(self, node: Any) -> schema.Expr:
        return schema.Subscript(self.expression(node.value), self.expression(node.slice))

    def _lambda(self, node: Any) -> schema.Expr:
        parameters = self.parameters(node.args)
        outer, self.yields = self.yields, False
        body = self.expression(node.body)
        self.yields, self.nests = outer, True
        return schema.Lambda(parameters, body, self._at(node))

    def _choice(self, node: Any) -> schema.Expr:
        return schema.Choice(self.expression(node.test), self.expression(node.body), self.expression(node.orelse))

    def _logic(self, node: Any) -> schema.Expr:
        operator = type(node.op)
        operands: list[Any] = []
        waiting = [node]
        while waiting:
            operand = waiting.pop()
            if type(operand) is ast.BoolOp and type(operand.op) is operator:
                waiting += reversed(operand.values)
            else:
                operands.append(operand)
        return schema.Logic(
            "and" if operator is ast.And else "or", tuple([self.expression(operand) for operand in operands])
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
            if type(operand) is ast.BinOp:
                waiting += (operand.right, operand.left)
                operators.add(type(operand.op))
            else:
                operands.append(operand)
        lowered = [self.expression(operand) for operand in operands]
        return (total(lowered) if operators == {ast.Add} else None) or opaque(lowered)

    def _path(self, node: Any) -> schema.Below | None:
        """`base / "part"`, which is how code builds the paths that it imports from."""
        parts: list[Any] = []
        while type(node) is ast.BinOp and type(node.op) is ast.Div and type(node.right) is ast.Constant:
            parts.append(self.expression(node.right))
            node = node.left
        texts = tuple([part.value for part in reversed(parts) if hasattr(part, "value") and type(part.value) is str])
        if not texts or len(texts) < len(parts):
            return None
        return schema.Below(self.expression(node), texts)

    def _unary(self, node: Any) -> schema.Expr:
        value = self.expression(node.operand)
        if type(node.op) is ast.Not:
            return schema.Not(value)
        if type(value) is schema.Constant and type(node.op) is ast.USub and type(value.value) in (int, float):
            return schema.Constant(-value.value)  # type: ignore[operator]
        if type(value) is schema.Opaque:
            return value
        return NOTHING if type(value) is schema.Constant else schema.Opaque((value,))

    def _comparison(self, node: Any) -> schema.Expr:
        if len(node.ops) > 1:
            return self.opaque((node.left, *node.comparators))
        return schema.Compare(
            self.expression(node.left), _COMPARISONS[type(node.ops[0])], self.expression(node.comparators[0])
        )

    def _generators(self, node: Any) -> tuple[schema.Generator, ...]:
        self.nests = True
        return tuple(
            [
                schema.Generator(
                    self.expression(each.target),
                    self.expression(each.iter),
                    tuple([self.expression(condition) for condition in each.ifs]),
                    bool(each.is_async),
                )
                for each in node.generators
            ]
        )

    def _comprehension(self, node: Any) -> schema.Expr:
        generators = self._generators(node)
        return schema.Comprehension(_COMPREHENSIONS[type(node)], None, self.expression(node.elt), generators)

    def _dict_comprehension(self, node: Any) -> schema.Expr:
        generators = self._generators(node)
        return schema.Comprehension("dict", self.expression(node.key), self.expression(node.value), generators)

    def _walrus(self, node: Any) -> schema.Expr:
        name = node.target.id
        self.bound.add(name)
        self.mentions.add(name)
        self.nests = True
        return schema.Walrus(name, self.expression(node.value))

    def _yield(self, node: Any) -> schema.Expr:
        self.yields = True
        return schema.Yield(self.optional(node.value), type(node) is ast.YieldFrom)

    def parameters(self, node: Any) -> tuple[schema.Parameter, ...]:
        """Lower the parameters of a function or lambda, in the order they are written."""
        positional = [*node.posonlyargs, *node.args]
        defaults = [*[None] * (len(positional) - len(node.defaults)), *node.defaults]
        parameters = [
            self._parameter(each, "positional", default) for each, default in zip(positional, defaults, strict=True)
        ]
        if node.vararg is not None:
            parameters.append(self._parameter(node.vararg, "*", None))
        for each, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            parameters.append(self._parameter(each, "keyword", default))
        if node.kwarg is not None:
            parameters.append(self._parameter(node.kwarg, "**", None))
        return tuple(parameters)

    def _parameter(self, node: Any, kind: Any, default: Any) -> schema.Parameter:
        return schema.Parameter(node.arg, kind, self.optional(node.annotation), self.optional(default))


def _piece(part: Any) -> Any:
    """The text or the expression of a part of an f-string; None when braces say how it is to be written."""
    if type(part) is ast.Constant:
        return part.value
    return part.value if part.conversion == -1 and part.format_spec is None else None


def _start(node: Any) -> tuple[int, int]:
    return (node.lineno, node.col_offset)


def _is_encodable(text: str) -> bool:
    """Whether the text holds no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_COMPREHENSIONS: dict[type[ast.AST], Any] = {ast.GeneratorExp: "generator", ast.ListComp: "list", ast.SetComp: "set"}

_EXPRESSIONS: dict[type[ast.AST], Callable[[Expressions, Any], schema.Expr]] = {
    ast.Attribute: Expressions._attribute,
    ast.Await: Expressions._await,
    ast.BinOp: Expressions._arithmetic,
    ast.BoolOp: Expressions._logic,
    ast.Call: Expressions._call,
    ast.Compare: Expressions._comparison,
    ast.Constant: Expressions._constant,
    ast.Dict: Expressions._dict,
    ast.DictComp: Expressions._dict_comprehension,
    ast.FormattedValue: Expressions._hole,
    ast.GeneratorExp: Expressions._comprehension,
    ast.IfExp: Expressions._choice,
    ast.JoinedStr: Expressions._joined,
    ast.Lambda: Expressions._lambda,
    ast.List: Expressions._list,
    ast.ListComp: Expressions._comprehension,
    ast.Name: Expressions._name,
    ast.NamedExpr: Expressions._walrus,
    ast.Set: Expressions._set,
    ast.SetComp: Expressions._comprehension,
    ast.Slice: Expressions._slice,
    ast.Starred: Expressions._starred,
    ast.Subscript: Expressions._subscript,
    ast.Tuple: Expressions._tuple,
    ast.UnaryOp: Expressions._unary,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield,
}

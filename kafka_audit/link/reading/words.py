"""Expressions in words: how the code writes them, for places and chains of evidence."""

from __future__ import annotations

from kafka_audit.facts import schema as s

LONGEST = 60


def words(expression: s.Expr) -> str:
    """The expression as source text, with the arguments of calls kept only when they are short names."""
    text = _text(expression)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _text(expression: s.Expr) -> str:
    match expression:
        case s.Name(name):
            return name
        case s.Attribute(value, name):
            return f"{_text(value)}.{name}"
        case s.Call(function, arguments):
            return f"{_text(function)}({', '.join(_argument(argument) for argument in arguments)})"
        case s.Await(value):
            return f"await {_text(value)}"
        case s.Subscript(value, key):
            return f"{_text(value)}[{_text(key)}]"
        case s.Constant(value):
            return repr(value)
        case s.Starred(value):
            return f"*{_text(value)}"
        case s.Lambda(_, body):
            return f"lambda: {_text(body)}"
    return "..."


def _argument(argument: s.Argument) -> str:
    text = f"{argument.star}{_text(argument.value)}"
    return f"{argument.keyword}={text}" if argument.keyword else text

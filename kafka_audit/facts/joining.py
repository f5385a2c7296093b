"""What is kept of expressions that make something new: of strings that may be names or addresses the texts, too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kafka_audit.facts import schema

NOTHING = schema.Opaque(())

_UNBROKEN = re.compile(r"[!-\[\]-z|~]{0,200}")
"""Text without blanks, braces and backslashes: prose has blanks, names and addresses have none."""


def is_name_like(pieces: Sequence[Any] | None) -> bool:
    """Whether pieces, texts among other things, can make a name or an address."""
    return pieces is not None and all(type(piece) is not str or _UNBROKEN.fullmatch(piece) for piece in pieces)


def joined(pieces: Sequence[str | schema.Expr]) -> schema.Joined:
    """The pieces as one expression, texts beside each other put together."""
    parts: list[schema.Expr] = []
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            parts.append(schema.Constant(text))
        parts.append(piece)
        text = ""
    return schema.Joined((*parts, schema.Constant(text)) if text else tuple(parts))


def total(operands: Sequence[schema.Expr]) -> schema.Joined | None:
    """The sum of these operands if it is one of strings that makes a name or an address."""
    pieces = [each.value if isinstance(each, schema.Constant) else each for each in operands]
    texts = [piece for piece in pieces if not isinstance(piece, schema.Node)]
    if not texts or not all(isinstance(text, str) for text in texts) or not is_name_like(texts):
        return None
    return joined(pieces)  # type: ignore[arg-type]  # no other constants are left


def opaque(lowered: Sequence[schema.Expr]) -> schema.Opaque:
    """The parts of an expression whose own meaning does not matter, without those that hold no name or call."""
    parts: list[schema.Expr] = []
    for each in lowered:
        if type(each) is schema.Opaque:
            parts.extend(each.parts)
        elif type(each) is not schema.Constant:
            parts.append(each)
    return schema.Opaque(tuple(parts)) if parts else NOTHING

"""Which value does a literal stand for?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import libcst as cst

from kafka_audit.facts.schema import MAX_TEXT

_STRING = re.compile(r"([a-zA-Z]*)('''|\"\"\"|'|\")(.*)\2", re.DOTALL)
_ESCAPE = re.compile(r"\\(\r\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|.)", re.DOTALL)
_ESCAPED = {
    "\n": "",
    "\r": "",
    "\r\n": "",
    "'": "'",
    '"': '"',
    "\\": "\\",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def text_value(node: cst.BaseExpression) -> str | None:
    """The text of a plain string literal, or of several in a row; `None` for bytes, f-strings and long text."""
    pieces: list[str] = []
    while isinstance(node, cst.ConcatenatedString):
        pieces.append(node.left.value if isinstance(node.left, cst.SimpleString) else "")
        node = node.right
    pieces.append(node.value if isinstance(node, cst.SimpleString) else "")
    if sum(map(len, pieces)) > 12 * MAX_TEXT:  # no escape is longer than ten characters
        return None
    values = [_plain(piece) for piece in pieces]
    text = "".join([value for value in values if value is not None])
    return None if None in values or len(text) > MAX_TEXT else text


def pieces(node: cst.BaseExpression) -> list[Any] | None:
    """The parts of an f-string, of several strings in a row: text, and the expressions in braces; `None` for bytes, and
    where braces say how an expression is to be written."""
    found: list[Any] = []
    for string in _in_a_row(node):
        if isinstance(string, cst.SimpleString):
            found.append(_plain(string.value))
        elif isinstance(string, cst.FormattedString):
            is_raw = "r" in string.prefix.lower()
            found += [_piece(part, is_raw=is_raw) for part in string.parts]
    return None if None in found else found


def _in_a_row(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    while isinstance(node, cst.ConcatenatedString):
        yield node.left
        node = node.right
    yield node


def _piece(part: Any, *, is_raw: bool) -> Any:
    if isinstance(part, cst.FormattedStringText):
        return _unescaped(part.value, is_raw=is_raw)
    is_plain = part.conversion is None and part.format_spec is None and part.equal is None
    return part.expression if is_plain else None


def _plain(source: str) -> str | None:
    """The value of one string token; `None` when it is no plain text or holds what UTF-8 cannot."""
    match = _STRING.fullmatch(source)
    if match is None or match[1] not in ("", "r", "R", "u", "U"):
        return None
    return _unescaped(match[3], is_raw=match[1] in ("r", "R"))


def _unescaped(text: str, *, is_raw: bool) -> str | None:
    """The text between quotes as Python reads it."""
    source = text
    if "\\" in text and not is_raw:
        try:
            text = _ESCAPE.sub(_unescape, text)
        except ValueError:
            return None
    if "\r" in source:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _unescape(match: re.Match[str]) -> str:
    """The character of one escape; raises `ValueError` for a named, lone-surrogate or impossible one."""
    escape = match[1]
    if escape in _ESCAPED:
        return _ESCAPED[escape]
    if escape[0] in "01234567":
        return chr(int(escape, 8))
    if escape[0] in "xuU" and len(escape) > 1:
        code = int(escape[1:], 16)
        if 0xD800 <= code < 0xE000:
            raise ValueError
        return chr(code)
    if escape[0] == "N":
        raise ValueError
    return match[0]


def _integer(node: Any) -> int | None:
    try:
        value = int(node.value, 0)
    except ValueError:  # more digits than Python converts
        return None
    return value if -(2**63) < value < 2**63 else None  # what MessagePack can hold, also when negated


def _float(node: Any) -> float | None:
    return float(node.value)


def _nothing(node: Any) -> None:
    return None


LITERALS: dict[type[cst.CSTNode], Callable[[Any], str | int | float | None]] = {
    cst.Ellipsis: _nothing,
    cst.Float: _float,
    cst.Imaginary: _nothing,
    cst.Integer: _integer,
    cst.SimpleString: text_value,
}
"""How to read each kind of literal; `None` means that its value does not matter."""

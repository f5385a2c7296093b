"""What does a source text say, read with LibCST?

LibCST reads every grammar up to the newest, whatever interpreter runs it. Reading takes ten times as long as with the
interpreter's own parser, so it is asked about what that one does not read.
"""

from __future__ import annotations

import ast
import re
import warnings

import libcst as cst

from kafka_audit.facts import schema
from kafka_audit.facts.concrete.positions import Positions
from kafka_audit.facts.concrete.statements import Statements
from kafka_audit.facts.decoding import Unreadable
from kafka_audit.facts.symbols import fixtures

TOO_LARGE = 1_000_000
"""Characters that take LibCST ten seconds and a gigabyte: what is larger is read by the other parser or not at all."""

_PARSER_AT = re.compile(r"error at (\d+):(\d+): ")
_FOREIGN = (
    (re.compile(r"(<<<<<<<|=======$|>>>>>>>)"), "an unresolved merge conflict"),
    (re.compile(r"\s*(\{%|\{#)|.*\{\{.*\}\}"), "a template"),
    (re.compile(r"\s*(print\s+[^\s(=]|exec\s+['\"\w]|raise\s+\w+\s*,|except\s+[\w.]+\s*,)"), "Python 2"),
)
"""What a line that is no Python looks like, and what it is then."""


def read(text: str) -> schema.FileFacts:
    """The facts of a source text. Raises `Unreadable` when it is no Python or too large."""
    if len(text) > TOO_LARGE:
        reason = f"{len(text)} characters are more than the {TOO_LARGE} that are read when the interpreter cannot"
        raise Unreadable("unreadable", _error_line(text) or 1, f"The file is too large: {reason}.")
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise _syntax_error(text, error) from error
    except cst.CSTValidationError as error:  # what the grammar allows and the parser's own nodes do not
        raise Unreadable("syntax", _error_line(text) or 1, f"The file is not valid Python: {error}") from error
    lowering = Statements(Positions(module))
    body = lowering.statements(module.body)
    return schema.FileFacts(lowering.symbols.sorted(), fixtures(body), tuple(lowering.flaws), body)


def _syntax_error(text: str, error: cst.ParserSyntaxError) -> Unreadable:
    """What to tell about source that the parser refuses, and the line where it stopped."""
    lines = re.split(r"\r\n?|\n", text)
    at = _PARSER_AT.search(error.message)
    if at is None:
        line, reason = _error_line(text) or error.raw_line, error.message.partition(": ")[2]
        line = max(1, min(line, len(lines)))
    else:
        line, reason = min(int(at[1]), len(lines)), f"the parser stopped before column {int(at[2]) + 1}"
        if not lines[line - 1][: int(at[2])].strip():  # what the parser names is the token after the one it refused
            line, reason = _line_before(line, lines, text), "the parser stopped at the end of the line"
    for look, what in _FOREIGN:
        if look.match(lines[line - 1]):
            reason = f"this looks like {what}"
            break
    return Unreadable("syntax", line, f"The file is not valid Python: {reason}.")


def _line_before(line: int, lines: list[str], text: str) -> int:
    """The line with code before `line`, if the interpreter's own parser stops as early."""
    previous = max(1, line - 1)
    while previous > 1 and not lines[previous - 1].partition("#")[0].strip():
        previous -= 1
    return max(previous, min(line, _error_line(text) or line))


def _error_line(text: str) -> int | None:
    """Where the interpreter's own parser stops: LibCST gives no line when the source cannot be split into tokens."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error.lineno
    except (MemoryError, RecursionError, ValueError):
        pass
    return None

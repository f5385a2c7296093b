"""What does one source file say?

`extract` turns the bytes of a file into `FileFacts`; `follow` gives the same facts of a file that only takes part, with
a faster parser. Neither ever raises: what cannot be read becomes a flaw.
"""

from __future__ import annotations

import ast
import gc
import re
import sys
import warnings
from collections.abc import Callable

import libcst as cst

from kafka_audit.facts import schema, standard
from kafka_audit.facts.decoding import Kind, Unreadable, decoded
from kafka_audit.facts.nesting import too_deep_line
from kafka_audit.facts.positions import Positions
from kafka_audit.facts.statements import Statements

_FRAMES = 12_000
"""Recursion limit while a file is read: the deepest tree let through takes about four frames per level to position."""

LARGE = 200_000
"""Characters. LibCST takes a thousand bytes for each of them, so the other parser is asked first about larger files."""

TOO_LARGE = 1_000_000
"""Characters that take LibCST ten seconds and a gigabyte: what is larger is read by the other parser or not at all."""

_PARSER_AT = re.compile(r"error at (\d+):(\d+): ")
_FOREIGN = (
    (re.compile(r"(<<<<<<<|=======$|>>>>>>>)"), "an unresolved merge conflict"),
    (re.compile(r"\s*(\{%|\{#)|.*\{\{.*\}\}"), "a template"),
    (re.compile(r"\s*(print\s+[^\s(=]|exec\s+['\"\w]|raise\s+\w+\s*,|except\s+[\w.]+\s*,)"), "Python 2"),
)
"""What a line that is no Python looks like, and what it is then."""


def extract(data: bytes) -> schema.FileFacts:
    """The facts of one file's bytes; what could not be read is in `flaws`. Never raises."""
    return _guarded(_read, data)


def follow(data: bytes) -> schema.FileFacts:
    """What `extract` says, for files that name no client: by the standard library's parser, where it says the same."""
    return _guarded(_read_fast, data)


def _guarded(reader: Callable[[str], schema.FileFacts], data: bytes) -> schema.FileFacts:
    collecting, frames = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()  # the tree is one large living structure: collecting while it grows doubles the time
    try:
        sys.setrecursionlimit(max(frames, _FRAMES))
        return reader(decoded(data))
    except Unreadable as unreadable:
        return _flawed(unreadable.kind, unreadable.line, str(unreadable))
    except RecursionError:
        return _flawed("too-deep", 1, "The file is nested too deeply to be read.")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the native parser is no Exception
        return _flawed("internal", 1, f"The extractor failed: {type(error).__name__}: {error}")
    finally:
        sys.setrecursionlimit(frames)
        if collecting:
            gc.enable()


def _flawed(kind: Kind, line: int, message: str) -> schema.FileFacts:
    """The facts of a file of which nothing could be read."""
    return schema.FileFacts((), (), (schema.Flaw(kind, line, message),))


def _read_fast(text: str) -> schema.FileFacts:
    facts = standard.read(text) if too_deep_line(text) is None else None
    return _read(text) if facts is None else facts


def _read(text: str) -> schema.FileFacts:
    deep = too_deep_line(text)
    if deep is not None:
        raise Unreadable("too-deep", deep, "The source is nested too deeply to be parsed.")
    facts = standard.read(text) if len(text) > LARGE else None
    if facts is not None:
        return facts
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
    return schema.FileFacts(body, lowering.symbols.sorted(), tuple(lowering.flaws))


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

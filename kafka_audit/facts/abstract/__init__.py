"""What does a source text say, read with the interpreter's own parser?

Whatever that parser may read otherwise than LibCST does (newer grammar, odd line ends, great depth) is left to
`concrete`: `read` gives `None` then, so that it never matters which of the two read a file.
"""

from __future__ import annotations

import ast
import warnings

from kafka_audit.facts import schema
from kafka_audit.facts.abstract.expressions import NotTheSame
from kafka_audit.facts.abstract.statements import Statements
from kafka_audit.facts.symbols import fixtures

_ODD = ("\f", "\r", "\0", "\\N{")
"""Form feeds and single carriage returns, which the parsers count differently; escapes that only one resolves."""


def read(text: str) -> schema.FileFacts | None:
    """The facts of a source text, or `None` when `concrete` has to read it."""
    text = text.replace("\r\n", "\n")
    if any(odd in text for odd in _ODD):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in audited code is its own business
            module = ast.parse(text)
        lowering = Statements(text)
        body = lowering.statements(module.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, NotTheSame):
        return None
    except KeyError:  # a node that is newer than the tables
        return None
    return schema.FileFacts(lowering.symbols.sorted(), fixtures(body), (), body)

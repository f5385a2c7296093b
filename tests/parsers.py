"""Facts as both parsers give them."""

from __future__ import annotations

from typing import Any

import msgspec

from kafka_audit.facts import abstract, concrete
from kafka_audit.facts.decoding import decoded
from kafka_audit.facts.extract import extract
from kafka_audit.facts.schema import FileFacts


def plain(facts: FileFacts | None) -> Any:
    """Facts as lists, without the lines of arguments and entries: parentheses may count, and nothing asks."""

    def cut(node: Any) -> Any:
        if not isinstance(node, list | tuple):
            return node
        return [cut(part) for part in (node[:-1] if node and node[0] in ("Argument", "Entry") else node)]

    return cut(msgspec.to_builtins(facts))


def read_by_both(source: str) -> FileFacts:
    """The facts of a source that has no flaw; LibCST gives them, and the interpreter's parser the same if any."""
    facts = extract(source.encode())
    text = decoded(source.encode())
    assert plain(concrete.read(text)) == plain(facts)
    assert plain(abstract.read(text)) in (None, plain(facts))
    return facts

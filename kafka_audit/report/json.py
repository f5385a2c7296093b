"""What do programs read: the whole report as one JSON document, with the schema that describes it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kafka_audit.model import SCHEMA_VERSION, Record, Report
from kafka_audit.report import Telling
from kafka_audit.report.plain import map_strings, without_surrogates

_NOT_PLAIN = re.compile(r"[^\x00-\x7e]")


def told(telling: Telling) -> str:
    """Return the report as indented JSON with a final newline.

    Only ASCII comes out: the rest is written as JSON escapes, which every parser turns back into the same text, so
    that no terminal acts on the document and no locale breaks it. A lone surrogate, which JSON parsers may refuse,
    becomes a visible escape instead.
    """
    return indented(_values(telling.report))


def line(head: dict[str, str], record: Record) -> str:
    """Return one object on one line, the entries of `head` before those of the record."""
    text = msgspec.json.encode({**head, **_values(record)}).decode()
    return _NOT_PLAIN.sub(_escape, text) + "\n"


def _values(record: Record) -> Any:
    return map_strings(msgspec.to_builtins(record, order="deterministic"), without_surrogates)


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document, made from the types that produce it."""
    return schema_of(Report, f"kafka-audit report, schema version {SCHEMA_VERSION}")


def schema_of(kind: type[Record], title: str) -> dict[str, Any]:
    """Return the JSON Schema of a record. Every field is required: the encoder writes those with a default, too."""
    schema = msgspec.json.schema(kind)
    for definition in schema["$defs"].values():
        definition["required"] = list(definition["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def schema_document() -> str:
    """Return the schema as it is published in `docs/report.schema.json`."""
    return indented(report_schema())


def indented(values: Any) -> str:
    """Return any JSON value as it is written everywhere: indented, ASCII only, with a final newline."""
    text = msgspec.json.format(msgspec.json.encode(values), indent=2).decode()
    return _NOT_PLAIN.sub(_escape, text) + "\n"


def _escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

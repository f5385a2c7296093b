"""The JSON report: a contract."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from kafka_audit.model import Report
from kafka_audit.report import render
from kafka_audit.report.json import report_schema, schema_document
from tests import sample_report as sample

DOCS = Path(__file__).parents[1] / "docs"
PRINT = 'from kafka_audit.report.json import schema_document as text; print(text(), end="")'
REFRESH = f"python -c '{PRINT}' > docs/report.schema.json"


def json_of(report: Report) -> str:
    stream = io.StringIO()
    render(report, "json", stream=stream)
    return stream.getvalue()


def test_the_document_says_what_the_report_says() -> None:
    clean = sample.report(sample.PRODUCERS, sample.FINDINGS, sample.SUPPRESSED)
    assert msgspec.json.decode(json_of(clean), type=Report) == clean


def test_the_document_ends_with_one_newline_and_is_indented() -> None:
    assert json_of(sample.SAMPLE).startswith('{\n  "schema_version": "1",\n  "tool": {')
    assert json_of(sample.SAMPLE).endswith("\n}\n")


def test_the_document_satisfies_the_published_schema() -> None:
    schema = json.loads((DOCS / "report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json_of(sample.SAMPLE)), schema)


@pytest.mark.parametrize("field", ["kind", "owner", "fix_me", "released"])
def test_the_schema_refuses_a_producer_that_breaks_the_contract(field: str) -> None:
    document: dict[str, Any] = json.loads(json_of(sample.SAMPLE))
    broken = document["producers"][0]
    if field in broken:
        del broken[field]
        with pytest.raises(jsonschema.ValidationError, match="required property"):
            jsonschema.validate(document, report_schema())
    else:
        broken[field] = "more fields may come"
        jsonschema.validate(document, report_schema())


def test_the_published_schema_is_current() -> None:
    assert (DOCS / "report.schema.json").read_text() == schema_document(), f"refresh it: {REFRESH}"


def test_every_field_is_documented() -> None:
    text = (DOCS / "report.md").read_text()
    fields = {name for definition in report_schema()["$defs"].values() for name in definition["properties"]}
    assert len(fields) > 40
    assert sorted(name for name in fields if f"`{name}`" not in text) == []


def test_a_path_that_is_not_utf8_is_escaped_where_json_cannot_hold_it() -> None:
    assert json.loads(json_of(sample.SAMPLE))["problems"][1]["path"] == "app/latin\\xe9.py"


def test_text_beyond_ascii_survives_a_stream_that_cannot_carry_it() -> None:
    raw = io.BytesIO()
    report = sample.report([sample.producer("app/größe_漢_😀.py", 1, "f")])
    with io.TextIOWrapper(raw, encoding="ascii", write_through=True) as stream:
        render(report, "json", stream=stream)
        document = json.loads(raw.getvalue())
    assert document["producers"][0]["path"] == "app/größe_漢_😀.py"

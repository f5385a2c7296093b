"""Laws: nothing that an audited code base contains acts on the reader's terminal, in any format."""

from __future__ import annotations

import io
import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from kafka_audit.model import Fix, Problem, Release, Released, Replacement, Report, Root, Step
from kafka_audit.report import Format, RuleText, render
from kafka_audit.report.plain import inert
from tests import sample_report as sample

anything = st.text(alphabet=st.characters(exclude_categories=())) | st.sampled_from(sample.HOSTILE)


def hostile_report(text: str) -> Report:
    releases = (Release(path=text, line=2, owner=text, how=text),)
    roots = (Root(path=text, line=3, name=text, owner=text, kind="local", opens=True, released="never"),)
    made = sample.producer(
        text,
        1,
        text,
        client=text,
        via=(text,),
        place=text,
        roots=roots,
        released=Released(verdict="always", by=releases),
    )
    steps = (Step(path=text, line=4, message=text), Step(path="other.py", line=5, message=text))
    edits = (Replacement(path=text, line=1, column=1, end_line=2, end_column=1, text=text),)
    fix = Fix(safety="safe", title=text, edits=edits)
    owned = sample.finding("KA201", text, made, text, trace=steps, fix=fix)
    loose = sample.finding("KA901", text, None, text, path=text, producer=text + "?")
    silenced = sample.suppressed("KA203", text, made, text, suppressed_by="comment")
    problem = Problem(path=text, line=6, kind="syntax", message=text)
    return sample.report([made], [owned, loose], [silenced], [problem])


def rendered(report: Report, format: Format, text: str) -> str:
    stream = io.StringIO()
    texts = {"KA201": RuleText(summary=text, fix_title=text)}
    render(report, format, stream=stream, texts=texts, paths=[text], width=80)
    return stream.getvalue()


@given(anything)
def test_inert_text_is_visible_and_stays_as_it_is(text: str) -> None:
    assert inert(text).isprintable()
    assert inert(inert(text)) == inert(text)


@given(anything.filter(str.isprintable))
def test_visible_text_is_left_alone(text: str) -> None:
    assert inert(text) == text


@settings(max_examples=40, deadline=None)
@given(anything)
@pytest.mark.parametrize("format", get_args(Format))
def test_no_control_character_comes_out(format: Format, text: str) -> None:
    out = rendered(hostile_report(text), format, text)
    assert out.replace("\n", "").isprintable()
    assert out.encode("utf-8")


@settings(max_examples=40, deadline=None)
@given(anything)
def test_no_line_is_wider_than_the_page(text: str) -> None:
    stream = io.StringIO()
    render(hostile_report(text), "text", stream=stream, width=80)
    assert max(map(cell_len, stream.getvalue().splitlines())) <= 80


@given(anything)
def test_concise_has_one_line_for_each_alarm_and_one_more(text: str) -> None:
    report = hostile_report(text)
    assert len(rendered(report, "concise", text).splitlines()) == len(report.findings) + 1


@given(anything)
def test_json_carries_every_text_that_utf8_can_carry(text: str) -> None:
    document = json.loads(rendered(hostile_report(text), "json", text))
    exact = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") == text
    assert (document["producers"][0]["owner"] == text) == exact


@pytest.mark.parametrize("text", sample.HOSTILE)
def test_markup_and_escape_codes_are_shown_as_written(text: str) -> None:
    report = sample.report([sample.producer("a.py", 1, "f", place=text, kind="pooled")])
    out = rendered(report, "text", "x")
    assert "".join(inert(text).split()) in "".join(out.split())


def test_text_survives_a_stream_that_carries_only_ascii() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", write_through=True) as stream:
        render(hostile_report("größe"), "text", stream=stream, width=80)
        assert b"gr\\xf6\\xdfe" in raw.getvalue()

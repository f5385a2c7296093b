"""The text report: its shape, its truth and its manners."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from kafka_audit.model import Problem, Released, Report, Root, Started
from kafka_audit.report import render
from tests import sample_report as sample


def text_of(report: Report, **options: Any) -> str:
    stream = io.StringIO()
    render(report, "text", stream=stream, **({"texts": sample.TEXTS, "width": 80} | options))
    return stream.getvalue()


def test_every_kind_verdict_and_context_at_eighty_columns(snapshot: SnapshotAssertion) -> None:
    assert text_of(sample.SAMPLE, paths=["app", "my tests"]) == snapshot


def test_consumers_and_admin_clients_are_not_called_producers(snapshot: SnapshotAssertion) -> None:
    assert text_of(sample.report([sample.CONSUMER, sample.MANAGED])) == snapshot


def test_a_clean_tree_says_what_was_looked_at(snapshot: SnapshotAssertion) -> None:
    assert text_of(sample.report()) == snapshot


@pytest.mark.parametrize("width", [10, 60, 71, 80, 132])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    assert max(map(cell_len, text_of(sample.SAMPLE, width=width).splitlines())) <= max(width, 60)


def test_of_many_owners_the_unreleased_ones_are_told_first() -> None:
    roots = [Root(path="app/a.py", line=n, owner="run", kind="local", released="always") for n in range(1, 40)]
    worst = Root(path="app/z.py", line=9, owner="<module>", kind="global", released="never")
    text = text_of(sample.report([replace(sample.POOLED, roots=(*roots, worst))]))
    owners = [line.strip() for line in text.splitlines() if "Owner:" in line]
    assert owners[0] == "Owner: object made at module level, app/z.py:9 (global): not released"
    assert owners[6:] == ["Owner: 34 more objects, all in the JSON report"]


def test_a_long_path_folds_and_loses_nothing() -> None:
    assert sample.ON_SELF.path in "".join(line.strip() for line in text_of(sample.SAMPLE).splitlines())


def test_a_long_path_folds_behind_a_folder_so_that_the_file_and_its_line_stay_together() -> None:
    assert any(
        line.strip() == "however/hard/one/tries/client.py:176-180" for line in text_of(sample.SAMPLE).splitlines()
    )


@pytest.mark.parametrize(
    ("path", "owner", "heading"),
    [
        ("app/bus.py", "get", "1. bus.get()"),
        ("app/bus/__init__.py", "get", "1. bus.get()"),
        ("__init__.py", "get", "1. __init__.get()"),
        ("app/bus.py", "Bus.start", "1. Bus.start()"),
        ("app/bus.py", "<module>", "1. module level of app/bus.py"),
    ],
)
def test_a_function_is_named_with_its_module_because_many_are_called_alike(path: str, owner: str, heading: str) -> None:
    assert heading in text_of(sample.report([replace(sample.MANAGED, path=path, owner=owner)])).splitlines()


def test_files_that_do_not_parse_are_said_to_hide_nothing_only_if_the_audit_is_complete() -> None:
    problem = Problem(path="a.py", line=1, kind="syntax", message="The file is not valid Python")
    unparsed = replace(sample.report(), problems=(problem,))
    sentence = "The audit is complete without them: they mention no Kafka client."
    for complete in (True, False):
        report = replace(unparsed, summary=replace(unparsed.summary, complete=complete))
        assert (sentence in text_of(report)) is complete


def test_a_command_breaks_only_where_the_shell_allows_it() -> None:
    lines = text_of(sample.SAMPLE, paths=[sample.ON_SELF.path, "b c"]).splitlines()
    first = lines.index("   kafka-audit scan \\")
    assert lines[first + 1 : first + 3] == [f"   {sample.ON_SELF.path} \\", "   'b c' --format concise"]


def test_colour_adds_escape_codes_and_nothing_else() -> None:
    plain, coloured = text_of(sample.SAMPLE), text_of(sample.SAMPLE, color=True)
    assert "\x1b[" in coloured
    assert [Text.from_ansi(line).plain for line in coloured.splitlines()] == plain.splitlines()


def test_sections_without_content_vanish() -> None:
    text = text_of(sample.report([sample.MANAGED]))
    headings = [line for line in text.splitlines() if line.isupper()]
    assert [
        line for line in text.splitlines() if line.startswith(("MANAGED", "GLOBAL", "ROOT", "SOLUTION", "FILES"))
    ] == ["MANAGED PRODUCERS (bound to a with block or an exit stack)"]
    assert headings == ["KAFKA PRODUCER INITIALISATION QUICK REFERENCE", "VERIFICATION COMMANDS"]


def test_released_globals_are_not_called_a_priority() -> None:
    released = replace(sample.LAZY, released=Released(verdict="always"))
    assert "HIGH PRIORITY" in text_of(sample.report([sample.LAZY]))
    assert "HIGH PRIORITY" not in text_of(sample.report([released]))


def test_the_file_range_reaches_to_a_start_close_below_and_no_further() -> None:
    far = replace(sample.LAZY, started=Started(when="call", path=sample.LAZY.path, line=400))
    assert "File: app/events/action.py:153-157\n" in text_of(sample.report([sample.LAZY]))
    assert "File: app/events/action.py:153-156\n" in text_of(sample.report([far]))


def test_the_resource_warning_command_is_offered_only_for_clients_that_warn() -> None:
    assert "ResourceWarning" in text_of(sample.report([sample.LAZY]))
    assert "ResourceWarning" not in text_of(sample.report([sample.EAGER, sample.SCRIPT]))


def test_rules_without_words_are_named_all_the_same() -> None:
    text = text_of(sample.report([sample.POOLED], [sample.FINDINGS[5]]), texts={})
    assert "KA204 pool-never-drained (1 alarm)\n" in text
    assert "[ ] 1. Resolve pool-never-drained (KA204)\n" in text


@pytest.mark.parametrize(
    ("owner", "place", "words"),
    [
        ("_get", "_producer", "module global _producer"),
        ("<module>", "producer", "module global producer"),
        ("Metrics", "producer", "class attribute Metrics.producer"),
        ("Metrics.get", "cls.producer", "class attribute cls.producer"),
        ("Metrics.get", "_producer", "global _producer"),
        ("wire", "app.state.producer", "shared attribute app.state.producer"),
        ("get", "get", "cached result of get()"),
        ("get", None, "kept for as long as the process lives"),
    ],
)
def test_a_global_is_said_to_be_kept_where_it_is_kept(owner: str, place: str | None, words: str) -> None:
    made = sample.producer("a.py", 1, owner, kind="global", place=place)
    assert f"Pattern: {words}\n" in text_of(sample.report([made]))

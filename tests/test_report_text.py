"""The text report: its shape, its truth and its manners."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from kafka_audit.model import Finding, Problem, Released, Report, Root, Started, Step
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


def owner(line: int, **changes: Any) -> Root:
    values = {"path": "app/a.py", "name": "Bus", "owner": "run", "kind": "local", "opens": True, "released": "always"}
    return Root(line=line, **(values | changes))


def owners_told(*roots: Root) -> list[str]:
    text = text_of(sample.report([replace(sample.POOLED, roots=roots)]), width=200)
    return [line.strip() for line in text.splitlines() if "Owner:" in line]


def test_owners_are_told_worst_first_and_many_released_ones_in_one_line() -> None:
    told = owners_told(
        *map(owner, range(1, 40)),
        owner(50, name="Idle", opens=False, released="never"),
        owner(60, path="app/z.py", owner="<module>", kind="global", released="never"),
    )
    assert told == [
        "Owner: Bus made at module level, app/z.py:60 (global): never released",
        "Owner: Idle made in run(), app/a.py:50 (local): not released, and not seen to open the client",
        "Owner: 39 objects (Bus): all released",
    ]


def test_a_few_released_owners_are_told_one_by_one() -> None:
    assert owners_told(owner(1), owner(2)) == [
        f"Owner: Bus made in run(), app/a.py:{line} (local): released" for line in (1, 2)
    ]


def test_many_owners_that_never_open_the_client_are_told_in_one_line() -> None:
    told = owners_told(*(owner(line, name=f"C{line % 2}", opens=False, released="unknown") for line in range(9)))
    assert told == ["Owner: 9 objects (C0, C1): not released, and none of them seen to open the client"]


def test_of_very_many_unreleased_owners_the_first_are_told() -> None:
    told = owners_told(*(owner(line, released="never") for line in range(1, 41)))
    assert told[5:] == [
        "Owner: Bus made in run(), app/a.py:6 (local): never released",
        "Owner: 34 more objects",
    ]


def test_a_verdict_never_contradicts_the_alarms_below_it() -> None:
    always = replace(sample.LOCAL, released=Released(verdict="always"))
    overwritten = sample.finding("KA401", "overwritten-while-open", always, "may still be open")
    plain = "   Verdict: released on every path that the audit follows"
    assert plain in text_of(sample.report([always])).splitlines()
    text = text_of(sample.report([always], [overwritten]), width=100)
    assert f"{plain}, except as the alarms below say" in text.splitlines()


def test_an_alarm_that_stands_elsewhere_is_told_below_its_producer_with_its_own_place() -> None:
    far = sample.finding("KA205", "owner-never-released", sample.ON_SELF, "Bus owns a client", path="app/m.py", line=7)
    text = text_of(sample.report([sample.ON_SELF], [far]))
    assert "   - KA205 warning at app/m.py:7: Bus owns a client" in text.splitlines()


def test_the_steps_of_a_chain_name_their_files_unless_all_are_the_producers_own() -> None:
    here, there = (Step(path=path, line=9, message="it goes on") for path in (sample.LAZY.path, "app/m.py"))
    for steps, told in (((here, here), "line 9"), ((here, there), f"{sample.LAZY.path}:9")):
        alarm = sample.finding("KA205", "owner-never-released", sample.LAZY, "open", trace=steps)
        assert f"       1. {told}: it goes on" in text_of(sample.report([sample.LAZY], [alarm])).splitlines()


def test_an_alarm_on_a_producer_of_a_file_that_was_not_asked_for_is_not_said_to_belong_to_none() -> None:
    text = text_of(sample.report([], [sample.FINDINGS[0]]))
    assert "ALARMS ON PRODUCERS OF OTHER FILES" in text
    assert "BELONG TO NO PRODUCER" not in text


def causes_of(*findings: Finding) -> list[str]:
    text = text_of(sample.report([sample.LAZY], findings))
    start, end = text.index("ROOT CAUSES"), text.index("SOLUTION CHECKLIST")
    return [line for line in text[start:end].splitlines()[3:] if line and not line.startswith("=")]


def test_a_root_cause_says_where_it_is_and_what_its_chains_end_with() -> None:
    def ending(message: str, path: str = "app/b.py") -> Finding:
        steps = (Step(path="app/b.py", line=1, message="made"), Step(path="app/b.py", line=2, message=message))
        return sample.finding("KA201", "global-never-released", sample.LAZY, "open", path=path, trace=steps)

    assert causes_of(ending("nothing calls `stop`"), ending("dropped", "app/a.py"), ending("dropped")) == [
        "KA201 global-never-released (3 alarms)",
        "  A process-wide client is never released.",
        "  Where: in 2 files:",
        "    - app/a.py",
        "    - app/b.py",
        "  Why: the chains above end with",
        "    - dropped (2 times)",
        "    - nothing calls `stop`",
        "  More: kafka-audit explain KA201",
    ]


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

"""Measuring: what counts as found, right and alarmed, and what is said of things that cannot be measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_audit.model import Producer, Report
from kafka_audit.pipeline import audit
from kafka_audit.settings import Settings
from measure import tables
from measure.collect import main as collect
from measure.counts import rows
from measure.labels import CodeBase, Label, MeasureError, read_labels, the_one
from measure.marks import Aspect, marks
from measure.remarks import read_remarks
from measure.score import BEGIN, END, main

ROOT = Path(__file__).parent.parent

CODE = """
from aiokafka import AIOKafkaProducer, AIOKafkaConsumer
async def lose():
    producer = AIOKafkaProducer()
    await producer.start()
async def keep():
    async with AIOKafkaProducer() as producer:
        await producer.send("topic", b"")
async def read():
    async with AIOKafkaConsumer("topic") as consumer:
        await consumer.getone()
"""
LOST = {"line": 4, "client": "aiokafka.AIOKafkaProducer", "binding": "local", "created_at": "call", "leak": "yes"}
KEPT = {"line": 7, "client": "aiokafka.AIOKafkaProducer", "binding": "context_manager", "leak": "no"}
READ = {"line": 10, "client": "aiokafka.AIOKafkaConsumer", "role": "consumer"}


def report_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.chdir(folder)
    return audit(Settings(jobs=1, roles=("admin", "consumer", "producer")))


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    (tmp_path / "app.py").write_text(CODE)
    return report_on(tmp_path, monkeypatch)


def code_base(*labels: dict[str, object]) -> CodeBase:
    made = [msgspec.convert({"repo": "a/b", "path": "app.py", **label}, Label) for label in labels]
    return CodeBase(repo="a/b", commit="", labels=tuple(made))


def outcomes(base: CodeBase, report: Report, aspect: Aspect) -> dict[int, str]:
    return {mark.line: mark.outcome for mark in marks(base, report) if mark.aspect == aspect}


def the_row(base: CodeBase, report: Report):
    return rows(marks(base, report))[-1]


def test_a_report_that_says_what_the_labels_say_agrees_everywhere(report: Report):
    row = the_row(code_base(LOST, KEPT, READ), report)
    assert (row.producers.found, row.producers.missed, row.producers.invented) == (2, 0, 0)
    assert (row.others.found, row.others.invented) == (1, 0)
    assert (row.kind.right, row.kind.of, row.created.right, row.created.of) == (2, 2, 1, 1)
    assert (row.leaks.precision, row.leaks.recall, row.leaks.f1) == (1.0, 1.0, 1.0)


def test_a_label_that_no_report_answers_is_a_missed_site_and_its_leak_a_missed_alarm(report: Report):
    gone = {**LOST, "line": 99}
    base = code_base(LOST, KEPT, READ, gone)
    assert outcomes(base, report, "site")[99] == "missed"
    assert outcomes(base, report, "leak")[99] == "missed alarm"
    assert 99 not in outcomes(base, report, "kind")
    assert the_row(base, report).leaks.recall == 0.5


def test_a_site_that_no_label_knows_is_invented(report: Report):
    assert outcomes(code_base(LOST, READ), report, "site") == {4: "found", 7: "invented", 10: "found"}


def test_a_client_of_another_role_is_not_the_one_that_was_labelled(report: Report):
    base = code_base(LOST, KEPT, {**READ, "role": "admin"})
    wrong = {mark.outcome: (mark.role, mark.line) for mark in marks(base, report) if not mark.agrees}
    assert wrong == {"missed": ("admin", 10), "invented": ("consumer", 10)}


def test_a_site_at_a_look_alike_is_invented_and_says_so(report: Report):
    alike = {"line": 7, "looks_like": "AIOKafkaProducer(", "why": "a film's"}
    [mark] = [mark for mark in marks(code_base(LOST, READ, alike), report) if mark.line == 7]
    assert (mark.outcome, mark.labelled, mark.why) == ("invented", "look-alike: AIOKafkaProducer(", "a film's")


@pytest.mark.parametrize(
    ("label", "outcome"),
    [
        ({"binding": "instance"}, "wrong"),
        ({"binding": "instance", "alt_binding": "local"}, "right"),
        ({"binding": "instance", "binding_also": ["pooled", "local"]}, "right"),
    ],
)
def test_any_of_the_labels_kinds_is_accepted(report: Report, label: dict[str, object], outcome: str):
    assert outcomes(code_base({**LOST, **label}), report, "kind")[4] == outcome


def test_what_a_label_does_not_say_is_not_scored(report: Report):
    row = the_row(code_base({"line": 4, "client": "aiokafka.AIOKafkaProducer"}), report)
    assert (row.kind.of, row.created.of, row.started.of, row.release.of, row.leaks.f1) == (0, 0, 0, 0, None)


@pytest.mark.parametrize("doubt", [{"leak": "unsure"}, {"confidence": "low"}])
def test_a_doubtful_leak_is_not_scored(report: Report, doubt: dict[str, object]):
    assert outcomes(code_base({**LOST, **doubt}), report, "leak") == {}


def test_a_rightly_silent_producer_that_is_labelled_as_a_leak_costs_recall(report: Report):
    row = the_row(code_base(LOST, {**KEPT, "leak": "yes"}), report)
    assert (row.leaks.precision, row.leaks.recall, row.leaks.f1) == (1.0, 0.5, 0.6667)


@pytest.mark.parametrize("change", [{"severity": "info"}, {"category": "async"}])
def test_only_lifecycle_and_import_alarms_from_warning_on_say_that_a_producer_leaks(
    report: Report, change: dict[str, str]
):
    quiet = msgspec.structs.replace(
        report, findings=tuple(msgspec.structs.replace(finding, **change) for finding in report.findings)
    )
    assert outcomes(code_base(LOST), report, "leak")[4] == "true alarm"
    assert outcomes(code_base(LOST), quiet, "leak")[4] == "missed alarm"


@pytest.mark.parametrize("word", ["constructor", "n/a", "call"])
def test_a_client_that_starts_itself_starts_when_it_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
):
    (tmp_path / "app.py").write_text("from kafka import KafkaProducer\ndef f():\n    return KafkaProducer()\n")
    base = code_base({"line": 3, "client": "kafka.KafkaProducer", "created_at": "call", "started_at": word})
    assert outcomes(base, report_on(tmp_path, monkeypatch), "started") == {3: "right"}


def test_a_start_is_compared_by_time_and_by_line(report: Report):
    base = code_base({**LOST, "started_at": "call", "start_line": 6})
    assert (outcomes(base, report, "started")[4], outcomes(base, report, "start line")[4]) == ("right", "wrong")


def test_a_package_may_be_unpacked_into_folders_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "film-1.0" / "src").mkdir(parents=True)
    (tmp_path / "film-1.0" / "src" / "app.py").write_text(CODE)
    assert the_row(code_base(LOST, KEPT, READ), report_on(tmp_path, monkeypatch)).producers.found == 2


def test_of_two_files_with_the_same_end_the_exact_path_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "app.py").write_text(CODE)
    (tmp_path / "app.py").write_text(CODE)
    invented = [
        mark.path
        for mark in marks(code_base(LOST, KEPT, READ), report_on(tmp_path, monkeypatch))
        if mark.outcome == "invented"
    ]
    assert invented == ["a/app.py"] * 3


def test_two_clients_on_one_line_are_told_apart_by_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "app.py").write_text(
        "import aiokafka, kafka\ndef f():\n    return aiokafka.AIOKafkaProducer(), kafka.KafkaProducer()\n"
    )
    late = {"line": 3, "client": "kafka.KafkaProducer", "started_at": "constructor", "created_at": "call"}
    base = code_base(late, {"line": 3, "client": "aiokafka.AIOKafkaProducer", "started_at": "never"})
    found = [mark for mark in marks(base, report_on(tmp_path, monkeypatch)) if mark.aspect == "site"]
    assert {mark.labelled: mark.reported for mark in found} == {
        name: name for name in ("aiokafka.AIOKafkaProducer", "kafka.KafkaProducer")
    }


@given(st.permutations([LOST, KEPT, READ]), st.lists(st.sampled_from([4, 7, 10]), max_size=3, unique=True))
def test_nothing_is_lost_in_counting(labels: list[dict[str, object]], kept: list[int]):
    base = code_base(*(label for label in labels if label["line"] in kept))
    producers = tuple(
        _producer(line, role) for line, role in ((4, "producer"), (7, "producer"), (10, "consumer")) if line != 7
    )
    row = the_row(base, _report(producers))
    for sites, wanted in ((row.producers, {4, 7}), (row.others, {10})):
        assert sites.labelled == len(wanted & set(kept)) == sites.found + sites.missed
    assert row.producers.found + row.producers.invented + row.others.found + row.others.invented == len(producers)
    assert row == the_row(CodeBase(repo="a/b", commit="", labels=tuple(reversed(base.labels))), _report(producers))


def _producer(line: int, role: str) -> Producer:
    fields = {"id": str(line), "path": "app.py", "line": line, "column": 1, "end_line": line, "end_column": 2}
    client = {"client": "aiokafka.AIOKafkaProducer", "via": [], "role": role, "context": "app", "owner": "f"}
    life = {"kind": "local", "place": None, "created": {"when": "call"}, "started": {"when": "never"}}
    return msgspec.convert({**fields, **client, **life, "released": {"verdict": "never"}}, Producer)


def _report(producers: tuple[Producer, ...]) -> Report:
    zero = dict.fromkeys(("files_seen", "files_analysed", "producers", "findings", "suppressed", "problems"), 0)
    empty: dict[str, list[object]] = {key: [] for key in ("findings", "suppressed", "problems")}
    summary = {**zero, "by_kind": {}, "by_code": {}, "by_severity": {}, "complete": True}
    head = {"schema_version": "1", "tool": {"name": "kafka-audit", "version": "0"}}
    return msgspec.convert({**head, **empty, "producers": producers, "summary": summary}, Report)


# From files to a printed table.


@pytest.fixture
def measured_tree(tmp_path: Path) -> Path:
    """A checkout, its labels and the list that names it, measured up to the reports."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "app.py").write_text(CODE)
    labels = [{"repo": "a/b", "commit": "0123456789abcdef", "path": "app.py", **label} for label in (LOST, KEPT)]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(label) + "\n" for label in labels))
    (tmp_path / "checkouts.toml").write_text('[checkouts.ab]\ndirectory = "tree"\nlabels = "a/b@0123"\n')
    assert collect([str(tmp_path / "checkouts.toml"), "--into", str(tmp_path / "reports")]) == 0
    return tmp_path


def score(folder: Path, *options: str) -> int:
    return main(["--truth", str(folder / "labels.jsonl"), f"@{folder}/reports/reports.txt", *options])


def test_checkouts_are_audited_and_scored_with_two_commands(measured_tree: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    assert score(measured_tree, "--format", "json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["code_base"] for row in printed["rows"]] == ["a/b@0123456789", "all"]
    assert [(mark["outcome"], mark["line"]) for mark in printed["disagreements"]] == [("invented", 10)]


def test_a_list_of_checkouts_may_be_json(measured_tree: Path):
    (measured_tree / "list.json").write_text('{"checkouts": {"ab": {"directory": "tree", "labels": "a/b"}}}')
    assert collect([str(measured_tree / "list.json"), "--into", str(measured_tree / "again")]) == 0
    assert (measured_tree / "again" / "ab.json").read_bytes() == (measured_tree / "reports" / "ab.json").read_bytes()


def test_a_checkout_that_is_not_there_fails_and_the_others_are_audited(
    measured_tree: Path, capsys: pytest.CaptureFixture[str]
):
    stale = measured_tree / "reports" / "gone.json"
    stale.write_text("{}")
    gone = '[checkouts.gone]\ndirectory = "nowhere"\nlabels = "c/d"\n'
    (measured_tree / "checkouts.toml").write_text(gone + (measured_tree / "checkouts.toml").read_text())
    assert collect([str(measured_tree / "checkouts.toml"), "--into", str(measured_tree / "reports")]) == 1
    assert "gone: " in capsys.readouterr().err
    assert (measured_tree / "reports" / "reports.txt").read_text().count("--report=") == 1
    assert not stale.exists()


def test_text_lists_each_disagreement_with_its_remark(measured_tree: Path, capsys: pytest.CaptureFixture[str]):
    remarks = measured_tree / "remarks.toml"
    remarks.write_text(_remark(10) + _remark(4))
    assert score(measured_tree, "--remarks", str(remarks)) == 0
    out, err = capsys.readouterr()
    assert "site invented: a/b@0123456789 app.py:10: labelled nothing, reported aiokafka.AIOKafkaConsumer" in out
    assert "    label: nobody looked\n" in out
    assert "leak verdicts: precision 1.00, recall 1.00, F1 1.00" in out
    assert err == "no longer needed: the remark on app.py:4\n"


def _remark(line: int) -> str:
    place = f'code_base = "a/b@0123456789"\npath = "app.py"\nline = {line}\n'
    return f'[[remark]]\n{place}aspects = ["site"]\nfault = "label"\ntext = "nobody looked"\n'


def test_a_page_is_updated_between_its_markers_only(measured_tree: Path):
    page = measured_tree / "page.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter\n")
    assert score(measured_tree, "--update", str(page)) == 0
    first = page.read_text()
    assert first.startswith(f"# Before\n\n{BEGIN}\n\n| code base |")
    assert first.endswith(f"\n\n{END}\n\nAfter\n")
    assert "old" not in first
    assert score(measured_tree, "--update", str(page)) == 0
    assert page.read_text() == first


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--truth", "absent.jsonl"], "absent.jsonl cannot be read: No such file or directory"),
        (["--truth", "broken.jsonl"], "broken.jsonl:2 is no label: Object missing required field `line`"),
        (["--report", "c/d=reports/ab.json"], "no label is about `c/d`"),
        (["--report", "a/b=reports/ab.json"], "there are several reports on a/b@0123456789"),
        (["--remarks", "labels.jsonl"], "labels.jsonl cannot be read: "),
        (["--update", "labels.jsonl"], "labels.jsonl has no part between "),
    ],
)
def test_what_cannot_be_measured_is_named_in_one_sentence(
    measured_tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
):
    monkeypatch.chdir(measured_tree)
    (measured_tree / "broken.jsonl").write_text('\n{"repo": "a/b", "path": "app.py"}\n')
    assert score(measured_tree, *options) == 2
    assert capsys.readouterr().err.startswith(f"measure.score: {sentence}")


def test_a_report_that_is_none_is_named(measured_tree: Path, capsys: pytest.CaptureFixture[str]):
    labels = str(measured_tree / "labels.jsonl")
    assert main(["--truth", labels, "--report", f"a/b={labels}"]) == 2
    assert f"{labels} is no report: " in capsys.readouterr().err


def test_a_repository_at_two_commits_has_to_be_named_with_one(tmp_path: Path):
    lines = [{"repo": "a/b", "commit": commit, "path": "x.py", "line": 1} for commit in ("01" * 20, "02" * 20)]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, lines)))
    bases = read_labels([tmp_path / "labels.jsonl"])
    assert the_one("a/b@02", bases).commit == "02" * 20
    with pytest.raises(MeasureError, match="several commits; name one: a/b@0101010101, a/b@0202020202"):
        the_one("a/b", bases)


def test_a_released_package_is_named_with_its_version():
    base = CodeBase(repo="pypi:film", commit="pypi:film==1.0", labels=())
    assert base.name == "pypi:film==1.0"
    assert base.answers("pypi:film")
    assert base.answers("pypi:film==1.0")
    assert not base.answers("pypi:film==2.0")


def test_the_scripts_explain_themselves():
    for script in ("score", "collect"):
        command = [sys.executable, "-m", f"measure.{script}", "--help"]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.startswith(b"usage: ")


# What is written about it.


def test_the_description_of_labels_names_every_field():
    written = (ROOT / "measure" / "README.md").read_text(encoding="utf-8")
    assert [field for field in Label.__struct_fields__ if f"`{field}`" not in written] == []
    assert all(re.search(rf"\b{aspect}\b", written) for aspect in get_args(Aspect))


def test_the_example_labels_are_labels():
    written = (ROOT / "measure" / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```json\n(.*?)```", written, flags=re.DOTALL)
    decoded = [msgspec.json.decode(line, type=Label) for line in block.splitlines()]
    assert [label.looks_like for label in decoded] == [None, "Producer("]


def test_the_published_figures_stand_between_the_markers_and_every_disagreement_was_judged():
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    measured = page.partition(BEGIN)[2].partition(END)[0]
    assert measured.lstrip().startswith(f"| {tables.HEADINGS[0]} |")
    assert f"| open | {tables.FAULTS['open']} | 0 |" in measured


def test_the_published_remarks_can_be_read_and_name_one_place_once():
    remarks = read_remarks(ROOT / "measure" / "remarks.toml")
    places = [(remark.code_base, remark.path, remark.line, aspect) for remark in remarks for aspect in remark.aspects]
    assert places
    assert len(places) == len(set(places))

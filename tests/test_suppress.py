"""Suppression: comments, what they hold for, and baselines."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kafka_audit.cli import main
from kafka_audit.suppress.adding import with_ignores
from kafka_audit.suppress.comments import comments_in
from tests import sample_report as sample
from tests.test_fixtures import FIXTURES

HEAD = "from kafka import KafkaProducer\n"
LEAK = HEAD + "def send():\n    producer = KafkaProducer()\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that is the current directory."""
    (tmp_path / "setup.cfg").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scan(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        main(["scan", "--format", "json", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code, json.loads(capsys.readouterr().out)


def codes(report: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in report["findings"]]


def spans(source: str) -> list[tuple[str, tuple[str, ...], int, int]]:
    return [(each.form, each.rules, each.first, each.last) for each in comments_in("a.py", source.encode())]


# --- comments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "producer = KafkaProducer()  # kafka-audit: ignore[KA203]",
        "producer = KafkaProducer()  # kafka-audit: ignore[KA306, KA203] a reason",
        "producer = KafkaProducer()  #kafka-audit:ignore [ KA203 ]",
        "producer = KafkaProducer()  # kafka-audit: ignore[local-never-released]",
        "producer = KafkaProducer()  # type: ignore  # kafka-audit: ignore[KA2]",
        "producer = KafkaProducer()  # noqa: KA203",
        "producer = KafkaProducer()  # NOQA:E501,ka203",
        "producer = KafkaProducer(\n        acks=1,\n    )  # kafka-audit: ignore[KA203]",
        "producer = KafkaProducer(  # kafka-audit: ignore[KA203]\n        acks=1,\n    )",
        "producer = KafkaProducer(\n        acks=1,  # kafka-audit: ignore[KA203]\n    )",
        "x = 1; producer = KafkaProducer()  # kafka-audit: ignore[KA203]",
        "# kafka-audit: ignore[KA203]\n    producer = KafkaProducer()",
        "# kafka-audit: ignore[KA203]\n    # another remark\n\n    producer = KafkaProducer()",
        "# kafka-audit: disable[KA203]\n    producer = KafkaProducer()\n    # kafka-audit: enable[KA203]",
        "# kafka-audit: disable[KA203]\n    producer = KafkaProducer()",
        "producer = KafkaProducer()\n    # kafka-audit: file-ignore[KA203]",
    ],
)
def test_a_comment_silences_the_alarm_of_its_statement_range_or_file(
    project: Path, capsys: pytest.CaptureFixture[str], source: str
):
    (project / "a.py").write_text(f"{HEAD}def send():\n    {source}\n")
    code, report = scan(capsys)
    assert (code, codes(report)) == (0, [])
    assert [each["suppressed_by"] for each in report["suppressed"]] == ["comment"]
    code, report = scan(capsys, "--no-ignores")
    assert (code, codes(report)) == (1, ["KA203"])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("producer = KafkaProducer()\n    x = 1  # kafka-audit: ignore[KA203]", ["KA203", "KA902"]),
        ("producer = KafkaProducer()  # kafka-audit: ignore[KA201]", ["KA203", "KA902"]),
        ("# kafka-audit: disable[KA203]\n    # kafka-audit: enable[KA203]\n    producer = KafkaProducer()",
         ["KA203", "KA902"]),
        ("producer = KafkaProducer()  # kafka-audit: ignore[KA2O3]", ["KA203", "KA903"]),
        ("producer = KafkaProducer()  # kafka-audit: ignore", ["KA203", "KA903"]),
        ("producer = KafkaProducer()  # kafka-audit: ignore[]", ["KA203", "KA903"]),
        ("producer = KafkaProducer()  # noqa", ["KA203"]),
        ("producer = KafkaProducer()  # noqa: E501", ["KA203"]),
        ("producer = KafkaProducer()  # see `kafka-audit explain KA203`", ["KA203"]),
        ("producer = KafkaProducer()\n    x = '# kafka-audit: ignore[KA203]'", ["KA203"]),
        ("producer = KafkaProducer()  # kafka-audit: ignore[KA203, KA201]", ["KA902"]),
    ],
)  # fmt: skip
def test_a_comment_that_silences_nothing_is_an_alarm(
    project: Path, capsys: pytest.CaptureFixture[str], source: str, expected: list[str]
):
    (project / "a.py").write_text(f"{HEAD}def send():\n    {source}\n")
    code, report = scan(capsys)
    assert (code, sorted(codes(report))) == (1, expected)


def test_a_comment_for_a_rule_that_did_not_run_is_not_called_unused(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text("from kafka import KafkaProducer  # kafka-audit: ignore[KA306]\n")
    assert codes(scan(capsys)[1]) == []
    assert codes(scan(capsys, "--extend-select", "KA306")[1]) == ["KA902"]


def test_the_reason_is_told(project: Path, capsys: pytest.CaptureFixture[str]):
    source = LEAK.rstrip() + "  # kafka-audit: ignore[KA203] lives as long as we do  # noqa: E501\n"
    (project / "a.py").write_text(source)
    assert [each["reason"] for each in scan(capsys)[1]["suppressed"]] == ["lives as long as we do"]


def test_what_a_comment_holds_for_is_a_logical_line():
    source = "if (a and  # kafka-audit: ignore[KA1]\n    b):\n    pass\nx = '''\n'''  # noqa: KA2\n"
    assert spans(source) == [("ignore", ("KA1",), 1, 2), ("noqa", ("KA2",), 4, 5)]


@pytest.mark.parametrize("source", ["x = (  # kafka-audit: ignore[KA1]\n", "\x00# kafka-audit: ignore[KA1]", "  x\n y"])
def test_source_that_is_no_python_is_no_reason_to_fail(source: str):
    spans(source)


# --- comments that are written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "line", "expected"),
    [
        ("x = f()\n", 1, "x = f()  # kafka-audit: ignore[KA203] why\n"),
        ("x = f()", 1, "x = f()  # kafka-audit: ignore[KA203] why"),
        ("x = f()\r\ny = 1\r\n", 1, "x = f()  # kafka-audit: ignore[KA203] why\r\ny = 1\r\n"),
        ("x = f(\n  1,\n)\n", 2, "x = f(\n  1,\n)  # kafka-audit: ignore[KA203] why\n"),
        ("x = f()  # noqa: E501\n", 1, "x = f()  # noqa: E501  # kafka-audit: ignore[KA203] why\n"),
        ("x = f()  # kafka-audit: ignore[KA301] so\n", 1, "x = f()  # kafka-audit: ignore[KA301, KA203] so\n"),
        ("x = '''a\nb'''\n", 1, "x = '''a\nb'''  # kafka-audit: ignore[KA203] why\n"),
        ("\ufeffx = 'ä'\n", 1, "\ufeffx = 'ä'  # kafka-audit: ignore[KA203] why\n"),
    ],
)
def test_a_comment_is_written_at_the_end_of_the_statement_and_nothing_else_changes(
    source: str, line: int, expected: str
):
    finding = sample.finding("KA203", "local-never-released", None, "m", path="a.py", line=line)
    assert with_ignores("a.py", source.encode(), [finding], "why").decode() == expected


@pytest.mark.parametrize(
    ("content", "reason", "expected"),
    [
        (b"x = f()\n", "two\nlines\r\u2028x", b"x = f()  # kafka-audit: ignore[KA203] two lines x\n"),
        (
            b"# coding: latin-1\nx = '\xe4'\n",
            "\u6f22",
            b"# coding: latin-1\nx = '\xe4'  # kafka-audit: ignore[KA203] \\u6f22\n",
        ),
    ],
)
def test_no_reason_can_break_the_code(content: bytes, reason: str, expected: bytes):
    line = content.count(b"\n")
    finding = sample.finding("KA203", "local-never-released", None, "m", path="a.py", line=line)
    assert with_ignores("a.py", content, [finding], reason) == expected


def test_written_comments_silence_every_alarm_and_are_all_used(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(LEAK + "def again():\n    other = KafkaProducer(\n        acks=1)\n")
    code, report = scan(capsys, "--add-ignore", "before the audit")
    assert (code, codes(report)) == (0, [])
    assert [each["reason"] for each in report["suppressed"]] == ["before the audit"] * 2
    before = (project / "a.py").read_text()
    code, report = scan(capsys, "--add-ignore", "again")
    assert (code, codes(report)) == (0, [])
    assert (project / "a.py").read_text() == before


@pytest.mark.parametrize(
    "name", ["quick_reference", "global/release_that_nothing_calls", "pool/never_drained", "path/every_way_out"]
)
def test_comments_silence_a_whole_project_and_change_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
):
    shutil.copytree(FIXTURES / name, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    Path("setup.cfg").touch()
    before = {path: ast.dump(ast.parse(path.read_bytes())) for path in sorted(Path().rglob("*.py"))}
    alarms = codes(scan(capsys)[1])
    assert alarms
    assert codes(scan(capsys, "--add-ignore", "known")[1]) == []
    code, report = scan(capsys)
    assert (code, codes(report)) == (0, [])
    assert sorted(each["code"] for each in report["suppressed"]) == sorted(alarms)
    assert {path: ast.dump(ast.parse(path.read_bytes())) for path in before} == before


# --- baselines -------------------------------------------------------------------------------------------------------

BASE = ("--baseline", "base.json")


def test_a_baseline_is_written_used_updated_and_pruned(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(LEAK)
    assert scan(capsys, *BASE, "--update-baseline")[0] == 0
    (project / "a.py").write_text(
        "# moved\n\n"
        + LEAK.replace("()\n", "(\n        acks=1,\n    )\n").replace("send(\n        acks=1,\n    )", "send()")
    )
    code, report = scan(capsys, *BASE)
    assert (code, [each["suppressed_by"] for each in report["suppressed"]]) == (0, ["baseline"])
    (project / "b.py").write_text(LEAK)
    code, report = scan(capsys, *BASE)
    assert (code, [each["path"] for each in report["findings"]]) == (1, ["b.py"])
    assert scan(capsys, *BASE, "--update-baseline")[0] == 0
    (project / "a.py").write_text(HEAD)
    code, report = scan(capsys, *BASE)
    assert (code, codes(report), report["findings"][0]["severity"]) == (0, ["KA902"], "info")
    assert scan(capsys, *BASE, "--fail-on-stale")[0] == 1
    assert scan(capsys, *BASE, "--prune-baseline")[0] == 0
    assert [row["path"] for row in json.loads((project / "base.json").read_text())["alarms"]] == ["b.py"]
    assert codes(scan(capsys, *BASE)[1]) == []


def test_rows_of_files_and_rules_that_were_not_asked_are_left_alone(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(LEAK)
    (project / "b.py").write_text(HEAD)
    scan(capsys, *BASE, "--update-baseline")
    before = (project / "base.json").read_text()
    for arguments in (["b.py"], ["--select", "KA1,KA9"]):
        assert codes(scan(capsys, *BASE, *arguments)[1]) == []
        scan(capsys, *BASE, *arguments, "--update-baseline")
        assert (project / "base.json").read_text() == before


def test_a_baseline_that_is_named_in_a_file_lies_beside_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (project / "app").mkdir()
    (project / "app" / "a.py").write_text(LEAK)
    (project / "kafka-audit.toml").write_text('baseline = "base.json"\n')
    assert scan(capsys, "--update-baseline")[0] == 0
    monkeypatch.chdir(project / "app")
    assert scan(capsys)[0] == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "base.json does not exist; --update-baseline writes it"),
        (b"[]", "is no baseline"),
        (b"\xff", "is no baseline"),
        (b'{"schema_version": "9", "alarms": []}', "has version 9"),
    ],
)
def test_a_baseline_that_cannot_be_read_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, sentence: str
):
    (project / "a.py").write_text(LEAK)
    if content is not None:
        (project / "base.json").write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        main(["scan", *BASE])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("no/base.json", "--baseline no/base.json cannot be written: its folder"),
        ("app", "--baseline `app` is a folder"),
    ],
)
def test_a_baseline_that_cannot_be_written_is_refused_before_the_audit(
    project: Path, capsys: pytest.CaptureFixture[str], file: str, sentence: str
):
    (project / "app").mkdir()
    (project / "app" / "a.py").write_text(LEAK)
    with pytest.raises(SystemExit) as ended:
        main(["scan", "--baseline", file, "--update-baseline"])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_baseline_without_a_file_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["scan", "--isolated", "--update-baseline"])
    assert "name its file with --baseline FILE" in capsys.readouterr().err


# --- what could not be judged ----------------------------------------------------------------------------------------


def test_a_file_that_hides_part_of_the_answer_is_an_alarm_and_the_exit_code_still_says_incomplete(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    (project / "a.py").write_text("from kafka import KafkaProducer\nprint 'x'\n")
    (project / "b.py").write_text("print 'x'\n")
    code, report = scan(capsys)
    assert code == 3
    assert [(each["code"], each["path"], each["line"]) for each in report["findings"]] == [("KA901", "a.py", 2)]
    assert [problem["path"] for problem in report["problems"]] == ["a.py", "b.py"]

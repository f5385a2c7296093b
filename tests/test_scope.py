"""Scope: notebooks, stubs, the standard input, and what has changed. The whole project is read, a part is reported."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kafka_audit.cli import main
from kafka_audit.discover.notebooks import notebook

LEAK = "from kafka import KafkaProducer\ndef send():\n    producer = KafkaProducer()\n"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


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
    out, err = capsys.readouterr()
    return ended.value.code, json.loads(out) if out else {"error": err}


def places(report: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["path"], each["line"]) for each in report["findings"]]


def cell(source: object, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "source": source, "metadata": {}}


def write_notebook(path: Path, *cells: dict[str, Any], **metadata: Any) -> None:
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}))


# --- notebooks -------------------------------------------------------------------------------------------------------

NOTEBOOK = (
    cell("# Title\nsome prose with kafka", "markdown"),
    cell(["%pip install kafka-python\n", "from kafka import KafkaProducer\n", "files = !ls\n"]),
    cell("%%bash\nrm -rf (((\n"),
    cell("%%time\ndef send():\n    producer = KafkaProducer()\n    KafkaProducer?\n"),
)


def test_an_alarm_in_a_notebook_has_its_cell_and_the_line_in_it(project: Path, capsys: pytest.CaptureFixture[str]):
    write_notebook(project / "a.ipynb", *NOTEBOOK)
    code, report = scan(capsys)
    assert (code, places(report)) == (1, [("a.ipynb:cell 4", 3)])
    assert report["findings"][0]["trace"][0]["path"] == "a.ipynb:cell 4"
    assert report["producers"][0]["path"] == "a.ipynb:cell 4"
    assert report["findings"][0]["end_line"] == 3
    assert report["problems"] == []


def test_nobody_imports_a_notebook(project: Path, capsys: pytest.CaptureFixture[str]):
    made = "from confluent_kafka import Producer\nproducer = Producer({})\n"
    used = "def send():\n    producer.produce('a', b'1')\n    producer.flush()\n"
    write_notebook(project / "a.ipynb", cell(made), cell(used), cell("feed.filter(on_data=send)\n"))
    assert scan(capsys)[0] == 0
    (project / "a.py").write_text(made + used + "feed.filter(on_data=send)\n")
    assert [finding["code"] for finding in scan(capsys)[1]["findings"]] == ["KA101"]


def test_a_notebook_is_quoted_by_its_cell(project: Path, capsys: pytest.CaptureFixture[str]):
    write_notebook(project / "a.ipynb", *NOTEBOOK)
    with pytest.raises(SystemExit):
        main(["scan", "--format", "full"])
    assert " 3 |     producer = KafkaProducer()\n" in capsys.readouterr().out


@pytest.mark.parametrize("format", ["github", "gitlab", "sarif", "rdjson", "junit"])
def test_services_get_the_file_and_are_told_the_cell(project: Path, capsys: pytest.CaptureFixture[str], format: str):
    write_notebook(project / "a.ipynb", *NOTEBOOK)
    with pytest.raises(SystemExit):
        main(["scan", "--format", format])
    out = capsys.readouterr().out
    assert "a.ipynb:cell" not in out
    assert "cell 4, line 3: KafkaProducer" in out


def test_a_comment_in_a_cell_suppresses_and_nothing_is_ever_written_into_a_notebook(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    write_notebook(project / "a.ipynb", cell(LEAK))
    before = (project / "a.ipynb").read_bytes()
    assert scan(capsys, "--add-ignore", "x")[0] == 1
    with pytest.raises(SystemExit):
        main(["fix", "--unsafe"])
    capsys.readouterr()
    assert (project / "a.ipynb").read_bytes() == before
    write_notebook(project / "a.ipynb", cell(LEAK.rstrip() + "  # kafka-audit: ignore[KA203]"))
    assert scan(capsys)[0] == 0


def test_a_module_and_a_notebook_know_each_other(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "bus.py").write_text("from kafka import KafkaProducer\nclass Bus(KafkaProducer): ...\n")
    write_notebook(project / "a.ipynb", cell("from bus import Bus"), cell("def f():\n    p = Bus()\n    p.send('t')\n"))
    assert places(scan(capsys)[1]) == [("a.ipynb:cell 2", 2)]


def test_a_notebook_that_does_not_parse_is_told_by_its_cell(project: Path, capsys: pytest.CaptureFixture[str]):
    write_notebook(project / "a.ipynb", cell("from kafka import KafkaProducer"), cell("x = 1\nprint 'two'\n"))
    code, report = scan(capsys)
    assert code == 3
    assert [(each["path"], each["line"]) for each in report["problems"]] == [("a.ipynb:cell 2", 2)]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"cells": 3}', b'{"worksheets": []}', b"import kafka(\n"]
)
def test_a_file_that_is_no_notebook_stops_nothing(project: Path, capsys: pytest.CaptureFixture[str], content: bytes):
    (project / "odd.ipynb").write_bytes(content)
    (project / "a.py").write_text(LEAK)
    assert places(scan(capsys)[1])[0] == ("a.py", 3)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, b"x = 1\n"),
        ({"language_info": {"name": "python"}}, b"x = 1\n"),
        ({"kernelspec": {"language": "R"}}, b""),
        ({"language_info": 3}, b"x = 1\n"),
    ],
)
def test_only_python_is_read_of_a_notebook(metadata: dict[str, Any], expected: bytes):
    found = notebook(json.dumps({"metadata": metadata, "cells": [cell("x = 1"), 7, {"cell_type": "code"}]}).encode())
    assert found is not None
    assert found.source.rstrip(b"\n") == expected.rstrip(b"\n")


def test_a_line_that_only_looks_like_a_magic_is_read(project: Path, capsys: pytest.CaptureFixture[str]):
    source = 'from kafka import KafkaProducer\ndef f(x):\n    p = KafkaProducer(client_id="%s"\n    % x)\nawait g()\n'
    write_notebook(project / "a.ipynb", cell(source))
    _, report = scan(capsys)
    assert places(report) == [("a.ipynb:cell 1", 3)]
    assert report["problems"] == []


# --- stubs and the standard input ------------------------------------------------------------------------------------


def test_stubs_are_left_out_and_counted(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").touch()
    (project / "a.pyi").write_text(LEAK)
    assert scan(capsys)[1]["summary"]["skipped"]["stubs"] == 1
    with pytest.raises(SystemExit):
        main(["scan", "--format", "text"])
    assert "Left out: 1 stub file, which creates nothing\n" in capsys.readouterr().out


@pytest.mark.parametrize("exists", [True, False])
def test_the_standard_input_stands_for_a_file(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, exists: bool
):
    (project / "bus.py").write_text("from kafka import KafkaProducer\nclass Bus(KafkaProducer): ...\n")
    if exists:
        (project / "a.py").touch()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from bus import Bus\ndef f():\n    p = Bus()\n")))
    code, report = scan(capsys, "-", "--stdin-filename", "a.py")
    assert (code, places(report)) == (1, [("a.py", 3)])
    assert report["summary"]["files_seen"] == 1


def test_the_standard_input_needs_no_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LEAK.encode())))
    assert places(scan(capsys, "-")[1]) == [("stdin.py", 3)]


# --- what has changed ------------------------------------------------------------------------------------------------


def git(*arguments: str) -> None:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@example.invalid", "-c", "init.defaultBranch=main"]
    subprocess.run([*command, *arguments], check=True, capture_output=True)


@needs_git
def test_only_files_that_have_changed_are_reported_and_all_are_read(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "old.py").write_text(LEAK)
    (project / "bus.py").write_text("from kafka import KafkaProducer\nclass Bus(KafkaProducer): ...\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    assert scan(capsys, "--changed-since", "HEAD") == (0, scan(capsys, "--changed-since", "HEAD")[1])
    (project / "new.py").write_text("from bus import Bus\ndef f():\n    p = Bus()\n")
    assert places(scan(capsys, "--changed-since", "HEAD")[1]) == [("new.py", 3)]
    (project / "old.py").write_text(LEAK + "\n")
    git("checkout", "-b", "branch")
    git("commit", "-am", "second")
    assert places(scan(capsys, "--changed-since", "main")[1]) == [("new.py", 3), ("old.py", 3)]
    assert places(scan(capsys, "old.py", "--changed-since", "main")[1]) == [("old.py", 3)]


@needs_git
@pytest.mark.parametrize("revision", ["nope", "-O/etc/passwd", "--output=x"])
def test_a_revision_that_git_does_not_know_is_refused(project: Path, capsys: pytest.CaptureFixture[str], revision: str):
    (project / "a.py").write_text(LEAK)
    git("init")
    code, report = scan(capsys, "--changed-since", revision)
    assert code == 2
    assert report["error"].startswith("kafka-audit: --changed-since")
    assert report["error"].count("\n") == 1
    assert not (project / "x").exists()


@needs_git
def test_outside_a_repository_nothing_can_have_changed(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(LEAK)
    assert scan(capsys, "--changed-since", "HEAD")[0] == 2

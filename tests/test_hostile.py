"""Code bases that mean harm, or look as if they did: the audit neither stops, nor believes them, nor runs them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from kafka_audit.cli import main

ALARMING = "from aiokafka import AIOKafkaProducer\nproducer = AIOKafkaProducer()\n"

pytestmark = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="needs a POSIX file system of bytes")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.cfg").touch()
    return tmp_path


def scan(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and the output; nothing may be said on the error stream."""
    with pytest.raises(SystemExit) as ended:
        main(["scan", *arguments])
    out, err = capsys.readouterr()
    assert err == ""
    assert isinstance(ended.value.code, int)
    return ended.value.code, out


NAMES = [
    b"new\nline.py",
    b"\x1b[31mred.py",
    b"\xff\xfe.py",
    b"quote'\".py",
    b" .py",
    b"-rf.py",
    "sn\u2028o\u202ew.py".encode(),
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize("format", ["text", "concise", "json"])
def test_the_name_of_a_file_cannot_act_on_the_terminal(
    project: Path, capsys: pytest.CaptureFixture[str], name: bytes, format: str
):
    Path(os.fsdecode(name)).write_text(ALARMING)
    code, out = scan(capsys, "--format", format)
    assert code == 1
    assert all(line.isprintable() for line in out.split("\n"))
    out.encode("utf-8")


def test_a_name_that_is_no_text_is_found_again_in_the_report(project: Path, capsys: pytest.CaptureFixture[str]):
    Path(os.fsdecode(b"\xff.py")).write_text(ALARMING)
    report = json.loads(scan(capsys, "--format", "json")[1])
    assert [producer["path"] for producer in report["producers"]] == ["\\xff.py"]


def test_a_hostile_path_on_the_command_line_is_told_without_harm(project: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["scan", "\x1b[31m\nnope\udcff"])
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.strip().isprintable()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xfe\x00k\x00a", "encoding"),
        (b"# coding: nonsense\nimport kafka\n", "encoding"),
        (b"import kafka\n\x00", "syntax"),
        (b"import kafka\nprint 'two'\n", "syntax"),
        (b"import kafka\n<<<<<<< HEAD\nx = 1\n", "syntax"),
    ],
)
def test_bytes_that_are_no_python_are_named(
    project: Path, capsys: pytest.CaptureFixture[str], content: bytes, kind: str
):
    (project / "odd.py").write_bytes(content)
    (project / "bus.py").write_text(ALARMING)
    _, out = scan(capsys, "--format", "json")
    report = json.loads(out)
    assert [problem["path"] for problem in report["problems"]] == ["odd.py"]
    assert report["problems"][0]["kind"] == kind
    assert len(report["producers"]) == 1


DEEP = {
    "parentheses": b"x = " + b"(" * 100_000 + b")" * 100_000,
    "signs": b"x = " + b"-" * 100_000 + b"1",
    "brackets": b"x = " + b"[" * 100_000,
    "attributes": b"x = a" + b".b" * 100_000,
    "calls": b"x = f" + b"()" * 100_000,
    "sums": b"x = 1" + b" + 1" * 100_000,
    "blocks": b"".join(b" " * depth + b"if x:\n" for depth in range(3_000)) + b" " * 3_000 + b"pass\n",
    "chain": b"if x: pass\n" + b"elif x: pass\n" * 20_000,
}


@pytest.mark.parametrize("shape", DEEP)
@pytest.mark.parametrize("client", [b"import kafka\n", b""], ids=["relevant", "irrelevant"])
def test_depth_that_breaks_parsers_stops_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], shape: str, client: bytes
):
    (project / "deep.py").write_bytes(client + DEEP[shape] + b"\n")
    (project / "bus.py").write_text(ALARMING)
    code, out = scan(capsys, "--format", "json")
    report = json.loads(out)
    assert code == 1
    assert [producer["path"] for producer in report["producers"]] == ["bus.py"]
    assert all(problem["path"] == "deep.py" for problem in report["problems"])


REPEATED = {
    "lists of imports without an end": b"import(" * 30_000,
    "such lists in comments": b"import(#import(\n" * 20_000,
    "comments that nearly suppress": b"# noqa: KA" * 30_000,
    "comments with a bracket open": b"# kafka-audit: ignore[" * 15_000,
    "brackets behind a name": b'x = "a' + b"[]" * 100 + b'!"',
}


@pytest.mark.parametrize("shape", REPEATED)
def test_what_searches_could_get_lost_in_stops_nothing(project: Path, capsys: pytest.CaptureFixture[str], shape: str):
    (project / "odd.py").write_bytes(ALARMING.encode() + REPEATED[shape] + b"\n")
    (project / "bus.py").write_text(ALARMING)
    _, out = scan(capsys, "--format", "json")
    assert "bus.py" in [producer["path"] for producer in json.loads(out)["producers"]]


def test_many_clients_in_one_variable_are_all_told(project: Path, capsys: pytest.CaptureFixture[str]):
    made = "from confluent_kafka import Producer\n" + "if x: p = Producer({})\n" * 2_000
    (project / "bus.py").write_text(made)
    _, out = scan(capsys, "--format", "json")
    assert len(json.loads(out)["producers"]) == 2_000


def test_audited_code_is_never_run(project: Path, capsys: pytest.CaptureFixture[str]):
    bomb = "import kafka\nopen('ran', 'w')\nraise SystemExit(99)\n"
    for name in ("setup.py", "conftest.py", "sitecustomize.py", "typer.py", "libcst.py", "kafka.py", "__init__.py"):
        (project / name).write_text(bomb)
    code, _ = scan(capsys)
    assert code in {0, 1}
    assert not (project / "ran").exists()


def test_a_class_that_inherits_from_itself_ends(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text("from b import B\nfrom kafka import KafkaProducer\nclass A(B, A): ...\nA()\n")
    (project / "b.py").write_text("from a import A\nfrom a import *\nclass B(A): ...\nB()\n")
    code, _ = scan(capsys)
    assert code == 0


def test_a_folder_of_links_to_each_other_ends(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "bus.py").write_text(ALARMING)
    for number in range(20):
        (project / f"d{number}").mkdir()
        for other in range(20):
            os.symlink(f"../d{other}", project / f"d{number}" / f"l{other}")
    report = json.loads(scan(capsys, "--format", "json")[1])
    assert report["summary"]["files_seen"] == 1

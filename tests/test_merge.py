"""One report of several: what one audit of all would have written, as far as the parts do not know each other."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from kafka_audit.cli import main
from kafka_audit.model import Report
from kafka_audit.pipeline import audit
from kafka_audit.pipeline.merging import merged
from kafka_audit.settings import Settings

LEAK = "from kafka import KafkaProducer\n\ndef send():\n    producer = KafkaProducer()\n"
POOL = "from kafka import KafkaConsumer\n\ndef read():\n    return [KafkaConsumer()]\n"
BROKEN = "from kafka import KafkaProducer\ndef f(:\n"


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of projects that do not know each other."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"mail": LEAK, "post": POOL, "shop": BROKEN, "till": LEAK}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "setup.cfg").touch()
        (folder / f"{name}.py").write_text(text)
    return ["mail", "post", "shop", "till"]


def scanned(*paths: str) -> Report:
    return audit(Settings(paths=paths, roles=("consumer", "producer"), jobs=1))


def told(report: Report) -> list[object]:
    return [
        [(each.path, each.line, each.kind) for each in report.producers],
        [(each.code, each.path, each.line, each.message) for each in report.findings],
        report.problems,
        report.summary,
    ]


def test_the_reports_on_the_parts_come_to_the_report_on_the_whole(parts: list[str]):
    one = merged([scanned(part) for part in reversed(parts)])
    assert told(one) == told(scanned(*parts))
    assert not one.summary.complete
    assert one.summary.files_seen == 4


def test_what_two_reports_tell_alike_is_told_once(parts: list[str]):
    report = scanned("mail")
    twice = merged([report, report])
    assert twice.findings == report.findings
    assert twice.producers == report.producers


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_command_writes_a_report_of_the_same_form(parts: list[str], capsys: pytest.CaptureFixture[str]):
    for part in parts:
        assert run("scan", part, "--exit-zero", "-f", "json", "-o", f"{part}.json") == 0
    assert run("merge", *(f"{part}.json" for part in parts)) == 0
    printed = capsys.readouterr().out
    assert msgspec.json.decode(printed, type=Report).summary.by_code["KA203"] == 2
    assert run("merge", "-o", "all.json", *(f"{part}.json" for part in parts)) == 0
    assert Path("all.json").read_text() == printed
    assert run("merge", "all.json") == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"schema_version": "1"}'])
def test_what_is_no_report_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str | None
):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("a.json").write_text(content)
    assert run("merge", "a.json") == 2
    said = capsys.readouterr()
    assert said.err.startswith("kafka-audit: a.json ")
    assert said.err.count("\n") == 1


def test_a_report_of_another_version_is_refused(parts: list[str], capsys: pytest.CaptureFixture[str]):
    assert run("scan", "mail", "--exit-zero", "-f", "json", "-o", "a.json") == 0
    values = json.loads(Path("a.json").read_text())
    values["tool"]["version"] = "0.0.1"
    Path("a.json").write_text(json.dumps(values))
    assert run("merge", "a.json") == 2
    assert "was written by kafka-audit 0.0.1" in capsys.readouterr().err

"""The command `fix`: what it writes, what it only shows, how it ends, and when it leaves everything as it was."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kafka_audit.fix.refusal import Refused
from kafka_audit.pipeline import fixing
from kafka_audit.pipeline.replacing import Change, replace_all
from kafka_audit.settings import ConfigError
from tests.test_cli import project, run  # noqa: F401  # a fixture
from tests.test_fixtures import FIXTURES

BROKEN = """\
from kafka import KafkaProducer


def send(row: bytes) -> None:
    producer = KafkaProducer()
    producer.send("rows", row).get(timeout=10)
    producer.close()
"""
WHOLE = """\
from kafka import KafkaProducer


def send(row: bytes) -> None:
    producer = KafkaProducer()
    try:
        producer.send("rows", row).get(timeout=10)
    finally:
        producer.close()
"""
REFUSED = """\
from kafka import KafkaProducer


def send(row: bytes) -> None:
    KafkaProducer().send("rows", row)
"""


def test_a_repair_is_written_and_told(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(BROKEN)
    assert run("fix") == 0
    assert (project / "a.py").read_text() == WHOLE
    assert capsys.readouterr().out == (
        "a.py:5: KA301 fixed: Release the KafkaProducer in a `finally` (safe)\nfixed 1 of 1 alarm in 1 file\n"
    )


def test_a_second_run_changes_nothing(project: Path):  # noqa: F811
    (project / "a.py").write_text(BROKEN)
    run("fix")
    text, before = (project / "a.py").read_text(), (project / "a.py").stat()
    assert run("fix") == 0
    after = (project / "a.py").stat()  # it has been read, so not all of that is the same
    assert (after.st_ino, after.st_mtime_ns, (project / "a.py").read_text()) == (
        before.st_ino,
        before.st_mtime_ns,
        text,
    )


def test_a_diff_is_shown_and_nothing_is_written(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(BROKEN)
    assert run("fix", "--diff") == 1
    assert (project / "a.py").read_text() == BROKEN
    told = capsys.readouterr()
    assert told.err == "would fix 1 of 1 alarm in 1 file\n"
    subprocess.run(["patch", "-p1", "-s"], input=told.out, text=True, cwd=project, check=True)
    assert (project / "a.py").read_text() == WHOLE


def test_a_diff_of_a_file_without_a_last_newline_applies(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(BROKEN.rstrip("\n"))
    run("fix", "--diff")
    subprocess.run(["patch", "-p1", "-s"], input=capsys.readouterr().out, text=True, cwd=project, check=True)
    assert (project / "a.py").read_text() == WHOLE.rstrip("\n")


def test_a_diff_without_a_change_is_empty(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(WHOLE)
    assert run("fix", "--diff") == 0
    assert capsys.readouterr().out == ""


def test_what_is_left_is_told_with_its_reason(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(REFUSED)
    assert run("fix") == 1
    assert capsys.readouterr().out == "fixed 0 of 1 alarm in 0 files; refused 1 (--show-fixes says why)\n"
    assert run("fix", "--show-fixes") == 1
    assert "a.py:5: KA203 refused: it is made in the middle of a larger statement; by hand: use " in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("name", ["owner/never_asked", "hook/dead", "container/never_closed"])
def test_every_refusal_says_what_to_do_by_hand(
    name: str,
    project: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(shutil.copytree(FIXTURES / name, project / "copy"))
    run("fix", "--unsafe", "--show-fixes", "--isolated")
    refused = [line for line in capsys.readouterr().out.splitlines() if " refused: " in line]
    assert refused
    assert [line for line in refused if "; by hand: " not in line or line.endswith(".")] == []


def test_only_the_selected_rules_are_repaired(project: Path):  # noqa: F811
    (project / "a.py").write_text(BROKEN)
    assert run("fix", "--select", "KA2") == 0
    assert (project / "a.py").read_text() == BROKEN
    assert run("fix", "--select", "KA301") == 0
    assert (project / "a.py").read_text() == WHOLE


def test_only_the_named_files_are_repaired(project: Path):  # noqa: F811
    for name in ("a.py", "b.py"):
        (project / name).write_text(BROKEN)
    assert run("fix", "b.py") == 0
    assert ((project / "a.py").read_text(), (project / "b.py").read_text()) == (BROKEN, WHOLE)


def test_a_file_keeps_its_mode_and_its_link(project: Path):  # noqa: F811
    (project / "store").mkdir()
    (project / "store" / "real.txt").write_text(BROKEN)
    (project / "store" / "real.txt").chmod(0o750)
    (project / "a.py").symlink_to("store/real.txt")
    assert run("fix") == 0
    assert (project / "a.py").is_symlink()
    assert (project / "store" / "real.txt").read_text() == WHOLE
    assert stat.S_IMODE((project / "store" / "real.txt").stat().st_mode) == 0o750
    assert sorted(os.listdir(project / "store")) == ["real.txt"]


def test_a_file_that_changed_meanwhile_is_not_overwritten(
    project: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    for name in ("a.py", "b.py"):
        (project / name).write_text(BROKEN)
    write = fixing.Fixes.write

    def late(fixes: fixing.Fixes) -> None:
        (project / "b.py").write_text("# somebody else's work\n")
        write(fixes)

    monkeypatch.setattr(fixing.Fixes, "write", late)
    assert run("fix") == 2
    assert "b.py changed while the audit ran; nothing was written" in capsys.readouterr().err
    assert (project / "a.py").read_text() == BROKEN
    assert (project / "b.py").read_text() == "# somebody else's work\n"
    assert sorted(os.listdir(project)) == ["a.py", "b.py", "setup.cfg"]


def test_files_change_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    changes = {}
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"old")
        changes[str(tmp_path / name)] = Change(b"old", b"new")
    really, count = os.replace, iter(range(10))

    def failing(source: str, target: str) -> None:
        if next(count) == 1:
            raise PermissionError(13, "Permission denied", target)
        really(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(ConfigError, match="b cannot be written: Permission denied; nothing was changed"):
        replace_all(changes)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys("abc", b"old")


def test_a_repair_that_does_not_do_what_it_should_is_withdrawn(
    project: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    from kafka_audit.fix.case import Repair
    from kafka_audit.fix.plan import REPAIRS

    (project / "a.py").write_text(BROKEN)
    spoilt = {
        "def (": "a.py would not parse after: Spoil it",
        BROKEN + "# nothing else\n": "KA301 is still there after: Spoil it",
    }
    for text, reason in spoilt.items():
        monkeypatch.setitem(REPAIRS, "KA301", (lambda case, t=text: Repair("safe", "Spoil it", {"a.py": t.encode()}),))
        assert run("fix") == 3
        assert (project / "a.py").read_text() == BROKEN
        out = capsys.readouterr().out
        assert f"KA301 withdrawn: {reason}" in out
        assert "withdrew 1, a mistake in kafka-audit" in out


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.py", BROKEN.replace("KafkaProducer()\n", "KafkaProducer()  # kafka-audit: ignore[KA301]\n")),
        ("kafka-audit.toml", 'per-file-ignores = { "a.py" = ["KA3"] }\n'),
        ("kafka-audit.toml", 'ignore = ["KA301"]\n'),
        ("kafka-audit.toml", 'exclude = ["a.py"]\n'),
        ("kafka-audit.toml", 'min-severity = "error"\n'),
    ],
)
def test_what_is_suppressed_is_not_repaired(project: Path, file: str, text: str):  # noqa: F811
    (project / "b.py").touch()
    (project / "a.py").write_text(BROKEN)
    (project / file).write_text(text)
    before = (project / "a.py").read_bytes()
    assert run("fix", "--unsafe") == 0
    assert (project / "a.py").read_bytes() == before


def test_the_standard_input_is_no_file_to_repair(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    assert run("fix", "-") == 2
    assert "name one instead of `-`" in capsys.readouterr().err


# --- scan ------------------------------------------------------------------------------------------------------------


def test_a_scan_repairs_first_and_reports_what_is_left(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(BROKEN)
    (project / "b.py").write_text(REFUSED)
    assert run("scan", "--fix", "--format", "concise", "--no-cache") == 1
    assert (project / "a.py").read_text() == WHOLE
    told = capsys.readouterr()
    assert "fixed 1 of 2 alarms in 1 file" in told.err
    assert [line.split(":")[0] for line in told.out.splitlines()[:-1]] == ["b.py"]


def patched(source: str, edits: list[dict[str, Any]]) -> str:
    """The source after edits by whole lines, which may end at the end of the file."""
    lines = source.splitlines(keepends=True)
    for edit in reversed(edits):
        assert edit["column"] == 1
        end = edit["end_line"] - (1 if edit["end_column"] == 1 else 0)
        lines[edit["line"] - 1 : end] = [edit["text"]]
    return "".join(lines)


@pytest.mark.parametrize(
    "source", [BROKEN, BROKEN.rstrip("\n"), BROKEN.replace("\n", "\r\n")], ids=["lf", "cut", "crlf"]
)
def test_sarif_has_the_replacements_that_fix_would_make(
    source: str,
    project: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
):
    (project / "a.py").write_bytes(source.encode())
    run("scan", "--format", "sarif", "--show-fixes", "--cache")  # what is kept of the file is not for its repair
    [result] = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    [fix] = result["fixes"]
    [change] = fix["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "a.py", "uriBaseId": "%SRCROOT%"}
    names = {"startLine": "line", "startColumn": "column", "endLine": "end_line", "endColumn": "end_column"}
    edits = [
        {names[key]: value for key, value in each["deletedRegion"].items()} | {"text": each["insertedContent"]["text"]}
        for each in change["replacements"]
    ]
    assert run("fix") == 0
    assert patched(source, edits).encode() == (project / "a.py").read_bytes()


def test_a_repair_that_the_audit_does_not_bear_has_no_edits(
    project: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    (project / "a.py").write_text(BROKEN)
    monkeypatch.setattr("kafka_audit.fix.trials._check", refuse)
    run("scan", "--format", "sarif", "--show-fixes", "--no-cache")
    [result] = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert "fixes" not in result
    assert result["properties"]["fix"]["safety"] == "manual"


def refuse(repair: object) -> None:
    raise Refused("no")


def test_a_scan_tells_with_each_alarm_how_it_would_be_repaired(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(BROKEN)
    (project / "b.py").write_text(REFUSED)
    assert run("scan", "--format", "json", "--show-fixes", "--no-cache") == 1
    fixes = [finding["fix"] for finding in json.loads(capsys.readouterr().out)["findings"]]
    edits = [fix.pop("edits") for fix in fixes]
    assert fixes == [
        {"safety": "safe", "title": "Release the KafkaProducer in a `finally`", "refused": None},
        {"safety": "manual", "title": "", "refused": "it is made in the middle of a larger statement"},
    ]
    assert patched(BROKEN, edits[0]) == WHOLE
    assert edits[1] == []
    assert (project / "a.py").read_text() == BROKEN


def test_a_scan_that_is_not_asked_for_repairs_tells_none(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(BROKEN)
    run("scan", "--format", "json", "--no-cache")
    assert [finding["fix"] for finding in json.loads(capsys.readouterr().out)["findings"]] == [None]


def test_unsafe_alone_is_no_command(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(WHOLE)
    assert run("scan", "--unsafe") == 2
    assert "--unsafe says which repairs --fix may make; add --fix" in capsys.readouterr().err


# --- safety ----------------------------------------------------------------------------------------------------------

IMPORTED = """\
from kafka import KafkaProducer

producer = KafkaProducer()


def send(row: bytes) -> None:
    producer.send("rows", row)


def close() -> None:
    producer.close()
"""
USING = "from a import close, send\n\n\ndef main():\n    try:\n        send(b'1')\n    finally:\n        close()\n"


def test_a_change_of_behaviour_needs_to_be_asked_for(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(IMPORTED)
    (project / "b.py").write_text(USING)
    assert run("fix", "--show-fixes", "--select", "KA101") == 1
    assert "it changes behaviour, which needs --unsafe" in capsys.readouterr().out
    assert (project / "a.py").read_text() == IMPORTED
    run("fix", "--unsafe", "--select", "KA101")
    assert "def get_producer()" in (project / "a.py").read_text()


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ("from unittest.mock import patch\n\nfake = patch('a.producer')\n", "a string in b.py names `producer`"),
        ("from a import *\n\nproducer.send('x', b'')\n", "b.py imports everything from a.py"),
        ("from a import producer\n\nproducer.send('x', b'')\n", "`producer` is read while a module is imported"),
        ("def f():\n    from a import producer\n    producer.flush()\n", "b.py imports `producer` inside a function"),
        ("from a import producer\n\ndef f():\n    return lambda: producer.flush()\n", "`producer` is read in a lambda"),
        ("from a import producer\n\ndef f():\n    if producer:\n        pass\n", "asking for it would make it"),
        ("import a\n\ndef f():\n    a.producer = None\n", "b.py gives `producer` another value"),
    ],
)
def test_a_reader_that_cannot_ask_is_a_reason_to_change_nothing(
    reader: str,
    reason: str,
    project: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
):
    (project / "a.py").write_text(IMPORTED)
    (project / "b.py").write_text(reader)
    run("fix", "--unsafe", "--show-fixes", "--select", "KA101")
    assert reason in capsys.readouterr().out
    assert ((project / "a.py").read_text(), (project / "b.py").read_text()) == (IMPORTED, reader)


def test_a_file_that_was_not_named_is_not_changed(project: Path, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    (project / "a.py").write_text(IMPORTED)
    (project / "b.py").write_text("from a import producer\n\n\ndef f() -> None:\n    producer.flush()\n")
    run("fix", "--unsafe", "--show-fixes", "--select", "KA101", "a.py")
    assert "it would change b.py, which is not among the files to fix" in capsys.readouterr().out
    assert (project / "a.py").read_text() == IMPORTED

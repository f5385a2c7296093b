"""A newcomer's path: from an empty folder over the first run to a gate that holds, with nothing in the way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.test_cli import process
from tests.test_scope import git, needs_git

LEAK = """\
from kafka import KafkaProducer


def send(row: bytes) -> None:
    producer = KafkaProducer()
    producer.send("rows", row).get(timeout=10)
    producer.close()
"""
OLD = """\
from kafka import KafkaProducer

_producer = None


def producer() -> KafkaProducer:
    global _producer
    if _producer is None:
        _producer = KafkaProducer()
    return _producer
"""


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """A run of the program in a process of its own, as a newcomer types it."""
    started = process(*arguments, cwd=folder)
    out, err = started.communicate()
    return started.returncode, out, err


@needs_git
def test_from_nothing_to_a_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    code, _, err = run(tmp_path, "scan")
    assert (code, err) == (2, "kafka-audit: no Python files found in `.`; name another folder or a file\n")

    git("init")  # a first look at code that is there
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "old.py").write_text(OLD)
    (tmp_path / "app" / "send.py").write_text(LEAK)
    code, out, err = run(tmp_path, "scan")
    assert (code, err) == (1, "")
    assert "kafka-audit explain KA301" in out
    assert run(tmp_path, "explain", "KA301")[0] == 0

    code, out, _ = run(tmp_path, "fix", "--diff")  # what can be repaired is repaired
    assert code == 1
    assert "+    finally:" in out
    run(tmp_path, "fix", "app/send.py")
    assert run(tmp_path, "scan", "app/send.py")[0] == 0

    (tmp_path / "pyproject.toml").write_text('[tool.kafka-audit]\nbaselin = "old.json"\n')  # a mistake is answered
    code, _, err = run(tmp_path, "scan")
    assert (code, "did you mean `baseline`?" in err) == (2, True)
    (tmp_path / "pyproject.toml").write_text('[tool.kafka-audit]\nbaseline = "old.json"\n')
    assert "--update-baseline writes it" in run(tmp_path, "scan")[2]
    assert run(tmp_path, "scan", "--update-baseline")[0] == 0  # the rest is for later
    assert run(tmp_path, "scan")[0] == 0
    git("add", ".")
    git("commit", "-m", "all")

    (tmp_path / "app" / "new.py").write_text(LEAK)  # the gate tells what is new, and only that
    code, out, _ = run(tmp_path, "scan", "--format", "concise", "-o", "sarif:gate.sarif")
    assert (code, out.splitlines()[0].split(":")[0]) == (1, "app/new.py")
    [log] = json.loads((tmp_path / "gate.sarif").read_text())["runs"]
    assert sorted("suppressions" in result for result in log["results"]) == [False, True]
    assert run(tmp_path, "scan", "--changed-since", "HEAD")[0] == 1
    assert run(tmp_path, "scan", "app/old.py", "app/send.py")[0] == 0  # as a commit hook asks
    run(tmp_path, "scan", "--add-ignore", "rewritten next week")
    assert run(tmp_path, "scan")[0] == 0

    (tmp_path / "app" / "old.py").write_text("from kafka import KafkaProducer\n")  # a baseline only shrinks
    assert run(tmp_path, "scan", "--fail-on-stale")[0] == 1
    assert run(tmp_path, "scan", "--prune-baseline")[0] == 0
    assert run(tmp_path, "scan", "--fail-on-stale")[0] == 0
    changed = subprocess.run(["git", "status", "--short"], capture_output=True, text=True, check=True).stdout
    assert changed.split() == ["M", "app/old.py", "M", "old.json", "??", "app/new.py", "??", "gate.sarif"]

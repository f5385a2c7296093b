"""Runs that end before their time, or run beside one another: nothing is left half-written, and nobody waits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kafka_audit.pipeline import replacing
from kafka_audit.pipeline.replacing import Change, replace_all

ROOT = Path(__file__).parent.parent
ALARMING = "from kafka import KafkaProducer\nproducer = KafkaProducer()\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the signals and processes of Linux")

BUSY = """
import os, sys, time
from kafka_audit.pipeline import workers
from kafka_audit.cli import main
workers.WORTH_A_POOL = 0
def extracted(content):
    open(os.path.join(os.environ["STARTED"], str(os.getpid())), "w").close()
    time.sleep(60)
workers.extracted = extracted
main()
"""
"""A run whose workers never get ready. Each leaves a file that is called after it."""

BUSY_JUDGING = """
import os, time
from kafka_audit.pipeline import judging
from kafka_audit.cli import main
judging.WORTH_A_PROCESS, judging.WORTH_SPREADING = 1, 0
def linked(given, reading, part):
    open(os.path.join(os.environ["STARTED"], str(os.getpid())), "w").close()
    time.sleep(60)
judging.linked = linked
main()
"""
"""The same of the processes that each judge a part of the program."""

KILLED_ONCE = """
import os, signal
from kafka_audit.pipeline import workers
from kafka_audit.cli import main
workers.WORTH_A_POOL = 0
real = workers.extracted
def extracted(content):
    if b"unlucky" in content:
        try:
            os.close(os.open(os.path.join(os.environ["STARTED"], "killed"), os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)
        except FileExistsError:
            pass
    return real(content)
workers.extracted = extracted
main()
"""
"""A run in which the memory of the machine ends once, and the system kills a worker."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (tmp_path / "started").mkdir()
    folder.mkdir()
    (folder / "setup.cfg").touch()
    for number in range(6):
        (folder / f"bus{number}.py").write_text(f"{ALARMING}x = {number}\n")
    return folder


def begin(project: Path, *command: str) -> subprocess.Popen[str]:
    """A run with a group of its own, as a shell starts it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STARTED": str(project.parent / "started")}
    return subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, *command],  # a shell's background has its children ignore it
        cwd=project, env=environment, stdout=-1, stderr=-1, text=True, start_new_session=True,
    )  # fmt: skip


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("busy", [BUSY, BUSY_JUDGING], ids=["parsing", "judging"])
@pytest.mark.parametrize("whole_group", [True, False], ids=["typed", "sent to the first process"])
def test_an_interrupt_ends_all_processes_at_once_with_one_line(
    project: Path, tmp_path: Path, busy: str, whole_group: bool
):
    cache, started = tmp_path / "cache", tmp_path / "started"
    command = ("scan", "--jobs", "2", "--cache-dir", str(cache), "-o", "report.json")
    with begin(project, "-c", busy, *command) as first:
        assert until(lambda: len(list(started.iterdir())) == 2), "both workers are at work"
        (os.killpg if whole_group else os.kill)(first.pid, signal.SIGINT)
        sent = time.monotonic()
        out, err = first.communicate(timeout=30)
        took = time.monotonic() - sent
    assert (out, err, first.returncode) == ("", "kafka-audit: interrupted\n", 130)
    assert took < 10, "a worker would have slept for a minute"
    assert until(lambda: not any(is_running(int(each.name)) for each in started.iterdir())), "a worker is left"
    assert not (project / "report.json").exists()
    assert not list(cache.rglob("*.msgpack"))
    assert not list(tmp_path.rglob(f"{replacing.DRAFT}*"))


def test_a_worker_that_is_killed_costs_nothing_but_time(project: Path, tmp_path: Path):
    (project / "bus3.py").write_text(f"{ALARMING}unlucky = True\n")
    command = ("scan", "--jobs", "2", "--no-cache", "--format", "json")
    with begin(project, "-m", "kafka_audit", *command) as quiet, begin(project, "-c", KILLED_ONCE, *command) as killed:
        expected, (out, err) = quiet.communicate(timeout=60)[0], killed.communicate(timeout=60)
    assert (tmp_path / "started" / "killed").exists()
    assert err == ""
    assert json.loads(out)["summary"]["producers"] == 6
    assert out == expected


def test_runs_at_once_on_one_tree_say_the_same_and_leave_a_sound_cache(project: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    command = ("-m", "kafka_audit", "scan", "--format", "json", "--cache-dir", str(cache))
    runs = [begin(project, *command) for _ in range(4)]
    told = {run.communicate(timeout=60) for run in runs}
    assert len(told) == 1
    assert next(iter(told))[1] == ""
    before = {path: path.read_bytes() for path in cache.iterdir()}
    with begin(project, *command) as again:
        assert again.communicate(timeout=60) in told
    assert {path: path.read_bytes() for path in cache.iterdir()} == before, "the last run recalls what they kept"
    assert not list(cache.glob(f"{replacing.DRAFT}*"))


def test_two_repairs_at_once_leave_each_file_whole(project: Path):
    leaky = "from kafka import KafkaProducer\n\n\ndef send():\n    p = KafkaProducer()\n    p.send('t', b'')\n"
    for number in range(6):
        (project / f"bus{number}.py").write_text(leaky)
    runs = [begin(project, "-m", "kafka_audit", "fix", "--no-cache") for _ in range(2)]
    ends = [(*run.communicate(timeout=90), run.returncode) for run in runs]
    assert all(code in (0, 2) for *_, code in ends), ends
    assert all("changed while the audit ran" in err for _, err, code in ends if code == 2)
    assert {path.read_text().count("finally:") for path in project.glob("*.py")} == {1}
    assert not list(project.glob(f"{replacing.DRAFT}*"))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_interrupt_between_two_files_of_a_repair_takes_back_the_first(
    project: Path, count: int, monkeypatch: pytest.MonkeyPatch
):
    files = sorted(project.glob("bus[012].py"))
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    real, done = os.replace, []

    def replace(source, target):
        if len(done) == count:
            done.append(target)
            raise KeyboardInterrupt
        done.append(target)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        replace_all({str(path): Change(path.read_bytes(), b"new\n") for path in files})
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


COMMANDS = {
    "scan": ["scan", ".", "--format", "full"],
    "json": ["scan", ".", "--format", "json"],
    "fix": ["fix", ".", "--diff"],
    "impact": ["impact", "."],
    "graph": ["graph", "."],
    "explain": ["explain", "KA203"],
    "rules": ["rules"],
    "help": ["scan", "--help"],
    "files": ["scan", ".", "--show-files"],
}


@pytest.mark.parametrize("what", COMMANDS)
def test_a_reader_that_leaves_is_no_trouble(what: str, project: Path):
    (project / "test_bus.py").write_text("from bus1 import producer\n\n\ndef test_it():\n    producer.send('t')\n")
    with begin(project, "-m", "kafka_audit", *COMMANDS[what]) as run:
        assert run.stdout and run.stderr
        run.stdout.close()
        assert run.stderr.read() == "" or what == "fix"
        assert run.wait(timeout=60) in (0, 1)

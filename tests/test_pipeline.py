"""The phases together: what is read, what is parsed where, what the report says and how the run ends."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import kafka_audit
from kafka_audit.discover import Source
from kafka_audit.facts import schema
from kafka_audit.facts.schema import FileFacts, encode, outline
from kafka_audit.link.flow import expressions
from kafka_audit.link.flow.scopes import Module
from kafka_audit.model import Report, Severity
from kafka_audit.pipeline import audit, exit_code, limits, reading, workers
from kafka_audit.pipeline.garbage import collecting, not_collecting
from kafka_audit.pipeline.reading import read
from kafka_audit.pipeline.saving import save
from kafka_audit.pipeline.workers import Workers, checked, extracted
from kafka_audit.settings import ConfigError, Settings
from tests import sample_report as sample

ROOT = Path(__file__).parent.parent
Make = Callable[..., None]

needs_posix = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="needs POSIX files and forked processes")
forking = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

LEAK = """
from aiokafka import AIOKafkaProducer

producer = None

async def get_producer():
    global producer
    if producer is None:
        producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await producer.start()
    return producer
"""
RELEASE = """
from app import bus

async def close():
    await bus.producer.stop()
"""
BROKEN = "def f(:\n"
BROKEN_CLIENT = "from kafka import KafkaProducer\ndef f(:\n"


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make files (name to text) in a fresh project that is the current directory."""
    monkeypatch.chdir(tmp_path)

    def make(files: dict[str, str]) -> None:
        for name, text in {"setup.cfg": "", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    return make


def silent(doing: str, done: int, of: int) -> None:
    pass


def named(report: Report) -> list[tuple[str, str]]:
    return [(problem.path, problem.kind) for problem in report.problems]


# --- what is asked and what is told ----------------------------------------------------------------------------------


def test_the_report_is_on_what_was_asked_and_the_analysis_on_the_whole_project(make: Make):
    make({"app/__init__.py": "", "app/bus.py": LEAK, "app/shutdown.py": RELEASE, "jobs/other.py": LEAK})
    report = audit(Settings(paths=("app/bus.py",)))
    assert [producer.path for producer in report.producers] == ["app/bus.py"]
    assert [release.path for release in report.producers[0].released.by] == ["app/shutdown.py"]
    assert report.summary.files_seen == 1


def test_paths_are_told_from_the_current_directory_and_ids_do_not_depend_on_it(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make({"app/__init__.py": "", "app/bus.py": LEAK, "shutdown.py": RELEASE})
    above = audit(Settings()).producers[0]
    monkeypatch.chdir("app")
    inside = audit(Settings()).producers[0]
    assert (above.path, inside.path) == ("app/bus.py", "bus.py")
    assert inside.started.path == "bus.py"
    assert inside.released.by[0].path == f"{tmp_path.as_posix()}/shutdown.py"
    assert above.id == inside.id


def test_the_order_of_the_paths_does_not_change_the_report(make: Make):
    make({"a/bus.py": LEAK, "b/bus.py": LEAK})
    assert audit(Settings(paths=("a", "b"))) == audit(Settings(paths=("b", "a", "b/bus.py")))


def test_only_the_roles_that_were_asked_for_are_told(make: Make):
    make({"x.py": "from kafka import KafkaConsumer, KafkaProducer\na = KafkaConsumer()\nb = KafkaProducer()\n"})
    assert [client.role for client in audit(Settings()).producers] == ["producer"]
    roles = ("consumer", "producer")
    assert sorted(client.role for client in audit(Settings(roles=roles)).producers) == ["consumer", "producer"]


def test_the_summary_counts_what_is_told(make: Make):
    make({"bus.py": LEAK, "plain.py": "x = 1\n"})
    report = audit(Settings())
    summary = report.summary
    assert (summary.files_seen, summary.files_analysed, summary.producers) == (2, 1, 1)
    assert summary.by_kind == {"global": 1}
    assert (
        summary.findings == len(report.findings) == sum(summary.by_code.values()) == sum(summary.by_severity.values())
    )


def test_a_rule_that_does_not_exist_is_refused_before_anything_is_read(make: Make, monkeypatch: pytest.MonkeyPatch):
    make({"bus.py": LEAK})
    monkeypatch.setattr("kafka_audit.pipeline.reading.discover", lambda paths: pytest.fail("files were looked for"))
    with pytest.raises(ConfigError, match="KA999"):
        audit(Settings(select=("KA999",)))


# --- problems and completeness ---------------------------------------------------------------------------------------


def test_a_file_that_does_not_parse_is_named_and_stops_nothing(make: Make):
    make({"bus.py": LEAK, "template.py": BROKEN})
    report = audit(Settings())
    assert named(report) == [("template.py", "syntax")]
    assert len(report.producers) == 1
    assert report.summary.complete, "a file that mentions no client hides none"


def test_a_file_that_names_a_client_and_does_not_parse_leaves_the_audit_incomplete(make: Make):
    make({"bus.py": BROKEN_CLIENT})
    report = audit(Settings())
    assert named(report) == [("bus.py", "syntax")]
    assert not report.summary.complete


def test_outside_of_what_was_asked_only_problems_that_hide_something_are_told(make: Make):
    make({"app/x.py": "x = 1\n", "lib/bus.py": BROKEN_CLIENT, "lib/template.py": BROKEN})
    report = audit(Settings(paths=("app",)))
    assert named(report) == [("lib/bus.py", "syntax")]
    assert not report.summary.complete


def test_a_grammar_newer_than_the_interpreter_is_no_problem(make: Make, monkeypatch: pytest.MonkeyPatch):
    import symtable

    def refuse(*_: object) -> None:
        raise SyntaxError("this interpreter is too old")

    monkeypatch.setattr(symtable, "symtable", refuse)
    make({"new.py": "type Pair[T] = tuple[T, T]\n"})
    assert audit(Settings(jobs=1)).problems == ()


def test_warnings_about_audited_code_are_its_own_business():
    assert checked(rb"path = '\d'" + b"\n") == encode(FileFacts((), (), ()))


@needs_posix
def test_a_link_to_nothing_is_named_and_the_audit_is_complete(make: Make):
    make({"app.py": ""})
    os.symlink("gone.py", "dangling.py")
    report = audit(Settings())
    assert named(report) == [("dangling.py", "unreadable")]
    assert report.summary.complete


def test_a_file_that_cannot_be_read_leaves_the_audit_incomplete(make: Make, monkeypatch: pytest.MonkeyPatch):
    make({"app.py": "", "secret.py": ""})
    open_at_once = reading._open_at_once

    def deny(location: str, flags: int) -> int:
        if location.endswith("secret.py"):
            raise PermissionError(13, "Permission denied")
        return open_at_once(location, flags)

    monkeypatch.setattr(reading, "_open_at_once", deny)
    report = audit(Settings())
    assert [problem.message for problem in report.problems] == ["the file cannot be read: Permission denied"]
    assert not report.summary.complete
    assert report.summary.files_seen == 2


def source(path: Path) -> Source:
    return Source(name=path.name, path=path.name, location=str(path))


def test_a_file_that_vanished_is_a_problem(tmp_path: Path):
    contents, problems = read([source(tmp_path / "gone.py")])
    assert contents == {}
    assert problems[0].message == "the file vanished while the audit ran"


def test_a_file_that_is_too_large_is_a_problem(tmp_path: Path):
    path = tmp_path / "data.py"
    path.write_bytes(b"#" * 5_000_001)
    contents, problems = read([source(path)])
    assert contents == {}
    assert problems[0].message == "5000001 bytes are more than the 5000000 that are read of one file"


@needs_posix
def test_a_pipe_that_is_called_like_a_file_does_not_stop_the_audit(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.py")
    _, problems = read([source(tmp_path / "pipe.py")])
    assert problems[0].message == "not a regular file"


# --- one process and many --------------------------------------------------------------------------------------------

FILES = {f"pkg/m{number}.py": LEAK.replace("9092", str(number)) for number in range(12)}
FILES |= {"pkg/__init__.py": "", "pkg/broken.py": BROKEN_CLIENT, "template.py": BROKEN, "other.py": "x = 1\n"}


@needs_posix
@forking
def test_one_process_and_many_give_the_same_bytes(make: Make, monkeypatch: pytest.MonkeyPatch):
    make(FILES)
    alone = msgspec.json.encode(audit(Settings(jobs=1)))
    monkeypatch.setattr(workers, "WORTH_A_POOL", 0)
    assert msgspec.json.encode(audit(Settings(jobs=2))) == alone


def deadly(content: bytes) -> bytes:
    """A task whose process dies of one file."""
    if content == b"deadly":
        os._exit(9)
    return extracted(content)


@needs_posix
@forking
def test_a_file_that_kills_its_process_is_named_and_the_others_are_parsed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "WORTH_A_POOL", 0)
    monkeypatch.setattr(workers, "extracted", deadly)
    contents = {"a.py": b"a = 1\n", "b.py": b"deadly", "c.py": b"c = 1\n", "d.py": b"deadly"}
    with Workers(2, silent) as pool:
        facts = pool.extract(contents)
        again = pool.extract({"a.py": b"a = 1\n"})
    assert [name for name in facts if facts[name].flaws] == ["b.py", "d.py"]
    assert "died" in facts["b.py"].flaws[0].message
    assert [len(facts[name].body) for name in ("a.py", "c.py")] == [1, 1]
    assert not again["a.py"].flaws, "the pool works again afterwards"


def endless(content: bytes) -> bytes:
    """A task that never ends with one file."""
    while content == b"endless":
        pass
    return extracted(content)


@needs_posix
@forking
def test_a_file_that_takes_too_long_is_named_with_the_limit_and_the_others_are_parsed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "WORTH_A_POOL", 0)
    monkeypatch.setattr(limits, "MOST_SECONDS", 1)
    monkeypatch.setattr(workers, "extracted", endless)
    with Workers(2, silent) as pool:
        facts = pool.extract({"a.py": b"a = 1\n", "b.py": b"endless", "c.py": b"c = 1\n"})
    assert [name for name in facts if facts[name].flaws] == ["b.py"]
    assert "was ended after 1 seconds" in facts["b.py"].flaws[0].message
    assert [len(facts[name].body) for name in ("a.py", "c.py")] == [1, 1]


@needs_posix
@pytest.mark.parametrize("begin", [Workers.begin_extracting, Workers.begin_checking])
def test_the_limit_holds_in_the_first_process_too(monkeypatch: pytest.MonkeyPatch, begin: Callable[..., Any]):
    monkeypatch.setattr(limits, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(workers, "extracted", endless)
    monkeypatch.setattr(workers, "checked", endless)
    with Workers(1, silent) as pool:
        found = begin(pool, {"a.py": b"a = 1\n", "b.py": b"endless", "c.py": b"c = 1\n"})()
    facts = {name: each if isinstance(each, tuple) else outline(each).flaws for name, each in found.items()}
    assert [name for name, flaws in facts.items() if flaws] == ["b.py"]
    assert "takes more than 0.2 seconds" in facts["b.py"][0].message


def test_what_an_audit_knew_does_not_outlive_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    made = "from kafka import KafkaProducer\n\ndef send():\n    with x:\n        KafkaProducer().send('a')\n"
    (tmp_path / "bus_of_this_test.py").write_text(made)
    (tmp_path / "test_bus.py").write_text(
        "from unittest.mock import patch\nfrom bus_of_this_test import send\nNAME = 'bus_of_this_test.KafkaProducer'\n"
        "def test_send():\n    with patch(NAME):\n        send()\n"
    )
    for _ in range(3):
        assert audit(Settings(jobs=1)).producers
    gc.collect()
    known = [each for each in gc.get_objects() if isinstance(each, Module)]
    assert sum(module.path == "bus_of_this_test.py" for module in known) <= 1


HOLD = """
import multiprocessing
from kafka_audit.pipeline import workers
workers.WORTH_A_POOL = 0
with workers.Workers(2, print) as pool:
    pool.extract({"a.py": b"", "b.py": b""})
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    input()
"""


@needs_posix
def test_workers_end_when_the_first_process_is_killed():
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True, cwd=ROOT) as first:
        assert first.stdout
        *_, last = (first.stdout.readline() for _ in range(3))
        first.kill()
    waiting = [int(pid) for pid in last.split()]
    assert len(waiting) == 2
    deadline = time.monotonic() + 20
    while waiting and time.monotonic() < deadline:
        waiting = [pid for pid in waiting if is_running(pid)]
        time.sleep(0.02)
    assert not waiting


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_what_the_extractor_does_not_expect_becomes_a_problem_of_that_file(make: Make, monkeypatch: pytest.MonkeyPatch):
    def fail(content: bytes) -> FileFacts:
        raise LookupError("surprise")

    monkeypatch.setattr("kafka_audit.facts.extract.extract", fail)
    make({"bus.py": LEAK})
    report = audit(Settings(jobs=1))
    assert named(report) == [("bus.py", "internal")]
    assert report.problems[0].message.endswith("LookupError: surprise")


def test_what_the_flow_does_not_expect_becomes_a_problem_and_the_others_are_judged(
    make: Make, monkeypatch: pytest.MonkeyPatch
):
    def fails(engine: object, *rest: object) -> None:
        raise RuntimeError("no idea")

    make({"leak.py": LEAK, "other.py": "import aiokafka\n\n\ndef odd():\n    return (lambda: 1)()\n"})
    monkeypatch.setitem(expressions._EVALUATE, schema.Lambda, fails)
    report = audit(Settings(jobs=1))
    assert [(p.path, p.line, p.kind) for p in report.problems] == [("other.py", 4, "internal")]
    assert "odd could not be followed: RuntimeError: no idea" in report.problems[0].message
    assert {(finding.path, finding.code == "KA901") for finding in report.findings} == {
        ("leak.py", False),
        ("other.py", True),
    }
    assert not report.summary.complete


def test_progress_is_told_for_every_file():
    told: list[tuple[str, int, int]] = []
    with Workers(1, lambda *each: told.append(each)) as here:
        here.extract({"a.py": b"", "b.py": b""})
    assert told == [("parsing files", 1, 2), ("parsing files", 2, 2)]


# --- how it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severities", "complete", "settings", "code"),
    [
        ([], True, Settings(), 0),
        (["warning"], True, Settings(), 1),
        (["info"], True, Settings(), 0),
        (["info"], True, Settings(fail_on="info"), 1),
        (["warning"], True, Settings(fail_on="error"), 0),
        (["error"], False, Settings(), 1),
        ([], False, Settings(), 3),
        (["info"], False, Settings(), 3),
        (["error"], False, Settings(exit_zero=True), 0),
    ],
)
def test_the_exit_code_puts_alarms_before_incompleteness(
    severities: list[Severity], complete: bool, settings: Settings, code: int
):
    alarms = [msgspec.structs.replace(sample.FINDINGS[0], severity=each) for each in severities]
    report = sample.report((), alarms, problems=() if complete else sample.PROBLEMS)
    assert exit_code(report, settings) == code


def test_a_saved_report_replaces_the_old_one_and_keeps_its_rights(tmp_path: Path):
    target = tmp_path / "report.txt"
    target.write_text("old")
    target.chmod(0o640)
    save(str(target), "new ü\n")
    assert target.read_bytes() == "new ü\n".encode()
    assert target.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["report.txt"]


@needs_posix
def test_a_saved_report_goes_where_a_link_leads(tmp_path: Path):
    (tmp_path / "real.txt").write_text("old")
    os.symlink("real.txt", tmp_path / "link.txt")
    save(str(tmp_path / "link.txt"), "new")
    assert (tmp_path / "real.txt").read_text() == "new"
    assert (tmp_path / "link.txt").is_symlink()


def test_when_saving_fails_the_old_report_stands_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "report.txt"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ConfigError, match=r"cannot be written: No space left on device"):
        save(str(target), "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.txt"]


def test_the_package_itself_offers_the_audit_and_nothing_it_does_not_have(make: Make):
    make({"bus.py": LEAK})
    assert len(kafka_audit.audit(kafka_audit.Settings()).producers) == 1
    assert not hasattr(kafka_audit, "scan")


@pytest.mark.parametrize("is_enabled", [True, False])
def test_garbage_is_looked_for_as_before_once_a_part_of_a_run_is_over(is_enabled: bool):
    was_enabled = gc.isenabled()
    (gc.enable if is_enabled else gc.disable)()
    try:
        with not_collecting():
            assert not gc.isenabled()
            with collecting():
                assert gc.isenabled()
            assert not gc.isenabled()
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()


AUDITING = """
import gc, sys
from kafka_audit.cli import main
from kafka_audit.pipeline import fixing
real = fixing._Auditor.__call__
def audit(self, contents):
    print("collecting:", gc.isenabled(), file=sys.stderr)
    return real(self, contents)
fixing._Auditor.__call__ = audit
main()
"""


@pytest.mark.parametrize("arguments", [["fix", "--diff"], ["scan", "--show-fixes", "--format", "json"]])
def test_garbage_is_looked_for_between_audits(arguments: list[str], make: Make):
    make(
        {"a.py": "from kafka import KafkaProducer\ndef f():\n    p = KafkaProducer()\n    p.send('t')\n    p.flush()\n"}
    )
    run = subprocess.run([sys.executable, "-c", AUDITING, *arguments], capture_output=True, text=True, check=False)
    assert {line for line in run.stderr.splitlines() if line.startswith("collecting")} == {"collecting: True"}

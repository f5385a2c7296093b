"""The command line: what each option does, how each run ends, and what is said when it cannot begin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kafka_audit import __version__
from kafka_audit.cli import main
from kafka_audit.cli.manners import Progress
from kafka_audit.pipeline.telling import wants_color
from kafka_audit.settings import Settings

ROOT = Path(__file__).parent.parent

# A start at import is an error whatever becomes of the client, so that these tests do not hang on finer judgements.
ALARMING = """
from aiokafka import AIOKafkaProducer
import asyncio
producer = AIOKafkaProducer()
asyncio.run(producer.start())
"""
CLEAN = """
import aiokafka
async def send():
    async with aiokafka.AIOKafkaProducer() as producer:
        await producer.send("topic", b"")
"""
BROKEN_CLIENT = "from kafka import KafkaProducer\ndef f(:\n"

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and pipes")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that is the current directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "setup.cfg").touch()
    return tmp_path


def run(*arguments: str) -> int:
    """The exit code of a run in this process."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def process(*arguments: str, **options: object) -> subprocess.Popen[str]:
    """A run in its own process, its output and errors piped."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "kafka_audit", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,  # type: ignore[call-overload]
    )


# --- exit codes ------------------------------------------------------------------------------------------------------


def test_a_clean_project_exits_with_0(project: Path):
    (project / "a.py").write_text(CLEAN)
    assert run("scan") == 0


def test_an_alarm_exits_with_1(project: Path):
    (project / "a.py").write_text(ALARMING)
    assert run("scan") == 1


def test_an_alarm_exits_with_0_when_asked_to(project: Path):
    (project / "a.py").write_text(ALARMING)
    assert run("scan", "--exit-zero") == 0


def test_an_alarm_of_an_ignored_rule_is_none(project: Path):
    (project / "a.py").write_text(ALARMING)
    assert run("scan", "--ignore", "KA1,KA2", "--ignore", "all") == 0
    assert run("scan", "--select", "ka102") == 1


def test_an_incomplete_audit_without_an_alarm_exits_with_3(project: Path):
    (project / "a.py").write_text(BROKEN_CLIENT)
    assert run("scan") == 3


def test_a_project_without_kafka_is_clean(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text("print('hello')\n")
    assert run("scan", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["summary"]["files_seen"] == 1


# --- what it refuses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scan", "nope"], "`nope` does not exist; check the path"),
        (["scan", "notes.txt"], "`notes.txt` is not Python; name a folder"),
        (["scan", "empty"], "no Python files found in `empty`"),
        (["scan", "--nope"], "No such option: --nope"),
        (["scan", "--format", "xml"], "--format cannot be `xml`; choose auto, text, full, concise, json, jsonl"),
        (["scan", "--role", "broker"], "--role cannot be `broker`; choose producer, consumer or admin"),
        (["scan", "--fail-on", "never"], "--fail-on cannot be `never`; choose error, warning or info"),
        (["scan", "--color", "blue"], "--color cannot be `blue`; choose auto, always or never"),
        (["scan", "--jobs", "-1"], "--jobs is -1; use a positive number"),
        (["scan", "--jobs", "many"], "Invalid value for '--jobs'"),
        (["scan", "--select", "KA999"], "'KA999'; did you mean"),
        (["scan", "--ignore", "xyzzy"], "'xyzzy'; `kafka-audit rules` lists the rules"),
        (["scan", "--output", "empty"], "--output `empty` is a folder; name a file in it"),
        (["scan", "--output", "sarif:"], "--output `` is a folder; name a file in it"),
        (["scan", "--output", "sarif:no/a.txt"], "--output no/a.txt cannot be written: its folder does not exist"),
        (["scan", "--explain-site", "a.py:1", "-o", "json:a"], "is told as text; leave out the format json"),
        (["scan", "--output", "no/a.txt"], "--output no/a.txt cannot be written: its folder does not exist"),
        (["explain", "KA999"], "'KA999'; did you mean"),
        (["explain"], "Missing argument 'RULE'; see `kafka-audit explain --help`"),
        (["rules", "--format", "xml"], "--format cannot be `xml`; choose text, json or markdown"),
        (["clients", "--format", "xml"], "--format cannot be `xml`; choose text or json"),
        (["audit"], "No such command 'audit'"),
    ],
)
def test_bad_usage_is_answered_in_one_line_and_exits_with_2(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
):
    (project / "a.py").write_text(CLEAN)
    (project / "notes.txt").touch()
    (project / "empty").mkdir()
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kafka-audit: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_without_a_command_the_help_is_shown_and_nothing_was_audited(capsys: pytest.CaptureFixture[str]):
    assert run() == 2
    assert "kafka-audit scan . --format json" in capsys.readouterr().out


# --- what it prints --------------------------------------------------------------------------------------------------


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"kafka-audit {__version__}\n"


def test_the_help_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]):
    assert run("scan", "--help") == 0
    out = capsys.readouterr().out
    for line in ("0  no alarm at or above", "1  alarms at or above", "2  the command or its", "3  no such alarm, but"):
        assert line in out


@pytest.mark.parametrize(
    "command",
    [[], ["scan"], ["fix"], ["rules"], ["explain"], ["clients"], ["server"], ["cache"], ["impact"], ["graph"]],
)
def test_the_help_fits_into_eighty_columns(capsys: pytest.CaptureFixture[str], command: list[str]):
    run(*command, "--help")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["scan", "--help"]])
def test_what_answers_at_once_loads_no_parser_and_no_terminal_library(arguments: list[str]):
    code = (
        "import sys\nfrom kafka_audit.cli import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    print({'libcst', 'rich', 'pathspec', 'kafka_audit.link'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.endswith("set()\n")


def test_an_audit_of_what_the_interpreter_reads_loads_no_other_parser():
    code = (
        "import sys\nfrom kafka_audit.cli import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    print('kafka_audit.facts.extract' in sys.modules, 'libcst' in sys.modules)"
    )
    arguments = ["scan", "--no-cache", "--jobs", "1", "fixtures/quick_reference"]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.stdout.endswith("True False\n")


def test_several_paths_make_one_report(project: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("a", "b", "c"):
        (project / name).mkdir()
        (project / name / "x.py").write_text(ALARMING)
    run("scan", "c", "a", "--format", "json")
    producers = json.loads(capsys.readouterr().out)["producers"]
    assert [producer["path"] for producer in producers] == ["a/x.py", "c/x.py"]


def test_roles_are_added_to_producers(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(
        "from kafka import KafkaAdminClient as A, KafkaConsumer as C, KafkaProducer as P\na, c, p = A(), C(), P()\n"
    )
    run("scan", "--role", "consumer", "--role", "admin", "--format", "json")
    producers = json.loads(capsys.readouterr().out)["producers"]
    assert [producer["role"] for producer in producers] == ["admin", "consumer", "producer"]


def test_one_line_for_each_alarm(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(ALARMING)
    run("scan", "--format", "concise", "--select", "KA102")
    assert capsys.readouterr().out.startswith("a.py:5:")


def test_the_report_goes_into_a_file_and_only_there(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(ALARMING)
    assert run("scan", "--format", "json", "--output", "report.json") == 1
    assert capsys.readouterr() == ("", "")
    assert json.loads((project / "report.json").read_text())["schema_version"] == "1"


def test_several_formats_go_to_several_places_in_one_run(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(ALARMING)
    assert run("scan", "-f", "concise", "-o", "sarif:a.sarif", "-o", "json:a.json", "-o", "markdown:a,b.md") == 1
    assert capsys.readouterr().out.startswith("a.py:4:")
    assert json.loads((project / "a.sarif").read_text())["version"] == "2.1.0"
    assert json.loads((project / "a.json").read_text())["schema_version"] == "1"
    assert (project / "a,b.md").read_text(encoding="utf-8").startswith("## kafka-audit")


def test_a_file_may_be_called_like_a_format(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "a.py").write_text(ALARMING)
    run("scan", "-f", "json", "-o", "sarif", "-o", "./json:x")
    assert capsys.readouterr().out == ""
    assert (project / "sarif").read_text() == (project / "json:x").read_text()


def test_github_actions_gets_annotations_unless_something_else_is_asked_for(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (project / "a.py").write_text(ALARMING)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    run("scan")
    assert capsys.readouterr().out.startswith("::")
    run("scan", "--format", "text")
    assert "QUICK REFERENCE" in capsys.readouterr().out
    run("scan", "--explain-site", "a.py:4")
    assert "::" not in capsys.readouterr().out.partition("\n")[0]


def test_a_text_report_in_a_file_has_no_escape_codes(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "a.py").write_text(ALARMING)
    run("scan", "--output", "report.txt")
    assert "\x1b" not in (project / "report.txt").read_text(encoding="utf-8")


def test_a_rule_is_explained_by_its_code_and_by_its_name(capsys: pytest.CaptureFixture[str]):
    assert run("explain", "ka201") == 0
    by_code = capsys.readouterr().out
    assert by_code.startswith("KA201  global-never-released")
    assert run("explain", "global-never-released") == 0
    assert capsys.readouterr().out == by_code


def test_rules_and_clients_are_listed_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]):
    for command in ("rules", "clients"):
        assert run(command) == 0
        assert "\n" in capsys.readouterr().out
        assert run(command, "--format", "json") == 0
        assert json.loads(capsys.readouterr().out)


def test_what_was_asked_for_beside_the_report_goes_to_the_error_stream(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    (project / "a.py").write_text(ALARMING)
    (project / "a.pyi").touch()
    (project / "kafka-audit.toml").write_text('per-file-ignores = { "a.py" = ["KA101"] }\n')
    run("scan", "-f", "json", "--verbose", "--statistics", "--profile")
    out, err = capsys.readouterr()
    assert json.loads(out)
    lines = err.splitlines()
    assert lines[0].endswith("kafka-audit.toml")
    assert lines[1:4] == [
        "reported on: 1 file, 1 of them analysed",
        "left out: 1 stubs",
        "suppressed by config: 1 alarm (per-file-ignores a.py)",
    ]
    assert "1  KA102 client-started-at-import" in lines
    assert "0  KA101 client-created-at-import (1 more suppressed)" in lines
    assert [line.split()[0] for line in lines[-1:]] == ["all"]


# --- colour and terminals --------------------------------------------------------------------------------------------


class Stream:
    """A stream that is a terminal, or not."""

    def __init__(self, is_terminal: bool) -> None:
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(
    ("color", "terminal", "environment", "wanted"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_what_was_asked_for_then_the_environment_then_the_terminal(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    color: str,
    terminal: bool,
    environment: dict[str, str],
    wanted: bool,
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_color(Settings(color=color), Stream(terminal)) is wanted  # type: ignore[arg-type]


def test_progress_appears_on_a_terminal_after_a_second_and_leaves_no_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    clock = iter([0.0, 0.5, 1.5, 1.55])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress(quiet=False) as progress:
        progress("parsing files", 1, 3)
        progress("parsing files", 2, 3)
        progress("parsing files", 3, 3)
    line = "parsing files: 2 of 3"
    assert capsys.readouterr().err == f"\r{line}\r{' ' * len(line)}\r"


def test_progress_is_not_shown_when_it_is_not_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    clock = iter([0.0, 5.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress(quiet=True) as progress:
        progress("parsing files", 1, 1)
    assert capsys.readouterr().err == ""


# --- endings that nobody asked for -----------------------------------------------------------------------------------


@needs_posix
def test_a_closed_pipe_is_no_mistake_and_the_answer_stands(project: Path):
    (project / "a.py").write_text(ALARMING)
    run_ = process("scan", "--format", "json")
    assert run_.stdout and run_.stderr
    run_.stdout.close()
    assert run_.wait() == 1
    assert run_.stderr.read() == ""
    run_.stderr.close()


def test_an_interrupted_run_says_so_in_one_line_and_exits_with_130(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (project / "a.py").write_text(ALARMING)
    monkeypatch.setattr("kafka_audit.pipeline.reading.discover", lambda *_: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background of a shell ignores it
    assert run("scan") == 130
    assert capsys.readouterr() == ("", "kafka-audit: interrupted\n")


def test_a_mistake_of_the_program_is_told_as_one_and_is_no_alarm(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise LookupError("surprise")

    (project / "a.py").write_text(CLEAN)
    monkeypatch.setattr("kafka_audit.pipeline.reading.discover", fail)
    assert run("scan") == 3
    err = capsys.readouterr().err
    assert "LookupError: surprise" in err
    assert "this is a mistake in kafka-audit, not in your code" in err.splitlines()[-1]


def test_the_module_can_be_run(project: Path):
    run_ = process("--version")
    assert run_.communicate()[0] == f"kafka-audit {__version__}\n"

"""Configuration: which file holds, what it may say, how the command line changes it, and how it is shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from kafka_audit.cli import main
from kafka_audit.config import inline, layered, nearest
from kafka_audit.config.showing import schema
from kafka_audit.settings import ConfigError, Settings, table

ALARMING = """
from aiokafka import AIOKafkaProducer
async def send():
    producer = AIOKafkaProducer()
    await producer.start()
"""
KEYS = [setting.key for setting in table(Settings) if setting.option.in_file]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one alarm, KA203, in `app/bus.py`; it is the current directory."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "bus.py").write_text(ALARMING)
    (tmp_path / "setup.cfg").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["scan", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    run(*arguments, "--format", "json")
    return json.loads(capsys.readouterr().out)


# --- which file ------------------------------------------------------------------------------------------------------


def test_the_nearest_file_holds_and_its_own_name_comes_first(project: Path):
    (project / "pyproject.toml").write_text('[tool.kafka-audit]\nfail-on = "error"\n')
    assert nearest(["app"]).values == {"fail_on": "error"}
    (project / "kafka-audit.toml").write_text('fail-on = "info"\n')
    assert nearest(["app"]).values == {"fail_on": "info"}
    (project / "app" / "kafka-audit.toml").write_text("jobs = 1\n")
    assert nearest(["app/bus.py"]).values == {"jobs": 1}
    assert nearest(["app", "."]).values == {"fail_on": "info"}


@pytest.mark.parametrize("text", ["not [ toml", '[tool.ruff]\nselect = "x"\n', "\x00\x01"])
def test_a_file_that_does_not_speak_of_this_program_is_not_read(project: Path, text: str):
    (project / "pyproject.toml").write_text(text)
    assert nearest(["app"]).values == {}


def test_isolated_reads_no_file(project: Path):
    (project / "kafka-audit.toml").write_text('ignore = ["all"]\n')
    assert run() == 0
    assert run("--isolated") == 1


def test_a_file_can_be_named(project: Path):
    (project / "other.toml").write_text('ignore = ["KA203"]\n')
    assert run("--config", "other.toml") == 0


def test_a_hostile_folder_cannot_act_through_its_configuration(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    folder = project / "\x1b[31m\nx"
    folder.mkdir()
    (folder / "kafka-audit.toml").write_text('select = ["\\u001b[31m"]\n')
    (folder / "a.py").touch()
    assert run("--show-settings", str(folder)) == 0
    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable()
    assert tomli.loads(shown)["select"] == ["\x1b[31m"]
    assert run(str(folder)) == 2
    assert capsys.readouterr().err.strip().isprintable()


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted there")
def test_a_current_folder_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run() == 2
    assert "the current directory does not exist any more" in capsys.readouterr().err


# --- what it may say -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('selct = ["KA2"]', "kafka-audit.toml: there is no setting `selct`; did you mean `select`?"),
        ("fail_on = 'info'", "there is no setting `fail_on`; did you mean `fail-on`?"),
        ("xyzzy = 1", "`xyzzy`; `kafka-audit scan --show-settings` lists all of them"),
        ('output = "a.txt"', "there is no setting `output`"),
        ('select = "KA2"', "`select` in kafka-audit.toml is text in quotes; it takes a list"),
        ("select = [1]", "`select` in kafka-audit.toml, at `select[0]`, is a whole number; it takes text in quotes"),
        ("jobs = true", "`jobs` in kafka-audit.toml is true or false; it takes a whole number"),
        ("jobs = -1", "--jobs is -1; use a positive number"),
        ('fail-on = "never"', "`fail-on` in kafka-audit.toml cannot be `never`; choose error, warning or info"),
        ('severity = { KA2 = "bad" }', "`severity` in kafka-audit.toml, `KA2`, cannot be `bad`"),
        ('severity = { KA999 = "info" }', "'KA999'; did you mean"),
        ('per-file-ignores = { "a" = "KA2" }', "is text in quotes; it takes a list"),
        ('per-file-ignores = { "a" = ["global-never-relased"] }', "did you mean global-never-released"),
        ('[[clients]]\nname = "a.B"', "`clients` in kafka-audit.toml, at `clients[0]` has no `release`; add it"),
        ('[[clients]]\nname = "a.B"\nrelaese = ["x"]', "there is no key `relaese`; did you mean `release`?"),
        ('[[hooks]]\ntarget = "B"\nselect = "f"\nphase = "x"', "`phase` of `hooks` in kafka-audit.toml cannot be"),
        ("a = [", "kafka-audit.toml is not valid TOML"),
        ("\ud800", "kafka-audit.toml is not UTF-8 at byte 0"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_its_key(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
):
    (project / "kafka-audit.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert run() == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1


def test_a_table_of_another_kind_is_refused(project: Path):
    (project / "pyproject.toml").write_text("[tool]\nkafka-audit = 3\n")
    with pytest.raises(ConfigError, match=r"`tool\.kafka-audit` is no table"):
        nearest(["."])


# --- layers ----------------------------------------------------------------------------------------------------------


def test_the_command_line_replaces_the_file_and_extends_what_is_called_so():
    file = {"select": ("KA1",), "extend_ignore": ("KA2",)}
    line = {"select": ("KA3",), "extend_ignore": ("KA4",), "jobs": 2}
    assert layered(file, line) == {"select": ("KA3",), "extend_ignore": ("KA2", "KA4"), "jobs": 2}


def test_a_setting_can_be_given_as_toml():
    assert inline('per-file-ignores = { "a" = ["KA2"] }') == {"per_file_ignores": {"a": ("KA2",)}}


def test_every_key_but_tables_is_an_option_and_every_option_has_words(capsys: pytest.CaptureFixture[str]):
    run("--help")
    help_ = capsys.readouterr().out
    for setting in table(Settings):
        assert (setting.flag in help_) is setting.option.on_line
        assert setting.option.help.endswith(".")


# --- what settings do ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ignore", "KA2"],
        ["--extend-ignore", "lifecycle"],
        ["--min-severity", "error"],
        ["--min-confidence", "high", "--config", 'exclude = ["app"]', "."],
        ["--per-file-ignores", "app/*=KA1,KA203"],
        ["--severity", "KA203=info"],
        ["--fail-on", "error"],
        ["--exclude", "bus.py"],
    ],
)
def test_an_alarm_can_be_silenced_in_many_ways(project: Path, arguments: list[str]):
    (project / "clean.py").touch()
    assert run() == 1
    assert run(*arguments) == 0


def test_what_settings_silence_is_still_counted(project: Path, capsys: pytest.CaptureFixture[str]):
    [silenced] = report(capsys, "--per-file-ignores", "app/=KA2")["suppressed"]
    assert (silenced["code"], silenced["suppressed_by"]) == ("KA203", "config")
    assert silenced["reason"] == "per-file-ignores app/"
    [silenced] = report(capsys, "--min-severity", "error")["suppressed"]
    assert silenced["reason"] == "min-severity error"


def test_the_narrowest_severity_holds(project: Path, capsys: pytest.CaptureFixture[str]):
    found = report(capsys, "--severity", "local-never-released=error", "--severity", "all=info")
    assert [finding["severity"] for finding in found["findings"]] == ["error"]


def test_a_pedantic_audience_hears_of_every_rule(project: Path, capsys: pytest.CaptureFixture[str]):
    assert [each["code"] for each in report(capsys)["findings"]] == ["KA203"]
    assert [each["code"] for each in report(capsys, "--audience", "pedantic")["findings"]] == ["KA203", "KA306"]


def test_patterns_of_a_file_are_relative_to_its_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (project / "kafka-audit.toml").write_text('exclude = ["/app/bus.py"]\n')
    (project / "app" / "clean.py").touch()
    monkeypatch.chdir(project / "app")
    assert report(capsys)["summary"]["files_seen"] == 1


def test_excluded_code_is_read_when_it_is_named_unless_exclusion_is_forced(project: Path):
    (project / "kafka-audit.toml").write_text('exclude = ["app"]\n')
    (project / "clean.py").touch()
    assert run() == 0
    assert run("app") == 1
    assert run("app/bus.py") == 1
    assert run("app/bus.py", "--force-exclude") == 0


# --- clients and hooks of a project's own ----------------------------------------------------------------------------

OWN = """
[[clients]]
name = "acme.bus.Bus"
also = ["acme.Bus"]
start = ["open"]
release = ["shut"]
[[clients]]
name = "app.pool.Pool"
release = ["close"]
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from acme.bus import Bus\ndef f():\n    bus = Bus()\n    bus.open()\n", ["KA203"]),
        ("import acme\ndef f():\n    bus = acme.Bus()\n    bus.open()\n", ["KA203"]),
        ("from acme.bus import Bus\ndef f():\n    bus = Bus()\n    try:\n        bus.open()\n"
         "    finally:\n        bus.shut()\n", []),
        ("from app.pool import Pool\ndef f():\n    pool = Pool()\n", ["KA203"]),
        ("from .pool import Pool\ndef f():\n    Pool().close()\n", []),
        ("from other import Bus, Pool\ndef f():\n    a, b = Bus(), Pool()\n", []),
    ],
)  # fmt: skip
def test_a_class_that_a_project_describes_is_audited(
    project: Path, capsys: pytest.CaptureFixture[str], source: str, expected: list[str]
):
    (project / "kafka-audit.toml").write_text(OWN)
    (project / "app" / "bus.py").write_text(source)
    (project / "app" / "pool.py").write_text("class Pool:\n    def close(self): ...\n")
    assert [each["code"] for each in report(capsys)["findings"]] == expected


def test_a_hook_that_a_project_describes_runs_a_release(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "app" / "bus.py").write_text(
        "from kafka import KafkaProducer\nproducer = None\nclass BusPlugin:\n"
        "    def on_start(self):\n        global producer\n        producer = KafkaProducer()\n"
        "    def on_stop(self):\n        producer.close()\n"
    )
    before = [each["code"] for each in report(capsys)["findings"]]
    (project / "kafka-audit.toml").write_text(
        '[[hooks]]\ntarget = "*Plugin"\nselect = "on_start"\nphase = "startup"\n'
        '[[hooks]]\ntarget = "*Plugin"\nselect = "on_stop"\nphase = "shutdown"\n'
    )
    after = [each["code"] for each in report(capsys)["findings"]]
    assert (before, after) == (["KA201"], [])


# --- shown -----------------------------------------------------------------------------------------------------------


def test_what_is_shown_can_be_read_again(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "kafka-audit.toml").write_text(OWN + '[per-file-ignores]\n"tests/**" = ["KA2"]\n')
    assert run("--show-settings", "--fail-on", "error") == 0
    shown = capsys.readouterr().out
    assert 'fail-on = "error"  # command line' in shown
    values = tomli.loads(shown)
    assert values["per-file-ignores"] == {"tests/**": ["KA2"]}
    assert values["clients"][1] == {"name": "app.pool.Pool", "release": ["close"]}
    (project / "kafka-audit.toml").write_text(shown)
    run("--show-settings")
    assert tomli.loads(capsys.readouterr().out) == values


def test_the_files_are_shown_that_would_be_reported_on(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "other.py").touch()
    assert run("app", "--show-files") == 0
    assert capsys.readouterr().out == "app/bus.py\n"


def test_the_schema_knows_every_key_and_takes_what_the_reader_takes(project: Path):
    jsonschema.Draft202012Validator.check_schema(schema())
    assert list(schema()["properties"]) == KEYS
    jsonschema.validate(tomli.loads(OWN), schema())
    for wrong in ({"selct": []}, {"fail-on": "never"}, {"clients": [{"name": "x"}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema())

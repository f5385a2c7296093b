"""File systems that are in the way: links, rights, names, full disks, files that change while they are read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kafka_audit.cli import main
from kafka_audit.pipeline import reading

ROOT = Path(__file__).parent.parent
LEAKY = "from kafka import KafkaProducer\n\n\ndef send():\n    p = KafkaProducer()\n    p.send('t', b'')\n"
ALARMING = "from kafka import KafkaProducer\nproducer = KafkaProducer()\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the file systems and limits of Linux")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "setup.cfg").touch()
    (folder / "bus.py").write_text(ALARMING)
    return folder


def audited(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    """The problems by path; the sound file is audited in any case."""
    with pytest.raises(SystemExit):
        main(["scan", "--format", "json"])
    out, err = capsys.readouterr()
    assert err == ""
    return problems(out)


def problems(out: str) -> dict[str, tuple[str, str]]:
    report = json.loads(out)
    assert [each["path"] for each in report["producers"]].count("bus.py") == 1
    return {each["path"]: (each["kind"], each["message"]) for each in report["problems"]}


def run(*arguments: str, before: Callable[[], None] | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a user without a superuser's rights to read and write anything."""
    command = [sys.executable, "-m", "kafka_audit", *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("a superuser may read everything")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, timeout=60, preexec_fn=before
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_links_that_lead_nowhere_or_in_circles_are_named(project: Path, capsys: pytest.CaptureFixture[str]):
    os.symlink("nowhere.py", project / "dangling.py")
    os.symlink("self.py", project / "self.py")
    os.symlink("two.py", project / "one.py")
    os.symlink("one.py", project / "two.py")
    os.symlink(".", project / "loop")
    os.symlink("/", project / "everything")
    (project / "inner").mkdir()
    os.symlink("../..", project / "inner" / "up")
    found = audited(capsys)
    assert set(found) == {"dangling.py", "self.py", "one.py", "two.py"}
    assert found["dangling.py"] == ("unreadable", "the link leads nowhere")
    assert "cannot be followed" in found["self.py"][1]


def test_what_may_not_be_read_is_named_and_the_rest_is_audited(project: Path):
    for name in ("secret.py", "closed/inside.py", "listed/inside.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(ALARMING)
    rights = {"secret.py": 0, "closed": 0, "listed": 0o444}
    for name, bits in rights.items():
        (project / name).chmod(bits)
    try:
        done = run("scan", "--format", "json", "--no-cache")
    finally:
        for name in rights:
            (project / name).chmod(0o755)
    assert done.stderr == ""
    found = problems(done.stdout)
    assert set(found) == {"secret.py", "closed", "listed/inside.py"}
    assert {kind for kind, _ in found.values()} == {"unreadable"}
    assert all("Permission denied" in message for _, message in found.values())


def test_a_file_that_vanishes_is_named(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch):
    (project / "gone.py").write_text(ALARMING)
    real = reading.discover

    def then_gone(*arguments):
        found = real(*arguments)
        (project / "gone.py").unlink()
        return found

    monkeypatch.setattr(reading, "discover", then_gone)
    assert audited(capsys) == {"gone.py": ("unreadable", "the file vanished while the audit ran")}


def test_a_folder_that_turns_into_a_file_and_a_file_into_a_folder_are_named(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    (project / "turned.py").write_text(ALARMING)
    (project / "inner").mkdir()
    (project / "inner" / "lost.py").write_text(ALARMING)
    real = reading.discover

    def then_turned(*arguments):
        found = real(*arguments)
        (project / "turned.py").unlink()
        (project / "turned.py").mkdir()
        shutil.rmtree(project / "inner")
        (project / "inner").write_text("")
        return found

    monkeypatch.setattr(reading, "discover", then_turned)
    assert {path: kind for path, (kind, _) in audited(capsys).items()} == {
        "turned.py": "unreadable",
        "inner/lost.py": "unreadable",
    }


def test_a_file_that_grows_while_it_is_read_is_read_no_further_than_the_limit(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    (project / "log.py").write_text(ALARMING)
    real = os.fstat

    def then_grown(handle):
        status = real(handle)
        if os.path.basename(os.readlink(f"/proc/self/fd/{handle}")) == "log.py":
            (project / "log.py").write_bytes(b"x = 1\n" * 1_000)
        return status

    monkeypatch.setattr(reading, "MAX_SIZE", 2_000)
    monkeypatch.setattr(os, "fstat", then_grown)
    assert audited(capsys) == {"log.py": ("unreadable", "2001 bytes are more than the 2000 that are read of one file")}


def test_a_device_and_a_pipe_called_like_files_are_named(project: Path, capsys: pytest.CaptureFixture[str]):
    os.symlink("/dev/zero", project / "zero.py")
    os.mkfifo(project / "pipe.py")
    assert set(audited(capsys).values()) == {("unreadable", "not a regular file")}


def test_a_tree_that_may_only_be_read_is_audited_and_not_repaired(project: Path):
    (project / "leaky.py").write_text(LEAKY)
    before = contents(project)
    project.chmod(0o555)
    try:
        scanned, repaired = run("scan", "--format", "concise"), run("fix")
    finally:
        project.chmod(0o755)
    assert scanned.returncode == 1
    assert "leaky.py:5" in scanned.stdout
    assert scanned.stderr == ""
    assert repaired.returncode == 2
    assert re.fullmatch(
        r"kafka-audit: \S+ cannot be written: Permission denied; nothing was changed\n", repaired.stderr
    )
    assert contents(project) == before


def no_room() -> None:
    """Let every further byte that is written into a file fail, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_a_full_disk_costs_the_cache_and_nothing_else(project: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    full = run("scan", "--format", "json", "--cache-dir", str(cache), before=no_room)
    assert full.stderr == ""
    assert problems(full.stdout) == {}
    assert [path for path in cache.rglob("*") if path.is_file()] == []
    assert run("scan", "--format", "json", "--cache-dir", str(cache)).stdout == full.stdout


def test_a_full_disk_leaves_every_file_as_it_was(project: Path, tmp_path: Path):
    for name in ("one.py", "two.py"):
        (project / name).write_text(LEAKY)
    (project / "report.json").write_text("old")
    before = contents(project)
    repaired = run("fix", before=no_room)
    told = run("scan", "-o", "report.json", before=no_room)
    assert (repaired.returncode, told.returncode) == (2, 2)
    assert "cannot be written: File too large; nothing was changed" in repaired.stderr
    assert told.stderr == "kafka-audit: --output report.json cannot be written: File too large\n"
    assert contents(project) == before
    assert run("fix").returncode in {0, 1}
    assert contents(project) != before


def test_names_of_any_bytes_are_read_repaired_and_named(project: Path, capsys: pytest.CaptureFixture[str]):
    names = [b"\xff\xfe.py", b"new\nline.py", b"\x1b[31m.py", "größe.py".encode(), b"-o.py", b"a b.py", b"'\".py"]
    for name in names:
        Path(os.fsdecode(name)).write_text(LEAKY)
    with pytest.raises(SystemExit):
        main(["fix", "--diff"])
    out, err = capsys.readouterr()
    assert out.count("+++ ") == len(names)
    assert all(line.isprintable() for line in (out + err).split("\n"))
    assert '+++ "b/new\\012line.py"\n' in out
    with pytest.raises(SystemExit):
        main(["fix"])
    assert all("finally" in Path(os.fsdecode(name)).read_text() for name in names)


def test_a_diff_on_a_terminal_shows_what_would_act_on_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    (project / "odd.py").write_text(LEAKY.replace("'t'", "'\x1b[31m'"))
    for is_terminal in (False, True):
        monkeypatch.setattr(sys.stdout, "isatty", lambda answer=is_terminal: answer)
        with pytest.raises(SystemExit):
            main(["fix", "--diff", "--no-cache"])
        out = capsys.readouterr().out
        assert ("\x1b" in out) != is_terminal
        assert ("\\x1b[31m" in out) == is_terminal

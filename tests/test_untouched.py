"""Nothing audited is imported or run, nothing asks the network, and nothing is written outside of the cache.

A child runs each command in a tree full of code that leaves a mark when it runs, and says everything that its
interpreter is asked to do: audit hooks (PEP 578) see each import, execution, open file, process and socket, forked
workers included.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = "from kafka import KafkaProducer\n\n\ndef send():\n    p = KafkaProducer()\n    p.send('t', b'')\n"

WATCH = """
import json, os, sys
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND)
def plain(value):
    if isinstance(value, bytes):
        return os.fsdecode(value)
    return value if isinstance(value, (str, int, type(None))) else repr(value)
def watch(event, arguments):
    if event == "exec":
        arguments = (arguments[0].co_filename,)
    if event.partition(".")[0] not in ("object", "sys", "compile", "marshal"):
        os.write(log, (json.dumps([event, *map(plain, arguments)]) + "\\n").encode())
sys.addaudithook(watch)
from kafka_audit.cli import main
if "--jobs" in sys.argv:
    from kafka_audit.pipeline import workers
    workers.WORTH_A_POOL = 0
main()
"""

SHADOWS = ("typer", "libcst", "msgspec", "rich", "kafka", "aiokafka", "json", "ast", "tokenize", "pytest", "tomli")
HOOKS = ("setup", "conftest", "sitecustomize", "usercustomize", "noxfile", "trap_plugin", "__init__", "_hooks", "tasks")


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.mark), "w"))


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A tree in which whatever runs, or is unpickled, leaves a mark beside it."""
    folder, mark = tmp_path / "trap", tmp_path / "mark"
    folder.mkdir()
    bomb = f"open({str(mark)!r}, 'a').write(__name__)\n"
    for name in (*SHADOWS, *HOOKS):
        (folder / f"{name}.py").write_text(f"{bomb}{CODE}{bomb}")
    (folder / "test_send.py").write_text(f"{bomb}from setup import send\n\n\ndef test_send():\n    send()\n")
    (folder / "trap.pth").write_text(f"import os; {bomb}")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["trap"]\nbuild-backend = "_hooks"\nbackend-path = ["."]\n'
        '[project]\nname = "trap"\nversion = "1"\n[project.scripts]\ntrap = "setup:send"\n'
        '[project.entry-points.pytest11]\ntrap = "trap_plugin"\n'
        '[tool.pytest.ini_options]\naddopts = "-p trap_plugin"\npythonpath = ["."]\n'
    )
    for name in ("data.pkl", "facts.msgpack", "answers.msgpack", "baseline.json"):
        (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    (folder / "__pycache__").mkdir()
    cached = compile(bomb, "setup.py", "exec")
    (folder / "__pycache__" / f"setup.{sys.implementation.cache_tag}.pyc").write_bytes(
        b"\0" * 16 + __import__("marshal").dumps(cached)
    )
    return folder


COMMANDS = {
    "scan": ["scan", "."],
    "scan with what a cache knows": ["scan", "."],
    "scan with processes": ["scan", ".", "--jobs", "2", "--no-cache"],
    "scan with repairs": ["scan", ".", "--show-fixes", "--format", "sarif"],
    "explain-site": ["scan", ".", "--explain-site", "setup.py:6"],
    "fix": ["fix", ".", "--diff", "--unsafe"],
    "impact": ["impact", "test_send.py"],
    "graph": ["graph", "."],
    "explain": ["explain", "KA203"],
    "merge": ["merge", "../report.json"],
    "cache": ["cache", "info", "."],
}

FORBIDDEN = (
    "socket",
    "subprocess",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "urllib",
    "ftplib",
    "webbrowser",
)
WRITES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
)


@pytest.mark.skipif(sys.platform != "linux", reason="needs workers that are forked, and so keep the hook")
def test_nothing_audited_runs_and_nothing_is_written_outside_of_the_cache(trap: Path, tmp_path: Path):
    watch, log, cache = tmp_path / "watch.py", tmp_path / "log", tmp_path / "cache"
    watch.write_text(WATCH)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    before = {path: path.read_bytes() for path in trap.rglob("*") if path.is_file()}
    for what, command in COMMANDS.items():
        log.write_text("")
        done = subprocess.run(
            [sys.executable, str(watch), str(log), *command],
            check=False, capture_output=True, text=True, cwd=trap, env=environment, timeout=120,
        )  # fmt: skip
        assert done.returncode in (0, 1), (what, done.stderr)
        assert "Traceback" not in done.stderr, what
        if what == "scan":
            (tmp_path / "report.json").write_text(
                subprocess.run(
                    [sys.executable, "-m", "kafka_audit", "scan", ".", "--format", "json"],
                    check=False, capture_output=True, text=True, cwd=trap, env=environment, timeout=120,
                ).stdout
            )  # fmt: skip
            assert json.loads((tmp_path / "report.json").read_text())["summary"]["producers"] > len(SHADOWS)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        assert {"import", "open", "exec"} <= {event[0] for event in events}, "the watch sees nothing"
        assert "processes" not in what or "os.fork" in {event[0] for event in events}, "no process was started"
        assert not (tmp_path / "mark").exists(), what
        assert [event for event in events if offends(event, trap, cache)] == [], what
    assert {path: path.read_bytes() for path in trap.rglob("*") if path.is_file()} == before
    assert any(cache.rglob("*.msgpack")), "the cache is where it is expected"


def offends(event: list, trap: Path, cache: Path) -> bool:
    """Whether the interpreter was asked for something that no audit needs."""
    name, *arguments = event
    inside = [str(each) for each in arguments if str(each).startswith(str(trap))]
    if name in ("exec", "import", "ctypes.dlopen"):
        return bool(inside) or (name == "import" and arguments[0] in HOOKS)
    if name == "open" and isinstance(arguments[0], int):
        return False  # a file or a pipe that is open already
    if name == "open":
        writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        unpickles = str(arguments[0]).endswith((".pkl", ".pyc")) and bool(inside)
        return unpickles or (bool(writes) and not str(arguments[0]).startswith((str(cache), os.devnull, "/dev/shm")))
    if name.startswith(WRITES):
        return not all(str(each).startswith(str(cache)) for each in arguments if isinstance(each, str))
    if name == "pickle.find_class":
        return not str(arguments[0]).startswith(("kafka_audit", "concurrent.futures", "multiprocessing", "builtins"))
    return name.startswith(FORBIDDEN)


def test_the_watch_sees_what_it_is_to_see(trap: Path, tmp_path: Path):
    """The law above can fail: the very same hook, with a program that does what none should."""
    log = tmp_path / "log"
    log.write_text("")
    (tmp_path / "watch.py").write_text(
        WATCH.partition("from kafka_audit")[0]
        + "sys.path.insert(0, os.getcwd())\nimport trap_plugin\nimport socket, subprocess\nsocket.socket().close()\n"
        + "subprocess.run(['true'])\nopen('written', 'w').close()\nos.remove('written')\n"
    )
    (trap / "kafka.py").write_text("KafkaProducer = None\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "watch.py"), str(log)], check=False, capture_output=True, text=True, cwd=trap
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in log.read_text().splitlines()]
    seen = {event[0] for event in events if offends(event, trap, tmp_path / "cache")}
    assert {"import", "exec", "socket.__new__", "subprocess.Popen", "open", "os.remove"} <= seen
    assert (tmp_path / "mark").exists()


def test_the_module_run_in_an_audited_folder_imports_nothing_of_it(trap: Path, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "kafka_audit", "scan", ".", "--no-cache"],
        check=False, capture_output=True, text=True, cwd=trap, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert not (tmp_path / "mark").exists()

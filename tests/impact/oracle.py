"""What a test file really does, as the recorder sees it, and what the audit says that it does, in the same words."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from kafka_audit.discover.pytest_ini import configurations
from kafka_audit.facts.extract import extract
from kafka_audit.facts.modules import ModulePaths, extension
from kafka_audit.impact.index import Index
from kafka_audit.impact.session import Session
from kafka_audit.impact.trace import Trace
from kafka_audit.link import link
from kafka_audit.settings import ROLES

HERE = Path(__file__).parent
PROJECTS = HERE / "projects"

RUN = "import recorder, sys, pytest; sys.exit(pytest.main(sys.argv[1:], plugins=[recorder]))"
"""The recorder is imported before anything that the project's own configuration names."""

OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:xdist", "-W", "ignore")


@functools.cache
def files_of(project: str) -> dict[str, str]:
    """The files of a project by path: one text holds them all, so that no audit of this repository comes upon them."""
    text = (PROJECTS / f"{project}.txt").read_text(encoding="utf-8")
    _, *rest = re.split(r"^# file: (\S+)\n", text, flags=re.MULTILINE)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def unpack(project: str, folder: Path) -> Path:
    """Write a project's files below a folder."""
    for path, text in files_of(project).items():
        file = folder / project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / project


class Outcome(NamedTuple):
    """The files with clients that are imported, each with its first stage; and each real client by where it is made:
    what happens to it, at which stage, in which test ("" outside of tests and for teardowns)."""

    imported: frozenset[tuple[str, str]]
    happened: frozenset[tuple[str, str, int, str, str]]


def really(project: Path, test: str, tmp_path: Path, clients: frozenset[str]) -> Outcome:
    """Run a test file and see; `clients` are the files whose import is of interest."""
    record = tmp_path / "record.json"
    environment = {**os.environ, "RECORD": str(record), "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", RUN, *OPTIONS, test]
    run = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert record.exists(), run.stdout + run.stderr
    assert run.returncode in (0, 1), run.stdout + run.stderr
    events = json.loads(record.read_text())
    first = {e["path"]: e["stage"] for e in reversed(events) if e["what"] == "imported" and e["path"] in clients}
    happened = {
        (e["what"], e["path"], e["line"], e["stage"], "" if e["stage"] == "teardown" else e["test"])
        for e in events
        if e["what"] != "imported"
    }
    return Outcome(frozenset(first.items()), frozenset(happened))


def foretold(project: Path, test: str) -> Outcome:
    """What the audit says of the test file, as the recorder would write it: what is mocked away does not happen."""
    contents = {file.relative_to(project).as_posix(): file.read_bytes() for file in sorted(project.rglob("*.py"))}
    facts = {path: extract(content) for path, content in contents.items()}
    program = link(facts, ModulePaths.of(contents, extended=extension(contents)), ROLES, lambda _: {})
    (ini,) = configurations(str(project), [test]).values()
    return _in_words(Session(program, Index(program), program.engine.modules[test], ini).run())


def _in_words(trace: Trace) -> Outcome:
    first: dict[str, str] = {}
    is_real: dict[str, bool] = {}
    happened = set()
    for event in trace.happenings:
        if event.depends_on():
            continue
        path, line, test = event.life.path, event.life.site.node.at[0], event.root.test
        if event.what == "imported":
            first.setdefault(path, event.root.stage)
            continue
        if event.what == "created":
            is_real[event.life.id] = event.mock is None or event.mock.effect != "effective"
        if is_real.get(event.life.id):
            stage = event.root.stage
            happened.add((event.what, path, line, stage, "" if stage == "teardown" else test))
    return Outcome(frozenset(first.items()), frozenset(happened))


def client_files(project: Path) -> frozenset[str]:
    """The files of a project that make clients, as the audit sees it."""
    contents = {file.relative_to(project).as_posix(): file.read_bytes() for file in sorted(project.rglob("*.py"))}
    program = link(
        {path: extract(content) for path, content in contents.items()},
        ModulePaths.of(contents, extended=extension(contents)),
        ROLES,
        lambda _: {},
    )
    return frozenset(life.path for life in program.audited)

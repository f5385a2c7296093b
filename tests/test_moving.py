"""What was said of code that has only moved is what would be said of it anew."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from kafka_audit.facts.extract import extract
from kafka_audit.facts.schema import Flaw
from kafka_audit.model import Report, Step
from kafka_audit.pipeline import audit, judging
from kafka_audit.pipeline.moving import lines_moved, moved
from kafka_audit.settings import Settings

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROJECTS = sorted(str(each.relative_to(FIXTURES)) for each in FIXTURES.glob("*/*") if any(each.rglob("*.py")))

CODE = b"import kafka\n\n\ndef send(x):\n    p = kafka.KafkaProducer(a=1,\n        b=2)\n    p.close()\n"


def where_to(now: bytes) -> dict[int, int] | None:
    lines = lines_moved(extract(CODE), extract(now))
    return dict(lines) if lines is not None else None


@pytest.mark.parametrize("now", [CODE, CODE + b"# more\n", CODE.replace(b"(x):", b"(x):  # any")])
def test_code_that_stays_stays(now: bytes):
    assert where_to(now) == {1: 1, 4: 4, 5: 5, 6: 6, 7: 7}


def test_code_below_what_is_put_in_moves_down():
    assert where_to(b"# why\n" + CODE) == {1: 2, 4: 5, 5: 6, 6: 7, 7: 8}
    assert where_to(CODE.replace(b"    p.close", b'    """Said late."""\n\n    p.close')) == {
        1: 1,
        4: 4,
        5: 5,
        6: 6,
        7: 9,
    }
    assert where_to(CODE.replace(b"\n\n\ndef", b"\ndef")) == {1: 1, 4: 2, 5: 3, 6: 4, 7: 5}


@pytest.mark.parametrize(
    "now",
    [
        CODE.replace(b"a=1,\n        ", b"a=1, "),
        CODE.replace(b"p = kafka.KafkaProducer(", b"p = kafka.KafkaProducer(\n        "),
        CODE.replace(b"a=1", b"a=True"),
        CODE.replace(b"a=1", b"a=2"),
        CODE.replace(b"p.close", b"p.flush"),
        CODE.replace(b"    p.close()", b"    return p.close()"),
        CODE.replace(b"(x)", b"(y)"),
        CODE + b"send(1)\n",
        b"import os\n" + CODE,
        CODE.replace(b"    p", b"     p"),
        CODE + b"}\n",
    ],
)
def test_code_that_says_something_else_has_not_only_moved(now: bytes):
    assert where_to(now) is None


def test_lines_that_are_exchanged_have_not_only_moved():
    two = b"f(a)\ng(b)\n"
    assert lines_moved(extract(two), extract(two)) == {1: 1, 2: 2}
    assert lines_moved(extract(b"f(a)\nf(a)\n"), extract(b"f(a); f(a)\n")) is None
    assert lines_moved(extract(two), extract(b"g(b)\nf(a)\n")) is None


STEP = Step(path="a.py", line=4, message="there")


def test_a_place_moves_with_its_file_only():
    there = Step(path="b.py", line=4, message="there")
    assert moved((STEP, there), {"a.py": {4: 9}}) == (Step(path="a.py", line=9, message="there"), there)
    assert moved({"a.py": (Flaw("syntax", 4, "odd"),)}, {"a.py": {4: 9}})["a.py"][0].line == 9  # type: ignore[index]


@pytest.mark.parametrize(
    "step",
    [
        Step(path="a.py", line=5, message="no code was there"),
        Step(path="a.py", line=4, message="see line 4"),
        Step(path="b.py", line=4, message="see a.py:4"),
    ],
)
def test_nothing_is_said_of_a_place_of_which_it_is_not_known_where_it_went(step: Step):
    assert moved((step,), {"a.py": {4: 9}}) is None


def test_the_first_line_can_stand_for_the_whole_file():
    whole = Step(path="a.py", line=1, message="runs")
    assert moved((whole,), {"a.py": {4: 9}}) == (whole,)
    assert moved((whole,), {"a.py": {1: 1, 4: 9}}) == (whole,)
    assert moved((whole,), {"a.py": {1: 2, 4: 9}}) is None


def scattered(source: bytes) -> bytes:
    """The source with comments above everything that starts a line and in front of everything."""
    return b"# moved\n" + re.sub(rb"(?m)^(?=\w|@)", b"# more\n\n", source)


@pytest.mark.parametrize("name", PROJECTS)
def test_what_is_recalled_of_moved_code_is_what_would_be_said_anew(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = tmp_path / "project"
    shutil.copytree(FIXTURES / name, project)
    monkeypatch.chdir(project)
    settings = Settings(cache=True, cache_dir=str(tmp_path / "cache"), jobs=1)
    audit(settings)
    for path in sorted(project.rglob("*.py")):
        path.write_bytes(scattered(path.read_bytes()))
    assert audit(settings) == audit(Settings(jobs=1))


def test_most_of_moved_code_is_not_linked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    linked: list[str] = []
    real = judging.linked

    def noted(*given: object) -> object:
        linked.append(str(Path.cwd()))
        return real(*given)  # type: ignore[arg-type]

    def scan(folder: Path) -> Report:
        monkeypatch.chdir(folder)
        return audit(Settings(cache=True, cache_dir=str(folder.with_name(f"{folder.name}.cache")), jobs=1))

    tried = PROJECTS[::8]
    for name in tried:
        project = tmp_path / name.replace("/", "-")
        shutil.copytree(FIXTURES / name, project)
        scan(project)
        for path in project.rglob("*.py"):
            path.write_bytes(scattered(path.read_bytes()))
        with monkeypatch.context() as patched:
            patched.setattr(judging, "linked", noted)
            scan(project)
    assert len(set(linked)) < len(tried) / 4

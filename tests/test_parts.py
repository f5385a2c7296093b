"""A program is judged part by part, and nobody can tell."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from kafka_audit.facts.importing import links
from kafka_audit.facts.modules import ModulePaths, extension
from kafka_audit.facts.parts import Part, Reach, parts, together
from kafka_audit.pipeline import audit, gather, judging, screening
from kafka_audit.pipeline.judging import Judging
from kafka_audit.pipeline.screening import Reading
from kafka_audit.pipeline.timing import Stopwatch
from kafka_audit.pipeline.workers import Workers
from kafka_audit.settings import Settings
from tests.test_fixtures import FIXTURES, PROJECTS

ROLES = ("producer", "consumer", "admin")

forking = pytest.mark.skipif(sys.platform != "linux", reason="only there is a process a copy of the first one")


# --- which files are one part ----------------------------------------------------------------------------------------


def parts_of(files: Mapping[str, str]) -> list[Part]:
    contents = {path: text.encode() for path, text in files.items()}

    def linked(path: str):
        return links(contents[path], path)

    return list(parts(sorted(files), linked, ModulePaths.of(files, extended=extension(contents))))


def test_an_import_joins_two_files_and_no_more():
    assert parts_of({"a.py": "import b", "b.py": "", "c.py": "import os"}) == [("a.py", "b.py"), ("c.py",)]
    assert parts_of({"p/a.py": "from . import b", "p/b.py": "", "p/c.py": ""}) == [("p/a.py", "p/b.py"), ("p/c.py",)]
    assert parts_of({"p/a.py": "from .q.b import c", "p/q/b.py": "", "q/b.py": ""})[0] == ("p/a.py", "p/q/b.py")
    assert len(parts_of({"p-1.0/p/__init__.py": "from .a import b", "p-1.0/p/a.py": ""})) == 1
    assert len(parts_of({"a.py": "import_module('q.b')", "q/b.py": "x = 1"})) == 1


def test_an_import_means_the_nearest_file():
    services = {f"{name}/{file}": text for name in "xy" for file, text in (("a.py", "import b"), ("b.py", ""))}
    assert parts_of(services) == [("x/a.py", "x/b.py"), ("y/a.py", "y/b.py")]


def test_a_file_that_shows_how_to_import_it_is_not_joined_with_its_copy():
    example = '"""How to use it:\n\nfrom send import send\n"""\n'
    assert parts_of({"a/send.py": example, "b/send.py": example}) == [("a/send.py",), ("b/send.py",)]
    extending = example + "import sys\nsys.path.insert(0, 'a')\n"
    assert parts_of({"a/send.py": extending, "b/send.py": extending}) == [("a/send.py",), ("b/send.py",)]


def test_a_conftest_is_one_part_with_what_is_below_it():
    files = {"a/conftest.py": "", "a/b/test_x.py": "", "ab/test_y.py": "", "test_z.py": ""}
    assert parts_of(files) == [("a/b/test_x.py", "a/conftest.py"), ("ab/test_y.py",), ("test_z.py",)]
    assert len(parts_of(files | {"conftest.py": ""})) == 1


def test_parts_are_put_together_when_one_asks_for_a_file_of_another():
    a, b, c = ("a.py", "a2.py"), ("b.py",), ("c.py",)

    def one(reached: Mapping[Part, Reach]) -> list[Part]:
        return list(together(reached))

    nothing = Reach((), ())
    assert one({a: nothing, b: nothing, c: nothing}) == [a, b, c]
    assert one({a: nothing, b: Reach((), ("a2.py", "elsewhere.py")), c: nothing}) == [
        ("a.py", "a2.py", "b.py"),
        c,
    ]
    assert one({a: Reach(("x.py",), ()), b: nothing, c: Reach(("x.py",), ())}) == [
        ("a.py", "a2.py", "c.py"),
        b,
    ]
    assert one({a: Reach(("x.py",), ()), b: Reach((), ("x.py",)), c: nothing}) == [
        ("a.py", "a2.py", "b.py"),
        c,
    ]


# --- the same answer -------------------------------------------------------------------------------------------------


def as_one_part(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The report on a program that is linked as a whole."""
    with monkeypatch.context() as whole:
        whole.setattr(screening, "parts", lambda files, links, paths: (tuple(files),) if files else ())
        return msgspec.json.encode(audit(settings))


@pytest.mark.parametrize("name", [".", *PROJECTS])
def test_what_is_said_of_the_parts_is_what_is_said_of_the_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(FIXTURES / name, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    settings = Settings(jobs=1, roles=ROLES, select=("all",))
    assert msgspec.json.encode(audit(settings)) == as_one_part(settings, monkeypatch)


MADE = "from kafka import KafkaProducer\n\n\ndef made():\n    return KafkaProducer()\n"
SENT = (
    "from .making import made\n\n\ndef send(message):\n    producer = made()\n    producer.send('parcels', message)\n"
)
ENDED = "from shared import ending\nfrom .making import made\n\n\ndef send():\n    ending.end(made())\n"
ENDING = "def end(client):\n    client.close()\n"
PARTS = ("north", "south", "west")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three packages that know nothing of each other."""
    for part in PARTS:
        (tmp_path / part).mkdir()
        (tmp_path / part / "making.py").write_text(MADE)
        (tmp_path / part / "sending.py").write_text(SENT)
    (tmp_path / "setup.cfg").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_that_two_parts_have_read_makes_them_one(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "shared").mkdir()
    (project / "shared" / "ending.py").write_text(ENDING)
    for part in PARTS[:2]:
        (project / part / "sending.py").write_text(ENDED)
    settings = Settings(jobs=1)
    assert msgspec.json.encode(audit(settings)) == as_one_part(settings, monkeypatch)
    keeping = Settings(cache=True, cache_dir=str(project / ".cache"), jobs=1)
    assert audit(keeping) == audit(settings)
    (project / "south" / "setup.py").touch()
    assert audit(keeping) == audit(settings)
    (project / "south" / "setup.py").write_text("x = 1\n")
    assert audit(keeping) == audit(settings), "what is recalled is put together as well"
    assert [producer.released.verdict for producer in audit(settings).producers] == ["sometimes", "sometimes", "never"]


def test_a_part_that_is_asked_for_by_name_is_one_with_who_asks(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "north" / "__init__.py").touch()
    (project / "east.py").write_text(
        "from importlib import import_module\n\nmaking = import_module('north' + '.making')\n"
        "NAME = 'north.making'\nproducer = import_module(NAME).made()\nproducer.close()\n"
    )
    settings = Settings(jobs=1)
    assert msgspec.json.encode(audit(settings)) == as_one_part(settings, monkeypatch)


@pytest.fixture
def judged_here(monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """The parts that this very process links."""
    seen: list[Part] = []
    real, first = judging.linked, os.getpid()

    def noted(given: object, reading: object, part: Part) -> object:
        if os.getpid() == first:
            seen.append(part)
        return real(given, reading, part)  # type: ignore[arg-type]

    monkeypatch.setattr(judging, "linked", noted)
    return seen


@forking
def test_parts_that_are_judged_by_several_processes_give_the_same_bytes(
    project: Path, judged_here: list[Part], monkeypatch: pytest.MonkeyPatch
):
    alone = msgspec.json.encode(audit(Settings(jobs=1)))
    assert len(judged_here) == len(PARTS)
    monkeypatch.setattr(judging, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(judging, "WORTH_SPREADING", 0)
    assert msgspec.json.encode(audit(Settings(jobs=2))) == alone
    assert len(judged_here) == len(PARTS), "nothing is judged twice"


@forking
def test_what_a_process_that_died_left_undone_is_done_by_the_first_one(
    project: Path, judged_here: list[Part], monkeypatch: pytest.MonkeyPatch
):
    alone = msgspec.json.encode(audit(Settings(jobs=1)))
    judged_here.clear()
    monkeypatch.setattr(judging, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(judging, "WORTH_SPREADING", 0)
    real, first = judging.judgement_on, os.getpid()

    def dying(program: object, *rest: object) -> object:
        if os.getpid() != first and "south/making.py" in program.engine.modules:  # type: ignore[attr-defined]
            os._exit(9)
        return real(program, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(judging, "judgement_on", dying)
    assert msgspec.json.encode(audit(Settings(jobs=2))) == alone
    assert judged_here == [("south/making.py", "south/sending.py")]


def test_only_the_part_that_changed_is_judged_again(project: Path, judged_here: list[Part]):
    settings = Settings(jobs=1, cache=True, cache_dir=str(project / ".cache"))
    before = audit(settings)
    judged_here.clear()
    (project / "south" / "sending.py").write_text(SENT + "    producer.close()\n")
    after = audit(settings)
    assert judged_here == [("south/making.py", "south/sending.py")]
    assert after == audit(Settings(jobs=1)) != before
    (project / "south" / "sending.py").write_text(SENT)
    judged_here.clear()
    assert audit(settings) == before
    assert not judged_here, "what was said before the last change is known as well"


@forking
def test_the_time_that_other_processes_take_is_told(project: Path, monkeypatch: pytest.MonkeyPatch):
    settings, watch = Settings(jobs=2), Stopwatch()
    given = gather(settings)
    monkeypatch.setattr(judging, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(judging, "WORTH_SPREADING", 0)
    with Workers(2, lambda doing, done, of: None) as workers:
        spread = Judging(given, Reading(given, workers), workers, watch)
        assert spread.is_spread
        spread.whole()
    assert watch.laps["link"] > 0

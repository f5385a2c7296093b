"""The cache: what it recalls is what would be found out anew, and whatever happens to it only costs time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from kafka_audit.cli import main
from kafka_audit.facts.schema import FileFacts, Flaw, encode
from kafka_audit.model import Report
from kafka_audit.pipeline import audit, questions, storing, workers
from kafka_audit.pipeline.remembering import Memory
from kafka_audit.pipeline.storing import ANSWERS, FACTS, clear, folder_for, kept, load
from kafka_audit.settings import ROLES, Settings

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"

LEAK = "from kafka import KafkaProducer\n\ndef send():\n    producer = KafkaProducer()\n"
ENDED = LEAK + "    producer.close()\n"
PLAIN = "def nothing():\n    return 1\n"

Scan = Callable[..., Report]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a client and a file without, and the current directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "setup.cfg").touch()
    (folder / "send.py").write_text(LEAK)
    (folder / "plain.py").write_text(PLAIN)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def scan(cache: Path) -> Scan:
    return lambda **more: audit(Settings(cache=True, cache_dir=str(cache), jobs=1, **more))


def forbid(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these functions, `module.name`, fail when they are called."""
    for name in names:

        def fail(*_: object, called: str = name, **__: object):
            raise AssertionError(f"{called} was called")

        fail.__name__ = name.rpartition(".")[2]
        monkeypatch.setattr(name, fail)


PARSING = ("kafka_audit.pipeline.workers.extracted",)
CHECKING = ("kafka_audit.pipeline.workers.checked",)
SCREENING = ("kafka_audit.facts.screen.Relevance.read",)
LINKING = ("kafka_audit.link.link", "kafka_audit.rules.judge")


# --- the same bytes --------------------------------------------------------------------------------------------------


def test_a_report_is_the_same_found_out_anew_kept_and_recalled(
    cache: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(FIXTURES)
    anew = audit(Settings(roles=ROLES, jobs=1))
    first = scan(roles=ROLES)
    (cache / ANSWERS).unlink()
    from_facts = scan(roles=ROLES)
    recalled = scan(roles=ROLES)
    assert len({msgspec.json.encode(report) for report in (anew, first, from_facts, recalled)}) == 1


def test_when_nothing_changed_nothing_is_parsed_and_nothing_linked(
    project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
):
    before = scan()
    forbid(monkeypatch, *PARSING, *CHECKING, *LINKING)
    assert scan() == before


def test_a_changed_file_that_cannot_matter_is_checked_and_nothing_is_linked(
    project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
):
    before = scan()
    (project / "plain.py").write_text(PLAIN + "# more\n")
    forbid(monkeypatch, *PARSING, *LINKING)
    assert scan() == before


MAKING = """
from kafka import KafkaProducer

def made():
    return KafkaProducer()
"""
FIXTURE = """
import pytest
from kafka import KafkaProducer

@pytest.fixture
async def queue():
    return KafkaProducer()
"""
CALLING = """
import pay.ending
from pay import making

def pay():
    pay.ending.end(making.made())
"""


@pytest.fixture
def shop(project: Path) -> Path:
    """A project where files can come to matter in every way that there is, and one of them does."""
    for name, text in {
        "pay/__init__.py": "",
        "pay/making.py": MAKING,
        "pay/calling.py": CALLING,
        "pay/ending.py": "def end(it):\n    return 1\n",
        "pay/plain.py": PLAIN,
        "tests/conftest.py": FIXTURE,
        "tests/test_pay.py": "def test_pay():\n    assert 1\n",
    }.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    return project


@pytest.mark.parametrize("name", ["pay/plain.py", "tests/test_pay.py"])
@pytest.mark.parametrize("more", ["# more\n", "\n\ndef more(words):\n    return words.split()\n", "import json, os\n"])
def test_a_change_that_screening_does_not_look_at_takes_no_screening(
    shop: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch, name: str, more: str
):
    scan()
    for times in (1, 2):
        (shop / name).write_text((shop / name).read_text() + more * times)
        anew = audit(Settings(jobs=1))
        with monkeypatch.context() as patched:
            forbid(patched, *PARSING, *LINKING, *SCREENING)
            assert scan() == anew


@pytest.mark.parametrize("name", ["send.py", "pay/making.py", "pay/calling.py", "tests/conftest.py"])
@pytest.mark.parametrize("change", [lambda text: text + "# more\n", lambda text: text.replace("\n\n", "\n# more\n", 1)])
def test_a_change_of_comments_in_a_file_with_clients_takes_no_screening_and_no_linking(
    shop: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[str], str]
):
    scan()
    (shop / name).write_text(change((shop / name).read_text()))
    anew = audit(Settings(jobs=1))
    with monkeypatch.context() as patched:
        forbid(patched, *LINKING, *SCREENING)
        assert scan() == anew
        forbid(patched, *PARSING)
        assert scan() == anew


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("send.py", "    producer = KafkaProducer()\n", "    name = 1\n    producer = KafkaProducer(acks=name)\n"),
        ("send.py", LEAK, LEAK + "\n\ndef more(words):\n    return words.split()\n"),
        ("pay/making.py", "    return KafkaProducer()", "    print(1)\n    return KafkaProducer()"),
        ("pay/calling.py", "pay.ending.end(making.made())", "it = making.made()\n    pay.ending.end(it)"),
        ("tests/conftest.py", "return KafkaProducer()", "yield KafkaProducer()"),
    ],
)
def test_a_change_of_code_that_screening_takes_nothing_from_takes_no_screening(
    shop: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str
):
    scan()
    (shop / name).write_text((shop / name).read_text().replace(old, new))
    anew = audit(Settings(jobs=1))
    forbid(monkeypatch, *SCREENING)
    assert scan() == anew


def test_a_project_without_clients_is_remembered(project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch):
    (project / "send.py").write_text(PLAIN)
    before = scan()
    (project / "plain.py").write_text(PLAIN + "# more\n")
    forbid(monkeypatch, *SCREENING, *LINKING)
    assert scan() == before


@pytest.mark.parametrize("text", ["\n" + LEAK, LEAK + "    return producer\n", LEAK.replace("send", "sent")])
def test_a_change_of_the_code_of_a_file_with_clients_is_noticed(shop: Path, scan: Scan, text: str):
    before = scan()
    (shop / "send.py").write_text(text)
    after = scan()
    assert after == audit(Settings(jobs=1))
    assert after != before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pay/plain.py", LEAK),
        ("pay/plain.py", "from pay.making import made\n\nmine = made()\n"),
        ("pay/plain.py", "from pay import making\n\nmine = making.made()\n"),
        ("pay/plain.py", "import pay.making as making\n\n\ndef more():\n    making.made()\n"),
        ("pay/plain.py", "from pay.making import *\n\nmine = made()\n"),
        ("pay/ending.py", "def end(it):\n    it.close()\n"),
        ("tests/test_pay.py", "async def test_pay(queue):\n    queue.send('topic', b'1')\n"),
        ("tests/conftest.py", "import pay.making\n\npay.making.KafkaProducer = None\n"),
        ("pay/making.py", MAKING.replace("return", "it =")),
    ],
)
def test_a_change_that_makes_a_file_matter_is_noticed(shop: Path, scan: Scan, name: str, text: str):
    before = scan()
    (shop / name).write_text(text)
    after = scan()
    assert after == audit(Settings(jobs=1))
    assert after != before


def test_a_changed_file_is_the_only_one_that_is_parsed_again(
    project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
):
    (project / "other.py").write_text(LEAK)
    scan()
    (project / "send.py").write_text(ENDED)
    parsed: list[bytes] = []
    real = workers.extracted

    def extracted(content: bytes) -> bytes:
        parsed.append(content)
        return real(content)

    monkeypatch.setattr(workers, "extracted", extracted)
    report = scan()
    assert parsed == [ENDED.encode()]
    assert report == audit(Settings(jobs=1))


def test_a_release_that_comes_and_goes_is_told_as_it_is(project: Path, scan: Scan):
    verdicts = []
    for text in (LEAK, ENDED, LEAK):
        (project / "send.py").write_text(text)
        verdicts += [producer.released.verdict for producer in scan().producers]
    assert verdicts == ["never", "always", "never"]


def test_a_file_that_comes_moves_or_goes_is_noticed(project: Path, scan: Scan):
    assert scan().summary.files_seen == 2
    (project / "plain.py").rename(project / "renamed.py")
    (project / "more.py").write_text("def f(:\n")
    after = scan()
    assert after.summary.files_seen == 3
    assert [problem.path for problem in after.problems] == ["more.py"]
    (project / "more.py").unlink()
    assert scan().problems == ()


def test_the_settings_that_show_in_an_answer_are_part_of_the_question(project: Path, scan: Scan):
    assert len(scan().findings) == 1
    assert scan(ignore=("KA203",)).findings == ()
    assert scan(select=("KA1",)).findings == ()
    (project / "send.py").write_text(LEAK.replace("KafkaProducer", "KafkaConsumer"))
    assert scan().producers == ()
    assert len(scan(roles=("consumer",)).producers) == 1


def test_every_manner_is_a_setting():
    assert set(Settings.__struct_fields__) >= questions.MANNERS


def test_what_was_asked_is_part_of_the_question(project: Path, scan: Scan):
    assert scan().summary.producers == 1
    assert scan(paths=("plain.py",)).summary.producers == 0


def test_the_current_directory_is_part_of_the_question(project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch):
    assert scan().producers[0].path == "send.py"
    monkeypatch.chdir(project.parent)
    assert scan(paths=("project",)).producers[0].path == "project/send.py"


def test_what_linking_asked_for_is_part_of_the_answer(project: Path, scan: Scan):
    (project / "send.py").write_text(
        "from kafka import KafkaProducer\nfrom shop import ender\nender.end(KafkaProducer())\n"
    )
    (project / "shop").mkdir()
    (project / "shop" / "__init__.py").touch()
    ender = project / "shop" / "ender.py"
    for body in ("    thing.close()\n", "    print(thing)\n", "    thing.close()\n"):
        ender.write_text("def end(thing):\n" + body)
        assert scan() == audit(Settings(jobs=1))
        assert scan() == audit(Settings(jobs=1))


def test_what_extends_the_search_path_is_part_of_both_questions(project: Path, scan: Scan):
    (project / "shop" / "bus").mkdir(parents=True)
    (project / "jobs").mkdir()
    for package in ("shop", "shop/bus"):
        (project / package / "__init__.py").touch()
    (project / "shop" / "bus" / "senders.py").write_text(MAKING)
    (project / "jobs" / "send.py").write_text("from senders import made\n\nPRODUCER = made()\n")
    before = scan()
    (project / "shop" / "paths.py").write_text("# sys.path has bus\n")
    after = scan()
    assert after == audit(Settings(jobs=1))
    assert after.findings != before.findings


def test_what_a_project_declares_is_part_of_both_questions(project: Path, scan: Scan):
    text = "from kafka import KafkaProducer\nproducer = KafkaProducer()\n\ndef end():\n    producer.close()\n"
    (project / "send.py").write_text(text)
    before = scan()
    (project / "pyproject.toml").write_text('[project.scripts]\nend = "send:end"\n')
    assert scan() == audit(Settings(jobs=1)) != before


# --- what is not remembered ------------------------------------------------------------------------------------------


def test_without_the_cache_nothing_is_read_or_written(project: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["scan", "--no-cache"])
    folder = folder_for([str(project)])
    assert folder is not None
    assert not os.path.exists(folder)


def test_nothing_is_written_into_what_is_audited(project: Path, capsys: pytest.CaptureFixture[str]):
    before = sorted(path.name for path in project.rglob("*"))
    with pytest.raises(SystemExit):
        main(["scan"])
    assert sorted(path.name for path in project.rglob("*")) == before
    folder = folder_for([str(project)])
    assert folder is not None
    assert sorted(os.listdir(folder)) == [".gitignore", "CACHEDIR.TAG", ANSWERS, FACTS]


def test_what_went_wrong_in_one_run_is_tried_again_in_the_next(
    project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as broken:
        flawed = encode(FileFacts(symbols=(), fixtures=(), flaws=(Flaw("internal", 1, "out of memory"),)))

        def extracted(content: bytes) -> bytes:
            return flawed

        broken.setattr(workers, "extracted", extracted)
        assert not scan().summary.complete
    after = scan()
    assert after == audit(Settings(jobs=1))
    assert after.summary.complete


def test_a_rule_that_failed_is_tried_again(project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as broken:
        forbid(broken, "kafka_audit.rules.ka203_local_never_released.check")
        assert not scan().summary.complete
    assert scan() == audit(Settings(jobs=1))


# --- what may happen to it -------------------------------------------------------------------------------------------


@given(data=st.data())
@trying(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_counts_as_absent(project: Path, cache: Path, scan: Scan, data: st.DataObject):
    clear(str(cache))
    before = scan()
    name = data.draw(st.sampled_from([FACTS, ANSWERS]))
    whole = (cache / name).read_bytes()
    at = int(data.draw(st.floats(0, 1, exclude_max=True)) * len(whole))
    is_cut = data.draw(st.booleans())
    (cache / name).write_bytes(whole[:at] if is_cut else whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
    assert load(str(cache), name) == {}
    assert scan() == before


def test_what_another_version_wrote_counts_as_absent(
    project: Path, cache: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
):
    before = scan()
    monkeypatch.setattr(storing, "_head", lambda: b"another")
    assert load(str(cache), FACTS) == {}
    assert scan() == before
    assert load(str(cache), FACTS) != {}


def test_the_head_of_a_file_depends_on_the_program_and_the_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    heads = {storing._program()}
    monkeypatch.setattr(storing, "_sources", lambda _: [str(ROOT / "README.md")])
    heads.add(storing._program())
    monkeypatch.setattr(sys, "version_info", (4, 0, 0, "final", 0))
    heads.add(storing._program())
    monkeypatch.setattr(storing, "_parser", list)
    heads.add(storing._program())
    assert len(heads) == 4


def test_data_of_another_shape_is_no_answer(cache: Path):
    memory = Memory(str(cache))
    memory.keep_answer(b"key", Flaw("syntax", 1, "no answer at all"))
    assert memory.answer(b"key", questions.Answer) is None


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid"), reason="needs POSIX rights")
def test_a_folder_that_cannot_be_written_is_done_without(project: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storing, "replace", full)
    assert scan() == audit(Settings(jobs=1))


def test_a_kill_while_writing_leaves_the_old_file_and_a_draft_that_is_cleared_away(
    project: Path, cache: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
):
    scan()
    before = (cache / FACTS).read_bytes()
    draft = cache / ".kafka-audit-abandoned"
    draft.write_bytes(before[:100])
    os.utime(draft, (time.time() - 7200, time.time() - 7200))
    assert (cache / FACTS).read_bytes() == before
    (project / "send.py").write_text(ENDED)
    scan()
    assert not draft.exists()


def test_audits_side_by_side_do_not_disturb_each_other(project: Path, cache: Path):
    command = [sys.executable, "-m", "kafka_audit", "scan", ".", "-q", "-f", "json", "--cache-dir", str(cache)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    outputs = {run.communicate()[0] for run in runs}
    assert len(outputs) == 1
    assert kept(str(cache)).answers == 3
    assert not [name for name in os.listdir(cache) if name.startswith(".kafka-audit-")]


def test_the_cache_does_not_grow_without_end(project: Path, cache: Path, scan: Scan):
    sizes = []
    for turn in range(16):
        (project / "send.py").write_text(f"{LEAK}    return {turn}\n")
        scan()
        sizes.append(kept(str(cache)))
    assert sizes[-1].sources == sizes[3].sources
    assert sizes[-1].answers == sizes[12].answers


# --- the commands ----------------------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().out


def test_info_tells_where_the_cache_is_and_what_it_holds(project: Path, capsys: pytest.CaptureFixture[str]):
    assert "sources  0\n" in run(capsys, "cache", "info")[1]
    run(capsys, "scan")
    code, out = run(capsys, "cache", "info")
    assert code == 0
    assert f"folder   {folder_for([str(project)])}\n" in out
    assert "sources  2\n" in out
    assert "answers  3\n" in out


def test_clear_deletes_what_an_audit_wrote_and_nothing_else(
    project: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    run(capsys, "scan", "--cache-dir", str(cache))
    (cache / "mine.txt").write_text("keep")
    code, out = run(capsys, "cache", "clear", "--cache-dir", str(cache))
    assert code == 0
    assert out.endswith(f" MB deleted in {cache}\n")
    assert clear(str(cache)) == 0
    assert (cache / "mine.txt").read_text() == "keep"

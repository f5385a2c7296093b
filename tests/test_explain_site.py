"""Everything known about one client: which one is meant, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from kafka_audit.cli import main
from kafka_audit.model import Considered, Dossier, Step
from kafka_audit.report.site import explanation
from tests import sample_report as sample

SHARED = """\
import atexit
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

shared = None

async def get():
    global shared
    if shared is None:
        producer = AIOKafkaProducer(
            bootstrap_servers="kafka:9092",
        )
        await producer.start()
        shared = producer
    return shared

def leave():
    shared.stop()

def forgotten():
    shared.stop()

atexit.register(leave)

async def read():
    async with AIOKafkaConsumer("orders") as consumer:
        await consumer.getone()
"""
BUS = """\
from kafka import KafkaProducer

class Bus:
    def __init__(self):
        self.producer = KafkaProducer()

    def close(self):
        self.producer.close()
"""
MAIN = """\
import metrics
from bus import Bus

def main():
    bus = Bus()
    metrics.instrument(bus.producer)

def careful():
    bus = Bus()
    bus.close()

careful()
main()
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is the current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.cfg").touch()
    for name, text in (("shared.py", SHARED), ("bus.py", BUS), ("main.py", MAIN)):
        (tmp_path / name).write_text(text)
    return tmp_path


def scan(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["scan", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def section(title: str, text: str) -> list[str]:
    """The lines below a heading, those that were wrapped put together."""
    block = text.split(f"\n{title}:\n")[1].split("\n\n", maxsplit=1)[0]
    found: list[str] = []
    for line in block.splitlines():
        begins = line.lstrip().startswith("- ") or line.lstrip()[:1].isdigit() or not found
        found = [*found, line.strip()] if begins else [*found[:-1], f"{found[-1]} {line.strip()}"]
    return found


@pytest.fixture
def explained(capsys: pytest.CaptureFixture[str]):
    def explain(*arguments: str) -> str:
        assert scan("--explain-site", *arguments) == 0
        return capsys.readouterr().out

    return explain


# --- which client ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [9, 10, 11])
def test_any_line_of_the_constructor_names_its_client(line: int, explained):
    assert "PRODUCER AT shared.py:9-12" in explained(f"shared.py:{line}")


@pytest.mark.parametrize("site", ["./shared.py:9", "shared.py:9:20", "shared.py:9:20:"])
def test_a_place_can_be_pasted_from_any_report(site: str, explained):
    assert "PRODUCER AT shared.py:9-12" in explained(site)


def test_a_line_with_an_alarm_names_the_client_that_the_alarm_is_on(explained):
    assert "PRODUCER AT bus.py:5" in explained("main.py:5")


def test_a_client_outside_of_what_was_asked_for_is_explained_all_the_same(explained):
    assert "PRODUCER AT bus.py:5" in explained("bus.py:5", "main.py")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("shared.py:1",), "no audited Kafka client is created at shared.py:1; the nearest in that file is at "
         "shared.py:9, in get"),
        (("main.py:1",), "no audited Kafka client is created at main.py:1, nor anywhere else in that file"),
        (("shared.py:25",), "shared.py:25 creates a client that was not audited; add --role consumer"),
        (("gone.py:3",), "--explain-site names gone.py, which does not exist; name a file and line of a report"),
        (("setup.cfg:3",), "--explain-site names setup.cfg, which is not one of the Python files of the project; "
         "name a file and line of a report"),
        (("shared.py",), "--explain-site is 'shared.py'; it takes PATH:LINE, such as app/events.py:14"),
        (("bus.py:5", "-f", "json"), "--explain-site is told as text; leave out the format json"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused_in_one_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert scan("--explain-site", *arguments) == 2
    assert capsys.readouterr().err == f"kafka-audit: {sentence}\n"


def test_the_explanation_goes_where_a_report_would_go(project: Path):
    assert scan("--explain-site", "bus.py:5", "-o", "said.txt") == 0
    assert (project / "said.txt").read_text().startswith("=" * 80)


# --- what is said ----------------------------------------------------------------------------------------------------


def test_who_keeps_a_client_is_told_with_every_place_it_was_followed_to(explained):
    assert section("Who keeps it", explained("shared.py:9")) == [
        "module global shared: a variable of a module or a class, or the result of a cached function, outlives every "
        "call",
        "- line 13: variable `shared` of the module: the one that counts",
        "- line 6: what `get` returns",
        "- line 9: variable `producer` of `get`",
    ]


def test_every_release_is_told_with_why_it_does_not_count(explained):
    assert section("What releases it", explained("shared.py:9"))[1:] == [
        "- line 17: `shared.stop()` in `leave` does not count: `atexit.register` gets there when the client's event "
        "loop is gone",
        "- line 20: `shared.stop()` in `forgotten` does not count: nothing calls it",
    ]


def test_an_element_is_told_with_the_place_of_its_container(explained, project: Path):
    (project / "pool.py").write_text(
        "from kafka import KafkaProducer\n"
        "class Pool:\n"
        "    def __init__(self):\n"
        "        self.clients = []\n"
        "    def fill(self):\n"
        "        self.clients.append(KafkaProducer())\n"
    )
    places = section("Who keeps it", explained("pool.py:6"))[1:]
    assert places == ["- line 4: element of attribute `clients` of `Pool`: the one that counts"]


LAZY = """\
from aiokafka import AIOKafkaProducer
shared = None
async def get():
    global shared
    if shared is None:
        shared = AIOKafkaProducer()
        await shared.start()
    return shared
async def close():
    await shared.stop()
"""


@pytest.mark.parametrize(
    ("more", "test", "reason"),
    [
        ("", "", "nothing calls it"),
        ("async def end():\n    await close()\n", "", "nothing calls `end`, which leads there"),
        ("", "import lazy\nasync def test():\n    await lazy.close()\n", "only tests call it"),
        (
            "import asyncio\nif __name__ == '__main__':\n    asyncio.run(close())\n",
            "",
            "the main guard of the client's own module gets there, which no import runs",
        ),
        (
            "from fastapi import FastAPI\napp = FastAPI(lifespan=get)\n"
            "@app.on_event('shutdown')\nasync def end():\n    await close()\n",
            "",
            "`fastapi.FastAPI().on_event` calls nothing in an application that has a lifespan of its own",
        ),
    ],
)
def test_a_release_that_nothing_runs_says_what_is_missing(more: str, test: str, reason: str, explained, project: Path):
    (project / "lazy.py").write_text(LAZY + more)
    (project / "test_lazy.py").write_text(test)
    [_, release] = section("What releases it", explained("lazy.py:6"))
    assert release.split("does not count: ")[1] == reason


def test_what_only_tests_release_is_not_released(explained, project: Path):
    (project / "lazy.py").write_text(LAZY.split("async def close", maxsplit=1)[0])
    (project / "test_lazy.py").write_text("import lazy\nasync def test():\n    await lazy.shared.stop()\n")
    assert section("What releases it", explained("lazy.py:6")) == [
        "never released",
        "- test_lazy.py:3: `lazy.shared.stop()` in `test` does not count: a test releases nothing for the application",
    ]


def test_a_release_that_counts_says_from_where_it_is_reached(explained):
    releases = section("What releases it", explained("bus.py:5"))
    assert releases[1:] == ["- line 8: `self.producer.close()` in `Bus.close` counts: reached from importing a module"]


def test_the_objects_that_keep_a_client_are_told_with_what_becomes_of_each(explained):
    owners = section("What becomes of the objects that keep it, the nearest first", explained("bus.py:5"))
    assert owners == [
        "- Bus made in main(), main.py:5 (local): never released",
        "- Bus made in careful(), main.py:9 (local): released",
    ]


def test_a_client_created_at_import_is_told_with_the_calls_that_lead_there(explained):
    assert section("When it is created", explained("bus.py:5")) == [
        "at import, by",
        "- main.py:12: the module body runs `careful`",
        "- main.py:9: `careful` runs `Bus.__init__`",
    ]


def test_a_client_created_on_call_is_told_with_the_ways_that_control_can_take(explained):
    assert section("When it is created", explained("shared.py:9")) == [
        "on call; control can come from",
        "- line 6: `get` (nothing in the project calls it)",
    ]


def test_the_paths_that_lose_a_client_are_told(explained, project: Path):
    (project / "once.py").write_text(
        "from kafka import KafkaProducer\n"
        "def send(rows):\n"
        "    producer = KafkaProducer()\n"
        "    if not rows:\n"
        "        return\n"
        "    producer.close()\n"
    )
    [path] = section("Which paths lose it", explained("once.py:3"))
    assert path == "- line 5: `send` can end here, and nothing releases it"


def test_every_alarm_is_told_with_its_chain(explained):
    wrong = section("What is wrong", explained("shared.py:9"))
    assert wrong[0].startswith("- KA402 warning")
    assert any(line.startswith("- KA501 error at shared.py:22 ") for line in wrong)
    assert any(line.startswith("3. line 17: ") for line in wrong)


def test_what_could_not_be_followed_is_told(explained, project: Path):
    (project / "broken.py").write_text("from kafka import KafkaProducer\ndef f(:\n")
    gaps = section("What could not be followed", explained("bus.py:5"))
    assert gaps[0] == ("- main.py:6: the client is handed to `metrics.instrument`, which may keep it or release it")
    assert gaps[1].startswith("- broken.py:2: ")
    assert gaps[1].endswith("; what this hides is not known")


def test_a_client_in_a_with_block_has_nothing_against_it(explained, project: Path):
    (project / "tidy.py").write_text(
        "from aiokafka import AIOKafkaProducer\n"
        "async def send():\n"
        "    async with AIOKafkaProducer() as producer:\n"
        "        await producer.send('a', b'')\n"
    )
    text = explained("tidy.py:3")
    assert section("What releases it", text) == [
        "released on every path that the audit follows",
        "- line 3: `with AIOKafkaProducer()` in `send` counts: whoever creates the client gets there",
    ]
    assert section("Which paths lose it", text) == ["- none that the audit follows"]
    assert section("What is wrong", text) == ["- no rule that was applied alarms on it"]
    assert section("What could not be followed", text) == ["- nothing"]


def test_a_flush_in_front_of_what_it_would_have_to_send_does_not_count(explained, project: Path):
    (project / "late.py").write_text(
        "from confluent_kafka import Producer\n"
        "class Bus:\n"
        "    def __init__(self):\n"
        "        self.producer = Producer({})\n"
        "    def send(self, event):\n"
        "        self.producer.flush()\n"
        "        self.producer.produce('events', event)\n"
    )
    assert section("What releases it", explained("late.py:4"))[1:] == [
        "- line 6: `self.producer.flush()` in `Bus.send` does not count: `produce` on line 7 fills the buffer again"
    ]


# --- manners ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=())) | st.sampled_from(sample.HOSTILE))
def test_nothing_in_an_explanation_acts_on_the_terminal_or_leaves_the_page(text: str):
    step = Step(path=text, line=2, message=text)
    dossier = Dossier(
        producer=sample.producer(text, 1, text, client=text, via=(text,), place=text),
        places=(step,),
        ways=(step,),
        starts=(step,),
        releases=(Considered(path=text, line=3, owner=text, how=text, counts=False, why=text),),
        losses=(step,),
        gaps=(step,),
        findings=(sample.finding("KA201", text, None, text, trace=(step,)),),
        problems=sample.PROBLEMS,
    )
    lines = explanation(dossier).split("\n")
    assert all(line.isprintable() for line in lines)
    assert max(map(cell_len, lines)) <= 80


@pytest.mark.parametrize(
    ("case", "site", "reason"),
    [
        ("owner/ended_after_an_error_only", "publisher.py:10", "it comes only when a message has failed"),
        ("buffer/flushed_too_early", "alerts.py:5", "with the import of its module, before anything is sent"),
    ],
)
def test_a_release_at_the_wrong_time_says_when_it_comes(
    case: str, site: str, reason: str, explained, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(Path(__file__).parent.parent / "fixtures" / case)
    assert reason in " ".join(explained(site, "--no-cache").split())

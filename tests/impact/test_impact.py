"""The command `impact`: what it tells, and what it says when it is asked something that it cannot answer."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from kafka_audit.cli import main

DOCS = Path(__file__).parent.parent.parent / "docs"

CLIENT = """\
from confluent_kafka import Producer


class Bus:
    def __init__(self):
        self.producer = Producer({})
"""
TESTS = """\
from unittest.mock import patch

from app.bus import Bus


def test_real():
    Bus()


def test_mocked():
    with patch("app.bus.Producer"):
        Bus()


class TestGroup:
    def test_nothing(self):
        pass
"""


def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """A project in the current directory."""
    for name, text in {"pyproject.toml": "", **files}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["impact", "--color", "never", "-j", "1", *arguments])
    return left.value.code


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert run(*arguments, "--format", "json") in (0, 3)
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def bus(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, "app/other.py": CLIENT, "tests/test_bus.py": TESTS})


@pytest.mark.usefixtures("bus")
def test_a_file_is_answered_with_chains_and_mocks(capsys):
    answer = document(capsys, "tests/test_bus.py")
    jsonschema.validate(answer, json.loads((DOCS / "impact.schema.json").read_text("utf-8")))
    (found,) = answer["files"]
    assert found["tests"] == 3
    by_path = {each["path"]: each for each in found["producers"]}
    assert by_path["app/other.py"]["reach"] == "not reached"
    assert by_path["app/other.py"]["level"] is None
    producer = by_path["app/bus.py"]
    assert (producer["reach"], producer["level"]) == ("activates", "created")
    imported, created = producer["happenings"]
    assert imported["stage"] == "collection"
    assert [(step["path"], step["line"]) for step in imported["chain"]] == [("tests/test_bus.py", 3), ("app/bus.py", 6)]
    assert created["tests"] == ["test_real", "test_mocked"]
    assert [(step["path"], step["line"]) for step in created["chain"]] == [("tests/test_bus.py", 7), ("app/bus.py", 6)]
    assert producer["real_in"] == ["test_real"]
    assert producer["mock"] is None, "the real client in one test matters more than the mock in the other"
    (mock,) = found["mocks"]
    assert (mock["path"], mock["line"], mock["target"]) == ("tests/test_bus.py", 11, "app.bus.Producer")
    assert mock["clients"] == ["confluent_kafka.Producer"]


@pytest.mark.usefixtures("bus")
def test_one_test_can_be_asked_about(capsys):
    (found,) = document(capsys, "tests/test_bus.py::test_mocked")["files"]
    assert (found["tests"], found["selected"]) == (1, ["test_mocked"])
    mock = found["producers"][0]["mock"]
    assert (mock["effect"], mock["line"]) == ("effective", 11)


@pytest.mark.usefixtures("bus")
def test_the_question_can_be_turned_round(capsys):
    found = document(capsys, "tests", "--reverse", "app/bus.py:6")
    assert found["producer"] == "app/bus.py:6"
    assert [(each["path"], [p["path"] for p in each["producers"]]) for each in found["files"]] == [
        ("tests/test_bus.py", ["app/bus.py"])
    ]
    assert document(capsys, "tests", "--reverse", "app/other.py:6")["files"] == []


@pytest.mark.usefixtures("bus")
def test_the_page_is_told_in_words(capsys):
    assert run("tests/test_bus.py") == 0
    page = capsys.readouterr().out
    assert "Which producers activate during tests/test_bus.py?" in page
    assert "Bus.__init__(), app/bus.py:6: confluent_kafka.Producer" in page
    assert "MOCK LOCATIONS" in page
    assert max(len(line) for line in page.splitlines()) <= 80


@pytest.mark.usefixtures("bus")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tests/test_none.py"], "`tests/test_none.py` does not exist"),
        (["tests/test_bus.py::test_reel"], "has no test 'test_reel'; did you mean test_real?"),
        (["tests/test_bus.py::TestGroup::test_x"], "has no test 'TestGroup::test_x'"),
        (["app"], "no test file in `app`"),
        (["tests", "--reverse", "app/none.py:3"], "--reverse names app/none.py, which is no Python file"),
        (["tests", "--format", "html"], "--format cannot be `html`"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(arguments, message, capsys):
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def remarks(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, int, str]]:
    (found,) = document(capsys, "tests/test_it.py")["files"]
    return [(each["kind"], each["path"], each["line"], each["message"]) for each in found["remarks"]]


def test_a_module_that_is_not_found_ends_the_file(tmp_path, monkeypatch, capsys):
    source = "import sys\nsys.path.insert(0, 'nowhere')\nimport bus\n\ndef test_it():\n    bus.Bus()\n"
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert {each["reach"] for each in found["producers"]} == {"not reached"}
    assert remarks(capsys) == [
        ("missing", "tests/test_it.py", 3, "`bus` is not found: no folder on the search path has `bus`")
    ]


def test_what_is_on_no_known_folder_is_assumed_to_be_there(tmp_path, monkeypatch, capsys):
    files = {
        "service/src/bus.py": CLIENT,
        "service/src/hub.py": "from bus import Bus\n",
        "service/tests/test_it.py": "from hub import Bus\n\ndef test_it():\n    Bus()\n",
    }
    project(tmp_path, monkeypatch, files)
    (found,) = document(capsys, "service/tests/test_it.py")["files"]
    assert found["producers"][0]["reach"] == "activates"
    message = "`hub` is on no folder of the search path that is known; `service/src/hub.py` is assumed"
    assert [(each["kind"], each["line"], each["message"]) for each in found["remarks"]] == [("assumed", 1, message)]


def test_a_library_is_not_taken_for_a_folder_of_its_name(tmp_path, monkeypatch, capsys):
    files = {
        "app/bus.py": "import redis\nfrom kubernetes.client.rest import ApiException\n" + CLIENT,
        "app/stores/__init__.py": "",
        "app/stores/redis.py": "from confluent_kafka import Producer\nfrom . import nothing\n",
        "deep/tests/kubernetes/__init__.py": "from confluent_kafka import Producer\n",
        "tests/test_it.py": "from app.bus import Bus\n\ndef test_it():\n    Bus()\n",
    }
    project(tmp_path, monkeypatch, files)
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert (found["producers"][0]["reach"], found["remarks"]) == ("activates", [])


def test_what_a_test_expects_to_fail_is_no_news(tmp_path, monkeypatch, capsys):
    source = """\
from unittest.mock import patch

import pytest

from app.bus import Bus


def test_it():
    with pytest.raises(ImportError):
        import app.gone
    with patch("app.bus.print"), patch("app.bus.extra", create=True):
        Bus()
"""
    project(tmp_path, monkeypatch, {"app/__init__.py": "", "app/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert (found["producers"][0]["reach"], found["remarks"]) == ("activates", [])


def test_an_import_that_may_fail_is_not_guessed_at(tmp_path, monkeypatch, capsys):
    source = """\
try:
    from bus import Bus
except ImportError:
    Bus = None


def test_it():
    Bus()
"""
    project(tmp_path, monkeypatch, {"service/src/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert (found["producers"][0]["reach"], found["remarks"]) == ("not reached", [])


def test_a_cycle_is_told_and_followed(tmp_path, monkeypatch, capsys):
    files = {
        "app/__init__.py": "",
        "app/one.py": "import app.two\n" + CLIENT,
        "app/two.py": "import app.one\n",
        "tests/test_it.py": "import app.one\n\ndef test_it():\n    app.one.Bus()\n",
    }
    project(tmp_path, monkeypatch, files)
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert found["producers"][0]["reach"] == "activates"
    assert remarks(capsys) == [("cycle", "app/two.py", 1, "import cycle: `app/one.py` -> `app/two.py` -> `app/one.py`")]


def test_a_file_that_does_not_parse_is_told_and_fails_its_importers(tmp_path, monkeypatch, capsys):
    files = {
        "app/__init__.py": "",
        "app/bad.py": "from confluent_kafka import Producer\n)\n",
        "app/bus.py": CLIENT,
        "tests/test_it.py": "from app import bad\nfrom app.bus import Bus\n\ndef test_it():\n    Bus()\n",
    }
    project(tmp_path, monkeypatch, files)
    assert run("tests/test_it.py", "--format", "json") == 3
    answer = json.loads(capsys.readouterr().out)
    assert [(each["path"], each["line"]) for each in answer["problems"]] == [("app/bad.py", 2)]
    assert {each["reach"] for each in answer["files"][0]["producers"]} == {"not reached"}
    assert [each["path"] for each in answer["files"][0]["remarks"]] == ["app/bad.py"]


def test_a_file_that_is_loaded_twice_is_told(tmp_path, monkeypatch, capsys):
    source = (
        "import sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parent.parent / 'app'))\n"
        "import bus\nimport app.bus\n\ndef test_it():\n    bus.Bus()\n"
    )
    project(tmp_path, monkeypatch, {"app/__init__.py": "", "app/bus.py": CLIENT, "tests/test_it.py": source})
    assert [(kind, path, line) for kind, path, line, _ in remarks(capsys)] == [("twice", "tests/test_it.py", 6)]


def test_a_skipped_test_creates_nothing(tmp_path, monkeypatch, capsys):
    source = "import pytest\nfrom app.bus import Bus\n\n@pytest.mark.skip\ndef test_it():\n    Bus()\n"
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert found["producers"][0]["reach"] == "conditional"
    assert [kind for kind, *_ in remarks(capsys)] == ["skipped"]


def test_tests_that_a_hook_skips_by_their_mark_create_nothing(tmp_path, monkeypatch, capsys):
    hook = """\
import os
import pytest


def pytest_collection_modifyitems(config, items):
    if os.getenv("WITH_KAFKA"):
        return
    skip = pytest.mark.skip(reason="no broker")
    for item in items:
        if "integration" in item.keywords or item.get_closest_marker("slow"):
            item.add_marker(skip)
"""
    source = """\
import pytest
from app.bus import Bus


@pytest.mark.integration
def test_one():
    Bus()


@pytest.mark.slow
class TestGroup:
    def test_two(self):
        Bus()


def test_three():
    pass
"""
    files = {"app/bus.py": CLIENT, "tests/test_it.py": source, "tests/conftest.py": hook}
    project(tmp_path, monkeypatch, files)
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert found["producers"][0]["reach"] == "conditional"
    assert remarks(capsys) == [
        ("skipped", "tests/conftest.py", 11, "`TestGroup::test_two` is skipped here, as `slow`"),
        ("skipped", "tests/conftest.py", 11, "`test_one` is skipped here, as `integration`"),
    ]


def test_what_depends_on_a_switch_or_a_failure_is_conditional(tmp_path, monkeypatch, capsys):
    source = """\
import os

from app.bus import Bus


def test_switch():
    if os.getenv("WITH_KAFKA") == "1":
        Bus()


def test_failure():
    try:
        print("nothing")
    except OSError:
        Bus()
"""
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    producer = found["producers"][0]
    assert (producer["reach"], producer["level"]) == ("conditional", "imported")
    assert producer["why"] == "created only if `WITH_KAFKA` is set"


@pytest.mark.usefixtures("bus")
def test_scan_tells_it_too_when_it_is_given_tests(capsys):
    def page(*paths: str) -> str:
        with pytest.raises(SystemExit):
            main(["scan", "--color", "never", "-j", "1", "--exit-zero", *paths])
        return capsys.readouterr().out

    with_tests = page("app", "tests")
    assert "TEST EXECUTION IMPACT" in with_tests
    assert "Which producers activate during tests/test_bus.py?" in with_tests
    assert with_tests.index("TEST EXECUTION IMPACT") < with_tests.index("MOCK LOCATIONS")
    assert "TEST EXECUTION IMPACT" in page("tests/test_bus.py")
    assert "TEST EXECUTION IMPACT" not in page("app")
    assert "TEST EXECUTION IMPACT" not in page(".")


def test_a_mock_that_stands_in_between_is_named(tmp_path, monkeypatch, capsys):
    files = {
        "app/bus.py": CLIENT,
        "app/service.py": "from app.bus import Bus\n\n\ndef serve():\n    return Bus()\n",
        "tests/test_it.py": """\
from unittest.mock import patch

from app import service


@patch("app.service.Bus")
def test_it(bus):
    service.serve()
""",
    }
    project(tmp_path, monkeypatch, files)
    (found,) = document(capsys, "tests/test_it.py")["files"]
    producer = found["producers"][0]
    assert producer["reach"] == "conditional"
    assert producer["mock"]["effect"] == "effective"
    assert (producer["mock"]["target"], producer["mock"]["line"]) == ("app.service.Bus", 6)


def test_hostile_names_stay_inert(tmp_path, monkeypatch, capsys):
    name = "test_\x1b[31m.py"
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, f"tests/{name}": TESTS})
    assert run(f"tests/{name}") == 0
    assert "\x1b" not in capsys.readouterr().out
    assert run(f"tests/{name}", "--format", "json") == 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_applications_that_django_settings_name_are_loaded(tmp_path, monkeypatch, capsys):
    files = {
        "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = site_.settings.test\n",
        "site_/__init__.py": "",
        "site_/settings/__init__.py": "",
        "site_/settings/base.py": 'OWN = ["orders", "parcels.apps.ParcelsConfig"]\nINSTALLED_APPS = ["x"] + OWN\n',
        "site_/settings/test.py": 'from .base import *\n\nINSTALLED_APPS += ["letters"]\n',
        "orders/__init__.py": "",
        "orders/apps.py": """\
from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self):
        from orders import bus

        self.producer = bus.make()
""",
        "orders/bus.py": "from confluent_kafka import Producer\n\n\ndef make():\n    return Producer({})\n",
        "parcels/__init__.py": "",
        "parcels/apps.py": "from django.apps import AppConfig\n\n\nclass ParcelsConfig(AppConfig):\n    name = 'p'\n",
        "parcels/models.py": "from confluent_kafka import Producer\n\nEARLY = Producer({})\n",
        "letters/__init__.py": "",
        "letters/models.py": CLIENT,
        "left_out/models.py": CLIENT,
        "tests/test_it.py": "def test_it():\n    pass\n",
    }
    project(tmp_path, monkeypatch, files)
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert {p["path"]: (p["level"], p["happenings"][-1]["stage"]) for p in found["producers"] if p["level"]} == {
        "orders/bus.py": ("created", "conftest"),
        "parcels/models.py": ("created", "conftest"),
        "letters/models.py": ("imported", "conftest"),
    }


def test_a_broker_in_memory_stands_among_the_mocks(tmp_path, monkeypatch, capsys):
    source = """\
from faststream.kafka import KafkaBroker, TestKafkaBroker
from kafka_mocha import mock_producer

from app.bus import Bus

broker = KafkaBroker()


async def test_in_memory():
    async with TestKafkaBroker(broker):
        pass


@mock_producer()
def test_missed():
    Bus()


def test_in_a_block():
    with mock_producer():
        Bus()
"""
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    brokers = ["faststream.confluent.KafkaBroker", "faststream.kafka.KafkaBroker"]
    assert [(each["line"], each["way"], each["clients"]) for each in found["mocks"]] == [
        (10, "double", brokers),
        (14, "double", ["confluent_kafka.Producer"]),
        (20, "double", ["confluent_kafka.Producer"]),
    ]
    (producer,) = found["producers"]
    assert producer["mock"]["effect"] == "elsewhere", "the module has bound the real class before"
    assert producer["real_in"] == ["test_missed", "test_in_a_block"]


def test_a_target_may_be_put_together(tmp_path, monkeypatch, capsys):
    source = """\
from unittest.mock import patch

from app.bus import Bus

MODULE = "app.bus"


@patch(f"{MODULE}.Producer")
def test_one(producer):
    Bus()


def test_two():
    with patch(MODULE + ".Producer"):
        Bus()
"""
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    assert [each["target"] for each in found["mocks"]] == ["app.bus.Producer", "app.bus.Producer"]
    assert (found["producers"][0]["mock"]["effect"], found["producers"][0]["real_in"]) == ("effective", [])


def test_a_client_that_is_kept_is_made_by_one_test_and_found_by_the_others(tmp_path, monkeypatch, capsys):
    shared = """\
from confluent_kafka import Producer

_producer = None


def get():
    global _producer
    if _producer is not None:
        return _producer
    _producer = Producer({})
    return _producer
"""
    source = "from app import shared\n\n\ndef test_one():\n    shared.get()\n\n\ndef test_two():\n    shared.get()\n"
    project(tmp_path, monkeypatch, {"app/__init__.py": "", "app/shared.py": shared, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    (producer,) = found["producers"]
    assert (producer["real_in"], producer["kept_in"]) == (["test_one"], ["test_two"])
    (alone,) = document(capsys, "tests/test_it.py::test_two")["files"]
    assert (alone["producers"][0]["real_in"], alone["producers"][0]["kept_in"]) == (["test_two"], [])
    assert run("tests/test_it.py") == 0
    assert "Kept: what an earlier test made is found again; 1 test: test_two" in capsys.readouterr().out


def test_a_request_that_cannot_be_read_is_a_condition(tmp_path, monkeypatch, capsys):
    source = """\
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.bus import Bus

app = FastAPI()


@app.get("/buses")
def buses():
    return Bus()


@pytest.mark.parametrize("path", ["/buses"])
def test_it(path):
    TestClient(app).get(path)
"""
    project(tmp_path, monkeypatch, {"app/bus.py": CLIENT, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    producer = found["producers"][0]
    assert (producer["reach"], producer["why"]) == ("conditional", "created only if the request is for `buses`")


def test_what_is_made_on_a_condition_is_released_on_the_same(tmp_path, monkeypatch, capsys):
    bus = """\
import os

from confluent_kafka import Producer


class Bus:
    def __init__(self):
        self.producer = None

    def start(self):
        if os.getenv("WITH_KAFKA"):
            self.producer = Producer({})

    def stop(self):
        if self.producer is not None:
            self.producer.flush()
"""
    source = "from app.bus import Bus\n\n\ndef test_it():\n    bus = Bus()\n    bus.start()\n    bus.stop()\n"
    project(tmp_path, monkeypatch, {"app/bus.py": bus, "tests/test_it.py": source})
    (found,) = document(capsys, "tests/test_it.py")["files"]
    (producer,) = found["producers"]
    assert [(each["what"], each["condition"]) for each in producer["happenings"]] == [
        ("imported", ""),
        ("created", "`WITH_KAFKA` is set"),
        ("released", "`WITH_KAFKA` is set"),
    ]
    assert (producer["reach"], producer["level"]) == ("conditional", "imported")

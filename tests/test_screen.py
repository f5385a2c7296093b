from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_audit.facts.extract import extract
from kafka_audit.facts.importing import names_client
from kafka_audit.facts.schema import FileFacts
from kafka_audit.facts.screen import Relevance, relevant

LIBRARIES = ("aiokafka", "confluent_kafka", "kafka")

WRAPPER = """
from aiokafka import AIOKafkaProducer

class Bus:
    def __init__(self):
        self.producer = AIOKafkaProducer()

LIMIT = 3
"""


def extracted(contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
    return {path: extract(data) for path, data in contents.items()}


def read(**sources: str) -> list[str]:
    """The modules that are read, of sources by dotted name with `__` for each dot."""
    contents = {
        name.replace("__", "/").replace("/init", "/__init__") + ".py": text.encode() for name, text in sources.items()
    }
    return [path.removesuffix(".py") for path in relevant(contents, extracted)]


@pytest.mark.parametrize(
    "source",
    [
        "import kafka",
        "import kafka.errors as e",
        "import os, kafka",
        "import os as o, \\\n  kafka as k",
        "from kafka import KafkaProducer",
        "from kafka.errors import *",
        "from kafka import(KafkaProducer)",
        "from \\\n  kafka \\\n  import KafkaProducer",
        "from kafka import (  # (all)\n  KafkaProducer,\n)",
        "def f():\n\timport kafka",
        "try: import kafka\nexcept ImportError: pass",
        "if x: from kafka import y",
        "import os; import kafka",
        "x = 1; from kafka import y",
        "lazy import kafka",
        "lazy from kafka import x",
        "\ufeffimport kafka",
        "x = 1\r\nimport kafka\r\n",
        "x = 1\rimport kafka\r",
        "x = import_module('kafka')",
        'importlib.import_module(\n  "kafka.errors"\n)',
        "__import__('kafka')",
        "import_module(name='kafka')",
        "from aiokafka.helpers import create_ssl_context",
        "import confluent_kafka.aio",
        "é = 1\nfrom kafka import é",
    ],
)
def test_every_form_of_import_names_a_client(source):
    assert names_client(source.encode(), LIBRARIES)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "kafka = 1",
        "# import kafka",
        "x = 'import kafka'",
        "from .kafka import x",
        "from . import kafka",
        "from app.kafka import x",
        "from app import kafka",
        "import app.kafka",
        "import kafkaesque",
        "from kafka_wrapper import x",
        "reimport kafka",
        "import_module('app.kafka')",
        "x.import_kafka()",
        "import os  # kafka",
        "import os\nkafka()",
        "from os import (path)\nkafka",
        "we import kafka here",
    ],
)
def test_the_word_alone_names_no_client(source):
    assert not names_client(source.encode(), LIBRARIES)


def test_only_the_asked_libraries_count():
    assert not names_client(b"import kafka", ("aiokafka",))
    assert names_client(b"import faust")


@pytest.mark.parametrize(
    "source",
    [
        "from app.bus import Bus",
        "from app.bus import Bus as B",
        "from app.bus import *",
        "import app.bus\nx = app.bus.Bus()",
        "import app.bus as b\nx = b.Bus()",
        "from app import bus\nx = bus.Bus()",
        "from app import (\n  # the bus\n  bus as b,\n)\nx = b.Bus()",
        "from bus import Bus",
        "x = import_module('app.bus').Bus()",
        "def f():\n  from app.bus import Bus",
    ],
)
def test_files_that_import_a_wrapper_are_read(source):
    assert read(app__bus=WRAPPER, main=source, other="x = Bus()") == ["app/bus", "main"]


@pytest.mark.parametrize(
    "source",
    [
        "from app.bus import LIMIT",
        "from app import bus\nx = bus.LIMIT",
        "from other.bus import Bus",
        "from app.bus.inner import Bus",
        "from app.trolleybus import Bus",
        "from . import bus\nx = bus.Bus()",
        "# from app.bus import Bus",
    ],
)
def test_files_that_take_nothing_that_carries_a_client_are_not_read(source):
    assert read(app__bus=WRAPPER, main=source) == ["app/bus"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app__main", "from .bus import Bus"),
        ("app__main", "from . import bus\nbus.Bus()"),
        ("app__api__main", "from ..bus import Bus"),
        ("app__api__init", "from ..bus import Bus"),
        ("app__init", "from .bus import Bus"),
    ],
)
def test_relative_imports_are_followed(path, source):
    assert len(read(app__bus=WRAPPER, **{path: source})) == 2


def test_a_name_is_carried_through_factories_globals_and_packages():
    sources = {
        "app__bus": WRAPPER,
        "app__init": "from .bus import Bus as Line",
        "app__make": "from app import Line\ndef make(): return Line()\ndef idle(): pass",
        "app__state": "from app.make import make\nline = None\ndef start():\n  global line\n  line = make()",
        "use": "from app.state import line",
        "idle": "from app.make import idle",
    }
    assert read(**sources) == ["app/__init__", "app/bus", "app/make", "app/state", "use"]


def test_modules_that_import_each_other_are_read_to_the_end():
    sources = {
        "bus": WRAPPER,
        "a": "from b import g\nfrom bus import Bus\ndef f(): return Bus()\ndef h(): return g()",
        "b": "from a import f\ndef g(): return f()",
        "c": "from a import h",
    }
    assert read(**sources) == ["a", "b", "bus", "c"]


def test_names_that_are_imported_together_say_nothing_of_each_other():
    sources = {"bus": WRAPPER, "a": "from bus import Bus, LIMIT\nx = LIMIT", "b": "from a import x, LIMIT"}
    assert read(**sources) == ["a", "bus"]


def test_what_a_carrying_name_is_given_is_read_if_it_releases():
    sources = {
        "app": "from aiokafka import AIOKafkaProducer\nfrom ends import close\nfrom words import say\n"
        "async def f():\n  p = AIOKafkaProducer()\n  say(p)\n  await close(p)\ndef g(): idle()\nfrom rest import idle",
        "ends": "async def close(x): await x.stop()",
        "words": "def say(x): print(x)",
        "rest": "def idle(x): x.stop()",
    }
    assert read(**sources) == ["app", "ends"]


def test_facts_are_asked_for_once_per_file_and_round():
    asked: list[list[str]] = []

    def record(contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
        asked.append(list(contents))
        return extracted(contents)

    contents = {"bus.py": WRAPPER.encode(), "b.py": b"from bus import Bus", "a.py": b"from b import Bus", "z.py": b""}
    facts = relevant(contents, record)
    assert asked == [["bus.py"], ["b.py"], ["a.py"]]
    assert list(facts) == ["a.py", "b.py", "bus.py"]


def test_the_names_of_a_file_that_carry_a_client_are_known():
    contents = {"bus.py": WRAPPER.encode()}
    relevance = Relevance(contents)
    assert relevance.seed() == ["bus.py"]
    assert relevance.grow(extracted(contents)) == []
    assert relevance.carried("bus.py") == {"AIOKafkaProducer", "Bus"}


def test_a_file_that_cannot_be_parsed_carries_nothing():
    assert read(bus=WRAPPER + "\n(", main="from bus import Bus") == ["bus"]


@given(
    st.dictionaries(st.sampled_from(["a.py", "a/__init__.py", "__init__.py", "b/a.py", "c"]), st.binary(max_size=60))
)
def test_no_bytes_make_it_raise(contents):
    salted = {path: b"import kafka\nfrom . import a\n" + data for path, data in contents.items()}
    assert list(relevant(salted, extracted)) == sorted(salted)


@given(st.permutations(["bus.py", "a.py", "b.py", "c.py"]))
def test_the_order_of_files_does_not_matter(order):
    contents = {
        "bus.py": WRAPPER.encode(),
        "a.py": b"from bus import Bus",
        "b.py": b"from a import *\nx = Bus()",
        "c.py": b"import b\nb.x",
    }
    facts = relevant({path: contents[path] for path in order}, extracted)
    assert list(facts) == ["a.py", "b.py", "bus.py", "c.py"]

"""An import more stands where the file keeps its imports, and once."""

from __future__ import annotations

import libcst as cst
import pytest

from kafka_audit.fix.editing.imports import Needed, with_imports

HEAD = '''"""What it is."""

from __future__ import annotations

import asyncio
import os

from aiokafka import AIOKafkaProducer
from events import get_producer

x = 1
'''


def imported(code: str, *needed: Needed) -> str:
    return with_imports(cst.parse_module(code), needed).code


@pytest.mark.parametrize(
    ("needed", "line", "before"),
    [
        (Needed("atexit"), "import atexit", "import os"),
        (Needed("threading"), "import threading", ""),
        (Needed("contextlib", "ExitStack"), "from contextlib import ExitStack", ""),
        (Needed("events", "close"), "from events import close, get_producer", ""),
        (Needed("events", "zap", "zapped"), "from events import get_producer, zap as zapped", ""),
        (Needed("boxes", "open_box"), "from boxes import open_box", "from events import get_producer"),
        (Needed(".near", "it"), "from .near import it", ""),
    ],
)
def test_a_name_is_imported_in_its_place(needed: Needed, line: str, before: str):
    lines = imported(HEAD, needed).splitlines()
    assert line in lines
    assert lines[lines.index(line) + 1] == before
    assert imported("\n".join(lines) + "\n", needed).splitlines() == lines


def test_a_name_that_is_there_is_not_imported_again():
    assert imported(HEAD, Needed("os"), Needed("events", "get_producer")) == HEAD


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("x = 1\n", "import atexit\n\nx = 1\n"),
        ('"""Text."""\nx = 1\n', '"""Text."""\n\nimport atexit\n\nx = 1\n'),
        ("from __future__ import annotations\n", "from __future__ import annotations\n\nimport atexit\n"),
    ],
)
def test_a_file_without_imports_gets_its_first(code: str, wanted: str):
    assert imported(code, Needed("atexit")) == wanted


def test_names_on_lines_of_their_own_stay_there():
    code = "from events import (\n    a,\n    c,\n)\n"
    wanted = "from events import (\n    a,\n    b,\n    c,\n    d,\n)\n"
    assert imported(code, Needed("events", "d"), Needed("events", "b")) == wanted

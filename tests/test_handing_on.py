"""Clients and functions are followed through what hands them on: names, containers, classes, generators, libraries.

The cases are the Markdown files of `tests/handing_on`. Those of `clients.md` and `hooks.md` release every client that
they make, and in the very way that is meant: with another method in the place of `close` none is released any more.
Those of `functions.md` have `target` called.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.in_memory import audited, linked

FOLDER = Path(__file__).parent / "handing_on"
CASE = re.compile(r"^## (.*?)\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TARGET = "import kafka\np = kafka.KafkaProducer()\n\ndef target():\n    p.flush()\n\n"


def cases(name: str) -> list[tuple[str, str]]:
    return CASE.findall((FOLDER / f"{name}.md").read_text(encoding="utf-8"))


RELEASED = [*cases("clients"), *cases("hooks")]
clients = pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in RELEASED])
functions = pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in cases("functions")])


@clients
def test_a_client_is_followed_to_its_release(source: str):
    producers = audited({"main.py": source}).producers
    assert producers
    assert all(producer.released.by for producer in producers)


@clients
def test_another_method_in_its_place_is_no_release(source: str):
    producers = audited({"main.py": source.replace("close", "metrics").replace("closing", "print")}).producers
    assert not any(producer.released.by for producer in producers)


@functions
def test_a_function_is_followed_to_its_call(source: str):
    outgoing = linked({"main.py": TARGET + source}).lives.reach.outgoing
    assert "target" in {edge.callee.qualname for edges in outgoing.values() for edge in edges}


@pytest.mark.parametrize("name", ["clients", "functions", "hooks"])
def test_every_case_has_a_name_of_its_own_and_python_that_compiles(name: str):
    names = [each for each, _ in cases(name)]
    assert len(names) == len(set(names))
    for _, source in cases(name):
        compile(source, "main.py", "exec")

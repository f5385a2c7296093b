"""What the opt-in rule about locks around constructions tells of: KA705."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafka_audit.pipeline import audit
from kafka_audit.settings import Settings

HEAD = """\
import asyncio
import threading
from confluent_kafka import Consumer, Producer
from kafka import KafkaProducer

_lock = threading.Lock()


def locked():
    with _lock:
        return Producer({"bootstrap.servers": "k"})


"""


def alarms(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> list[tuple[str, str]]:
    """File and line, as the text has it, of every alarm."""
    sources = {"main.py": HEAD + text, **{f"{name}.py": content for name, content in files.items()}}
    for name, content in sources.items():
        (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(folder)
    report = audit(Settings(paths=(".",), select=("KA705",), jobs=1))
    assert not report.problems
    return [(each.path, sources[each.path].splitlines()[each.line - 1].strip()) for each in report.findings]


UNLOCKED = {
    "plain": 'def other():\n    return Producer({"group": 1})\n',
    "another kind of lock": (
        'async def other():\n    async with asyncio.Lock():\n        return Producer({"group": 1})\n'
    ),
    "after the lock": 'def other():\n    with _lock:\n        pass\n    return Producer({"group": 1})\n',
    "one caller without it": (
        "def once():\n    with _lock:\n        return other()\n\n\n"
        'def other():\n    return Producer({"group": 1})\n\n\n'
        "def twice():\n    return other()\n"
    ),
    "called by nobody": 'class Bus:\n    def start(self):\n        self.producer = Producer({"group": 1})\n',
}
LOCKED = {
    "a lock of the object": (
        "class Bus:\n    def __init__(self):\n        self._lock = threading.RLock()\n\n"
        '    def start(self):\n        with self._lock:\n            self.producer = Producer({"group": 1})\n'
    ),
    "by every caller": (
        "def once():\n    with _lock:\n        return other()\n\n\n"
        'def other():\n    return Producer({"group": 1})\n\n\n'
        "def twice():\n    if _lock:\n        with _lock:\n            return other()\n"
    ),
    "by the caller of the caller": (
        "def top():\n    with _lock:\n        return once()\n\n\n"
        "def once():\n    return other()\n\n\n"
        'def other():\n    return Producer({"group": 1})\n'
    ),
    "a client of another class": "def other():\n    return KafkaProducer(bootstrap_servers='k')\n",
}


@pytest.mark.parametrize("text", UNLOCKED.values(), ids=UNLOCKED)
def test_a_client_made_without_the_lock_is_told(text, tmp_path, monkeypatch):
    (line,) = (each.strip() for each in text.splitlines() if '"group"' in each)
    assert alarms(text, tmp_path, monkeypatch) == [("main.py", line)]


@pytest.mark.parametrize("text", LOCKED.values(), ids=LOCKED)
def test_a_client_made_under_the_lock_is_no_news(text, tmp_path, monkeypatch):
    assert alarms(text, tmp_path, monkeypatch) == []


def test_the_lock_may_come_from_another_file(tmp_path, monkeypatch):
    imported = (
        "from confluent_kafka import Producer\nfrom main import _lock\n\n\n"
        'def other():\n    with _lock:\n        return Producer({"group": 1})\n'
    )
    assert alarms("", tmp_path, monkeypatch, apart=imported) == []
    assert alarms("", tmp_path, monkeypatch, apart=imported.replace("with _lock", "if _lock")) == [
        ("apart.py", 'return Producer({"group": 1})')
    ]

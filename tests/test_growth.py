"""What a machine wrote is large as no person's code is: it is read to the end, or the report says what was not."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from kafka_audit.cli import main
from kafka_audit.link.flow import effort

KAFKA = "from kafka import KafkaProducer\n"
ASYNC = "from aiokafka import AIOKafkaProducer\n"


def derived(count: int) -> str:
    base = "class C0:\n    def __init__(self):\n        self.p = AIOKafkaProducer()\n"
    base += "    async def start(self):\n        await self.p.start()\n"
    line = "".join(f"class C{n}(C{n - 1}):\n    def m{n}(self):\n        return self.p\n" for n in range(1, count))
    return f"{ASYNC}{base}{line}async def main():\n    c = C{count - 1}()\n    await c.start()\n"


def body(statement: str, count: int) -> str:
    lines = "".join(f"    {statement.format(n)}\n" for n in range(count))
    return f"{KAFKA}def f(x):\n    p = KafkaProducer()\n{lines}"


def nested(opener: str, last: str, depth: int) -> str:
    lines = "".join("    " * (n + 1) + opener + "\n" for n in range(depth))
    return f"{KAFKA}def f(x):\n    p = KafkaProducer()\n{lines}" + "    " * (depth + 1) + last + "\n"


def finals(depth: int) -> str:
    """A `finally` in a `finally` in a `finally`: each is left in several ways, and entered in as many."""
    lines = "".join(
        "    " * (n + 1) + line + "\n" for n in range(depth) for line in ("try:", "    p.send(x)", "finally:")
    )
    return f"{KAFKA}def f(x):\n    p = KafkaProducer()\n{lines}" + "    " * (depth + 1) + "p.send(x)\n"


SHAPES = {
    "a class derived from a class, 1500 times": (derived(1500), 1, "KA202"),
    "a function of 30000 statements": (body("x = g(x, {})", 30_000), 1, "KA203"),
    "a function that sends 2000 messages": (body("p.send('t', {})", 2_000), 1, "KA203"),
    "1000 branches, each with a test of its own": (body("if x == {}: p.send('t')", 1_000), 1, "KA203"),
    "100 clients in one variable": (body("p = KafkaProducer(); p.send('t')", 100), 101, "KA203"),
    "a hundred thousand statements": (KAFKA + "KafkaProducer()\n" + "x = 1\n" * 100_000, 1, "KA101"),
    "a table of 1000 lambdas": (
        KAFKA + "def f():\n    return KafkaProducer()\nD = {\n" + "'k': lambda: f(),\n" * 1_000 + "}\n",
        1,
        None,
    ),
}


def report_on(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    (folder / "setup.cfg").touch()
    (folder / "large.py").write_text(text)
    (folder / "bus.py").write_text(f"{ASYNC}producer = AIOKafkaProducer()\n")
    with pytest.raises(SystemExit):
        main(["scan", str(folder), "--no-cache", "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in report["producers"]].count("bus.py") == 1
    return report


@pytest.mark.parametrize("shape", SHAPES)
def test_large_files_are_followed_to_their_end(shape: str, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, clients, code = SHAPES[shape]
    begun = time.process_time()
    report = report_on(text, tmp_path, capsys)
    assert time.process_time() - begun < 10, "it took several times as long as it should"
    assert report["problems"] == []
    assert len(report["producers"]) == clients + 1
    assert code is None or code in {each["code"] for each in report["findings"] if each["path"] == "large.py"}


@pytest.mark.parametrize("text", [nested("for x in x:", "p.send(x)", 18), finals(16)], ids=["loops", "finals"])
def test_paths_that_are_too_many_are_named_and_the_rest_is_told(text: str, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(effort, "MOST_STEPS", 20_000)
    monkeypatch.chdir(tmp_path)
    report = report_on(text, tmp_path, capsys)
    assert {(each["path"], each["kind"], each["line"]) for each in report["problems"]} == {("large.py", "internal", 2)}
    assert "f could not be followed: its paths take more than 20000 steps" in report["problems"][0]["message"]
    assert {each["code"] for each in report["findings"] if each["path"] == "bus.py"} == {"KA101", "KA201"}

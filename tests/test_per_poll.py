"""Which consumers are made anew for each time that a loop asks for messages? KA403 tells of them."""

from __future__ import annotations

import pytest

from tests.in_memory import audited

HEAD = """\
import time

from confluent_kafka import Consumer

CONFIG = {"bootstrap.servers": "kafka:9092", "group.id": "readings"}


def next_reading():
    consumer = Consumer(CONFIG)
    consumer.subscribe(["readings"])
    try:
        return consumer.poll(1.0)
    finally:
        consumer.close()


def next_of(consumer):
    return consumer.poll(1.0)


"""

TOLD = [
    "def follow():\n    while True:\n        print(next_reading())\n",
    "def wait_for(key):\n    end = time.time() + 30\n    while time.time() < end:\n        reading = next_reading()\n"
    "        if reading is not None and reading.key() == key:\n            return reading\n    return None\n",
]
SILENT = [
    "def one():\n    return next_reading()\n",
    "def a_few():\n    return [next_reading() for _ in range(3)]\n",
    "def follow():\n    consumer = Consumer(CONFIG)\n    try:\n        while True:\n"
    "            print(next_of(consumer))\n    finally:\n        consumer.close()\n",
]


def lines(text: str, path: str = "main.py", **others: str) -> list[int]:
    files = {path: HEAD + text, **{f"{name}.py": other for name, other in others.items()}}
    return [finding.line for finding in audited(files, ("producer", "consumer")).findings if finding.code == "KA403"]


@pytest.mark.parametrize("text", TOLD)
def test_a_consumer_for_each_turn_of_a_loop_that_calls_its_function_is_told(text: str):
    assert lines(text) == [9]


@pytest.mark.parametrize("text", SILENT)
def test_a_consumer_for_one_call_or_for_the_whole_loop_is_not_told(text: str):
    assert lines(text) == []


def test_tests_may_poll_as_they_like():
    assert lines(TOLD[0], "test_main.py") == []
    assert lines(SILENT[0], test_main="from main import next_reading\n\n\n" + TOLD[0]) == []


CONNECTING = """import asyncio


def connect():
    return Consumer(CONFIG)


async def listen(consumer):
    def ask():
        return consumer.poll(1.0)

    while True:
        print(await asyncio.get_running_loop().run_in_executor(None, ask))


async def serve():
    while True:
        consumer = connect()
        try:
            {}
        finally:
            consumer.close()
"""


def test_a_loop_that_connects_anew_and_listens_each_time_is_not_told():
    for turn in ("await listen(consumer)", "for message in consumer: print(message)"):
        assert lines(CONNECTING.format(turn)) == []
    for turn in ("next_of(consumer)", "for message in consumer.consume(5): print(message)"):
        assert len(lines(CONNECTING.format(turn))) == 1


ADMINISTRATION = """\
from confluent_kafka.admin import AdminClient, NewTopic
from fastapi import FastAPI

app = FastAPI()


@app.post("/topics")
def create(name: str) -> None:
    admin = AdminClient({"bootstrap.servers": "kafka:9092"})
    admin.create_topics([NewTopic(name, 3, 1)])[name].result()
"""


def test_what_asks_for_no_release_is_only_slow():
    (finding,) = audited({"topics.py": ADMINISTRATION}, ("admin",)).findings
    assert (finding.code, finding.severity) == ("KA403", "info")

"""Which calls wait for the future that a client gave? What KA601 tells of them."""

from __future__ import annotations

import pytest

from tests.in_memory import audited

HEAD = """\
from confluent_kafka.admin import AdminClient
from kafka import KafkaProducer


async def work(admin: AdminClient, producer: KafkaProducer):
"""

WAITING = [
    "admin.create_topics([])['a'].result()",
    "made = admin.create_topics([])\n    made['a'].result(10)",
    "made = admin.create_topics([])\n    made.get('a').result()",
    "made = admin.create_topics([])\n    for name, future in made.items():\n        print(name, future.exception())",
    "producer.send('a', b'1').get(10)",
    "future = producer.send('a', b'1')\n    future.get(timeout=10)",
]
NOT_WAITING = [
    "made = admin.create_topics([])\n    print(made.get('a'))",
    "made = admin.create_topics([])\n    made['a'].add_done_callback(print)",
    "made = {'a': 1}\n    print(made.get('a'))",
    "future = producer.send('a', b'1')\n    print(future.exception)",
]


def lines(text: str) -> list[int]:
    report = audited({"main.py": f"{HEAD}    {text}\n"}, ("producer", "admin"))
    return [finding.line for finding in report.findings if finding.code == "KA601"]


@pytest.mark.parametrize("text", WAITING)
def test_a_method_of_a_future_that_waits_is_told(text: str):
    assert lines(text) == [len((HEAD + text).splitlines())]


@pytest.mark.parametrize("text", NOT_WAITING)
def test_what_only_looks_at_a_future_is_not_told(text: str):
    assert lines(text) == []

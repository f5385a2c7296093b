"""The life of kafka-python's clients, run against the mock cluster."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.installed import load

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:unclosed:ResourceWarning")


def connected(name: str, broker: str) -> Any:
    return load(name)(bootstrap_servers=broker, api_version=(2, 0))  # the mock cluster misleads the detection


@pytest.fixture(autouse=True)
def dropped_sockets() -> Iterator[None]:
    """Collects them where their warning is expected: it would else fail whichever test runs next.

    kafka-python 3.0.12 drops the socket of a client that is closed while it connects: three of 180 consumers.
    """
    yield
    gc.collect()


@pytest.fixture
def own_threads() -> Callable[[], list[str]]:
    """Names the threads that the clients of this test run; constructors that failed elsewhere have left theirs."""
    before = set(threading.enumerate())
    return lambda: [each.name for each in threading.enumerate() if each not in before and "kafka-" in each.name]


@pytest.mark.parametrize("name", ["kafka.KafkaProducer", "kafka.KafkaConsumer", "kafka.KafkaAdminClient"])
def test_close_ends_the_threads_and_may_be_called_twice(name: str, broker: str, own_threads: Callable[[], list[str]]):
    client = connected(name, broker)
    assert own_threads()
    client.close()
    client.close()
    assert not own_threads()


@pytest.mark.parametrize("name", ["kafka.KafkaProducer", "kafka.KafkaConsumer", "kafka.KafkaAdminClient"])
def test_a_with_statement_closes_it(name: str, broker: str, own_threads: Callable[[], list[str]]):
    with connected(name, broker):
        assert own_threads()
    assert not own_threads()


def test_flush_delivers_but_leaves_the_threads(broker: str, own_threads: Callable[[], list[str]]):
    producer = connected("kafka.KafkaProducer", broker)
    sent = producer.send("flushed", b"x")
    producer.flush(10)
    assert sent.succeeded()
    assert own_threads()
    producer.close()


def test_sending_after_close_raises(broker: str):
    producer = connected("kafka.KafkaProducer", broker)
    producer.close()
    with pytest.raises(load("kafka.errors.IllegalStateError"), match="closed"):
        producer.send("closed", b"x")


def test_a_poll_without_a_timeout_returns_at_once(broker: str):
    with connected("kafka.KafkaConsumer", broker) as consumer:
        consumer.subscribe(["unknown"])
        took = []
        for _ in range(5):
            began = time.monotonic()
            consumer.poll()
            took.append(time.monotonic() - began)
        assert min(took) < 10  # a busy machine takes seconds at times; one that waits for a message would never return

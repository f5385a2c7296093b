"""A broker for the real clients: librdkafka's mock cluster, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The address of a cluster that speaks Kafka's protocol on 127.0.0.1; topics appear when they are used."""
    handle = Producer({"test.mock.num.brokers": 1, "log_level": 0})  # the brokers end when it is collected
    brokers = handle.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in brokers)
    del handle

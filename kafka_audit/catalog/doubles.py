"""What takes the place of a Kafka client, or of a framework that owns one, in tests?

Run on FastStream 0.7.8 and kstreams 0.34.6; kafka-mocha 0.4, taskiq 0.12 and faust-streaming 0.15.3 were read.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Double

DOUBLES: Final[tuple[Double, ...]] = (
    Double(
        names=(
            "faststream.kafka.TestKafkaBroker",
            "faststream.kafka.testing.TestKafkaBroker",
            "faststream.confluent.TestKafkaBroker",
            "faststream.confluent.testing.TestKafkaBroker",
        ),
        stands_for=("faststream.kafka.KafkaBroker", "faststream.confluent.KafkaBroker"),
        note="FastStream 0.7.8, run: inside the block the broker connects to nothing and calls its subscribers itself.",
    ),
    Double(
        names=("kstreams.test_utils.TestStreamClient", "kstreams.test_utils.test_utils.TestStreamClient"),
        stands_for=("kstreams.StreamEngine",),
        note="kstreams 0.34.6, run: the engine's producer and consumers are in memory from its making on.",
    ),
    Double(
        names=("faust.agents.agent.Agent().test_context", "faust.App().test_context"),
        stands_for=("faust.App",),
        is_method=True,
        note="faust-streaming 0.15.3, read: the agent is given its events by the test.",
    ),
    Double(
        names=("taskiq.InMemoryBroker", "taskiq.brokers.inmemory_broker.InMemoryBroker"),
        stands_for=("taskiq_aio_kafka.AioKafkaBroker",),
        is_made=True,
        note="taskiq 0.12, read: tasks are run where they are sent.",
    ),
    Double(
        names=("kafka_mocha.mock_producer", "kafka_mocha.wrappers.mock_producer"),
        replaces=("confluent_kafka.Producer",),
        note="kafka-mocha 0.4, read: a patch of the library's name, as a decorator or a block.",
    ),
    Double(
        names=("kafka_mocha.mock_consumer", "kafka_mocha.wrappers.mock_consumer"),
        replaces=("confluent_kafka.Consumer",),
        note="kafka-mocha 0.4, read: a patch of the library's name, as a decorator or a block.",
    ),
)

_BY_NAME: Final = {name: double for double in DOUBLES for name in double.names}

METHODS: Final = {name.rpartition(".")[2]: double for double in DOUBLES if double.is_method for name in double.names}
"""Doubles that are made by a method of an object whose class is not followed, by the method's name."""


def double_named(dotted: str) -> Double | None:
    """The double that calling this name makes."""
    return _BY_NAME.get(dotted)

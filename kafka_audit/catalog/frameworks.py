"""Which classes own a Kafka client on behalf of their user, so that creating one is no alarm?

Their rows say how they start and end for the reader's sake; no rule demands a release of them. Facts, run or read:
faststream 0.7.8, faust-streaming 0.15.3, kstreams 0.34.6, quixstreams 3.28.1, taskiq-aio-kafka 1.0.0, pykafka 2.8.0.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Client, Note

FRAMEWORK_LIBRARIES: Final = ("faststream", "faust", "kstreams", "pykafka", "quixstreams", "taskiq_aio_kafka")
"""Root packages whose classes are known only so that they are never reported."""

FRAMEWORKS: Final = (
    Client(
        name="faststream.kafka.KafkaBroker",
        distribution="faststream",
        importable=(
            "faststream.kafka.KafkaBroker",
            "faststream.kafka.broker.KafkaBroker",
            "faststream.kafka.broker.broker.KafkaBroker",
        ),
        role="framework",
        is_async=True,
        start=("start", "connect"),
        release=("stop",),
        managed_by="async with",
        notes=(
            Note(until="0.7.0", name="close", text="close() was the older name of stop()"),
            Note(text="async with connects it but starts no subscriber; the application object starts and stops it"),
        ),
    ),
    Client(
        name="faststream.confluent.KafkaBroker",
        distribution="faststream",
        importable=(
            "faststream.confluent.KafkaBroker",
            "faststream.confluent.broker.KafkaBroker",
            "faststream.confluent.broker.broker.KafkaBroker",
        ),
        role="framework",
        is_async=True,
        start=("start", "connect"),
        release=("stop",),
        managed_by="async with",
        notes=(Note(until="0.7.0", name="close", text="close() was the older name of stop()"),),
    ),
    Client(
        name="faststream.kafka.TestKafkaBroker",
        distribution="faststream",
        importable=("faststream.kafka.TestKafkaBroker", "faststream.kafka.testing.TestKafkaBroker"),
        role="framework",
        is_async=True,
        managed_by="async with",
        notes=(Note(text="replaces the broker by one in memory: no client is created"),),
    ),
    Client(
        name="faststream.confluent.TestKafkaBroker",
        distribution="faststream",
        importable=("faststream.confluent.TestKafkaBroker", "faststream.confluent.testing.TestKafkaBroker"),
        role="framework",
        is_async=True,
        managed_by="async with",
        notes=(Note(text="replaces the broker by one in memory: no client is created"),),
    ),
    Client(
        name="quixstreams.Application",
        distribution="quixstreams",
        importable=("quixstreams.Application", "quixstreams.app.Application"),
        role="framework",
        start=("run",),
        release=("stop",),
    ),
    Client(
        name="quixstreams.kafka.Producer",
        distribution="quixstreams",
        importable=("quixstreams.kafka.Producer", "quixstreams.kafka.producer.Producer"),
        role="framework",
        release=("flush",),
        managed_by="with",
        flush_is_release=True,
        dirtied_by=("produce",),
        absent=("close",),
        notes=(Note(text="usually obtained from Application.get_producer(); its with statement only flushes"),),
    ),
    Client(
        name="quixstreams.kafka.Consumer",
        distribution="quixstreams",
        importable=("quixstreams.kafka.Consumer", "quixstreams.kafka.consumer.Consumer"),
        role="framework",
        release=("close",),
        managed_by="with",
        notes=(Note(text="usually obtained from Application.get_consumer()"),),
    ),
    Client(
        name="faust.App",
        distribution="faust-streaming",
        importable=("faust.App", "faust.app.App", "faust.app.base.App"),
        role="framework",
        is_async=True,
        start=("start", "maybe_start_producer"),
        release=("stop",),
        managed_by="async with",
    ),
    Client(
        name="kstreams.StreamEngine",
        distribution="kstreams",
        importable=("kstreams.StreamEngine", "kstreams.engine.StreamEngine"),
        role="framework",
        is_async=True,
        start=("start",),
        release=("stop",),
        notes=(
            Note(text="usually obtained from kstreams.create_engine(); it owns an aiokafka producer and consumers"),
        ),
    ),
    Client(
        name="taskiq_aio_kafka.AioKafkaBroker",
        distribution="taskiq-aio-kafka",
        importable=("taskiq_aio_kafka.AioKafkaBroker", "taskiq_aio_kafka.broker.AioKafkaBroker"),
        role="framework",
        is_async=True,
        start=("startup",),
        release=("shutdown",),
        managed_by="async with",
        blocks_on_construct=True,
        notes=(Note(text="its constructor builds a kafka-python admin client and waits for a broker"),),
    ),
    Client(
        name="pykafka.KafkaClient",
        distribution="pykafka",
        importable=("pykafka.KafkaClient", "pykafka.client.KafkaClient"),
        role="framework",
        starts_on_construct=True,
        blocks_on_construct=True,
        notes=(Note(text="there is nothing to close; producers and consumers come from its topics"),),
    ),
    Client(
        name="pykafka.Producer",
        distribution="pykafka",
        importable=("pykafka.Producer", "pykafka.producer.Producer"),
        role="framework",
        start=("start",),
        release=("stop",),
        managed_by="with",
        starts_on_construct=True,
    ),
    Client(
        name="pykafka.SimpleConsumer",
        distribution="pykafka",
        importable=("pykafka.SimpleConsumer", "pykafka.simpleconsumer.SimpleConsumer"),
        role="framework",
        start=("start",),
        release=("stop",),
        starts_on_construct=True,
    ),
    Client(
        name="pykafka.BalancedConsumer",
        distribution="pykafka",
        importable=("pykafka.BalancedConsumer", "pykafka.balancedconsumer.BalancedConsumer"),
        role="framework",
        start=("start",),
        release=("stop",),
        starts_on_construct=True,
    ),
)

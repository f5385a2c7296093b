"""How do kafka-python's clients start and end? Run on 2.0.2 to 3.0.12.

kafka-python-ng 2.2.3 installs the same package `kafka`; without version notes a row holds for both.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Client, Note

_PYTHON_WITH_SINCE = Note(since="3.0.0", name="with", text="usable as a context manager; kafka-python-ng is not")

KAFKA_PYTHON: Final = (
    Client(
        name="kafka.KafkaProducer",
        distribution="kafka-python",
        importable=("kafka.KafkaProducer", "kafka.producer.KafkaProducer", "kafka.producer.kafka.KafkaProducer"),
        role="producer",
        release=("close",),
        managed_by="with",
        starts_on_construct=True,
        blocks_on_construct=True,
        closes_at_exit=True,
        dirtied_by=("send",),
        absent=("stop", "aclose", "shutdown", "disconnect"),
        futures=("send",),
        future_waits=("get",),
        blocking=("flush", "close", "partitions_for", "init_transactions", "commit_transaction", "abort_transaction"),
        notes=(
            _PYTHON_WITH_SINCE,
            Note(since="3.0.7", text="its exit hook waits one second and delivers; before, it delivered nothing"),
            Note(text="with api_version= given, the constructor returns without waiting for a broker"),
            Note(text="flush() delivers the messages but leaves its sender thread and sockets"),
        ),
    ),
    Client(
        name="kafka.KafkaConsumer",
        distribution="kafka-python",
        importable=("kafka.KafkaConsumer", "kafka.consumer.KafkaConsumer", "kafka.consumer.group.KafkaConsumer"),
        role="consumer",
        release=("close",),
        managed_by="with",
        starts_on_construct=True,
        blocks_on_construct=True,
        absent=("stop", "aclose", "shutdown", "disconnect"),
        blocking=("close", "commit", "committed", "topics", "beginning_offsets", "end_offsets", "offsets_for_times"),
        polls=("poll",),
        iterates=True,
        polls_return_at_once=True,
        notes=(
            _PYTHON_WITH_SINCE,
            Note(since="3.0.0", text="dropped without close(), its thread and sockets survive garbage collection"),
        ),
    ),
    Client(
        name="kafka.KafkaAdminClient",
        distribution="kafka-python",
        importable=("kafka.KafkaAdminClient", "kafka.admin.KafkaAdminClient", "kafka.admin.client.KafkaAdminClient"),
        role="admin",
        release=("close",),
        managed_by="with",
        starts_on_construct=True,
        blocks_on_construct=True,
        absent=("stop", "aclose", "shutdown", "disconnect"),
        blocking=("close", "list_topics", "describe_topics", "create_topics", "delete_topics", "describe_cluster"),
        notes=(_PYTHON_WITH_SINCE,),
    ),
    Client(
        name="kafka.KafkaClient",
        distribution="kafka-python",
        importable=("kafka.KafkaClient", "kafka.client_async.KafkaClient"),
        role="admin",
        release=("close",),
        starts_on_construct=True,
        blocks_on_construct=True,
        absent=("stop", "aclose", "shutdown", "disconnect"),
        blocking=("close", "check_version"),
        polls=("poll",),
        notes=(
            Note(until="3.0.0", name="kafka.KafkaClient", text="the connection pool; kafka-python-ng still has it"),
        ),
    ),
)

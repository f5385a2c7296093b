"""How do aiokafka's clients start and end? Run on 0.5.2 to 0.14.0.

All of them are bound to the loop they were created in; `__del__` of the producer and the consumer warns, nothing more.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Client, Note

_LOOP_NOTE = Note(
    since="0.6.0", text="raises RuntimeError outside a running loop; 0.7.1 and later accept loop= but warn"
)

AIOKAFKA: Final = (
    Client(
        name="aiokafka.AIOKafkaProducer",
        distribution="aiokafka",
        importable=(
            "aiokafka.AIOKafkaProducer",
            "aiokafka.producer.AIOKafkaProducer",
            "aiokafka.producer.producer.AIOKafkaProducer",
        ),
        role="producer",
        is_async=True,
        start=("start",),
        release=("stop",),
        managed_by="async with",
        needs_running_loop=True,
        loop_argument="loop",
        dirtied_by=("send", "send_and_wait", "send_batch"),
        ends=("client",),
        absent=("close", "aclose", "shutdown", "disconnect"),
        notes=(
            Note(
                since="0.6.0", name="async with", text="usable as an async context manager, which starts and stops it"
            ),
            _LOOP_NOTE,
            Note(text="start() after stop() succeeds, but sending raises ProducerClosed and nothing can stop it again"),
        ),
    ),
    Client(
        name="aiokafka.AIOKafkaConsumer",
        distribution="aiokafka",
        importable=(
            "aiokafka.AIOKafkaConsumer",
            "aiokafka.consumer.AIOKafkaConsumer",
            "aiokafka.consumer.consumer.AIOKafkaConsumer",
        ),
        role="consumer",
        is_async=True,
        start=("start",),
        release=("stop",),
        managed_by="async with",
        needs_running_loop=True,
        loop_argument="loop",
        ends=("_client",),
        absent=("close", "aclose", "shutdown", "disconnect"),
        notes=(
            Note(
                since="0.6.0", name="async with", text="usable as an async context manager, which starts and stops it"
            ),
            _LOOP_NOTE,
            Note(text="a second start() raises AssertionError; unreleased, it keeps its group for the session timeout"),
        ),
    ),
    Client(
        name="aiokafka.admin.AIOKafkaAdminClient",
        distribution="aiokafka",
        importable=("aiokafka.admin.AIOKafkaAdminClient", "aiokafka.admin.client.AIOKafkaAdminClient"),
        role="admin",
        is_async=True,
        start=("start",),
        release=("close",),
        needs_running_loop=True,
        loop_argument="loop",
        ends=("_client",),
        absent=("stop", "aclose", "shutdown", "disconnect"),
        notes=(Note(since="0.8.0", name="aiokafka.admin", text="the module exists; it is silent when not closed"),),
    ),
    Client(
        name="aiokafka.AIOKafkaClient",
        distribution="aiokafka",
        importable=("aiokafka.AIOKafkaClient", "aiokafka.client.AIOKafkaClient"),
        role="admin",
        is_async=True,
        start=("bootstrap",),
        release=("close",),
        needs_running_loop=True,
        loop_argument="loop",
        absent=("stop", "aclose", "shutdown", "disconnect"),
        notes=(Note(text="the connection pool below the other clients: metadata and requests, no message buffer"),),
    ),
)

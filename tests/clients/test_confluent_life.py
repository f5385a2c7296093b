"""The life of confluent-kafka's clients, run against the mock cluster."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, SerializingProducer, ShareConsumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.aio import AIOConsumer, AIOProducer, AsyncDeserializingConsumer, AsyncSerializingProducer

from kafka_audit.catalog.known import KNOWN


def conf(broker: str, **properties: Any) -> dict[str, Any]:
    return {"bootstrap.servers": broker, "log_level": 0, **properties}


def consumer_conf(broker: str) -> dict[str, Any]:
    return conf(broker, **{"group.id": uuid.uuid4().hex})


def slow_producer(broker: str, **properties: Any) -> Producer:
    return Producer(conf(broker, **{"linger.ms": 1_000}, **properties))


def test_nothing_is_owed_before_produce(broker: str):
    producer = Producer(conf(broker))
    producer.list_topics(timeout=5)
    assert len(producer) == 0


def test_polling_is_no_release(broker: str):
    producer = slow_producer(broker)
    producer.produce("polled", b"x")
    producer.poll(0)
    assert len(producer) == 1
    producer.purge()


@pytest.mark.parametrize("method", ["produce", "produce_batch"])
def test_the_methods_of_dirtied_by_fill_the_buffer(method: str, broker: str):
    producer = slow_producer(broker)
    if method == "produce":
        producer.produce("dirtied", b"x")
    else:
        producer.produce_batch("dirtied", [{"value": b"x"}])
    assert len(producer) == 1
    producer.purge()


@pytest.mark.parametrize("release", ["flush", "close"])
def test_each_release_empties_the_buffer_and_may_be_repeated(release: str, broker: str):
    delivered: list[int] = []
    producer = slow_producer(broker)
    producer.produce("released", b"x", on_delivery=lambda error, message: delivered.append(message.offset()))
    getattr(producer, release)()
    getattr(producer, release)()
    assert len(delivered) == 1


@pytest.mark.parametrize("release", ["commit_transaction", "abort_transaction"])
def test_ending_a_transaction_empties_the_buffer(release: str, broker: str):
    assert release in KNOWN.client_named("confluent_kafka.Producer").release  # type: ignore[union-attr]
    producer = slow_producer(broker, **{"transactional.id": uuid.uuid4().hex})
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce("transaction", b"x")
    assert len(producer) == 1
    getattr(producer, release)(10)
    assert len(producer) == 0


@pytest.mark.parametrize("kind", [Producer, SerializingProducer])
def test_a_with_statement_closes_the_producer(kind: Callable[..., Any], broker: str):
    with kind(conf(broker)) as producer:
        producer.produce("with", b"x")
    with pytest.raises(RuntimeError, match="closed"):
        producer.produce("with", b"x")


@pytest.mark.parametrize("kind", [Consumer, ShareConsumer])
def test_a_consumer_may_be_closed_twice(kind: Callable[..., Any], broker: str):
    consumer = kind(consumer_conf(broker))
    consumer.close()
    consumer.close()
    with pytest.raises((RuntimeError, KafkaException)):
        consumer.poll(0)


def test_an_admin_client_ends_by_a_with_statement_only(broker: str):
    with AdminClient(conf(broker)) as admin:
        assert admin.list_topics(timeout=5).brokers
    with pytest.raises(RuntimeError, match="closed"):
        admin.list_topics(timeout=1)


@pytest.mark.parametrize(("timeout", "blocks"), [(0, False), (0.6, True)])
def test_a_poll_blocks_unless_its_timeout_is_zero(timeout: float, blocks: bool, broker: str):
    producer = Producer(conf(broker))
    producer.list_topics(timeout=5)  # so that connecting is over and no event cuts the wait short
    began = time.monotonic()
    producer.poll(timeout)
    assert (time.monotonic() - began >= 0.5) is blocks


def test_a_flush_blocks_while_the_broker_is_away():
    producer = Producer(conf("127.0.0.1:1"))
    producer.produce("away", b"x")
    began = time.monotonic()
    assert producer.flush(0.3) == 1
    assert time.monotonic() - began >= 0.25
    producer.purge()


async def second_close_raises(client: Any) -> bool:
    await client.close()
    try:
        await client.close()
    except RuntimeError:
        return True
    return False


@pytest.mark.parametrize("kind", [AIOProducer, AIOConsumer, AsyncSerializingProducer, AsyncDeserializingConsumer])
def test_a_second_close_raises_exactly_when_the_row_says_so(kind: Callable[..., Any], broker: str):
    row = KNOWN.client_named(f"confluent_kafka.aio.{kind.__name__}")  # type: ignore[attr-defined]
    assert row is not None

    async def scene() -> bool:
        client = kind(consumer_conf(broker) if row.role == "consumer" else conf(broker))
        return await second_close_raises(await client if row.awaited_constructor else client)

    assert asyncio.run(scene()) is row.release_once


def test_async_with_and_close_is_one_release_too_many(broker: str):
    async def scene() -> None:
        async with AIOProducer(conf(broker)) as producer:
            await producer.close()

    with pytest.raises(RuntimeError):
        asyncio.run(scene())


def test_an_asyncio_producer_runs_a_task_until_it_is_closed(broker: str):
    async def scene() -> tuple[int, int]:
        producer = AIOProducer(conf(broker))
        await asyncio.sleep(0)
        running = len(asyncio.all_tasks())
        await producer.close()
        await asyncio.sleep(0)
        return running, len(asyncio.all_tasks())

    assert asyncio.run(scene()) == (2, 1)


def test_delivery_is_a_second_await(broker: str):
    async def scene() -> int:
        async with AIOProducer(conf(broker)) as producer:
            sent = await producer.produce("second-await", b"x")
            await producer.flush()
            return (await sent).offset()

    assert asyncio.run(scene()) == 0

"""The life of aiokafka's clients, run against the mock cluster."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaClient, AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError


def sender_tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "_sender_routine" in repr(task)]


def other_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize(("kind", "topics"), [(AIOKafkaProducer, ()), (AIOKafkaConsumer, ("consumed",))])
def test_stop_ends_every_task_and_may_be_called_twice(kind: Callable[..., Any], topics: tuple[str, ...], broker: str):
    async def scene() -> None:
        client = kind(*topics, bootstrap_servers=broker)
        await client.start()
        assert other_tasks()
        await client.stop()
        await client.stop()
        await asyncio.sleep(0)
        assert not other_tasks()

    asyncio.run(scene())


@pytest.mark.parametrize(("kind", "start"), [(AIOKafkaAdminClient, "start"), (AIOKafkaClient, "bootstrap")])
def test_the_admin_and_the_low_level_client_end_by_close(kind: Callable[..., Any], start: str, broker: str):
    async def scene() -> None:
        client = kind(bootstrap_servers=broker)
        await getattr(client, start)()
        assert other_tasks()
        await client.close()
        await client.close()
        await asyncio.sleep(0)
        assert not other_tasks()

    asyncio.run(scene())


def test_a_plain_producer_that_finds_no_broker_leaves_nothing_to_end():
    async def scene() -> None:
        producer = AIOKafkaProducer(bootstrap_servers="localhost:1")
        with pytest.raises(KafkaConnectionError):
            await producer.start()
        assert not other_tasks()
        await producer.stop()

    asyncio.run(scene())


def test_async_with_starts_delivers_and_stops(broker: str):
    async def scene() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker, linger_ms=50) as producer:
            sent = await producer.send("async-with", b"x")
            assert not sent.done()
        assert sent.result().offset == 0
        await asyncio.sleep(0)
        assert not other_tasks()

    asyncio.run(scene())


def test_stop_without_start_is_fine_and_silences_the_warning(broker: str):
    async def scene() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker)
        await producer.stop()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del producer
            gc.collect()

    asyncio.run(scene())


def test_start_before_async_with_leaves_a_sender_that_nothing_ends(broker: str):
    async def scene() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker)
        await producer.start()
        async with producer:
            assert len(sender_tasks()) == 2
        await asyncio.sleep(0)
        (orphan,) = sender_tasks()
        orphan.cancel()
        await asyncio.gather(orphan, return_exceptions=True)

    asyncio.run(scene())


def test_a_consumer_cannot_be_started_twice(broker: str):
    async def scene() -> None:
        async with AIOKafkaConsumer("consumed", bootstrap_servers=broker) as consumer:
            with pytest.raises(AssertionError, match="twice"):
                await consumer.start()

    asyncio.run(scene())


def test_a_client_is_bound_to_the_loop_that_it_was_created_in(broker: str):
    async def create() -> AIOKafkaProducer:
        return AIOKafkaProducer(bootstrap_servers=broker)

    producer = asyncio.run(create())
    with pytest.raises(AssertionError, match="same loop"):
        asyncio.run(producer.start())
    asyncio.run(producer.stop())

"""Further repairs, proven by running: each defect with every client that it can happen to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.test_repairs import HEAD, Case, check_repaired

STARTED_AIOKAFKA = Case(
    "KA102",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    return producer


producer = asyncio.run(connect())


async def publish(event: bytes) -> None:
    await producer.send(os.environ["TOPIC"], event)


async def main() -> None:
    try:
        await publish(b"1")
    finally:
        await producer.stop()
""",
    symptom="attached to a different loop|different event loop|Task was destroyed|is bound to a different",
    lost=1,
    delivered=1,
)
DROPPED_CONFLUENT = Case(
    "KA207",
    HEAD
    + """\
from confluent_kafka import Producer


def main() -> None:
    producer = Producer({"bootstrap.servers": os.environ["BROKER"], "linger.ms": 60_000})
    for reading in (b"1", b"2", b"3"):
        producer.produce(os.environ["TOPIC"], reading)
""",
    symptom="3 messages .* still in queue",
    lost=3,
    delivered=3,
)
RETURNED_CONFLUENT = Case(
    "KA302",
    HEAD
    + """\
from confluent_kafka import Producer


def main(more: bool = False) -> None:
    producer = Producer({"bootstrap.servers": os.environ["BROKER"], "linger.ms": 60_000})
    producer.produce(os.environ["TOPIC"], b"hello")
    if not more:
        return
    try:
        producer.produce(os.environ["TOPIC"], b"more")
    finally:
        producer.flush()
""",
    symptom="1 message .* still in queue",
    lost=1,
    delivered=1,
)
ONE_AFTER_ANOTHER_AIOKAFKA = Case(
    "KA304",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


class Mirror:
    def __init__(self) -> None:
        self._first = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
        self._second = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)

    async def start(self) -> None:
        await self._first.start()
        await self._second.start()

    async def publish(self, event: bytes) -> None:
        await self._first.send(os.environ["TOPIC"], event)
        await self._second.send(os.environ["TOPIC"], event)

    async def stop(self) -> None:
        await self._first.stop()
        await self._second.stop()


class Failing(Exception):
    pass


async def failing(stop) -> None:
    await stop()
    raise Failing


async def main() -> None:
    mirror = Mirror()
    try:
        await mirror.start()
        await mirror.publish(b"1")
        first, stop = mirror._first, mirror._first.stop
        first.stop = lambda: failing(stop)
    finally:
        try:
            await mirror.stop()
        except Failing:
            print("one could not be stopped")
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    delivered=2,
)
POOLED_KAFKA_PYTHON = Case(
    "KA204",
    HEAD
    + """\
from kafka import KafkaProducer

failures: list[Exception] = []


class Pool:
    def __init__(self) -> None:
        self._producers: list[KafkaProducer] = []

    def open(self, size: int) -> None:
        for _ in range(size):
            producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0), linger_ms=200)
            producer.partitions_for(os.environ["TOPIC"])
            self._producers.append(producer)

    def publish(self, event: bytes) -> None:
        for producer in self._producers:
            producer.send(os.environ["TOPIC"], event)


def work() -> None:
    pool = Pool()
    pool.open(2)
    pool.publish(b"1")
    raise LookupError("no second event")


def main() -> None:
    try:
        work()
    except LookupError as error:
        failures.append(error)
""",
    left="threads",
    delivered=2,
)
OVERWRITTEN_KAFKA_PYTHON = Case(
    "KA401",
    HEAD
    + """\
from kafka import KafkaProducer

kept: list[object] = []


class Publisher:
    def __init__(self) -> None:
        self._producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0))
        kept.append(self._producer.metrics)

    def reconnect(self) -> None:
        self._producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0))

    def publish(self, event: bytes) -> None:
        self._producer.partitions_for(os.environ["TOPIC"])
        self._producer.send(os.environ["TOPIC"], event).get(timeout=10)

    def close(self) -> None:
        self._producer.close()


def main() -> None:
    publisher = Publisher()
    try:
        publisher.publish(b"before")
        publisher.reconnect()
        publisher.publish(b"after")
    finally:
        publisher.close()
""",
    left="threads",
    delivered=2,
)
TWO_FIRST_USERS_KAFKA_PYTHON = Case(
    "KA402",
    HEAD
    + """\
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI
from kafka import KafkaProducer

app = FastAPI()
made: list[float] = []
_producer: KafkaProducer | None = None


def get_producer() -> KafkaProducer:
    global _producer
    if _producer is None:
        time.sleep(0.2)
        made.append(time.time())
        _producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0))
    return _producer


@app.post("/events")
def publish(event: bytes) -> None:
    get_producer().partitions_for(os.environ["TOPIC"])
    get_producer().send(os.environ["TOPIC"], event).get(timeout=10)


def close_producer() -> None:
    global _producer
    producer, _producer = _producer, None
    if producer is not None:
        producer.close()


def main() -> None:
    try:
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(publish, (b"1", b"2", b"3")))
    finally:
        close_producer()
    if len(made) > 1:
        print("more than one was made", file=sys.stderr)
""",
    symptom="more than one was made",
    delivered=3,
)
UNAWAITED_SEND_AIOKAFKA = Case(
    "KA602",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"]) as producer:
        producer.send_and_wait(os.environ["TOPIC"], b"1")
        await producer.send_and_wait(os.environ["TOPIC"], b"2")
""",
    symptom="'AIOKafkaProducer.send_and_wait' was never awaited",
    lost=1,
    delivered=2,
)
TICKING = """\
import sys

ticks: list[float] = []


async def tick() -> None:
    while True:
        await asyncio.sleep(0.02)
        ticks.append(0.02)


async def main() -> None:
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    await work()
    if len(ticks) < 5:
        print("the loop stood still", file=sys.stderr)
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
"""
BLOCKING_CONFLUENT = Case(
    "KA601",
    HEAD
    + """\
from confluent_kafka import Producer


async def work() -> None:
    producer = Producer({"bootstrap.servers": os.environ["BROKER"], "linger.ms": 800})
    producer.produce(os.environ["TOPIC"], b"1")
    producer.poll(0.5)
    await asyncio.to_thread(producer.flush, 10)


"""
    + TICKING,
    symptom="the loop stood still",
    delivered=1,
    in_thread=True,
)
BLOCKING_KAFKA_PYTHON = Case(
    "KA601",
    HEAD
    + """\
from kafka import KafkaProducer


async def work() -> None:
    producer = await asyncio.to_thread(
        KafkaProducer, bootstrap_servers=os.environ["BROKER"], api_version=(2, 0), linger_ms=800
    )
    try:
        await asyncio.to_thread(producer.partitions_for, os.environ["TOPIC"])
        ticks.clear()
        producer.send(os.environ["TOPIC"], b"1").get(timeout=10)
    finally:
        await asyncio.to_thread(producer.close)


"""
    + TICKING,
    symptom="the loop stood still",
    delivered=1,
    in_thread=True,
)
DEAD_HOOK_AIOKAFKA = Case(
    "KA504",
    HEAD
    + """\
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

producer: AIOKafkaProducer | None = None


@asynccontextmanager
async def lifespan(app: FastAPI):
    global producer
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    yield


app = FastAPI(lifespan=lifespan)


async def disconnect() -> None:
    await producer.stop()


app.router.add_event_handler("shutdown", disconnect)


async def main() -> None:
    async with app.router.lifespan_context(app):
        await producer.send(os.environ["TOPIC"], b"1")
""",
    left="tasks",
    lost=1,
    delivered=1,
)
RETURNED_BY_A_FACTORY_AIOKAFKA = Case(
    "KA206",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def connect() -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    return producer


async def main() -> None:
    producer = await connect()
    await producer.send(os.environ["TOPIC"], b"1")
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=1,
    delivered=1,
)
ON_A_CLASS_AIOKAFKA = Case(
    "KA201",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


class Bus:
    _producer: AIOKafkaProducer | None = None
    _lock = asyncio.Lock()

    @classmethod
    async def publish(cls, event: bytes) -> None:
        async with cls._lock:
            if cls._producer is None:
                producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
                await producer.start()
                cls._producer = producer
        await cls._producer.send(os.environ["TOPIC"], event)


async def main() -> None:
    await Bus.publish(b"1")
    await Bus.publish(b"2")


if __name__ == "__main__":
    asyncio.run(main())
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=2,
    delivered=2,
)
CACHED_KAFKA_PYTHON = Case(
    "KA201",
    HEAD
    + """\
from functools import lru_cache

from kafka import KafkaProducer


@lru_cache(maxsize=1)
def get_producer() -> KafkaProducer:
    return KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0), linger_ms=3000)


def main() -> None:
    get_producer().partitions_for(os.environ["TOPIC"])
    get_producer().send(os.environ["TOPIC"], b"1")
""",
    left="threads",
    delivered=1,
    at_exit=True,
)
CONTAINED_AIOKAFKA = Case(
    "KA201",
    HEAD
    + """\
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaProducer
from dishka import Provider, Scope, make_async_container, provide
from dishka.integrations.fastapi import setup_dishka
from fastapi import FastAPI


class KafkaProvider(Provider):
    @provide(scope=Scope.APP)
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
        await producer.start()
        yield producer


app = FastAPI()
setup_dishka(make_async_container(KafkaProvider()), app)


async def main() -> None:
    async with app.router.lifespan_context(app):
        producer = await app.state.dishka_container.get(AIOKafkaProducer)
        await producer.send(os.environ["TOPIC"], b"1")
""",
    left="tasks",
    lost=1,
    delivered=1,
)
UNKNOWN_OPTION_CONFLUENT = Case(
    "KA801",
    HEAD
    + """\
from confluent_kafka import Producer


def main() -> None:
    producer = Producer({"bootstrap_servers": os.environ["BROKER"]})
    producer.produce(os.environ["TOPIC"], b"1")
    producer.flush()
""",
    symptom='No such configuration property: "bootstrap_servers"',
    lost=1,
    delivered=1,
)

CASES = {name.lower(): case for name, case in globals().items() if isinstance(case, Case)}


@pytest.mark.parametrize("name", CASES)
def test_what_is_repaired_runs_without_the_defect(name: str, broker: str, tmp_path: Path):
    check_repaired(CASES[name], broker, tmp_path)

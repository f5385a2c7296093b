"""Repairs, proven by running: the broken program shows its defect, the repaired one none, with the real client."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.running import CLEAN, run_program
from tests.fixing import audit, fixed

HEAD = "import asyncio\nimport logging\nimport os\n\n"


class Case(NamedTuple):
    """A program with one alarm. `symptom` is what the broken one complains of, `lost` the messages that it loses.

    `at_exit`: the repaired one releases its client when `main` is over and its leftovers are counted. `in_thread`: the
    loop's own pool of threads stays until the loop is closed.
    """

    code: str
    source: str
    symptom: str = ""
    left: str = ""
    lost: int = 0
    delivered: int = 0
    at_exit: bool = False
    in_thread: bool = False


DROPPED_AIOKAFKA = Case(
    "KA203",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    for reading in (b"1", b"2", b"3"):
        await producer.send(os.environ["TOPIC"], reading)
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=3,
    delivered=3,
)
SKIPPED_AIOKAFKA = Case(
    "KA301",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def export(rows: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    for row in rows:
        if not row:
            raise ValueError("empty row")
        await producer.send(os.environ["TOPIC"], row)
    await producer.stop()


async def main() -> None:
    try:
        await export([b"1", b""])
    except ValueError:
        print("one row was empty")
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=1,
    delivered=1,
)
RETURNED_AIOKAFKA = Case(
    "KA302",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def main(more: bool = False) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    await producer.send(os.environ["TOPIC"], b"hello")
    if not more:
        return
    try:
        await producer.send(os.environ["TOPIC"], b"more")
    finally:
        await producer.stop()
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=1,
    delivered=1,
)
LATE_AIOKAFKA = Case(
    "KA303",
    HEAD
    + """\
import socket

from aiokafka import AIOKafkaProducer


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        try:
            await begin("127.0.0.1:%d" % silent.getsockname()[1])
        except asyncio.TimeoutError:
            print("too late")


async def begin(address: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await asyncio.wait_for(producer.start(), timeout=0.3)
    try:
        await producer.send_and_wait(os.environ["TOPIC"], b"hello")
    finally:
        await producer.stop()
""",
    symptom="Unclosed AIOKafkaProducer",
)
SWALLOWED_AIOKAFKA = Case(
    "KA303",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says that nobody answers, which is the point


async def connected(address: str) -> AIOKafkaProducer | None:
    try:
        producer = AIOKafkaProducer(bootstrap_servers=address)
        await producer.start()
        return producer
    except KafkaError:
        return None


async def main() -> None:
    assert await connected("127.0.0.1:1") is None
    producer = await connected(os.environ["BROKER"])
    if producer is not None:
        try:
            await producer.send(os.environ["TOPIC"], b"hello")
        finally:
            await producer.stop()
""",
    symptom="Unclosed AIOKafkaProducer",
    lost=0,
    delivered=1,
)
SKIPPED_CONFLUENT = Case(
    "KA301",
    HEAD
    + """\
from confluent_kafka import Producer


def export(rows: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": os.environ["BROKER"], "linger.ms": 60_000})
    for row in rows:
        if not row:
            raise ValueError("empty row")
        producer.produce(os.environ["TOPIC"], row)
    producer.flush()


def main() -> None:
    try:
        export([b"1", b"2", b""])
    except ValueError:
        print("one row was empty")
""",
    symptom="2 messages .* still in queue",
    lost=2,
    delivered=2,
)
SKIPPED_KAFKA_PYTHON = Case(
    "KA301",
    HEAD
    + """\
from kafka import KafkaProducer

failures: list[Exception] = []


def export(rows: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0), linger_ms=200)
    producer.partitions_for(os.environ["TOPIC"])
    for row in rows:
        if not row:
            raise ValueError("empty row")
        producer.send(os.environ["TOPIC"], row)
    producer.close()


def main() -> None:
    try:
        export([b"1", b""])
    except ValueError as error:
        failures.append(error)
""",
    left="threads",
    delivered=1,
)
DROPPED_KAFKA_PYTHON = Case(
    "KA203",
    HEAD
    + """\
from kafka import KafkaProducer


def export(row: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0), linger_ms=200)
    producer.partitions_for(os.environ["TOPIC"])
    producer.send(os.environ["TOPIC"], row)
    if len(row) > 1:
        raise ValueError("long row")


def main() -> None:
    try:
        export(b"12")
    except ValueError as error:
        globals()["failure"] = error
""",
    left="threads",
    delivered=1,
)

DEFEATED_AIOKAFKA = Case(
    "KA305",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


class Feed:
    def __init__(self) -> None:
        self._producer: AIOKafkaProducer | None = None
        self._started = False

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
        await self._producer.start()
        await self._producer.send(os.environ["TOPIC"], b"up")
        if "there is no such topic" not in os.environ:
            raise LookupError("the topic `feed` is missing")
        self._started = True

    async def stop(self) -> None:
        if not self._started:
            return
        if self._producer is not None:
            await self._producer.stop()
        self._started = False


async def main() -> None:
    feed = Feed()
    try:
        await feed.start()
    except LookupError:
        print("not started")
    finally:
        await feed.stop()
        await feed.stop()
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=1,
    delivered=1,
)
GLOBAL_AIOKAFKA = Case(
    "KA201",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer

_lock = asyncio.Lock()
_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    async with _lock:
        if _producer is None:
            producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
            await producer.start()
            _producer = producer
        return _producer


async def main() -> None:
    producer = await get_producer()
    await producer.send(os.environ["TOPIC"], b"hello")


if __name__ == "__main__":
    asyncio.run(main())
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=1,
    delivered=1,
)
LIFESPAN_AIOKAFKA = Case(
    "KA201",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

app = FastAPI()
_lock = asyncio.Lock()
_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    async with _lock:
        if _producer is None:
            producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
            await producer.start()
            _producer = producer
        return _producer


@app.post("/orders")
async def order() -> None:
    producer = await get_producer()
    await producer.send(os.environ["TOPIC"], b"order")


async def main() -> None:
    async with app.router.lifespan_context(app):
        await order()
        await order()
""",
    left="tasks",
    lost=2,
    delivered=2,
)
EXIT_AIOKAFKA = Case(
    "KA501",
    HEAD
    + """\
import atexit

from aiokafka import AIOKafkaProducer

_lock = asyncio.Lock()
_producer: AIOKafkaProducer | None = None


async def publish(event: bytes) -> None:
    global _producer
    async with _lock:
        if _producer is None:
            producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
            await producer.start()
            _producer = producer
    await _producer.send(os.environ["TOPIC"], event)


def _close() -> None:
    if _producer is not None:
        asyncio.run(_producer.stop())


atexit.register(_close)


async def main() -> None:
    await publish(b"1")
    await publish(b"2")


if __name__ == "__main__":
    asyncio.run(main())
""",
    symptom="Event loop is closed|different loop",
    left="tasks",
    lost=2,
    delivered=2,
)
GLOBAL_KAFKA_PYTHON = Case(
    "KA201",
    HEAD
    + """\
import threading

from kafka import KafkaProducer

_lock = threading.Lock()
_producer = None


def get_producer():
    global _producer
    with _lock:
        if _producer is None:
            _producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0), linger_ms=3000)
        return _producer


def main() -> None:
    get_producer().partitions_for(os.environ["TOPIC"])
    get_producer().send(os.environ["TOPIC"], b"1")
""",
    left="threads",
    delivered=1,
    at_exit=True,
)

UNAWAITED_AIOKAFKA = Case(
    "KA502",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    try:
        await producer.send(os.environ["TOPIC"], b"1")
    finally:
        producer.stop()
""",
    symptom="'AIOKafkaProducer.stop' was never awaited",
    left="tasks",
    lost=1,
    delivered=1,
)
FORGOTTEN_AIOKAFKA = Case(
    "KA503",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def work() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    try:
        await producer.send(os.environ["TOPIC"], b"1")
    finally:
        asyncio.create_task(producer.stop())


async def main() -> None:
    await work()
""",
    left="tasks",
    lost=1,
    delivered=1,
)
MISNAMED_AIOKAFKA = Case(
    "KA507",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
    await producer.start()
    try:
        await producer.send(os.environ["TOPIC"], b"1")
    finally:
        if hasattr(producer, "close"):
            await producer.close()
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=1,
    delivered=1,
)
TWO_FIRST_USERS_AIOKAFKA = Case(
    "KA402",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer

_producer: AIOKafkaProducer | None = None


async def get_producer() -> AIOKafkaProducer:
    global _producer
    if _producer is None:
        producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
        await producer.start()
        _producer = producer
    return _producer


async def publish(event: bytes) -> None:
    producer = await get_producer()
    await producer.send(os.environ["TOPIC"], event)


async def close_producer() -> None:
    global _producer
    producer, _producer = _producer, None
    if producer is not None:
        await producer.stop()


async def main() -> None:
    try:
        await asyncio.gather(publish(b"1"), publish(b"2"), publish(b"3"))
    finally:
        await close_producer()
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    delivered=3,
)
OVERWRITTEN_AIOKAFKA = Case(
    "KA401",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


class Publisher:
    def __init__(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)

    async def start(self) -> None:
        await self._producer.start()

    async def reconnect(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
        await producer.start()
        self._producer = producer

    async def publish(self, event: bytes) -> None:
        await self._producer.send(os.environ["TOPIC"], event)

    async def stop(self) -> None:
        await self._producer.stop()


async def main() -> None:
    publisher = Publisher()
    try:
        await publisher.start()
        await publisher.publish(b"before")
        await publisher.reconnect()
        await publisher.publish(b"after")
    finally:
        await publisher.stop()
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    delivered=2,
)
POOLED_AIOKAFKA = Case(
    "KA204",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


class Pool:
    def __init__(self) -> None:
        self._producers: list[AIOKafkaProducer] = []

    async def open(self, size: int) -> None:
        for _ in range(size):
            producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
            await producer.start()
            self._producers.append(producer)

    async def publish(self, event: bytes) -> None:
        for producer in self._producers:
            await producer.send(os.environ["TOPIC"], event)


async def main() -> None:
    pool = Pool()
    await pool.open(3)
    await pool.publish(b"1")
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=3,
    delivered=3,
)
KEPT_AIOKAFKA = Case(
    "KA202",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer


class Publisher:
    def __init__(self) -> None:
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)
        await self._producer.start()

    async def publish(self, event: bytes) -> None:
        await self._producer.send(os.environ["TOPIC"], event)


async def main() -> None:
    publisher = Publisher()
    await publisher.start()
    await publisher.publish(b"1")
""",
    symptom="Unclosed AIOKafkaProducer",
    left="tasks",
    lost=1,
    delivered=1,
)
KEPT_KAFKA_PYTHON = Case(
    "KA202",
    HEAD
    + """\
from kafka import KafkaProducer

failures: list[Exception] = []


class Publisher:
    def __init__(self) -> None:
        self._producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0), linger_ms=200)
        self._producer.partitions_for(os.environ["TOPIC"])

    def publish(self, event: bytes) -> None:
        self._producer.send(os.environ["TOPIC"], event)


def work() -> None:
    publisher = Publisher()
    publisher.publish(b"1")
    raise LookupError("no second event")


def main() -> None:
    try:
        work()
    except LookupError as error:
        failures.append(error)
""",
    left="threads",
    delivered=1,
)
KEPT_CONFLUENT = Case(
    "KA207",
    HEAD
    + """\
from confluent_kafka import Producer


class AuditLog:
    def __init__(self) -> None:
        self._producer = Producer({"bootstrap.servers": os.environ["BROKER"], "linger.ms": 60_000})

    def record(self, entry: bytes) -> None:
        self._producer.produce(os.environ["TOPIC"], entry)
        self._producer.poll(0)


def main() -> None:
    log = AuditLog()
    log.record(b"1")
    log.record(b"2")
""",
    symptom="2 messages .* still in queue",
    lost=2,
    delivered=2,
)
GLOBAL_CONFLUENT = Case(
    "KA207",
    HEAD
    + """\
from confluent_kafka import Producer

_producer = None


def producer():
    global _producer
    if _producer is None:
        _producer = Producer({"bootstrap.servers": os.environ["BROKER"], "linger.ms": 60_000})
    return _producer


def main() -> None:
    producer().produce(os.environ["TOPIC"], b"1")
""",
    symptom="1 message .* still in queue",
    lost=1,
    delivered=1,
    at_exit=True,
)
IMPORTED_AIOKAFKA = Case(
    "KA101",
    HEAD
    + """\
from aiokafka import AIOKafkaProducer

producer = AIOKafkaProducer(bootstrap_servers=os.environ["BROKER"], linger_ms=500)


async def publish(event: bytes) -> None:
    await producer.send(os.environ["TOPIC"], event)


async def main() -> None:
    try:
        await producer.start()
        await asyncio.gather(publish(b"1"), publish(b"2"))
    finally:
        await producer.stop()
""",
    symptom="should be created within an async function",
    lost=2,
    delivered=2,
)
FORKED_CONFLUENT = Case(
    "KA101",
    HEAD
    + """\
import signal

from confluent_kafka import Producer

producer = Producer({"bootstrap.servers": os.environ["BROKER"]})


def publish(event: bytes) -> None:
    producer.produce(os.environ["TOPIC"], event)
    producer.flush(3)


def main() -> None:
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # a lock that a thread held at the fork may never be free again
        publish(b"1")
        os._exit(0)
    os.waitpid(child, 0)
""",
    lost=1,
    delivered=1,
)
UNREACHABLE_KAFKA_PYTHON = Case(
    "KA101",
    HEAD
    + """\
from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers="127.0.0.1:1", bootstrap_timeout_ms=300)


def publish(event: bytes) -> None:
    producer.send(os.environ["TOPIC"], event)


def close() -> None:
    producer.close()


def main() -> None:
    close()
    print("nothing to publish today")
""",
    symptom="KafkaTimeoutError",
)

CASES = {name.lower(): case for name, case in globals().items() if isinstance(case, Case)}
COUNTED = ("tasks", "threads", "descriptors")


def check_repaired(case: Case, broker: str, folder: Path) -> None:
    """The broken program shows its symptom, and loses what it loses; the repaired one ends clean."""
    broken = run_program(case.source, broker, folder / "broken", strict=False)
    assert re.search(case.symptom, broken.complaints)
    assert not case.left or broken.left[COUNTED.index(case.left)] > 0
    assert case.symptom or case.left or case.lost
    if case.lost:
        assert broken.delivered == case.delivered - case.lost
    after = fixed({"program.py": case.source.encode()}, lambda contents: audit(contents, case.code))
    assert {o.what for o in after.outcomes if o.finding.code == case.code} == {"fixed"}
    repaired = run_program(after.contents["program.py"].decode(), broker, folder / "fixed", strict=True)
    left = repaired.left if case.at_exit else CLEAN.left
    if case.in_thread:
        left = (left[0], repaired.left[1], left[2])
    assert repaired == CLEAN._replace(delivered=case.delivered, left=left)


@pytest.mark.parametrize("name", CASES)
def test_what_is_repaired_runs_without_the_defect(name: str, broker: str, tmp_path: Path):
    check_repaired(CASES[name], broker, tmp_path)


CONFTEST = """\
import os
import threading

import pytest
from kafka import KafkaProducer


@pytest.fixture
def producer():
    producer = KafkaProducer(bootstrap_servers=os.environ["BROKER"], api_version=(2, 0))
    return producer


def pytest_sessionfinish():
    print("threads:", sum("kafka-" in each.name for each in threading.enumerate()))
"""
FAILING = "def test_order(producer):\n    assert producer.partitions_for('orders') == 'no such thing'\n"


def threads_after_pytest(folder: Path, contents: dict[str, bytes], broker: str) -> int:
    """How many of the client's threads run when pytest ends; the failed test's frame keeps its producer."""
    folder.mkdir()
    for path, data in contents.items():
        (folder / path).write_bytes(data)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", str(folder)]
    environment = {**os.environ, "BROKER": broker, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd=folder)
    found = re.search(r"threads: (\d+)", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1])


def test_a_repaired_fixture_leaves_nothing_behind_a_failed_test(broker: str, tmp_path: Path):
    broken = {"conftest.py": CONFTEST.encode(), "test_orders.py": FAILING.encode()}
    after = fixed(broken)
    assert [(outcome.finding.code, outcome.what) for outcome in after.outcomes] == [("KA701", "fixed")]
    assert threads_after_pytest(tmp_path / "broken", broken, broker) > 0
    assert threads_after_pytest(tmp_path / "fixed", after.contents, broker) == 0

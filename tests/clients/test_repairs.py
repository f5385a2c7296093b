"""Repairs, proven by running: the broken program shows its defect, the repaired one none, with the real client."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.running import CLEAN, run_program
from tests.fixing import fixed

HEAD = "import asyncio\nimport logging\nimport os\n\n"


class Case(NamedTuple):
    """A program with one alarm. `symptom` is what the broken one complains of, `lost` the messages that it loses."""

    code: str
    source: str
    symptom: str = ""
    left: str = ""
    lost: int = 0
    delivered: int = 0


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

CASES = {name.lower(): case for name, case in globals().items() if isinstance(case, Case)}
COUNTED = ("tasks", "threads", "descriptors")


@pytest.mark.parametrize("name", CASES)
def test_what_is_repaired_runs_without_the_defect(name: str, broker: str, tmp_path: Path):
    case = CASES[name]
    broken = run_program(case.source, broker, tmp_path / "broken", strict=False)
    assert re.search(case.symptom, broken.complaints)
    assert not case.left or broken.left[COUNTED.index(case.left)] > 0
    assert case.symptom or case.left
    if case.lost:
        assert broken.delivered == case.delivered - case.lost
    after = fixed({"program.py": case.source.encode()})
    assert {(o.finding.code, o.what) for o in after.outcomes.values()} == {(case.code, "fixed")}
    repaired = run_program(after.contents["program.py"].decode(), broker, tmp_path / "fixed", strict=True)
    assert repaired == CLEAN._replace(delivered=case.delivered)

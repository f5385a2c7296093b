"""What is delivered when a program ends without a release: each case is a program of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from confluent_kafka import Consumer, TopicPartition

AIOKAFKA = """
import asyncio, atexit
from aiokafka import AIOKafkaProducer
async def begin():
    producer = AIOKafkaProducer(bootstrap_servers={broker!r}, linger_ms=500)
    await producer.start()
    await producer.send({topic!r}, b"x")
    return producer
"""
CLOSED_LOOP = "producer = asyncio.run(begin())\natexit.register({hook})\n"
OPEN_LOOP = """
loop = asyncio.new_event_loop()
producer = loop.run_until_complete(begin())
atexit.register(lambda: loop.run_until_complete(producer.stop()))
"""
START_AGAIN = """
import asyncio
from aiokafka import AIOKafkaProducer
async def main():
    producer = AIOKafkaProducer(bootstrap_servers={broker!r})
    await producer.start()
    await producer.stop()
    await producer.start()
    try:
        await producer.send({topic!r}, b"x")
    except Exception as error:
        print(type(error).__name__)
    await producer.stop()
    print(len(asyncio.all_tasks()) - 1, "tasks")
asyncio.run(main())
"""
CONFLUENT = """
import atexit
from confluent_kafka import Producer
producer = Producer({{"bootstrap.servers": {broker!r}, "linger.ms": 60_000}})
producer.produce({topic!r}, b"x")
"""
KAFKA_PYTHON = """
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers={broker!r}, api_version=(2, 0), linger_ms=200)
producer.partitions_for({topic!r})
producer.send({topic!r}, b"x")
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def delivered(broker: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "watermarks", "log_level": 0})
    try:
        partitions = consumer.list_topics(topic, timeout=5).topics[topic].partitions
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=5)[1] for each in partitions]
        return sum(max(end, 0) for end in ends)
    finally:
        consumer.close()


@pytest.mark.parametrize(
    ("hook", "complaint"),
    [
        ("lambda: asyncio.run(producer.stop())", "Event loop is closed|belongs to a different loop"),
        ("producer.stop", "'AIOKafkaProducer.stop' was never awaited"),
    ],
)
def test_an_exit_handler_cannot_stop_an_aiokafka_producer_whose_loop_is_closed(hook: str, complaint: str, broker: str):
    topic = "closed-loop"
    ended = run((AIOKAFKA + CLOSED_LOOP.replace("{hook}", hook)).format(broker=broker, topic=topic))
    assert ended.returncode == 0
    assert re.search(complaint, ended.stderr)
    assert delivered(broker, topic) == 0


def test_an_exit_handler_can_stop_it_in_its_own_open_loop(broker: str):
    ended = run((AIOKAFKA + OPEN_LOOP).format(broker=broker, topic="open-loop"))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert delivered(broker, "open-loop") == 1


def test_aiokafka_loses_its_buffer_at_exit(broker: str):
    ended = run((AIOKAFKA + "asyncio.run(begin())").format(broker=broker, topic="dropped"))
    assert ended.returncode == 0
    assert "Unclosed AIOKafkaProducer" in ended.stderr
    assert delivered(broker, "dropped") == 0


def test_an_aiokafka_producer_that_is_started_again_after_stop_cannot_send_or_be_stopped(broker: str):
    ended = run(START_AGAIN.format(broker=broker, topic="again"))
    error, tasks = ended.stdout.splitlines()
    assert error == "ProducerClosed"
    assert int(tasks.split()[0]) >= 2


def test_confluent_loses_its_buffer_at_exit(broker: str):
    ended = run(CONFLUENT.format(broker=broker, topic="lost-at-exit"))
    assert ended.returncode == 0
    assert "1 message" in ended.stderr
    assert delivered(broker, "lost-at-exit") == 0


def test_an_exit_handler_can_flush_a_confluent_producer(broker: str):
    ended = run(CONFLUENT.format(broker=broker, topic="flushed-at-exit") + "atexit.register(producer.flush)")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert delivered(broker, "flushed-at-exit") == 1


def test_kafka_python_closes_its_producer_at_exit(broker: str):
    ended = run(KAFKA_PYTHON.format(broker=broker, topic="own-hook"))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert delivered(broker, "own-hook") == 1

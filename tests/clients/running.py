"""Programs that are run with the real client, each in a process of its own, and what they leave behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

STRICT = ("-X", "dev", "-W", "error", "-W", "ignore::DeprecationWarning")
"""kafka-python 3.0 emits a hundred deprecation warnings of importlib.resources when it is imported."""

WATCHED = """
import asyncio, gc, inspect, os, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import program


def descriptors():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def tell(tasks):
    gc.collect()
    threads = [each for each in threading.enumerate() if each is not threading.main_thread()]
    print("left:", tasks, "tasks", len(threads), "threads", max(0, descriptors() - opened), "descriptors")


async def watched():
    await program.main()
    for _ in range(3):
        await asyncio.sleep(0.01)  # closed transports go in the loop's next turns
    tell(len(asyncio.all_tasks()) - 1)


async def prepared():
    global opened
    asyncio.get_running_loop().slow_callback_duration = 60  # a busy machine is no defect
    opened = descriptors()
    await watched()


if inspect.iscoroutinefunction(program.main):
    asyncio.run(prepared())
else:
    opened = descriptors()
    program.main()
    tell(0)
"""


class Ended(NamedTuple):
    """How a program ended: its exit code, what it complained of, what its `main` left, and the messages that arrived.

    `left` counts tasks, threads and descriptors.
    """

    code: int
    complaints: str
    left: tuple[int, ...]
    delivered: int


CLEAN = Ended(0, "", (0, 0, 0), 0)


def run_program(source: str, broker: str, folder: Path, *, strict: bool) -> Ended:
    """Run a program that sends to `TOPIC` at `BROKER`, and look at what it leaves when its `main` is over."""
    topic = f"run-{uuid.uuid4().hex}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "program.py").write_text(source, encoding="utf-8")
    (folder / "watched.py").write_text(WATCHED, encoding="utf-8")
    environment = {**os.environ, "BROKER": broker, "TOPIC": topic}
    command = [sys.executable, *(STRICT if strict else ()), str(folder / "watched.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    found = re.search(r"left: (\d+) tasks (\d+) threads (\d+) descriptors", done.stdout)
    left = tuple(map(int, found.groups())) if found else ()
    return Ended(done.returncode, done.stderr, left, delivered(broker, topic))


def delivered(broker: str, topic: str) -> int:
    """How many messages a topic holds."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "watermarks", "log_level": 0})
    try:
        partitions = consumer.list_topics(topic, timeout=5).topics[topic].partitions
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=5)[1] for each in partitions]
        return sum(max(end, 0) for end in ends)
    finally:
        consumer.close()

"""Which projects are measured: generated ones of any size, and copies of a project that is there.

A generated project is made of packages that do not know each other. Each has the shapes that cost an audit its time: a
client that the process shares, a wrapper and a service that owns it, a pool, handlers that are given these, tests with
doubles, and for each line of that several of code that has nothing to do with Kafka.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

LINES_OF_A_PACKAGE = 1_213
"""How many lines the files of one package have, more or less."""

HANDLERS, MODELS = 6, 14
"""Modules of a package that take part in what a client does, and those that do not."""

SITES = 3
"""Producers that a package creates, its tests aside."""

BUS = '''\
"""The producer that the whole process shares."""

from aiokafka import AIOKafkaProducer

_producer = None


async def get_producer():
    global _producer
    if _producer is None:
        _producer = AIOKafkaProducer(bootstrap_servers="kafka:9092")
        await _producer.start()
    return _producer


async def stop_producer():
    global _producer
    if _producer is not None:
        producer, _producer = _producer, None
        await producer.stop()
'''

PUBLISHER = '''\
"""A producer that an object keeps."""

import json
import logging

from aiokafka import AIOKafkaProducer

logger = logging.getLogger(__name__)


class Publisher:
    def __init__(self, servers, topic="parcels"):
        self.servers = servers
        self.topic = topic
        self._producer = None
        self._sent = {}

    async def start(self):
        self._producer = AIOKafkaProducer(bootstrap_servers=self.servers)
        try:
            await self._producer.start()
        except Exception:
            logger.exception("no connection to %s", self.servers)
            await self._producer.stop()
            raise

    async def publish(self, key, event):
        payload = json.dumps(event).encode()
        for attempt in range(3):
            try:
                await self._producer.send_and_wait(self.topic, payload, key=key)
                self._sent[key] = self._sent.get(key, 0) + 1
                return True
            except ConnectionError:
                logger.warning("attempt %s of %s failed", attempt, key)
        return False

    async def stop(self):
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None
'''

SERVICE = '''\
"""An object that owns the one that keeps a producer."""

from .bus import get_producer, stop_producer
from .publisher import Publisher


class Service:
    def __init__(self, settings):
        self.settings = settings
        self.publisher = Publisher(settings["servers"])
        self.handlers = []

    def register(self, handler):
        self.handlers.append(handler)
        return handler

    async def start(self):
        await self.publisher.start()
        await get_producer()

    async def handle(self, event):
        for handler in self.handlers:
            result = await handler(event)
            if result is not None:
                await self.publisher.publish(event["id"], result)

    async def stop(self):
        try:
            await self.publisher.stop()
        finally:
            await stop_producer()
'''

POOL = '''\
"""Producers that a container keeps."""

from confluent_kafka import Producer


class Pool:
    def __init__(self, size):
        self.size = size
        self.free = []
        self.made = 0

    def take(self):
        if self.free:
            return self.free.pop()
        self.made += 1
        return Producer({"bootstrap.servers": "kafka:9092"})

    def give(self, producer):
        if len(self.free) < self.size:
            self.free.append(producer)
        else:
            producer.flush()

    def drain(self):
        for producer in self.free:
            producer.flush()
        self.free.clear()
'''

MAIN = '''\
"""The way into the package."""

import asyncio

from .pool import Pool
from .service import Service
@IMPORTS@

async def run(settings):
    service = Service(settings)
    pool = Pool(settings.get("size", 4))
    for handler in (@HANDLERS@):
        service.register(handler)
    await service.start()
    try:
        while True:
            event = await asyncio.sleep(1, {"id": "1"})
            if event is None:
                break
            await service.handle(event)
    finally:
        await service.stop()
        pool.drain()


if __name__ == "__main__":
    asyncio.run(run({"servers": "kafka:9092"}))
'''

HANDLER = '''\
"""What is done with one kind of event."""

from .models@NUMBER@ import Order@NUMBER@, parsed
from .service import Service


class Handler@NUMBER@:
    def __init__(self, service: Service, limit=10):
        self.service = service
        self.limit = limit
        self.waiting = {}

    async def add(self, event):
        order = parsed(event, Order@NUMBER@)
        queue = self.waiting.setdefault(order.customer, [])
        queue.append(order)
        if len(queue) >= self.limit:
            await self.flush(order.customer)

    async def flush(self, customer):
        orders = self.waiting.pop(customer, [])
        for order in orders:
            if order.total() > 0:
                await self.service.publisher.publish(order.number, order.as_event())

    async def close(self):
        for customer in list(self.waiting):
            await self.flush(customer)


async def handle@NUMBER@(event):
    order = parsed(event, Order@NUMBER@)
    if not order.lines:
        return None
    return {"order": order.number, "total": order.total(), "kind": event.get("kind", "@NUMBER@")}
'''

MODEL_HEAD = '''\
"""Records and rules that have nothing to do with messages."""

import dataclasses
import datetime
import re

NUMBER = re.compile(r"[A-Z]{2}-[0-9]{6}")


@dataclasses.dataclass
class Order@NUMBER@:
    number: str
    customer: str
    lines: list
    created: datetime.datetime | None = None

    def total(self):
        return sum(line["price"] * line["count"] for line in self.lines)

    def as_event(self):
        return {"number": self.number, "customer": self.customer, "total": self.total()}


def parsed(event, kind):
    known = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in event.items() if name in known})
'''

MODEL_RULE = """

def rule_@RULE@(order, rates, *, strict=False):
    found = []
    for line in order.lines:
        rate = rates.get(line["product"], rates["default"])
        if line["count"] <= 0 or not NUMBER.match(line.get("code", "")):
            if strict:
                raise ValueError(f"{order.number}: {line['code']} is no rule @RULE@ line")
            continue
        try:
            amount = line["price"] * line["count"] * (1 - rate / 100)
        except TypeError:
            found.append((line["code"], None))
        else:
            found.append((line["code"], round(amount, 2)))
    return dict(found)
"""

TEST = '''\
"""Tests with doubles."""

from unittest.mock import AsyncMock, Mock

import pytest

from @PACKAGE@.publisher import Publisher
from @PACKAGE@.service import Service


@pytest.fixture
def service():
    made = Service({"servers": "test:9092"})
    made.publisher = Mock(spec=Publisher)
    made.publisher.publish = AsyncMock(return_value=True)
    return made


async def test_what_a_handler_gives_is_published(service):
    service.register(AsyncMock(return_value={"order": "1"}))
    await service.handle({"id": "1"})
    service.publisher.publish.assert_called_once()


async def test_nothing_is_published_of_nothing(service):
    service.register(AsyncMock(return_value=None))
    await service.handle({"id": "1"})
    assert not service.publisher.publish.called
'''


def generate(folder: Path, lines: int) -> Path:
    """Write a project of about this many lines, whose packages are all alike but for their names."""
    folder.mkdir(parents=True)
    (folder / "setup.cfg").touch()
    for number in range(max(1, round(lines / LINES_OF_A_PACKAGE))):
        for name, text in package(f"shop{number}"):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return folder


def package(name: str) -> Iterator[tuple[str, str]]:
    """The files of one package, path and text."""
    handlers = [f"handle{number}" for number in range(HANDLERS)]
    imports = "\n".join(f"from .handler{number} import {each}" for number, each in enumerate(handlers)) + "\n"
    yield f"{name}/__init__.py", ""
    yield f"{name}/bus.py", BUS
    yield f"{name}/publisher.py", PUBLISHER
    yield f"{name}/service.py", SERVICE
    yield f"{name}/pool.py", POOL
    yield f"{name}/main.py", MAIN.replace("@IMPORTS@", imports).replace("@HANDLERS@", ", ".join(handlers))
    for number in range(HANDLERS):
        yield f"{name}/handler{number}.py", HANDLER.replace("@NUMBER@", str(number))
    for number in range(MODELS):
        rules = "".join(MODEL_RULE.replace("@RULE@", str(rule)) for rule in range(1, 2 + number % 3))
        yield f"{name}/models{number}.py", MODEL_HEAD.replace("@NUMBER@", str(number)) + rules
    yield f"tests/test_{name}.py", TEST.replace("@PACKAGE@", name)


def copy(folder: Path, tree: Path, times: int) -> Path:
    """Copy the Python files of a project so many times, each copy below a folder that is a root of its imports."""
    for number in range(times):
        for file in sorted(tree.rglob("*.py")):
            if file.is_file():
                target = folder / f"copy{number}" / file.relative_to(tree)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    (folder / "setup.cfg").touch()
    return folder


def count_lines(folder: Path) -> int:
    """The lines of the Python files below a folder."""
    return sum(file.read_bytes().count(b"\n") for file in folder.rglob("*.py"))

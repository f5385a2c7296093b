"""What the constructors of the installed clients need, wait for and start."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from kafka_audit.catalog.clients import Client, import_severity
from kafka_audit.catalog.known import KNOWN
from tests.clients.installed import PRESENT, load

NOWHERE = "127.0.0.1:1"
pytestmark = pytest.mark.filterwarnings("ignore:Avro.* has been deprecated:DeprecationWarning")


def construct(client: Client, address: str) -> Any:
    """Call the constructor with the least configuration that its library accepts."""
    kind = load(client.name)
    if client.distribution == "confluent-kafka":
        conf: dict[str, Any] = {"bootstrap.servers": address, "log_level": 0}
        conf |= {"group.id": "group"} if client.role == "consumer" else {}
        return kind(conf | {"schema.registry.url": "http://localhost"} if ".avro." in client.name else conf)
    return kind(bootstrap_servers=address)


def clients_where(trait: str, value: object) -> pytest.MarkDecorator:
    rows = [client for client in PRESENT if getattr(client, trait) == value]
    return pytest.mark.parametrize("client", rows, ids=lambda client: client.name)


@clients_where("needs_running_loop", True)
def test_without_a_running_loop_the_constructor_raises(client: Client):
    async def created() -> None:
        await construct(client, NOWHERE)

    with pytest.raises(RuntimeError, match=r"async function|no running event loop|event loop"):
        if client.awaited_constructor:
            created().send(None)  # a coroutine that is driven by hand has no loop
        else:
            construct(client, NOWHERE)
    assert import_severity(client) == "error"
    gc.collect()


@clients_where("awaited_constructor", True)
def test_an_awaited_constructor_gives_a_coroutine_first(client: Client, broker: str):
    async def scene() -> None:
        constructor = construct(client, broker)
        assert asyncio.iscoroutine(constructor)
        created = await constructor
        assert isinstance(created, load(client.name))
        await created.close()

    asyncio.run(scene())


@clients_where("distribution", "confluent-kafka")
def test_confluent_constructors_do_not_wait_for_a_broker(client: Client):
    assert not client.blocks_on_construct
    if not client.needs_running_loop:
        load(client.name)  # the import has its own time
        began = time.monotonic()
        construct(client, NOWHERE)
        assert time.monotonic() - began < 1
        assert import_severity(client) == "warning"


ALONE = """
import time, warnings
warnings.simplefilter("ignore")
from kafka import {kind}
began = time.monotonic()
try:
    {kind}(bootstrap_servers="127.0.0.1:1", bootstrap_timeout_ms=300, {more})
    outcome = "created"
except Exception as error:
    outcome = type(error).__name__
print(outcome, time.monotonic() - began, flush=True)
__import__("os")._exit(0)
"""


def outcome_alone(client: Client, more: str = "") -> tuple[str, float]:
    """Construct a kafka-python client without a broker, in a process of its own: a failure leaves its thread behind."""
    program = ALONE.format(kind=client.name.rpartition(".")[2], more=more)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    outcome, seconds = done.stdout.split()
    return outcome, float(seconds)


@clients_where("distribution", "kafka-python")
def test_kafka_python_constructors_wait_for_a_broker_and_raise(client: Client):
    outcome, seconds = outcome_alone(client)
    assert outcome == "KafkaTimeoutError"
    assert seconds >= 0.25
    assert client.blocks_on_construct
    assert import_severity(client) == "error"


def test_a_kafka_python_producer_does_not_wait_when_it_is_told_the_version():
    producer = KNOWN.client_named("kafka.KafkaProducer")
    assert producer is not None
    outcome, seconds = outcome_alone(producer, "api_version=(2, 0)")
    assert outcome == "created"
    assert seconds < 1


def test_confluent_threads_are_invisible_to_python():
    before = threading.active_count()
    with load("confluent_kafka.Producer")({"bootstrap.servers": NOWHERE, "log_level": 0}):
        assert threading.active_count() == before


@pytest.mark.parametrize("name", ["aiokafka.AIOKafkaProducer", "aiokafka.AIOKafkaConsumer"])
def test_an_aiokafka_client_that_was_never_started_holds_no_task_but_warns(name: str, broker: str):
    async def scene() -> None:
        created = load(name)(bootstrap_servers=broker)
        assert len(asyncio.all_tasks()) == 1
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        with pytest.warns(ResourceWarning, match="Unclosed AIOKafka"):
            del created
            gc.collect()

    asyncio.run(scene())


@clients_where("starts_on_construct", True)
def test_what_starts_in_the_constructor_has_no_start_method(client: Client):
    assert client.start == ()
    assert not hasattr(load(client.name), "start")

"""What the constructors of the installed clients accept is what the audit says of it."""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer

from kafka_audit.catalog.options import accepted, holds
from kafka_audit.catalog.values import objection
from measure.options import DISTRIBUTIONS, observed
from tests.in_memory import audited

ROOT = Path(__file__).parent.parent.parent
HERE = {
    name: importlib.metadata.version(name)
    for name in DISTRIBUTIONS
    if any(each.name == name for each in importlib.metadata.distributions())
}

HEAD = """\
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, Producer, SerializingProducer
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer, KafkaProducer


async def main():
    return """


class Row(NamedTuple):
    """One way to construct a client: the exception that the real constructor raises, and what the audit says of it."""

    code: str
    raises: str = ""
    alarm: str = ""
    words: str = ""
    alone: bool = False
    """Run in a process of its own: the constructor leaves sockets behind when it raises late."""


MISTAKES = [
    # Names of kafka-python, given to aiokafka.
    Row("AIOKafkaProducer(retries=3)", "TypeError", "KA801", "does not accept `retries`; it retries by itself"),
    Row("AIOKafkaProducer(batch_size=1)", "TypeError", "KA801", "aiokafka calls it `max_batch_size`"),
    Row("AIOKafkaProducer(buffer_memory=1)", "TypeError", "KA801", "does not accept `buffer_memory`"),
    Row("AIOKafkaProducer(delivery_timeout_ms=1)", "TypeError", "KA801", "`request_timeout_ms` is the limit"),
    Row("AIOKafkaProducer(max_in_flight_requests_per_connection=1)", "TypeError", "KA801", "one batch of a partition"),
    Row("AIOKafkaProducer(ssl_cafile='ca.pem')", "TypeError", "KA801", "`aiokafka.helpers.create_ssl_context`"),
    Row("AIOKafkaProducer(send_backoff_ms=5)", "TypeError", "KA801", "which is gone since 0.11.0"),
    Row("AIOKafkaProducer('h:9092')", "TypeError", "KA801", "takes no argument number 1"),
    Row("AIOKafkaConsumer(['t'])", "TypeError", "KA801", "each topic is an argument of its own"),
    Row("AIOKafkaConsumer(topics=['t'])", "TypeError", "KA801", "topics are positional"),
    Row("AIOKafkaProducer(acks='1')", "ValueError", "KA802", "the numbers not as text"),
    Row("AIOKafkaProducer(acks=2)", "ValueError", "KA802", "it takes 0, 1, -1 or `all`"),
    Row("AIOKafkaProducer(acks=1, enable_idempotence=True)", "ValueError", "KA802", "idempotent producer"),
    Row("AIOKafkaProducer(security_protocol='SSL')", "ValueError", "KA802", "`SSL` needs an `ssl_context`"),
    Row("AIOKafkaProducer(security_protocol='ssl')", "ValueError", "KA802", "in capitals"),
    Row("AIOKafkaProducer(compression_type='none')", "ValueError", "KA802", "it takes None, `gzip`"),
    Row("AIOKafkaConsumer('t', auto_offset_reset='smallest')", "", "KA802", "taken for `none`"),
    Row("AIOKafkaConsumer('t', auto_offset_reset='earliest')"),
    # confluent-kafka: properties of librdkafka, and keys that each class handles itself.
    Row("Producer({'bootstrap_servers': 'h'})", "KafkaException", "KA801", "calls it `bootstrap.servers`"),
    Row("Producer(bootstrap_servers='h')", "KafkaException", "KA801", "calls it `bootstrap.servers`"),
    Row("Producer({'Bootstrap.Servers': 'h'})", "KafkaException", "KA801", "calls it `bootstrap.servers`"),
    Row("Producer({'linger_ms': 5})", "KafkaException", "KA801", "calls it `linger.ms`"),
    Row("Producer({'bootstrap.servers': ['h:9092']})", "", "KA802", "a list is turned into the text"),
    Row("Producer({'bootstrap.servers': 'h:1,h:2'.split(',')})", "", "KA802", "a list is turned into the text"),
    Row("Producer(**{'bootstrap.servers': 'h:9092'})"),
    Row("Producer({'bootstrap.servers': 'h:9092'}, **{'linger.ms': 5}, logger=None)"),
    Row("Producer({'buffer.memory': 1})", "KafkaException", "KA801", "`queue.buffering.max.kbytes` limits"),
    Row("Producer({'max.block.ms': 1})", "KafkaException", "KA801", "raises BufferError"),
    Row("Producer({'default.api.timeout.ms': 1})", "KafkaException", "KA801", "does not accept"),
    Row("Producer({'key.serializer': print})", "KafkaException", "KA801", "SerializingProducer takes it"),
    Row("SerializingProducer({'bootstrap.servers': 'h', 'key.serializer': print})"),
    Row("Producer({'schema.registry.url': 'http://h'})", "KafkaException", "KA801", "SchemaRegistryClient takes it"),
    Row("Producer({'group.id': 'g', 'auto.offset.reset': 'earliest', 'log_level': 0})"),
    Row("Producer({'linger.ms': True})", "KafkaException", "KA802", "a number from 0 to 900000"),
    Row("Producer({'linger.ms': -1})", "KafkaException", "KA802", "a number from 0 to 900000"),
    Row("Producer({'acks': 'some'})", "KafkaException", "KA802", "from -1 to 1000 or `all`"),
    Row("Producer({'partitioner': lambda key: 0})", "KafkaException", "KA802", "it takes `random`"),
    Row("Producer({'enable.idempotence': True, 'acks': 1})", "KafkaException", "KA802", "idempotent producer"),
    Row("Producer('h:9092')", "TypeError", "KA801", "a dict of properties"),
    Row("Producer()", "TypeError", "KA802", "it needs a dict of properties"),
    Row("Producer(None)", "TypeError", "KA802", "it needs a dict of properties"),
    Row("Consumer()", "TypeError", "KA802", "it needs a dict of properties"),
    Row("AdminClient()", "TypeError", "KA802", "it needs a dict of properties"),
    Row("SerializingProducer()", "TypeError", "KA802", "it needs a dict of properties"),
    Row("Producer({'rebalance_cb': print})", "KafkaException", "KA801", "`subscribe` takes"),
    Row("Producer({'log_cb': print})", "KafkaException", "KA801", "`logger` takes the log"),
    Row("Consumer({'group.id': 'g', 'on_delivery': print})", "KafkaException", "KA801", "only producers take it"),
    Row("Consumer({'bootstrap.servers': 'h'})", "ValueError", "KA802", "needs a `group.id`"),
    Row("AdminClient({'bootstrap.servers': 'h', 'on_commit': print})", "KafkaException", "KA801", "only consumers"),
    Row("AdminClient(conf={'bootstrap.servers': 'h'})"),
    # kafka-python: named arguments, with underscores.
    Row("KafkaProducer(**{'bootstrap.servers': 'h'})", "ValueError", "KA801", "calls it `bootstrap_servers`"),
    Row("KafkaProducer(loop=None)", "ValueError", "KA801", "it has no event loop"),
    Row("KafkaProducer(max_batch_size=1)", "ValueError", "KA801", "kafka-python calls it `batch_size`"),
    Row("KafkaProducer(buffer_memory=1)", "ValueError", "KA801", "gone since 3.0.0"),
    Row("KafkaProducer(api_version_auto_timeout_ms=1)", "ValueError", "KA801", "gone since 3.0.0"),
    Row("KafkaConsumer(topics=['t'])", "KafkaConfigurationError", "KA801", "topics are positional"),
    Row("KafkaProducer({'bootstrap_servers': 'h'})", "TypeError", "KA801", "named arguments only"),
    Row(
        "KafkaProducer(api_version=(2, 0), compression_type='none', bootstrap_servers='127.0.0.1:1')",
        "ValueError",
        "KA802",
        "it takes None",
        alone=True,
    ),
    Row(
        "KafkaProducer(api_version=(2, 0), acks=1, enable_idempotence=True, bootstrap_servers='127.0.0.1:1')",
        "KafkaConfigurationError",
        "KA802",
        "idempotent producer",
        alone=True,
    ),
    Row(
        "KafkaProducer(api_version=(2, 0), value_serializer=lambda value: value, bootstrap_servers='127.0.0.1:1')",
        alone=True,
    ),
]


def outcome(code: str) -> str:
    """The exception that the real constructor raises, empty when it raises none; what it made is ended."""

    async def run() -> str:
        try:
            made = await namespace["main"]()
        except Exception as error:
            return type(error).__name__
        if hasattr(made, "stop"):
            await made.stop()
        elif hasattr(made, "close"):
            made.close()
        return ""

    namespace: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated values, and a hundred of importlib.resources
        exec(HEAD + code, namespace)
        found = asyncio.run(run())
        gc.collect()  # sockets of clients that were half made when the constructor raised
        return found


def outcome_alone(code: str) -> str:
    """The same in another process."""
    program = f"from tests.clients.test_options import outcome\nprint('>' + outcome({code!r}), flush=True)\n"
    ending = "__import__('os')._exit(0)"
    command = [sys.executable, "-W", "ignore", "-c", program + ending]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    return done.stdout.rpartition(">")[2].strip()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # `__del__` of what was half made
@pytest.mark.parametrize("row", MISTAKES, ids=lambda row: row.code)
def test_a_typical_mistake_does_what_the_table_says_and_the_audit_says_it(row: Row):
    assert (outcome_alone if row.alone else outcome)(row.code) == row.raises
    report = audited({"main.py": HEAD + row.code}, ("producer", "consumer", "admin"))
    said = [finding for finding in report.findings if finding.code.startswith("KA8")]
    assert [finding.code for finding in said] == ([row.alarm] if row.alarm else [])
    assert all(row.words in finding.message for finding in said)


def test_what_never_comes_to_life_has_no_other_alarm():
    findings = audited({"main.py": HEAD + "AIOKafkaProducer(retries=3)"}).findings
    assert [finding.code for finding in findings] == ["KA801"]


@pytest.mark.parametrize("distribution", sorted(HERE))
def test_the_facts_are_those_of_the_installed_release(distribution: str):
    facts, here, now = accepted(distribution), HERE[distribution], observed(distribution)
    assert facts is not None
    assert here in facts.examined, "run python -m measure.options"
    for known, seen in ((facts.arguments, now.arguments), (facts.keys, now.keys)):
        for name, options in seen.items():
            assert {o for o, spans in known[name].items() if holds(spans, here, facts.examined)} == set(options)
    there = {name: each for name, each in facts.properties.items() if holds(each.versions, here, facts.examined)}
    assert {name: (e.kind, e.low, e.high, e.words, e.role, e.is_settable) for name, e in there.items()} == {
        name: (e.kind, e.low, e.high, e.words, e.role, e.is_settable) for name, e in now.properties.items()
    }


VALUES: list[Any] = [True, False, 0, 1, -1, 5, 10**7, 2.5, "5", "abc", "", "all", "true", "gzip", "none", None]
OTHERS: list[tuple[str, Any]] = [("list", ["x"]), ("tuple", ("x",)), ("dict", {"a": 1}), ("function", len)]
LOADING = {"plugin.library.paths"}
"""Properties whose value is looked up on this machine."""


def takes(name: str, value: Any) -> bool:
    """Whether the real constructor takes the value: it then complains of the next property, and makes nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            Producer({name: value, "no.such.property": ""})
        except Exception as error:
            return "no.such.property" in str(error)
    raise AssertionError("the constructor took a property that does not exist")


def test_every_value_that_is_objected_to_is_one_that_the_constructor_rejects_or_turns_into_text():
    facts = accepted("confluent-kafka")
    assert facts is not None
    wrong, objections = [], 0
    for name, each in facts.properties.items():
        if not each.is_settable or name in LOADING:
            continue
        cases = [(value, "") for value in VALUES] + [(value, other) for other, value in OTHERS]
        for value, other in cases:
            why = objection(name, each, None if other else value, other)
            objections += bool(why)
            if why and takes(name, value) and "is turned into the text" not in why:
                wrong.append((name, value, why))
    assert not wrong
    assert objections > 1000

"""What does the constructor of each client accept, in which version of its library?

The facts stand in `options.json`, which `python -m measure.options` makes from installed clients (measure/README.md).
They are read when the first question is asked: most runs ask none.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final, Literal

import msgspec

from kafka_audit.catalog.schema import Client
from kafka_audit.model import Record

Kind = Literal["integer", "float", "boolean", "enum value", "CSV flags", "string", "pattern list", "call"]


class Property(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One property of librdkafka: what it takes, whose it is, and in which versions of confluent-kafka it exists.

    `low` and `high` are inclusive. `words` are the values of an enumeration or the flags of a list. `role` is empty for
    a property of every client; the others accept it, too, and ignore it. `alias` is the property that it stands for.
    `is_settable` is false for what C code alone can set. `versions` are spans, see `holds`.
    """

    kind: Kind
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    role: Literal["", "producer", "consumer"] = ""
    alias: str = ""
    is_settable: bool = True
    versions: str = ""


class Accepted(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What one distribution's clients accept.

    `examined` are its versions that were looked at, oldest first. `arguments` are the named arguments of each
    constructor with the versions that have them, `properties` what librdkafka knows, `keys` what a client takes in the
    same dict and handles in Python.
    """

    examined: tuple[str, ...]
    arguments: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    properties: dict[str, Property] = msgspec.field(default_factory=dict)
    keys: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)


class Shape(Record, frozen=True, kw_only=True):
    """How a constructor takes properties: in a dict, its first argument, which may also be given by name.

    `mapping` is that name, empty when there is none. `loose` is whether further named arguments are properties, too.
    """

    mapping: str = ""
    loose: bool = False


SHAPES: Final = {
    "confluent_kafka.Producer": Shape(loose=True),
    "confluent_kafka.Consumer": Shape(loose=True),
    "confluent_kafka.admin.AdminClient": Shape(mapping="conf", loose=True),
    "confluent_kafka.SerializingProducer": Shape(mapping="conf"),
    "confluent_kafka.DeserializingConsumer": Shape(mapping="conf"),
    "confluent_kafka.avro.AvroProducer": Shape(mapping="config", loose=True),
    "confluent_kafka.avro.AvroConsumer": Shape(mapping="config", loose=True),
    "confluent_kafka.aio.AIOProducer": Shape(mapping="producer_conf"),
    "confluent_kafka.aio.AIOConsumer": Shape(mapping="consumer_conf"),
}
"""The constructors that take properties (confluent-kafka 2.16.1, run); all others take named arguments only."""

POSITIONAL: Final = frozenset({"aiokafka.AIOKafkaConsumer", "kafka.KafkaConsumer"})
"""Constructors with named arguments that also take topics by position."""

DISTRIBUTIONS: Final = {"kafka-python": ("kafka-python", "kafka-python-ng")}
"""Distributions that install the same classes, by the one that the catalogue names."""


HIDDEN: Final = ("test.", "topic.", "ut_")
"""Beginnings of properties that librdkafka takes and does not list: its own tests', and topic properties in full."""

SAME: Final = {
    "aiokafka": {"batch_size": "max_batch_size"},
    "kafka-python": {"max_batch_size": "batch_size"},
    "kafka-python-ng": {"max_batch_size": "batch_size"},
}
"""Options of other libraries by what this one calls the very same thing."""

REMARKS: Final = {
    "aiokafka": {
        "retries": "it retries by itself until `request_timeout_ms` has passed",
        "max_in_flight_requests_per_connection": "it sends one batch of a partition at a time",
        "delivery_timeout_ms": "`request_timeout_ms` is the limit of a delivery, too",
        "buffer_memory": "its buffer has one batch of `max_batch_size` for each partition",
        "ssl_cafile": "`aiokafka.helpers.create_ssl_context` makes the `ssl_context` that it takes",
        "ssl_certfile": "`aiokafka.helpers.create_ssl_context` makes the `ssl_context` that it takes",
        "ssl_keyfile": "`aiokafka.helpers.create_ssl_context` makes the `ssl_context` that it takes",
        "ssl_check_hostname": "`aiokafka.helpers.create_ssl_context` makes the `ssl_context` that it takes",
        "topics": "topics are positional arguments",
    },
    "kafka-python": {
        "topics": "topics are positional arguments",
        "loop": "it has no event loop",
        "buffer_memory": "3.0 has no limit of its buffer but `max_block_ms`",
        "api_version_auto_timeout_ms": "3.0 calls the limit `bootstrap_timeout_ms`",
    },
    "confluent-kafka": {
        "buffer.memory": "`queue.buffering.max.kbytes` limits the buffer",
        "max.block.ms": "`produce` never waits: it raises BufferError",
        "default.api.timeout.ms": "each call takes a timeout of its own",
        "key.serializer": "SerializingProducer takes it",
        "value.serializer": "SerializingProducer takes it",
        "key.deserializer": "DeserializingConsumer takes it",
        "value.deserializer": "DeserializingConsumer takes it",
        "schema.registry.url": "SchemaRegistryClient takes it, as `url`",
        "on_delivery": "only producers take it",
        "on_commit": "only consumers take it",
        "rebalance_cb": "`subscribe` takes `on_assign` and `on_revoke`",
        "dr_cb": "it is `on_delivery` in Python",
        "dr_msg_cb": "it is `on_delivery` in Python",
        "log_cb": "`logger` takes the log in Python",
    },
}
"""What to know of an option that has no counterpart of the same meaning."""


def accepted(distribution: str) -> Accepted | None:
    """What the clients of a distribution accept; None when that was not looked at."""
    return _all().get(distribution)


def named(client: Client, facts: Accepted) -> dict[str, str]:
    """The names that the client accepts with the versions that have them: of arguments, or of properties."""
    if client.name in SHAPES:
        properties = {name: each.versions for name, each in facts.properties.items() if each.is_settable}
        return properties | facts.keys.get(client.name, {})
    return facts.arguments.get(client.name, {})


def holds(spans: str, version: str, examined: Sequence[str]) -> bool:
    """Whether something exists in an examined version.

    `spans` is empty for "in every one", else `since..until` with `until` exclusive and either end open, several apart
    by blanks: `0.7.0..`, `..0.11.0`, `..0.13.0 0.14.0..`.
    """
    at = examined.index(version)
    for span in spans.split() or [".."]:
        since, _, until = span.partition("..")
        if (not since or examined.index(since) <= at) and (not until or at < examined.index(until)):
            return True
    return False


def spans_of(present: Iterable[str], examined: Sequence[str]) -> str:
    """The shortest spans that hold in exactly these of the examined versions; `holds` reads them."""
    having = set(present)
    spans: list[list[str]] = []
    before = False
    for index, version in enumerate(examined):
        if version in having and not before:
            spans.append([version if index else "", ""])
        elif version not in having and before:
            spans[-1][1] = version
        before = version in having
    return "" if spans == [["", ""]] else " ".join(f"{since}..{until}" for since, until in spans)


@functools.cache
def _all() -> dict[str, Accepted]:
    content = files("kafka_audit.catalog").joinpath("options.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, Accepted])

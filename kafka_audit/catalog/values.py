"""Which values does an option take? What the constructors of the newest releases do with each was run.

`objection` asks librdkafka's own table; `KEYWORDS` are the enumerations of the other libraries' named arguments.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.options import Property
from kafka_audit.model import Record

Constant = str | int | float | bool | None
"""What a literal stands for."""

OTHER: Final = ("list", "tuple", "set", "dict", "function")
"""Kinds of values that are no constants, as `objection` is told of them."""

TRUTHS: Final = frozenset({"true", "false", "t", "f", "1", "0"})
NUMBER_WORDS: Final = {"acks": frozenset({"all"}), "request.required.acks": frozenset({"all"})}
"""Numbers that also have names."""

PARTITIONERS: Final = (
    "random",
    "consistent",
    "consistent_random",
    "murmur2",
    "murmur2_random",
    "fnv1a",
    "fnv1a_random",
)
LARGEST_INTEGER: Final = 2**31 - 1
"""Beyond it the C code takes other bits of the number and may accept what is out of range."""


class Keyword(Record, frozen=True, kw_only=True):
    """A named argument that takes certain constants only. `raises` is whether the constructor looks at it."""

    client: str
    name: str
    allowed: tuple[Constant, ...]
    raises: bool
    effect: str


class Conflict(Record, frozen=True, kw_only=True):
    """Options that a constructor rejects together.

    The option `name` has one of `values`, and `other` is there with none of `needs`; with empty `needs`, `other` is not
    there. An empty `name` means that `other` is needed whatever else is there. `since` is the first version that
    objects.
    """

    clients: tuple[str, ...]
    name: str = ""
    values: tuple[Constant, ...] = ()
    other: str
    needs: tuple[Constant, ...] = ()
    since: str = ""
    effect: str


def objection(name: str, each: Property, value: Constant, other: str = "") -> str:
    """Why librdkafka does not take a value for a property, empty when it does, or when that is not known.

    `other` is set for a value that is no constant: one of `OTHER`.
    """
    if each.kind == "call":
        return "" if other == "function" else "it takes a function"
    if name.endswith("partitioner"):
        known = not other and str(value) in PARTITIONERS
        return "" if known else f"it takes {_listed(PARTITIONERS)}"
    if other:
        return _of_other(each, other)
    match each.kind:
        case "integer" | "float":
            return _of_number(name, each, value)
        case "boolean":
            is_truth = isinstance(value, bool) or (not isinstance(value, float) and str(value).lower() in TRUTHS)
            return "" if is_truth else "it takes true or false"
        case "enum value":
            is_word = isinstance(value, str) and value.lower() in each.words
            return "" if is_word else f"it takes {_listed(each.words)}"
        case "CSV flags" if each.words:
            flags = value.split(",") if isinstance(value, str) else [""]
            is_known = all(flag.strip() in each.words for flag in flags)
            return "" if is_known else f"it takes {_listed(each.words[:4])} and others, with commas between them"
    return ""


def _of_other(each: Property, other: str) -> str:
    if each.kind in {"string", "pattern list"}:
        a = "a list" if other == "list" else f"a {other}"
        return f"{a} is turned into the text that `str` makes of it" if other != "function" else ""
    takes = {"integer": "a whole number", "float": "a number", "boolean": "true or false"}.get(each.kind, "text")
    return f"it takes {takes}"


def _of_number(name: str, each: Property, value: Constant) -> str:
    span = f"a number from {each.low:.0f} to {each.high:.0f}" if each.high is not None else "a number"
    wanted = " or ".join([f"it takes {span}", *[f"`{word}`" for word in sorted(NUMBER_WORDS.get(name, ()))]])
    if isinstance(value, bool) or value is None:
        return wanted
    if isinstance(value, str):
        if value.lower() in NUMBER_WORDS.get(name, ()):
            return ""
        try:
            value = float(value) if each.kind == "float" else int(value, 0)
        except ValueError:
            return "" if str(value)[:1].isdigit() else wanted
    is_out = each.low is not None and each.high is not None and not each.low <= value <= each.high
    return wanted if is_out and abs(value) <= LARGEST_INTEGER else ""


def _listed(words: tuple[str, ...]) -> str:
    quoted = [f"`{word}`" for word in words]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}" if len(quoted) > 1 else "".join(quoted)


_AIOKAFKA: Final = ("aiokafka.AIOKafkaProducer", "aiokafka.AIOKafkaConsumer", "aiokafka.admin.AIOKafkaAdminClient")
_PRODUCERS: Final = ("confluent_kafka.Producer", "confluent_kafka.SerializingProducer")
_CODECS: Final = (None, "gzip", "snappy", "lz4", "zstd")

KEYWORDS: Final = (
    Keyword(
        client="aiokafka.AIOKafkaProducer",
        name="acks",
        allowed=(0, 1, -1, "all"),
        raises=True,
        effect="it takes 0, 1, -1 or `all`, the numbers not as text",
    ),
    Keyword(
        client="aiokafka.AIOKafkaProducer",
        name="compression_type",
        allowed=_CODECS,
        raises=True,
        effect="it takes None, `gzip`, `snappy`, `lz4` or `zstd`",
    ),
    Keyword(
        client="kafka.KafkaProducer",
        name="compression_type",
        allowed=_CODECS,
        raises=True,
        effect="it takes None, `gzip`, `snappy`, `lz4` or `zstd`",
    ),
    *(
        Keyword(
            client=client,
            name="security_protocol",
            allowed=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
            raises=True,
            effect="it takes `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`, in capitals",
        )
        for client in _AIOKAFKA
    ),
    Keyword(
        client="aiokafka.AIOKafkaConsumer",
        name="auto_offset_reset",
        allowed=("earliest", "latest", "none", "Earliest", "Latest", "None"),
        raises=False,
        effect="any word but `earliest` and `latest` is taken for `none`, and a group without offsets then fails",
    ),
)
"""aiokafka 0.14.0 and kafka-python 3.0.12, run."""

CONFLICTS: Final = (
    Conflict(
        clients=("aiokafka.AIOKafkaProducer",),
        name="enable_idempotence",
        values=(True,),
        other="acks",
        needs=("all", -1),
        effect="an idempotent producer needs `acks` to be `all`",
    ),
    *(
        Conflict(
            clients=_AIOKAFKA,
            name="security_protocol",
            values=(value,),
            other="ssl_context",
            effect=f"`{value}` needs an `ssl_context`",
        )
        for value in ("SSL", "SASL_SSL")
    ),
    Conflict(
        clients=("kafka.KafkaProducer",),
        name="enable_idempotence",
        values=(True,),
        other="acks",
        needs=("all", -1),
        since="3.0.0",
        effect="an idempotent producer needs `acks` to be `all`",
    ),
    Conflict(
        clients=_PRODUCERS,
        name="enable.idempotence",
        values=(True, 1, "true", "True", "1"),
        other="acks",
        needs=("all", "All", "ALL", -1, "-1"),
        effect="an idempotent producer needs `acks` to be `all`",
    ),
    Conflict(
        clients=("confluent_kafka.Consumer", "confluent_kafka.DeserializingConsumer"),
        other="group.id",
        effect="a consumer needs a `group.id`",
    ),
)
"""aiokafka 0.14.0, kafka-python 3.0.12 and confluent-kafka 2.16.1, run."""

"""KA802: which options have a value that the client rejects, or accepts and cannot work with?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._options import alarm

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
from confluent_kafka import Producer


def main() -> None:
    producer = Producer({"bootstrap.servers": ["kafka-1:9092", "kafka-2"]})
    producer.produce("reports", b"done")
    producer.flush()


if __name__ == "__main__":
    main()
"""

GOOD = """\
from confluent_kafka import Producer


def main() -> None:
    producer = Producer({"bootstrap.servers": "kafka-1:9092,kafka-2"})
    producer.produce("reports", b"done")
    producer.flush()


if __name__ == "__main__":
    main()
"""

RULE = Rule(
    code="KA802",
    name="wrong-option-type",
    category="configuration",
    severity="error",
    default=True,
    summary="An option of a Kafka client has a value that the client cannot work with",
    rationale=(
        "confluent-kafka turns every value into text: a list of brokers becomes `['kafka-1:9092', ...]`, the "
        "constructor is content, and at run time no broker can be resolved. Other values make the constructor raise: "
        "numbers out of their range, words that an enumeration does not have, `acks` as text for aiokafka, an "
        "idempotent producer with `acks=1`, TLS without a context. What raises under a broad `except`, or behind a "
        "mock in every test, is found in production."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Give the option a value of the kind that the message names",
    since="0.1.0",
    references=(
        "confluent-kafka 2.16.1: every property with values of every kind, run",
        "aiokafka 0.14.0 and kafka-python 3.0.12: the values that their constructors check, run",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every option whose value is known, and is not one that the client takes."""
    for life in program.audited:
        for misfit in program.configured.misfits(life):
            if misfit.kind == "value":
                what = f"this `{misfit.entry.name}`" if misfit.entry.value is not None else "what it is given"
                said = f"cannot work with {what}: {misfit.why}"
                how = "the constructor raises" if misfit.raises else "the constructor accepts it, and it fails later"
                yield alarm(life, misfit, said, how)

"""KA803: which producers can deliver messages in another order than they were given?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import created, subject

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
from confluent_kafka import Producer


def main() -> None:
    producer = Producer({"bootstrap.servers": "kafka:9092", "retries": 3})
    for line in ("opened", "paid", "closed"):
        producer.produce("orders", line, key="17")
    producer.flush()


if __name__ == "__main__":
    main()
"""

GOOD = """\
from confluent_kafka import Producer


def main() -> None:
    producer = Producer(
        {
            "bootstrap.servers": "kafka:9092",
            "retries": 3,
            "enable.idempotence": True,
        }
    )
    for line in ("opened", "paid", "closed"):
        producer.produce("orders", line, key="17")
    producer.flush()


if __name__ == "__main__":
    main()
"""

RULE = Rule(
    code="KA803",
    name="reordering-retries",
    category="configuration",
    severity="info",
    default=False,
    summary="A Kafka producer sends failed messages again while later ones are already on their way",
    rationale=(
        "With several requests in flight, a request that fails is sent again after the next one has succeeded: the "
        "messages of one key arrive in another order, although Kafka keeps the order of a partition, and a message may "
        "be written twice. An idempotent producer numbers its messages, so that the broker refuses what is out of "
        "order; one request in flight keeps the order, too, and is slow. kafka-python is idempotent by default since "
        "3.0.0, unless `acks` says otherwise; confluent-kafka is not; aiokafka sends one batch of a partition at a "
        "time. Told only where the code asks for retries: whoever does has thought of failures. Opt-in, because many "
        "topics need no order."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Make the producer idempotent, or allow one request in flight, where the order matters",
    since="0.1.0",
    references=(
        "kafka-python 2.0.2 to 3.0.12 and librdkafka 2.16: the defaults of idempotence and requests in flight, read",
        "https://kafka.apache.org/documentation/#producerconfigs_enable.idempotence",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every synchronous producer with retries, several requests in flight and no idempotence."""
    for life, entry in program.reordered():
        path, line = entry.unit.module.path, entry.line
        yield Alarm(
            path=path,
            at=(line, 1, line, 1),
            message=f"{subject(life)} sends again while later messages are in flight, so that they change places",
            confidence="medium",
            producer=life.id,
            trace=(
                created(life),
                Step(path=path, line=line, message=f"`{entry.name}` asks for retries, and nothing keeps the order"),
            ),
        )

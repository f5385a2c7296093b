"""KA703: which patches replace a name that the code under test does not look up?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.impact.misses import misses
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._evidence import mock_chain

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

BAD = """\
# file: shop.py
from confluent_kafka import Producer


def announce() -> None:
    producer = Producer({"bootstrap.servers": "kafka:9092"})
    producer.produce("shops", b"open")
    producer.flush()
# file: test_shop.py
from unittest.mock import patch

from shop import announce


def test_announce() -> None:
    with patch("confluent_kafka.Producer"):
        announce()
"""

GOOD = """\
# file: shop.py
from confluent_kafka import Producer


def announce() -> None:
    producer = Producer({"bootstrap.servers": "kafka:9092"})
    producer.produce("shops", b"open")
    producer.flush()
# file: test_shop.py
from unittest.mock import patch

from shop import announce


def test_announce() -> None:
    with patch("shop.Producer"):
        announce()
"""

RULE = Rule(
    code="KA703",
    name="ineffective-patch",
    category="tests",
    severity="error",
    default=True,
    summary="A test replaces a Kafka client class under a name that the code under test does not look up",
    rationale=(
        "The test believes that Kafka is mocked, and a real client is created: it tries to reach a broker, blocks, "
        "leaves threads or tasks behind, and in a network where a broker answers it writes test data to it. A module "
        "that did `from confluent_kafka import Producer` has bound the class when it was imported; replacing the name "
        "in the library later does not change what the module has. `from confluent_kafka.cimpl import Producer`, an "
        "alias, a default argument and a subclass have bound it just the same. The test passes or hangs depending on "
        "who imported what before, which is why it is often blamed on the order of tests."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Replace the name where it is looked up: in the module under test, not in the library",
    since="0.1.0",
    references=(
        "unittest.mock of Python 3.11 against seven ways to import confluent_kafka.Producer 2.16, run",
        "https://docs.python.org/3/library/unittest.mock.html#where-to-patch",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every patch that the clients created while it holds do not meet, wherever it is used."""
    for miss in misses(program):
        found = next((each for each in miss.unmet if each.mock is not None and each.mock.effect == "elsewhere"), None)
        if found is None or found.mock is None or miss.early:
            continue
        name = found.life.site.client.name.rpartition(".")[2]
        yield Alarm(
            path=miss.mock.unit.module.path,
            at=(miss.mock.line, 1, miss.mock.line, 1),
            message=f"replacing `{miss.mock.target}` has no effect on the {name} that `{found.life.owner}` creates",
            confidence="high" if len(found.chain()) <= 1 else "medium",
            producer=found.life.id,
            trace=mock_chain(miss.mock, found, found.mock.why),
        )

"""KA801: which constructors are given an option that they do not have?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.model import Fix
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._options import alarm, history

if TYPE_CHECKING:
    from kafka_audit.link.options.given import Misfit
    from kafka_audit.link.program import Program

BAD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    async with AIOKafkaProducer(
        bootstrap_servers="kafka:9092",
        batch_size=32768,
    ) as producer:
        await producer.send_and_wait("reports", b"done")


if __name__ == "__main__":
    asyncio.run(main())
"""

GOOD = """\
import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    async with AIOKafkaProducer(
        bootstrap_servers="kafka:9092",
        max_batch_size=32768,
    ) as producer:
        await producer.send_and_wait("reports", b"done")


if __name__ == "__main__":
    asyncio.run(main())
"""

RULE = Rule(
    code="KA801",
    name="unknown-option",
    category="configuration",
    severity="error",
    default=True,
    summary="A Kafka client is given an option that it does not have",
    rationale=(
        "The three libraries name their options differently, and each rejects what it does not know: aiokafka has no "
        "`retries`, confluent-kafka wants `bootstrap.servers` and not `bootstrap_servers`, kafka-python 3.0 dropped "
        "several names. The constructor raises, so the client never exists. Where that happens under a broad `except` "
        "it is one line in a log and every message is lost, and tests that mock the client accept any name. Read are "
        "named arguments and dicts whose keys the code shows; what cannot be read is left alone. The version is the "
        "one that the project's own files declare, else the newest that was examined, and the message names it."
    ),
    bad=BAD,
    good=GOOD,
    fix="safe",
    fix_note="Give the option the name that this client uses, or leave it out where the client has nothing like it",
    since="0.1.0",
    references=(
        "aiokafka 0.6.0 to 0.14.0, kafka-python 2.0.2 to 3.0.12, kafka-python-ng 2.2.3: named arguments, read and run",
        "confluent-kafka 2.0.2 to 2.16.1: the properties that the librdkafka in each wheel lists, and the keys of each "
        "class, run",
    ),
)


def check(program: Program) -> Iterator[Alarm]:
    """Every option, argument or property that the client's constructor does not have."""
    for life in program.audited:
        for misfit in program.configured.misfits(life):
            if misfit.kind == "value":
                continue
            if misfit.kind == "position":
                said = f"takes no argument number {misfit.entry.name} like this: {misfit.why}"
                yield alarm(life, misfit, said, "the constructor raises TypeError")
            else:
                name = misfit.entry.name
                said = f"does not accept `{name}`{history(misfit.judged, name)}{_instead(misfit)}"
                yield alarm(life, misfit, said, f"the constructor raises because of `{name}`", _fix(misfit))


def _instead(misfit: Misfit) -> str:
    """What to know of the option: its right name, or why there is none."""
    library = misfit.judged.distribution
    if misfit.right:
        return f"; {library} calls it `{misfit.right}`" if misfit.is_sure else f"; `{misfit.right}` looks like it"
    return f"; {misfit.remark}" if misfit.remark else ""


def _fix(misfit: Misfit) -> Fix:
    if misfit.right and misfit.is_sure:
        return Fix(safety="safe", title=f"Rename `{misfit.entry.name}` to `{misfit.right}`")
    return Fix(safety="manual", title=f"Leave `{misfit.entry.name}` out, or find what this client has instead")

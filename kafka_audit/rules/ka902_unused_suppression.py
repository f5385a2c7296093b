"""KA902: a suppression comment or a baseline entry that suppresses nothing."""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._proceedings import Proceedings, StaleEntry

BAD = """\
from kafka import KafkaProducer


def publish(payload):
    producer = KafkaProducer()  # kafka-audit: ignore[KA203]
    try:
        producer.send("orders", payload)
    finally:
        producer.close()
"""

GOOD = """\
from kafka import KafkaProducer


def publish(payload):
    producer = KafkaProducer()
    try:
        producer.send("orders", payload)
    finally:
        producer.close()
"""

RULE = Rule(
    code="KA902",
    name="unused-suppression",
    category="audit",
    severity="warning",
    default=True,
    summary="A suppression comment or a baseline entry suppresses nothing",
    rationale=(
        "The alarm that it was written for is gone, and the next one of that rule in this place would be silenced"
        " unseen. Only rules that the run selects are asked, so a comment for another rule is no alarm. A stale entry"
        " of a baseline is told as info, and as an error with --fail-on-stale."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Delete the comment, or run with --prune-baseline",
    since="0.1.0",
    references=("docs/suppression.md",),
)


def check(proceedings: Proceedings) -> Iterator[Alarm]:
    """Every comment and every row that silenced nothing."""
    for comment in proceedings.unused:
        yield Alarm(
            path=comment.path,
            at=comment.at,
            message=f"the suppression of {comment.rule} suppresses nothing",
            confidence="high",
            producer=None,
            trace=(Step(path=comment.path, line=comment.at[0], message=f"no alarm of {comment.rule} is here"),),
        )
    yield from map(_stale, proceedings.stale)


def _stale(entry: StaleEntry) -> Alarm:
    return Alarm(
        path=entry.path,
        at=(1, 1, 1, 1),
        message=f"the baseline has an alarm of {entry.code} that is gone: {entry.alarm}",
        confidence="high",
        producer=None,
        trace=(Step(path=entry.path, line=1, message="--prune-baseline takes it out"),),
        severity="error" if entry.fails else "info",
    )

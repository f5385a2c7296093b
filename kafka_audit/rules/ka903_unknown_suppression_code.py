"""KA903: a suppression comment that names a rule that does not exist, or none."""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._proceedings import Proceedings

BAD = """\
from kafka import KafkaProducer


def publish(payload):
    # kafka-audit: ignore[KA213] lives as long as the process
    with KafkaProducer() as producer:
        producer.send("orders", payload)
"""

GOOD = """\
from kafka import KafkaProducer


def publish(payload):
    with KafkaProducer() as producer:
        producer.send("orders", payload)
"""

RULE = Rule(
    code="KA903",
    name="unknown-suppression-code",
    category="audit",
    severity="warning",
    default=True,
    summary="A suppression comment names a rule that does not exist, or no rule",
    rationale=(
        "The comment suppresses nothing, and whoever wrote it believes that it does. A comment without a rule in"
        " brackets is no order to suppress everything: it would silence alarms that nobody has read."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Name the rule that is meant",
    since="0.1.0",
    references=("docs/suppression.md",),
)


def check(proceedings: Proceedings) -> Iterator[Alarm]:
    """Every word in a comment that means no rule, and every comment without one."""
    for comment in proceedings.unknown:
        hint = f"; the closest is {comment.closest}" if comment.closest else ""
        said = f"names {comment.rule!r}, which is no rule{hint}" if comment.rule else "names no rule"
        yield Alarm(
            path=comment.path,
            at=comment.at,
            message=f"the suppression comment {said}",
            confidence="high",
            producer=None,
            trace=(Step(path=comment.path, line=comment.at[0], message="the comment suppresses nothing"),),
        )

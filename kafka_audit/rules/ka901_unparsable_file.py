"""KA901: a file that can matter could not be read or parsed."""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.model import Step
from kafka_audit.rules import Alarm, Rule
from kafka_audit.rules._proceedings import Proceedings

BAD = """\
from kafka import KafkaProducer


def publish(payload):
    print "sending", payload
    producer = KafkaProducer()
    producer.send("orders", payload)
"""

GOOD = """\
from kafka import KafkaProducer


def publish(payload):
    print("sending", payload)
    producer = KafkaProducer()
    try:
        producer.send("orders", payload)
    finally:
        producer.close()
"""

RULE = Rule(
    code="KA901",
    name="unparsable-file",
    category="audit",
    severity="warning",
    default=True,
    summary="A file that mentions a Kafka client could not be read or parsed",
    rationale=(
        "The audit says nothing of the clients that such a file creates, and a release that stands in it is not seen,"
        " so that its silence means nothing and an alarm elsewhere may be false. The run ends with exit code 3 when"
        " nothing worse was found. Files that mention no client are told among the problems and hide nothing."
    ),
    bad=BAD,
    good=GOOD,
    fix="manual",
    fix_note="Mend the file, or leave it out with `exclude` if it is not meant to be Python",
    since="0.1.0",
    references=("docs/report.md, problems",),
)


def check(proceedings: Proceedings) -> Iterator[Alarm]:
    """Every problem that hides a part of the answer."""
    for problem in proceedings.unjudged:
        reason = problem.message.rstrip(".")
        yield Alarm(
            path=problem.path,
            at=(problem.line, 1, problem.line, 1),
            message=f"this file could not be judged, or not wholly: {reason[:1].lower()}{reason[1:]}",
            confidence="high",
            producer=None,
            trace=(Step(path=problem.path, line=problem.line, message=f"{problem.kind}: {reason}"),),
        )

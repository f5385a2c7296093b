"""Does the code wait until a buffer's messages are delivered, by polling instead of flushing?"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.lives import Life
from kafka_audit.link.walk import holds, statements


def polls_until_delivered(life: Life) -> bool:
    """Whether a function that fills the buffer goes on polling until a condition holds, and lets each poll wait.

    One poll serves what has come by then; `poll(0)` waits for nothing (confluent-kafka 2.16.1, run).
    """
    client = life.site.client
    filling = {event.unit for event in life.uses if event.method in client.dirtied_by}
    polls = {
        event.node
        for event in life.uses
        if event.method in client.polls and event.unit in filling and isinstance(event.node, s.Call)
        if _waits(event.node)
    }
    return any(
        isinstance(statement, s.While) and not isinstance(statement.test, s.Constant) and holds(statement, polls)
        for unit in filling
        for statement in statements(unit.body)
    )


def _waits(poll: s.Call) -> bool:
    """Whether the time limit of a poll is not zero; without one it waits for the next event."""
    limit = poll.arguments[0].value if poll.arguments else None
    return not (isinstance(limit, s.Constant) and not limit.value)

"""Does the code wait until a buffer's messages are delivered, by polling instead of flushing?

One poll serves what has come by then; `poll(0)` waits for nothing, and without a limit it waits for the next report
(confluent-kafka 2.16.1, run).
"""

from __future__ import annotations

from collections.abc import Set

from kafka_audit.facts import schema as s
from kafka_audit.link.lives.life import Life
from kafka_audit.link.reading.walk import child_bodies, holds, statements, within


def polls_until_delivered(life: Life) -> bool:
    """Whether a function that fills the buffer goes on polling until a condition holds, and lets each poll wait, or all
    of them wait for the report of each message."""
    client = life.site.client
    filling = {fill.unit for fill in life.fills}
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
    ) or _one_by_one(life, {poll for poll in polls if isinstance(poll, s.Call) and _limit(poll) is None})


def _one_by_one(life: Life, polls: Set[object]) -> bool:
    """Whether behind every message, before the next, stands a poll that waits as long as it takes."""
    return bool(polls and life.fills) and all(_is_followed(fill.unit.body, fill.node, polls) for fill in life.fills)


def _is_followed(body: s.Body, node: object, wanted: Set[object]) -> bool:
    """Whether one of the wanted calls follows a call in its block, or around it within the same turn of a loop."""
    for index, statement in enumerate(body):
        if not holds(statement, {node}):
            continue
        inner = next((each for each in child_bodies(statement) if within(each, {node})), ())
        if inner and _is_followed(inner, node, wanted):
            return True
        is_loop = bool(inner) and isinstance(statement, s.For | s.While)
        return not is_loop and any(holds(each, wanted) and not any(child_bodies(each)) for each in body[index + 1 :])
    return False


def _waits(poll: s.Call) -> bool:
    """Whether the time limit of a poll is not zero."""
    limit = _limit(poll)
    return not (isinstance(limit, s.Constant) and not limit.value)


def _limit(poll: s.Call) -> s.Expr | None:
    """The time limit of a poll, if it has one."""
    return poll.arguments[0].value if poll.arguments else None

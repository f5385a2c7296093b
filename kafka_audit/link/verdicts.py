"""Is a client released: on every path and by every owner, on some, never, or by somebody unknown?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka_audit.link.losses.coroutines import dropped_releases, idle_releases
from kafka_audit.link.losses.makers import GOES_ON, failed_start, is_always_released
from kafka_audit.link.losses.messages import leaves_earlier_ones
from kafka_audit.link.paths.states import Stage

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.model import Verdict


def verdict(program: Program, life: Life) -> Verdict:
    """The answer for one client."""
    if life.holding.kind == "managed":
        return "sometimes" if program.injection.unclosed(life) else "always"
    if life.holding.kind in {"delegated", "returned"} and not life.releases:
        return "never" if life.holding.kind == "returned" and program.dropping(life) else "delegated"
    if not life.releases:
        return "unknown" if life.possible and program.hands_over(life) else "never"
    if idle_releases(life, program.dropped_lifecycle_calls).issuperset(life.releases):
        return "never"
    is_left = program.users.owe(life)
    is_run = is_left or program.discharge.effective(life) or program.users.see_to_it(life)
    if not is_run or _is_skipped(program, life):
        return "sometimes"
    return "delegated" if is_left else "always"


def _is_skipped(program: Program, life: Life) -> bool:
    """Whether some way out, or some owner that is nobody else's concern, leaves the client open."""
    owners, ends = [owner for owner in program.users.owners(life) if owner.opens], program.ends
    return bool(
        program.injection.unclosed(life)
        or not (is_always_released(life, program.losses(life)) or _fails_as_a_whole(program, life))
        or leaves_earlier_ones(program.failing, life)
        or program.retry(life) is not None
        or program.rollbacks.defeated(life) is not None
        or any(not (owner.is_released or program.users.get(owner)) for owner in owners)
        or any(ends.of_owner(owner) or ends.is_left_by_opener(owner) for owner in owners)
        or any(any(found(life)) for found in (ends.of_exit, ends.of_entered, ends.of_shared, ends.of_kept))
        or any(ends.of_handed(life))
        or program.dropping(life)
        or program.keeping(life)
        or (life.holding.kind == "returned" and _is_lost_by_a_caller(program, life))
        or any(dropped_releases(life, program.dropped_lifecycle_calls))
    )


def _fails_as_a_whole(program: Program, life: Life) -> bool:
    """Whether it is lost only where its start fails, which leaves nothing of a plain aiokafka producer behind."""
    losses = program.losses(life)
    goes_on = failed_start(life, losses) == GOES_ON and not program.starts_in_steps(life)
    return goes_on and all(loss.stage is Stage.FAILED for loss in losses)


def _is_lost_by_a_caller(program: Program, life: Life) -> bool:
    return any(each.loss.stage is not Stage.FAILED for each in program.caller_losses(life))

"""Which repair does an alarm get, or why does it get none?

A repair is chosen by the rule and by the kind of owner; the first one whose preconditions hold is made. What none of
them may touch is refused with the reason of the one that came closest.
"""

from __future__ import annotations

from kafka_audit.fix.case import Case, Make, Repair
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.repairs import (
    calls,
    fixtures,
    hooks,
    local_clients,
    locking,
    objects,
    process_wide,
    renaming,
    threads,
)
from kafka_audit.model import Kind


def planned(case: Case) -> Repair:
    """The repair of an alarm. Raises `Refused` when there is none that a careful engineer would accept."""
    reasons: list[Refused] = []
    for make in _candidates(case):
        try:
            return make(case)
        except Refused as refused:
            reasons.append(refused)
    if reasons:
        raise reasons[0]
    raise Refused(BY_HAND.get(case.finding.code, "the repair needs a decision about the design"))


def _candidates(case: Case) -> tuple[Make, ...]:
    """The repairs to try, the better one first."""
    repairs = REPAIRS.get(case.finding.code, ())
    if isinstance(repairs, tuple):
        return repairs
    owner = case.owner if case.finding.code == "KA205" else None
    kind = case.life.holding.kind if owner is None else owner.holding.kind
    return repairs.get(kind, ())


REPAIRS: dict[str, tuple[Make, ...] | dict[Kind, tuple[Make, ...]]] = {
    "KA101": (process_wide.made_at_import,),
    "KA102": (process_wide.made_at_import,),
    "KA201": (process_wide.never_released,),
    "KA202": (objects.kept_in_a_field,),
    "KA203": (local_clients.dropped,),
    "KA204": (objects.pooled,),
    "KA205": {"local": (local_clients.dropped_owner,), "instance": (objects.kept_by_another,)},
    "KA206": (local_clients.dropped_by_caller,),
    "KA207": {
        "local": (local_clients.dropped,),
        "instance": (objects.kept_in_a_field,),
        "global": (process_wide.never_released,),
        "returned": (local_clients.dropped_by_caller,),
    },
    "KA301": (local_clients.skipped,),
    "KA302": (local_clients.skipped,),
    "KA303": (local_clients.started_late, local_clients.failed_start),
    "KA304": (calls.skipped_by_another,),
    "KA305": (objects.defeated_release,),
    "KA306": (local_clients.started_late, local_clients.failed_start),
    "KA401": (calls.overwritten,),
    "KA402": (locking.unguarded,),
    "KA501": (process_wide.useless_exit_handler,),
    "KA502": (calls.unawaited,),
    "KA503": (calls.forgotten_task,),
    "KA504": (hooks.dead,),
    "KA507": (calls.misnamed,),
    "KA601": (threads.off_the_loop,),
    "KA602": (calls.unawaited,),
    "KA701": (fixtures.without_teardown,),
    "KA801": (renaming.right_name,),
}
"""The repairs of each rule, for some rules by the kind of owner."""

BY_HAND: dict[str, str] = {
    "KA205": "who keeps the owner is for the design to decide",
    "KA207": "who keeps the producer is for the design to decide",
    "KA404": "where it is to be started is for the design to decide",
    "KA505": "which hook ends together with the client is for the design to decide",
    "KA506": "which of the two releases is meant is for the design to decide",
    "KA405": "which loop the client belongs to is for the design to decide",
    "KA406": "what a caller is to get when the start fails is for the design to decide",
    "KA702": "whether the fixture or its tests are to change their loop is for the design to decide",
    "KA703": "which name the test means is for its author to say",
    "KA704": "which name the test means is for its author to say",
    "KA802": "which value was meant is for the author to say",
    "KA403": "where a shared client lives and who ends it is for the design to decide",
}
"""Why the alarms of a rule, or those that none of its repairs is for, are not repaired."""

"""How are repairs told: one line for each alarm, then the counts?"""

from __future__ import annotations

from collections.abc import Sequence

from kafka_audit.model import Outcome
from kafka_audit.report.plain import counted, inert_record


def repairs(outcomes: Sequence[Outcome], *, files: int, written: bool, why: bool) -> str:
    """What was repaired; with `why`, also why the rest was not. A repair that had to be withdrawn is always told."""
    safe = [inert_record(each) for each in outcomes]
    fixed = [each for each in safe if each.what == "fixed"]
    withdrawn = [each for each in safe if each.what == "withdrawn"]
    refused = [each for each in safe if each.what == "refused"]
    shown = [*(fixed if written or why else ()), *withdrawn, *(refused if why else ())]
    order = [each for each in safe if each in shown]
    return "".join(
        f"{line}\n" for line in (*map(_line, order), _counts(fixed, withdrawn, refused, files, written, why))
    )


def _line(outcome: Outcome) -> str:
    finding, fix = outcome.finding, outcome.fix
    head = f"{finding.path}:{finding.line}: {finding.code} {outcome.what}"
    if outcome.what == "fixed":
        return f"{head}: {fix.title} ({fix.safety})"
    return f"{head}: {fix.refused}"


def _counts(
    fixed: Sequence[Outcome],
    withdrawn: Sequence[Outcome],
    refused: Sequence[Outcome],
    files: int,
    written: bool,
    why: bool,
) -> str:
    total = len(fixed) + len(withdrawn) + len(refused)
    verb = "fixed" if written else "would fix"
    parts = [f"{verb} {len(fixed)} of {counted(total, 'alarm')} in {counted(files, 'file')}"]
    if refused:
        parts.append(f"refused {len(refused)}" + ("" if why else " (--show-fixes says why)"))
    if withdrawn:
        parts.append(f"withdrew {len(withdrawn)}, a mistake in kafka-audit: please report it")
    return "; ".join(parts)

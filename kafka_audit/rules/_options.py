"""How do the rules about options word what a constructor does not accept?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka_audit.model import Confidence, Fix, Step
from kafka_audit.rules import Alarm
from kafka_audit.rules._evidence import created, subject

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.options.given import Misfit
    from kafka_audit.link.options.judged import Judged


def alarm(life: Life, misfit: Misfit, said: str, step: str, fix: Fix | None = None) -> Alarm:
    """One alarm at the option itself; `said` is what is wrong with it, `step` how the constructor takes that."""
    entry = misfit.entry
    path, line = entry.unit.module.path, entry.line
    at_call = path == life.path and line == life.site.node.at[0]
    return Alarm(
        path=path,
        at=life.site.node.at if at_call else (line, 1, line, 1),
        message=f"{subject(life)} {said} ({basis(misfit.judged)})",
        confidence=confidence(misfit),
        producer=life.id,
        trace=(created(life), Step(path=path, line=line, message=step), *_never_reached(life, misfit)),
        fix=fix,
    )


def _never_reached(life: Life, misfit: Misfit) -> list[Step]:
    """The start that there is nothing to start for, when the constructor always raises."""
    starts = [event for event in life.starts if event.unit is life.site.unit] if misfit.always else []
    return [
        Step(path=event.unit.module.path, line=event.line, message="never reached: there is no client to start")
        for event in starts[:1]
    ]


def basis(judged: Judged) -> str:
    """Which version that was judged by, and why."""
    declared, newest = judged.declared, judged.by[-1]
    if declared is None:
        return f"no file declares a version: judged by {judged.distribution} {newest}"
    if declared.is_pinned:
        return f"{judged.distribution} {declared.specifier.lstrip('= ')}, says {declared.path}"
    said = declared.specifier or "any version"
    return f"{declared.path} says {said}: judged by {judged.distribution} {newest}"


def history(judged: Judged, name: str) -> str:
    """Since or until when an option of that name exists; empty when no examined version has it."""
    since, until = judged.history(name)
    if since:
        return f", which exists since {since}"
    return f", which is gone since {until}" if until else ""


def confidence(misfit: Misfit) -> Confidence:
    """High when every version that can be meant rejects it, low when only the newest is known to."""
    if misfit.always:
        return "high"
    is_old = misfit.kind == "name" and not misfit.judged.never_had(misfit.entry.name)
    return "low" if is_old and misfit.judged.declared is None else "medium"

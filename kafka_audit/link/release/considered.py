"""Why does a release that exists count, or not: from where does control get there, and what is wrong with each way?"""

from __future__ import annotations

from collections.abc import Iterable

from kafka_audit.link.flow.engine import Event
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life, owner_name
from kafka_audit.link.reach.entries import Entry
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.release.discharge import Discharge

FEW = 3
"""Names in one sentence; more say nothing further."""


DEAD = {
    "no lifespan": "{} calls nothing in an application that has a lifespan of its own",
    "unmounted": "{} calls nothing in an application that is only mounted in another one",
    "included": "{} calls nothing in a router that no application includes",
}
"""What an unmet need of a hook comes to, as a reason."""


TOO_LATE = "it runs on another event loop, when the client's own is closed"
"""What keeps a release from counting that an `asyncio.run` of its own runs."""


def why_not(discharge: Discharge, life: Life, event: Event) -> str:
    """What keeps a release from counting: the rest of a sentence that names the function which it stands in."""
    entries = discharge.reach.entries(event.unit, tests=life.in_test)
    by_weakness: dict[str, list[str]] = {}
    for entry in entries:
        target = event.registrar if event.via == "callback" else entry.target
        weakness: str | None = discharge.weakness(life, event, entry)
        if weakness == "dead" and entry.registration is not None:
            weakness = discharge.hosts.unmet(entry.registration)
        by_weakness.setdefault(weakness or "", []).append(f"`{target or '__del__'}`")
    own_guard = any(entry.kind == "main" and entry.path == life.path for entry in entries)
    reasons = (
        *([TOO_LATE] if discharge.comes_too_late(life, event) else []),
        *_calls(discharge, event.unit, [entry.unit for entry in entries if entry.kind == "api"]),
        *_reason(by_weakness.get("exit"), "{} gets there when the client's event loop is gone"),
        *(each for need, sentence in DEAD.items() for each in _reason(by_weakness.get(need), sentence)),
        *_reason(by_weakness.get("scope"), "{} runs in another process than the client's"),
        *(["the main guard of the client's own module gets there, which no import runs"] if own_guard else []),
    )
    return "; ".join(reasons) or "nothing calls it"


def why(discharge: Discharge, life: Life, event: Event) -> str:
    """Why a release counts: from where control gets to it."""
    entries = discharge.reach.entries(event.unit, tests=life.in_test)
    found = [_entrance(entry) for entry in entries if discharge.counts(life, event, entry)]
    return f"reached from {_names(found)}" if found else "whoever creates the client gets there"


def _entrance(entry: Entry) -> str:
    name = owner_name(entry.unit)
    if entry.kind in {"import", "main"}:
        return "importing a module" if entry.kind == "import" else "a main guard"
    return f"`{name}`"


def _calls(discharge: Discharge, unit: Unit, uncalled: Iterable[Unit]) -> list[str]:
    """The functions that lead to the release and that nothing calls, or tests alone."""
    by_caller: dict[str, list[Unit]] = {}
    for each in uncalled:
        by_caller.setdefault(_caller(discharge, each), []).append(each)
    return [_called(caller, unit, by_caller[caller]) for caller in sorted(by_caller)]


def _caller(discharge: Discharge, unit: Unit) -> str:
    callers = [edge.caller.module.path for edge in discharge.reach.incoming.get(unit, ())]
    return "only tests call" if any(context_of(path) == "test" for path in callers) else "nothing calls"


def _called(caller: str, unit: Unit, uncalled: list[Unit]) -> str:
    if unit in uncalled:
        return f"{caller} it"
    names = _names(f"`{owner_name(each)}`" for each in uncalled)
    return f"{caller} {names}, which {'leads' if len(uncalled) == 1 else 'lead'} there"


def _reason(names: Iterable[str] | None, sentence: str) -> list[str]:
    return [sentence.format(_names(names))] if names else []


def _names(names: Iterable[str]) -> str:
    """The first few names, sorted, in a sentence."""
    found = sorted(set(names))
    listed = found[:FEW] + ([f"{len(found) - FEW} more"] if len(found) > FEW else [])
    return " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))

"""Which alarms can be repaired, and what do the files look like then? Nothing is written here.

Each repair is tried on the sources in memory and the project is audited again: it counts only if every file still
parses, the alarm is gone and no new one came. A repair that moves an obligation to somebody else, such as a class that
gets a `close` that nobody calls yet, is followed up at once by the repair of what it brought up; either all of it holds
or none of it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from kafka_audit.facts.extract import extract
from kafka_audit.fix.plan import Case, Repair, planned
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.program import Program
from kafka_audit.model import Finding, Fix, Outcome

MOST_STEPS = 6
"""Repairs that may follow from one alarm; layers of owners are fewer."""


class Audited(NamedTuple):
    """The sources as audited."""

    program: Program
    findings: tuple[Finding, ...]


Audit = Callable[[Mapping[str, bytes]], Audited]


class _Withdrawn(Exception):
    """A repair whose result does not keep the promises."""


@dataclass
class Fixing:
    """The repair of a project: its sources by name, as they change; `asked` are the files that may."""

    audit: Audit
    contents: dict[str, bytes]
    asked: Collection[str]
    unsafe: bool
    wanted: Callable[[Finding], bool]
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def run(self) -> Audited:
        """Repair what can be repaired, until nothing changes any more; the project as it is audited then."""
        self._audited = self.audit(self.contents)
        self._before = {each.fingerprint: each for each in self._audited.findings}
        while self._pass():
            pass
        return self._audited

    def _pass(self) -> bool:
        """Try every alarm that is left once; whether any of them was repaired."""
        tried: set[str] = set()
        changed = False
        while True:
            left = [each for each in self._audited.findings if self._is_asked(each) and each.fingerprint not in tried]
            if not left:
                return changed
            tried.add(left[0].fingerprint)
            changed |= self._try(left[0])

    def _is_asked(self, finding: Finding) -> bool:
        return finding.path in self.asked and self.wanted(finding)

    def _try(self, finding: Finding) -> bool:
        """Try to repair one alarm, and note what became of it."""
        try:
            repairs, contents, audited = self._transaction(finding)
        except Refused as refused:
            self._note(finding, "refused", Fix(safety="manual", title="", refused=str(refused)))
            return False
        except _Withdrawn as withdrawn:
            self._note(finding, "withdrawn", Fix(safety="manual", title="", refused=str(withdrawn)))
            return False
        gone = {each.fingerprint for each in self._audited.findings} - {each.fingerprint for each in audited.findings}
        for each in self._audited.findings:
            if each.fingerprint in gone or each is finding:
                self._note(each, "fixed", told(repairs))
        self.contents, self._audited = contents, audited
        return True

    def _note(self, finding: Finding, what: Literal["fixed", "refused", "withdrawn"], fix: Fix) -> None:
        told = self._before.get(finding.fingerprint, finding)  # where the reader knows it, not where it is by now
        self.outcomes[finding.fingerprint] = Outcome(finding=told, what=what, fix=fix)

    def _transaction(self, finding: Finding) -> tuple[list[Repair], dict[str, bytes], Audited]:
        """The repair of an alarm with all that follows from it. Raises `Refused` and `_Withdrawn`."""
        contents, audited, target = dict(self.contents), self._audited, finding
        repairs: list[Repair] = []
        while len(repairs) < MOST_STEPS:
            repair = self._repair(Case(audited.program, target, contents), repairs, finding)
            contents.update(repair.changed)
            repairs.append(repair)
            _check(repair)
            audited = self.audit(contents)
            worse = self._worse(audited, finding)
            if not worse:
                return repairs, contents, audited
            target = worse[0]
        raise _Withdrawn(f"{MOST_STEPS} repairs did not come to an end")

    def _repair(self, case: Case, before: list[Repair], first: Finding) -> Repair:
        try:
            repair = planned(case)
        except Refused as refused:
            if not before:
                raise
            alarm = case.finding
            raise Refused(
                f"{before[-1].title} would leave {alarm.code} at {alarm.path}:{alarm.line}: {refused}"
            ) from None
        except Exception as error:  # a repair that fails must not keep the others from being made
            raise _Withdrawn(f"the repair of {case.finding.code} failed: {type(error).__name__}: {error}") from error
        if repair.safety == "unsafe" and not self.unsafe:
            raise Refused(f"it changes behaviour, which needs --unsafe: {repair.title}")
        for path in sorted(repair.changed):
            if path not in self.asked:
                raise Refused(f"it would change {path}, which is not among the files to fix")
        if repair.title in {each.title for each in before}:
            raise _Withdrawn(f"{case.finding.code} is still there after: {repair.title}")
        if all(case.contents[path] == data for path, data in repair.changed.items()):
            raise _Withdrawn(f"the repair of {first.code} changes nothing")
        return repair

    def _worse(self, audited: Audited, finding: Finding) -> list[Finding]:
        """The alarms that are left of the repaired one, or that are new."""
        allowed = Counter(_kind(each) for each in self._audited.findings)
        allowed[_kind(finding)] -= 1
        worse = []
        known = {each.fingerprint for each in self._audited.findings} - {finding.fingerprint}
        for each in sorted(audited.findings, key=lambda each: each.fingerprint not in known):
            if allowed[_kind(each)] > 0:
                allowed[_kind(each)] -= 1
            else:
                worse.append(each)
        return worse


def told(repairs: list[Repair]) -> Fix:
    """The repairs of one alarm as the report tells them."""
    safety: Literal["safe", "unsafe"] = "unsafe" if any(each.safety == "unsafe" for each in repairs) else "safe"
    titles = dict.fromkeys(each.title for each in repairs)
    return Fix(safety=safety, title="; ".join(titles))


def _check(repair: Repair) -> None:
    """Raise `_Withdrawn` unless every changed file parses."""
    for path, data in sorted(repair.changed.items()):
        if extract(data).flaws:
            raise _Withdrawn(f"{path} would not parse after: {repair.title}")


def _kind(finding: Finding) -> tuple[str, str]:
    return finding.code, finding.path

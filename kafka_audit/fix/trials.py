"""Do repairs keep their promises? They are made in memory and the project is audited again.

Repairs that do not meet are tried together. What an audit has against one of them is repaired in turn, or it is the
reason why that one cannot stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kafka_audit.facts.syntax import flaws
from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.plan import planned
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.together import Together
from kafka_audit.link.program import Program
from kafka_audit.model import Finding

MOST_STEPS = 6
"""Repairs that may follow from one alarm; layers of owners are fewer."""


class Audited(NamedTuple):
    """The sources as audited."""

    program: Program
    findings: tuple[Finding, ...]


Audit = Callable[[Mapping[str, bytes]], Audited]


class Sources(NamedTuple):
    """The bytes of all files by name, and what the audit says of them."""

    contents: Mapping[str, bytes]
    program: Program
    findings: tuple[Finding, ...]


class Withdrawn(Exception):
    """A repair whose result does not keep the promises."""


@dataclass(eq=False)
class Attempt:
    """An alarm, and the repairs that it took so far."""

    finding: Finding
    repairs: list[Repair]

    @property
    def paths(self) -> set[str]:
        """The files that it changes."""
        return {path for repair in self.repairs for path in repair.changed}


class Begun(NamedTuple):
    """Attempts at several alarms: their changes together, why some have none, and those that meet one of the others."""

    attempts: list[Attempt]
    changed: dict[str, bytes]
    reasons: list[tuple[Finding, Exception]]
    later: list[Finding]


class Failed(Exception):
    """Why attempts cannot stand together; for those in `unsure` it may be another one's fault."""

    def __init__(self, reasons: Mapping[Attempt, Exception], unsure: Collection[Attempt]) -> None:
        super().__init__()
        self.reasons, self.unsure = reasons, unsure


@dataclass(frozen=True)
class Trials:
    """Tries repairs; `asked` are the files that may change, `unsafe` says whether behaviour may."""

    audit: Audit
    asked: Collection[str]
    unsafe: bool

    def begun(self, sources: Sources, findings: Iterable[Finding]) -> Begun:
        """The repairs of these alarms. Of one client, only what one rule says is repaired at a time."""
        together, rules = Together(sources.contents), dict[str, str]()
        begun = Begun([], {}, [], [])
        for finding in findings:
            try:
                repair = self._repair(Case(sources.program, finding, sources.contents), Attempt(finding, []))
            except (Refused, Withdrawn) as reason:
                begun.reasons.append((finding, reason))
                continue
            is_alone = rules.setdefault(finding.producer or finding.path, finding.code) == finding.code
            if is_alone and together.take(repair.changed):
                begun.attempts.append(Attempt(finding, [repair]))
            else:
                begun.later.append(finding)
        begun.changed.update(together.changed())
        return begun

    def tried(self, sources: Sources, begun: Begun) -> Sources:
        """The sources with these repairs, and with all that follows from them. Raises `Failed`."""
        targets = {id(each.finding) for each in begun.attempts}
        others = [each for each in sources.findings if id(each) not in targets]
        contents, changed = sources.contents, begun.changed
        while True:
            if len(begun.attempts) > 1 and any(flaws(data) for data in changed.values()):
                raise Failed({}, begun.attempts)
            contents = {**contents, **changed}
            now = Sources(contents, *self.audit(contents))
            worse = _worse(others, now.findings)
            if not worse:
                return now
            changed = self._followed_up(begun.attempts, now, worse)

    def _followed_up(self, attempts: Sequence[Attempt], now: Sources, worse: list[Finding]) -> dict[str, bytes]:
        """The repairs of the alarms that are still there or new, of each attempt the first one."""
        together, looked = Together(now.contents), set[Attempt]()
        reasons: dict[Attempt, Exception] = {}
        unsure: list[Attempt] = []
        for alarm in worse:
            causes, is_sure = _causes(attempts, alarm)
            if causes[0] in looked:
                continue
            looked.add(causes[0])
            try:
                repair = self._repair(Case(now.program, alarm, now.contents), causes[0])
            except (Refused, Withdrawn) as reason:
                if is_sure and (isinstance(reason, Refused) or len(attempts) == 1):
                    reasons[causes[0]] = reason
                else:
                    unsure += causes
            else:
                if together.take(repair.changed):
                    causes[0].repairs.append(repair)
        if reasons or unsure:
            raise Failed(reasons, unsure)
        return together.changed()

    def _repair(self, case: Case, attempt: Attempt) -> Repair:
        before, alarm = attempt.repairs, case.finding
        if len(before) == MOST_STEPS:
            raise Withdrawn(f"{MOST_STEPS} repairs did not come to an end")
        try:
            repair = planned(case)
        except Refused as refused:
            if not before:
                raise
            reason = f"{before[-1].title} would leave {alarm.code} at {alarm.path}:{alarm.line}: {refused.reason}"
            raise Refused(reason, refused.by_hand) from None
        except Exception as error:  # a repair that fails must not keep the others from being made
            raise Withdrawn(f"the repair of {alarm.code} failed: {type(error).__name__}: {error}") from error
        if repair.safety == "unsafe" and not self.unsafe:
            raise Refused(f"it changes behaviour, which needs --unsafe: {repair.title}", "")
        for path in sorted(repair.changed):
            if path not in self.asked:
                raise Refused(f"it would change {path}, which is not among the files to fix", "")
        if repair.title in {each.title for each in before}:
            raise Withdrawn(f"{alarm.code} is still there after: {repair.title}")
        if all(case.contents[path] == data for path, data in repair.changed.items()):
            raise Withdrawn(f"the repair of {alarm.code} changes nothing")
        _check(repair)
        return repair


def _causes(attempts: Sequence[Attempt], alarm: Finding) -> tuple[Sequence[Attempt], bool]:
    """The attempts that may be behind an alarm, the likeliest first, and whether it is surely that one."""
    if len(attempts) == 1:
        return attempts, True
    same = [each for each in attempts if each.finding.producer == alarm.producer]
    there = [each for each in attempts if alarm.path in each.paths]
    if len(same) == 1:
        return same, True
    return sorted(same, key=lambda each: each not in there) or there or attempts, False


def _worse(others: Iterable[Finding], now: Iterable[Finding]) -> list[Finding]:
    """The alarms that are not among the others: those that a repair left, or that are new."""
    allowed, known = Counter(map(kind, others)), Counter(map(text, others))
    worse = []
    for each in sorted(now, key=lambda each: not known[text(each)]):
        if allowed[kind(each)] > 0:
            allowed[kind(each)] -= 1
        else:
            worse.append(each)
    return worse


def _check(repair: Repair) -> None:
    """Raise `Withdrawn` unless every changed file parses."""
    for path, data in sorted(repair.changed.items()):
        if flaws(data):
            raise Withdrawn(f"{path} would not parse after: {repair.title}")


def kind(finding: Finding) -> tuple[str, str]:
    """What two alarms have in common of which one takes the other's place."""
    return finding.code, finding.path


def text(finding: Finding) -> tuple[str, str, str]:
    """What stays of an alarm when code around it changes: its message has no line number."""
    return finding.code, finding.path, finding.message

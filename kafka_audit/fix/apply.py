"""Which alarms can be repaired, and what do the files look like then? Nothing is written here.

Each repair is tried on the sources in memory and the project is audited again: it counts only if every file still
parses, the alarm is gone and no new one came. A repair that moves an obligation to somebody else, such as a class that
gets a `close` that nobody calls yet, is followed up at once by the repair of what it brought up; either all of it holds
or none of it is done.

An audit of the whole project takes its time, so one is asked about as many repairs as do not meet. Where it has
something against one of them, that one is left out, and where it is not clear which one, fewer are tried at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.plan import planned
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.trials import Attempt, Audit, Failed, Sources, Trials, Withdrawn, kind, text
from kafka_audit.model import Finding, Fix, Outcome

Told = Callable[[int, int], None]
"""Told of how many alarms something is known, and how many there are."""

Advice = Callable[[Finding], str]
"""What to do about an alarm by hand; nothing when that is not known."""

Group = frozenset[int]
"""Alarms as they were at first, by `id`."""


def _none(finding: Finding) -> str:
    """No advice."""
    return ""


def _nobody(done: int, of: int) -> None:
    """Tell nobody how far the repair is."""


@dataclass
class Fixing:
    """The repair of a project: its sources by name, as they change; `asked` are the files that may."""

    audit: Audit
    contents: Mapping[str, bytes]
    asked: Collection[str]
    unsafe: bool
    wanted: Callable[[Finding], bool]
    progress: Told = _nobody
    advice: Advice = _none
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self) -> None:
        """Repair what can be repaired, until nothing changes any more."""
        self._begin()
        while self._pass():
            pass
        self.contents = self._sources.contents
        self.outcomes = sorted(self._reasons.values(), key=lambda each: _place(each.finding))

    def each(self) -> Iterator[tuple[Finding, Fix, dict[str, bytes]]]:
        """Try every repair by itself: the alarm, its repair or why there is none, and the files that it changes.

        Repairs of files that no chain of imports connects are by themselves, though one audit is asked about them.
        """
        self._begin()
        related = self._sources.program.engine.related
        waiting = [each for each in self._sources.findings if self._is_asked(each)]
        while waiting:
            apart = {related.group(each.path): each for each in reversed(waiting)}
            waiting = [each for each in waiting if each is not apart[related.group(each.path)]]
            yield from self._by_themselves(list(apart.values()))

    def _by_themselves(self, findings: Sequence[Finding]) -> Iterator[tuple[Finding, Fix, dict[str, bytes]]]:
        begun = self._trials.begun(self._sources, findings)
        yield from ((finding, _unmade(reason, self.advice(finding)), {}) for finding, reason in begun.reasons)
        if not begun.attempts:
            return
        try:
            now = self._trials.tried(self._sources, begun)
        except Failed as failed:
            if len(begun.attempts) == 1:
                [attempt] = begun.attempts
                yield attempt.finding, _unmade(failed.reasons[attempt], self.advice(attempt.finding)), {}
                return
            for attempt in begun.attempts:
                yield from self._by_themselves([attempt.finding])
        else:
            for attempt in begun.attempts:
                changed = {path: now.contents[path] for path in attempt.paths}
                yield attempt.finding, told(attempt.repairs), changed

    def _begin(self) -> None:
        self._trials = Trials(self.audit, self.asked, self.unsafe)
        self._sources = Sources(self.contents, *self.audit(self.contents))
        self._origins = {id(each): each for each in self._sources.findings}
        self._reasons: dict[int, Outcome] = {}
        self._known: set[int] = set()

    def _pass(self) -> bool:
        """Try every alarm that is left once; whether any of them was repaired."""
        before = self._sources
        left = (each for each in self._sources.findings if self._is_asked(each))
        groups = [frozenset(id(self._origin(each)) for each in left) - self._known]
        while groups:
            groups[:1] = [group for group in self._try(groups[0]) if group]
            waiting = sum(map(len, groups))
            self.progress(len(self._origins) - waiting, len(self._origins))
        return self._sources is not before

    def _origin(self, finding: Finding) -> Finding:
        return self._origins[id(finding)]

    def _is_asked(self, finding: Finding) -> bool:
        return finding.path in self.asked and self.wanted(self._origins.get(id(finding), finding))

    def _try(self, group: Group) -> list[Group]:
        """Try to repair alarms, as many at once as do not meet, note what became of them; those left to try."""
        findings = [each for each in self._sources.findings if id(self._origin(each)) in group]
        begun = self._trials.begun(self._sources, findings)
        for finding, reason in begun.reasons:
            self._note_unmade(finding, reason)
        later = self._group(begun.later)
        if not begun.attempts:
            return [later]
        try:
            now = self._trials.tried(self._sources, begun)
        except Failed as failed:
            return [*self._fewer(begun.attempts, failed), later]
        self._accept(begun.attempts, now)
        return [later]

    def _fewer(self, attempts: Sequence[Attempt], failed: Failed) -> list[Group]:
        """The groups to try after these attempts failed together, each smaller than all of them."""
        for attempt, reason in failed.reasons.items():
            self._note_unmade(attempt.finding, reason)
        unsure = [each.finding for each in attempts if each in failed.unsure and each not in failed.reasons]
        rest = [each.finding for each in attempts if each not in failed.unsure and each not in failed.reasons]
        if failed.reasons or rest:
            return [self._group(rest), self._group(unsure)]
        half = len(unsure) // 2
        return [self._group(unsure[:half]), self._group(unsure[half:])]

    def _group(self, findings: Sequence[Finding]) -> Group:
        return frozenset(id(self._origin(each)) for each in findings)

    def _accept(self, attempts: Sequence[Attempt], now: Sources) -> None:
        """Go on from the changed sources, and note which alarms there were at first are gone."""
        targets = {id(each.finding) for each in attempts}
        pool = [self._origin(each) for each in self._sources.findings if id(each) not in targets]
        origins = {}
        for each in now.findings:
            alike = [other for other in pool if text(other) == text(each)]
            alike = alike or [other for other in pool if kind(other) == kind(each)] or [each]
            origins[id(each)] = alike[0]
            pool = [other for other in pool if other is not alike[0]]
        for attempt in attempts:
            self._note(self._origin(attempt.finding), "fixed", told(attempt.repairs))
        for each in pool:
            if self._is_asked(each):
                self._note(each, "fixed", told(_behind(attempts, each).repairs))
        self._sources, self._origins, self._known = now, origins, set()

    def _note_unmade(self, finding: Finding, reason: Exception) -> None:
        self._known.add(id(self._origin(finding)))
        what: Literal["refused", "withdrawn"] = "refused" if isinstance(reason, Refused) else "withdrawn"
        self._note(self._origin(finding), what, _unmade(reason, self.advice(finding)))

    def _note(self, finding: Finding, what: Literal["fixed", "refused", "withdrawn"], fix: Fix) -> None:
        self._reasons[id(finding)] = Outcome(finding=finding, what=what, fix=fix)


def _behind(attempts: Sequence[Attempt], gone: Finding) -> Attempt:
    """The attempt that another alarm is most likely to have gone with."""
    return max(attempts, key=lambda each: (each.finding.producer == gone.producer, gone.path in each.paths))


def offered(case: Case) -> Fix:
    """The repair of an alarm before it is tried, or why there is none."""
    try:
        return told([planned(case)])
    except Exception as error:  # a report is worth more than the repair of one of its alarms
        return _unmade(error, "")


def _unmade(reason: Exception, advice: str) -> Fix:
    if isinstance(reason, Refused):
        text = reason.told(advice)
    else:
        text = str(reason) if isinstance(reason, Withdrawn) else f"the repair failed: {type(reason).__name__}: {reason}"
    return Fix(safety="manual", title="", refused=text)


def told(repairs: Sequence[Repair]) -> Fix:
    """The repairs of one alarm as the report tells them."""
    safety: Literal["safe", "unsafe"] = "unsafe" if any(each.safety == "unsafe" for each in repairs) else "safe"
    titles = dict.fromkeys(each.title for each in repairs)
    return Fix(safety=safety, title="; ".join(titles))


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.code

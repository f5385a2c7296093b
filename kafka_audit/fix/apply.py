"""Which alarms can be repaired, and what do the files look like then? Nothing is written here.

Each repair is tried on the sources in memory and the project is audited again: it counts only if every file still
parses, the alarm is gone and no new one came. A repair that moves an obligation to somebody else, such as a class that
gets a `close` that nobody calls yet, is followed up at once by the repair of what it brought up; either all of it holds
or none of it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from kafka_audit.facts.extract import extract
from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.plan import planned
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


class _State(NamedTuple):
    """The alarms that there are, each with the linked program that it was found in, by its `id`.

    `apart` are the files that were left out of a program, because nothing connects them with its files.
    """

    findings: tuple[Finding, ...]
    programs: dict[int, Program]
    apart: dict[Program, frozenset[str]]


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
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self) -> None:
        """Repair what can be repaired, until nothing changes any more."""
        before, first = dict(self.contents), self._begin()
        while self._pass():
            pass
        if self.contents != before and Counter(map(_kind, self.audit(self.contents).findings)) - Counter(
            map(_kind, first.findings)
        ):
            self._withdraw_all(before)
        self.outcomes = sorted(self._reasons.values(), key=lambda each: _place(each.finding))

    def each(self) -> Iterator[tuple[Finding, Fix, dict[str, bytes]]]:
        """Try every repair by itself: the alarm, its repair or why there is none, and the files that it changes."""
        self._begin()
        for finding in filter(self._is_asked, self._state.findings):
            try:
                repairs, contents, _ = self._transaction(finding)
            except (Refused, _Withdrawn) as reason:
                yield finding, Fix(safety="manual", title="", refused=str(reason)), {}
            else:
                changed = {path: data for path, data in contents.items() if data != self.contents[path]}
                yield finding, told(repairs), changed

    def _begin(self) -> Audited:
        first = self.audit(self.contents)
        self._state = _State(first.findings, {id(each): first.program for each in first.findings}, {})
        self._origins = {id(each): each for each in first.findings}
        self._reasons: dict[int, Outcome] = {}
        return first

    def _withdraw_all(self, before: dict[str, bytes]) -> None:
        """Take everything back: each repair was right for the files around it, and not for the whole project."""
        self.contents = before
        fix = Fix(safety="manual", title="", refused="all repairs together would bring up new alarms")
        for each in list(self._reasons.values()):
            if each.what == "fixed":
                self._note(each.finding, "withdrawn", fix)

    def _pass(self) -> bool:
        """Try every alarm that is left once; whether any of them was repaired."""
        tried: set[int] = set()
        changed = False
        while True:
            left = [each for each in self._state.findings if self._is_asked(each) and self._origin(each) not in tried]
            if not left:
                return changed
            tried.add(self._origin(left[0]))
            changed |= self._try(left[0])

    def _origin(self, finding: Finding) -> int:
        return id(self._origins[id(finding)])

    def _is_asked(self, finding: Finding) -> bool:
        return finding.path in self.asked and self.wanted(self._origins.get(id(finding), finding))

    def _try(self, finding: Finding) -> bool:
        """Try to repair one alarm, and note what became of it."""
        try:
            repairs, contents, state = self._transaction(finding)
        except Refused as refused:
            self._note(self._origins[id(finding)], "refused", Fix(safety="manual", title="", refused=str(refused)))
            return False
        except _Withdrawn as withdrawn:
            self._note(self._origins[id(finding)], "withdrawn", Fix(safety="manual", title="", refused=str(withdrawn)))
            return False
        for each in self._settle(finding, state):
            self._note(each, "fixed", told(repairs))
        self.contents, self._state = contents, state
        return True

    def _settle(self, finding: Finding, state: _State) -> list[Finding]:
        """Find the alarms that are left again among those there were at first; the others, which are gone."""
        pool = [self._origins[id(each)] for each in self._state.findings if each is not finding]
        gone = [self._origins[id(finding)]]
        origins = {}
        for each in state.findings:
            alike = [other for other in pool if _text(other) == _text(each)]
            alike = alike or [other for other in pool if _kind(other) == _kind(each)] or [each]
            origins[id(each)] = alike[0]
            pool = [other for other in pool if other is not alike[0]]
        self._origins = origins
        return gone + [each for each in pool if self._is_asked(each)]

    def _note(self, finding: Finding, what: Literal["fixed", "refused", "withdrawn"], fix: Fix) -> None:
        self._reasons[id(finding)] = Outcome(finding=finding, what=what, fix=fix)

    def _transaction(self, finding: Finding) -> tuple[list[Repair], dict[str, bytes], _State]:
        """The repair of an alarm with all that follows from it. Raises `Refused` and `_Withdrawn`."""
        contents, state, target = dict(self.contents), self._state, finding
        repairs: list[Repair] = []
        while len(repairs) < MOST_STEPS:
            program = state.programs[id(target)]
            repair = self._repair(Case(program, target, contents), repairs, finding)
            contents.update(repair.changed)
            repairs.append(repair)
            _check(repair)
            state = self._audited_around(program, target, contents, state)
            worse = self._worse(state, finding)
            if not worse:
                return repairs, contents, state
            target = worse[0]
        raise _Withdrawn(f"{MOST_STEPS} repairs did not come to an end")

    def _audited_around(self, program: Program, finding: Finding, contents: dict[str, bytes], before: _State) -> _State:
        """What the audit says now. Files that no chain of imports connects with the change need no second look."""
        related = program.engine.related
        group = related.group(finding.path)
        apart = {path for path in program.engine.modules if related.group(path) != group}
        apart |= before.apart.get(program, frozenset())
        audited = self.audit({path: data for path, data in contents.items() if path not in apart})
        kept = [each for each in before.findings if each.path in apart]
        programs = {id(each): before.programs[id(each)] for each in kept}
        programs.update({id(each): audited.program for each in audited.findings})
        left_out = {**before.apart, audited.program: frozenset(apart)}
        return _State(tuple(sorted([*kept, *audited.findings], key=_place)), programs, left_out)

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

    def _worse(self, state: _State, finding: Finding) -> list[Finding]:
        """The alarms that are left of the repaired one, or that are new."""
        others = [each for each in self._state.findings if each is not finding]
        allowed, known = Counter(map(_kind, others)), Counter(map(_text, others))
        worse = []
        for each in sorted(state.findings, key=lambda each: not known[_text(each)]):
            if allowed[_kind(each)] > 0:
                allowed[_kind(each)] -= 1
            else:
                worse.append(each)
        return worse


def offered(case: Case) -> Fix:
    """The repair of an alarm before it is tried, or why there is none."""
    try:
        return told([planned(case)])
    except Refused as refused:
        return Fix(safety="manual", title="", refused=str(refused))
    except Exception as error:  # a report is worth more than the repair of one of its alarms
        return Fix(safety="manual", title="", refused=f"the repair failed: {type(error).__name__}: {error}")


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


def _text(finding: Finding) -> tuple[str, str, str]:
    """What stays of an alarm when code around it changes: its message has no line number."""
    return finding.code, finding.path, finding.message


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.code

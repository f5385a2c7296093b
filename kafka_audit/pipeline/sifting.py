"""Which alarms are told, and which does somebody not want to hear of?

Comments in the source have the first word, then the settings, then the baseline: so a comment counts as used whatever
else would silence its alarm, and a baseline never lists what needs no row. What silenced nothing is judged in the end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from kafka_audit.discover import Discovery, as_text
from kafka_audit.discover.exclude import Exclusion
from kafka_audit.model import Finding, Problem, Suppressed
from kafka_audit.rules import UnknownRule, closest, judge_audit, matching, select
from kafka_audit.rules._proceedings import Proceedings, StaleEntry, Suppression
from kafka_audit.settings import CONFIDENCES, SEVERITIES, Settings
from kafka_audit.suppress.baseline import Baseline, Entry, exists, load, updated
from kafka_audit.suppress.comments import Comment, comments_in

Silencer = Callable[[Finding], "str | None"]
"""Why an alarm is not told; `None` when it is."""


class Sifted(NamedTuple):
    """The alarms on the asked files, by file name, and what became of the baseline; `baseline` is one to be written."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    problems: tuple[Problem, ...]
    baseline: Baseline | None = None


def check_selectors(settings: Settings) -> None:
    """Raise `UnknownRule` for a rule that the settings name and that does not exist: before an audit, not after it."""
    for selector in settings.selectors:
        matching(selector)


def sift(
    findings: Iterable[Finding],
    found: Discovery,
    contents: Mapping[str, bytes],
    hiding: Sequence[Problem],
    settings: Settings,
) -> Sifted:
    """What is told of the alarms on the asked files; `hiding` are the problems that hide part of the answer."""
    comments = _Comments({name: contents[name] for name in sorted(found.asked & contents.keys())}, settings)
    configured = _configured(settings, found)
    graded = _graded([each for each in findings if each.path in found.asked], settings)
    told, by_comment = _silence(graded, "comment", comments.reason)
    told, by_config = _silence(told, "config", configured)
    baseline = _Baseline(settings, found)
    new = baseline.rewritten(told)
    told, by_baseline = _silence(told, "baseline", baseline.reason)
    own = judge_audit(
        Proceedings(
            unjudged=_unjudged(hiding, found),
            unused=tuple(comments.unused()),
            unknown=tuple(comments.unknown()),
            stale=tuple(baseline.stale(settings.fail_on_stale)),
        ),
        settings.chosen_rules,
        settings.ignored_rules,
    )
    audit, audit_by_config = _silence(_graded(own.findings, settings), "config", configured)
    silenced = (*by_comment, *by_config, *by_baseline, *audit_by_config)
    return Sifted((*told, *audit), silenced, own.problems, new)


def _silence(findings: Iterable[Finding], by: str, silencer: Silencer) -> tuple[list[Finding], list[Suppressed]]:
    """The alarms that are still told, and those that this silencer silences."""
    told: list[Finding] = []
    silenced: list[Suppressed] = []
    for finding in findings:
        reason = silencer(finding)
        if reason is None:
            told.append(finding)
        else:
            silenced.append(suppressed(finding, by, reason))
    return told, silenced


def suppressed(finding: Finding, by: str, reason: str) -> Suppressed:
    """The alarm as one that was silenced."""
    fields = msgspec.structs.asdict(finding)
    return msgspec.convert(Suppressed(**fields, suppressed_by=by, reason=reason), Suppressed)  # type: ignore[arg-type]


# --- settings --------------------------------------------------------------------------------------------------------


def _graded(findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    """The alarms with the severities that the settings give; the selector of the fewest rules has the last word."""
    given = {}
    for selector in sorted(settings.severity, key=lambda each: -len(matching(each))):
        given.update(dict.fromkeys(matching(selector), settings.severity[selector]))
    return [
        msgspec.structs.replace(finding, severity=given[finding.code]) if finding.code in given else finding
        for finding in findings
    ]


def _configured(settings: Settings, found: Discovery) -> Silencer:
    """What the settings silence: rules in some files, and what is below a threshold."""
    locations = {file.name: file.location for file in found.files}
    ignores = [
        (pattern, Exclusion((pattern,), settings.folder), frozenset(code for each in rules for code in matching(each)))
        for pattern, rules in settings.per_file_ignores.items()
    ]

    def reason(finding: Finding) -> str | None:
        for pattern, files, codes in ignores:
            if finding.code in codes and files.covers(locations.get(finding.path, ""), is_folder=False):
                return f"per-file-ignores {pattern}"
        if SEVERITIES.index(finding.severity) > SEVERITIES.index(settings.min_severity):
            return f"min-severity {settings.min_severity}"
        if CONFIDENCES.index(finding.confidence) > CONFIDENCES.index(settings.min_confidence):
            return f"min-confidence {settings.min_confidence}"
        return None

    return reason


def _ran(settings: Settings) -> frozenset[str]:
    """The rules that were asked. Most runs need not know, and it takes importing all of them."""
    return frozenset(rule.code for rule in select(settings.chosen_rules, settings.ignored_rules))


def _unjudged(hiding: Iterable[Problem], found: Discovery) -> tuple[Problem, ...]:
    """The problems with the asked files."""
    asked = {file.path for file in found.files if file.name in found.asked}
    return tuple(problem for problem in hiding if problem.path in asked)


# --- comments --------------------------------------------------------------------------------------------------------


class _Comments:
    """The suppression comments of the asked files, and which words in them have silenced something."""

    def __init__(self, contents: Mapping[str, bytes], settings: Settings) -> None:
        self._in = {path: comments_in(path, data) for path, data in contents.items()} if settings.ignores else {}
        self._settings = settings
        self._used: set[tuple[Comment, str]] = set()

    def reason(self, finding: Finding) -> str | None:
        """What the first comment that silences the alarm gives as its reason; every one that does counts as used."""
        reasons = []
        for comment in self._in.get(finding.path, ()):
            for word in comment.rules if comment.covers(finding.line) else ():
                if finding.code in _codes(word):
                    self._used.add((comment, word))
                    reasons.append(comment.reason)
        return reasons[0] if reasons else None

    def unused(self) -> Iterable[Suppression]:
        """The words that silenced nothing though a rule that they mean was asked."""
        for comment, word in self._words():
            if comment.form != "enable" and (comment, word) not in self._used and _ran(self._settings) & _codes(word):
                yield Suppression(path=comment.path, at=comment.at, rule=word)

    def unknown(self) -> Iterable[Suppression]:
        """The words that mean no rule, and the comments without a word."""
        for comment, word in self._words():
            if not _codes(word):
                yield Suppression(path=comment.path, at=comment.at, rule=word, closest=closest(word))
        for comment in self._all():
            if not comment.rules:
                yield Suppression(path=comment.path, at=comment.at, rule="")

    def _words(self) -> Iterable[tuple[Comment, str]]:
        return ((comment, word) for comment in self._all() for word in comment.rules)

    def _all(self) -> Iterable[Comment]:
        return (comment for path in sorted(self._in) for comment in self._in[path])


@functools.cache
def _codes(word: str) -> frozenset[str]:
    """The rules that a word in a comment means; none when it means nothing."""
    try:
        return frozenset(matching(word))
    except UnknownRule:
        return frozenset()


# --- baseline --------------------------------------------------------------------------------------------------------


class _Baseline:
    """The baseline of a run, and which rows of it nothing matches."""

    def __init__(self, settings: Settings, found: Discovery) -> None:
        self._settings = settings
        self._shown = as_text(settings.baseline or "")
        self._old = Baseline()
        file = settings.located(settings.baseline) if settings.baseline is not None else ""
        if file and (exists(file) or not settings.update_baseline):
            self._old = load(file, self._shown)
        self._listed = {entry.fingerprint for entry in self._old.alarms}
        self._matched: set[str] = set()
        names = {each.name for each in found.files}
        self._judged = [entry for entry in self._old.alarms if entry.path in found.asked or entry.path not in names]

    def rewritten(self, findings: Sequence[Finding]) -> Baseline | None:
        """The baseline as the run is asked to write it, for these alarms; `None` when it is not asked to."""
        present = {finding.fingerprint for finding in findings}
        gone = [entry for entry in self._judged if self._is_gone(entry, present)]
        self._matched = present & self._listed
        if self._settings.update_baseline:
            self._listed |= present
            self._judged = []
            return updated(self._old, findings, gone)
        if self._settings.prune_baseline:
            self._judged = []
            return updated(self._old, (), gone)
        return None

    def reason(self, finding: Finding) -> str | None:
        """The file that lists the alarm."""
        return self._shown if finding.fingerprint in self._listed else None

    def stale(self, fails: bool) -> Iterable[StaleEntry]:
        """The rows that nothing matches, of rules that were asked and files that were looked at."""
        for entry in self._judged:
            if self._is_gone(entry, self._matched):
                yield StaleEntry(path=self._shown, code=entry.code, alarm=_told(entry), fails=fails)

    def _is_gone(self, entry: Entry, present: Set[str]) -> bool:
        """Whether a rule that was asked does not alarm any more as it says."""
        return entry.fingerprint not in present and entry.code in _ran(self._settings)


def _told(entry: Entry) -> str:
    return f"{entry.path}: {entry.message}"

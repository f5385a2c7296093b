"""Which rules exist, which of them a run selects, and what do they say of a program?

A rule is one module of this package with a `RULE` record and a `check` function; nothing else lists it. A rule selects
and words: the analysis behind it is a query on the linked program.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from kafka_audit.facts.schema import At
from kafka_audit.model import Category, Confidence, Dossier, Finding, Fix, Problem, Record, Severity, Step
from kafka_audit.settings import ConfigError

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.rules._proceedings import Proceedings

Lap = Callable[[str], None]
FixKind = Literal["none", "safe", "unsafe", "manual"]

AUDIT = "KA9"
"""How the codes of the rules begin that judge the audit itself: those of the category `audit`, and no others."""

_CODE = re.compile(r"KA\d*", re.IGNORECASE)


class UnknownRule(ConfigError):
    """A selector names no rule, prefix, name or category; the message is one sentence for the user."""


class Rule(Record, frozen=True, kw_only=True):
    """What a rule means. Everything that is printed of it is generated from this record.

    `code` never changes its meaning. `name` reads well after "allow". `summary` is one sentence without a period;
    `rationale` says why it bites in production. `bad` and `good` are small complete programs that the tests run;
    several files are separated by `# file: name.py`. `fix_note` is one sentence. `since` is a version of this program.
    """

    code: str
    name: str
    category: Category
    severity: Severity
    default: bool
    summary: str
    rationale: str
    bad: str
    good: str
    fix: FixKind
    fix_note: str
    since: str
    references: tuple[str, ...]


class Alarm(Record, frozen=True, kw_only=True):
    """What a rule says of one place; `judge` makes a finding of it.

    `message` is one line, the subject and then what is wrong: no advice, no final period, and no line number (the
    chain in `trace` has them). `producer` is the id of the producer at fault, or `None`. `severity` overrides the
    rule's own.
    """

    path: str
    at: At
    message: str
    confidence: Confidence
    producer: str | None
    trace: tuple[Step, ...]
    severity: Severity | None = None
    fix: Fix | None = None


class Judgement(Record, frozen=True, kw_only=True):
    """What the selected rules found, and the rules that failed."""

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]


class RuleModule(Protocol):
    """The shape of a rule's module.

    `check` is given the linked program; a rule of the category `audit` judges how the audit went instead, and is given
    `Proceedings`.
    """

    RULE: Rule

    def check(self, subject: Any) -> Iterator[Alarm]:
        """Every place that the rule alarms on, in any order."""


def rules() -> tuple[Rule, ...]:
    """Every rule, sorted by code."""
    return tuple(_module(code).RULE for code in _files())


def rule_of(code: str) -> Rule | None:
    """The rule with this code, if this version has it."""
    return _module(code).RULE if code in _files() else None


def select(chosen: Sequence[str], ignored: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that a run applies: the chosen ones, or the default set when none is chosen, less the ignored ones.

    A selector is a code (`KA201`), a prefix of codes (`KA2`), a name, a category, `all`, or `default`. Raises
    `UnknownRule`.
    """
    for selector in (*chosen, *ignored):
        matching(selector)
    return tuple(rule for rule in rules() if _is_selected(rule, chosen, ignored))


def _is_selected(rule: Rule, chosen: Sequence[str], ignored: Sequence[str]) -> bool:
    if any(_means(selector, rule) for selector in ignored):
        return False
    return any(_means(selector, rule) for selector in chosen) if chosen else rule.default


def judge(
    program: Program, chosen: Sequence[str] = (), ignored: Sequence[str] = (), lap: Lap = lambda code: None
) -> Judgement:
    """What the selected rules say of the program, sorted. A rule that raises becomes a problem; the others still run.

    `lap` is told the code of each rule that is done. Raises `UnknownRule` for a selector that matches nothing.
    """
    return _judged((rule for rule in select(chosen, ignored) if rule.category != "audit"), program, lap)


def judge_audit(proceedings: Proceedings, chosen: Sequence[str] = (), ignored: Sequence[str] = ()) -> Judgement:
    """What the selected rules say of how the audit itself went; there is nothing to say of one that left nothing."""
    from kafka_audit.rules._proceedings import Proceedings

    if proceedings == Proceedings():
        return Judgement(findings=(), problems=())
    own = (_module(code).RULE for code in matching(AUDIT))
    return _judged((rule for rule in own if _is_selected(rule, chosen, ignored)), proceedings)


def _judged(chosen: Iterable[Rule], subject: object, lap: Lap = lambda code: None) -> Judgement:
    alarms: list[tuple[Rule, Alarm]] = []
    problems: list[Problem] = []
    for rule in chosen:
        try:
            alarms += [(rule, alarm) for alarm in _module(rule.code).check(subject)]
        except Exception as error:  # one broken rule must not hide what the others found
            problems.append(_failure(rule, error))
        lap(rule.code)
    return Judgement(findings=_findings(alarms), problems=tuple(problems))


def dossier(program: Program, life: Life, findings: Iterable[Finding], problems: Iterable[Problem]) -> Dossier:
    """Everything that is known of one client, in the words that the rules' chains use."""
    from kafka_audit.rules._dossier import dossier as worded  # here, because listing the rules needs no linked program

    return worded(program, life, findings, problems)


@functools.cache
def _files() -> dict[str, str]:
    """The names of the rule modules by code: every module of this package that does not start with an underscore.

    The file of a rule is called after its code and its name, so that asking which codes there are imports no rule, and
    with it no analysis: that is a good part of the time of a run that recalls its answer.
    """
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    return {name.partition("_")[0].upper(): name for name in names}


@functools.cache
def _module(code: str) -> RuleModule:
    """The rule module of this code."""
    module: RuleModule = importlib.import_module(f"{__name__}.{_files()[code]}")
    return module


def matching(selector: str) -> list[str]:
    """The codes that a selector stands for. Raises `UnknownRule` when there are none."""
    word = selector.strip()
    if _CODE.fullmatch(word):
        codes = [code for code in _files() if code.startswith(word.upper())]
    else:
        codes = [rule.code for rule in rules() if _means(word, rule)]
    if not codes:
        raise UnknownRule(_unknown(word))
    return codes


def _means(selector: str, rule: Rule) -> bool:
    """Whether a selector stands for the rule, among others or alone."""
    word = selector.strip()
    if _CODE.fullmatch(word):
        return rule.code.startswith(word.upper())
    return word in {rule.name, rule.category, "all"} or (word == "default" and rule.default)


def _unknown(word: str) -> str:
    """The sentence for a selector that matches nothing, with the closest selector that exists."""
    close = closest(word)
    hint = f"did you mean {close}? " if close else ""
    return f"no rule, prefix, name or category is called {word!r}; {hint}`kafka-audit rules` lists the rules"


def closest(word: str) -> str:
    """The code, name or category that is most like a word that is none; empty when nothing is like it."""
    known = sorted({text for rule in rules() for text in (rule.code, rule.name, rule.category)})
    folded = {text.casefold(): text for text in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.4)
    return folded[close[0]] if close else ""


def _failure(rule: Rule, error: Exception) -> Problem:
    """The problem that stands for a rule that raised; it belongs to no file, so its path is the audited directory."""
    message = f"rule {rule.code} ({rule.name}) failed and was left out: {type(error).__name__}: {error}"
    return Problem(path=".", line=1, kind="internal", message=message)


def _findings(alarms: Sequence[tuple[Rule, Alarm]]) -> tuple[Finding, ...]:
    """The findings, sorted as the report sorts them, equal fingerprints told apart by their order."""
    ordered = sorted(alarms, key=lambda pair: (pair[1].path, pair[1].at, pair[0].code, pair[1].message))
    seen: Counter[str] = Counter()
    findings = []
    for rule, alarm in ordered:
        identity = _identity(rule, alarm)
        findings.append(_finding(rule, alarm, _digest(f"{identity}\0{seen[identity]}")))
        seen[identity] += 1
    return tuple(findings)


def _finding(rule: Rule, alarm: Alarm, fingerprint: str) -> Finding:
    """The finding that an alarm of a rule becomes."""
    line, column, end_line, end_column = alarm.at
    return Finding(
        code=rule.code,
        name=rule.name,
        category=rule.category,
        severity=alarm.severity or rule.severity,
        confidence=alarm.confidence,
        message=alarm.message,
        path=alarm.path,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        producer=alarm.producer,
        trace=tuple(dict.fromkeys(alarm.trace)),
        fix=alarm.fix,
        fingerprint=fingerprint,
    )


def _identity(rule: Rule, alarm: Alarm) -> str:
    """What stays the same of an alarm when code above it moves: no position, and no number in its message."""
    return "\0".join((rule.code, alarm.path, alarm.producer or "", re.sub(r"\d+", "", alarm.message)))


def _digest(text: str) -> str:
    """A short digest that is the same on every machine."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]

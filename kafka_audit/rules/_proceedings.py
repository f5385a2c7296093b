"""How the audit itself went: what the rules about completeness and suppression judge, instead of the program."""

from __future__ import annotations

from kafka_audit.facts.schema import At
from kafka_audit.model import Problem, Record


class Suppression(Record, frozen=True, kw_only=True):
    """One rule named in a suppression comment: where, by which word, and what is closest to a word that is unknown.

    `rule` is empty when the comment names none. `closest` is set for words that mean no rule.
    """

    path: str
    at: At
    rule: str
    closest: str = ""


class StaleEntry(Record, frozen=True, kw_only=True):
    """One row of a baseline that no alarm matches; `path` is the baseline file's, `fails` whether that is an error."""

    path: str
    code: str
    alarm: str
    fails: bool


class Proceedings(Record, frozen=True, kw_only=True):
    """What was left when everything else was judged.

    `unjudged` are problems that hide a part of the answer, `unused` suppressions that silenced nothing though their
    rules were asked, `unknown` those whose word means no rule, `stale` the rows of a baseline that nothing matches.
    """

    unjudged: tuple[Problem, ...] = ()
    unused: tuple[Suppression, ...] = ()
    unknown: tuple[Suppression, ...] = ()
    stale: tuple[StaleEntry, ...] = ()

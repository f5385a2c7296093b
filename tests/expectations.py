"""What does a project expect of the audit, and does the report agree?

Expectations stand in the audited sources as trailing comments, on the line they are about:

    producer = AIOKafkaProducer()  # KA201
    producer = AIOKafkaProducer()  # KA101: runs when the module is imported, KA201
    producer = AIOKafkaProducer()  # site: kind=global created=call place=_producer

`# KA201: words` also wants `words` in the message, `# KA201 info` that severity. A `# site:` comment names only the
facts its case is about; two sites on one line have two comments, in the order of their columns. `a|b` accepts either
answer. A line without a comment wants no alarm. Sites are compared strictly as soon as a project has one `# site:`
comment.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kafka_audit.model import Finding, Producer, Report

SITE_FACTS = ("client", "role", "context", "owner", "kind", "place", "created", "started", "released", "via")


class Alarm(NamedTuple):
    """One alarm that a line wants; `words` must occur in its message, and an empty `severity` leaves it open."""

    path: str
    line: int
    code: str
    words: str
    severity: str = ""


class Site(NamedTuple):
    """One construction site that a line wants; `facts` maps a name of `SITE_FACTS` to the accepted answers."""

    path: str
    line: int
    facts: dict[str, tuple[str, ...]]


class Expectations(NamedTuple):
    """Everything the comments of one project ask for, in the order of path and line."""

    alarms: list[Alarm]
    sites: list[Site]


def read_expectations(folder: Path) -> Expectations:
    """The expectations of every Python file below `folder`, with paths relative to it."""
    alarms: list[Alarm] = []
    sites: list[Site] = []
    for file in sorted(folder.rglob("*.py")):
        path = file.relative_to(folder).as_posix()
        for line, comment in _comments(file.read_text(encoding="utf-8")):
            for remark in comment.split("#")[1:]:
                alarms.extend(_alarms(path, line, remark.strip()))
                sites.extend(_sites(path, line, remark.strip()))
    return Expectations(alarms, sites)


def alarm_differences(wanted: list[Alarm], findings: tuple[Finding, ...]) -> list[str]:
    """One line of text per alarm that is missing, and per alarm that nobody asked for."""
    left = list(findings)
    missing = []
    for alarm in wanted:
        found = next((finding for finding in left if _is_wanted(finding, alarm)), None)
        if found is None:
            missing.append(
                f"{alarm.path}:{alarm.line}: missing alarm {alarm.code} {alarm.severity}{alarm.words}".rstrip()
            )
        else:
            left.remove(found)
    return missing + [f"{f.path}:{f.line}: unexpected alarm {f.code} {f.message}" for f in left]


def site_differences(wanted: list[Site], producers: tuple[Producer, ...]) -> list[str]:
    """One line of text per site that is missing, unexpected, or described otherwise than its comment says."""
    left = sorted(producers, key=lambda producer: (producer.path, producer.line, producer.column))
    differences = []
    for site in wanted:
        found = next((p for p in left if (p.path, p.line) == (site.path, site.line)), None)
        if found is None:
            differences.append(f"{site.path}:{site.line}: missing site {_described(site.facts)}")
            continue
        left.remove(found)
        answers = site_facts(found)
        for name, accepted in site.facts.items():
            if answers[name] not in accepted:
                differences.append(f"{site.path}:{site.line}: {name} is {answers[name]}, not {'|'.join(accepted)}")
    return differences + [f"{p.path}:{p.line}: unexpected site {p.client} {p.kind}" for p in left]


def differences(folder: Path, report: Report) -> list[str]:
    """Everything in which `report`, a report on `folder` with paths relative to it, departs from the comments."""
    wanted = read_expectations(folder)
    found = alarm_differences(wanted.alarms, report.findings)
    return sorted(found + (site_differences(wanted.sites, report.producers) if wanted.sites else []))


def site_facts(producer: Producer) -> dict[str, str]:
    """The facts of a producer under the names that a `# site:` comment uses."""
    return {
        "client": producer.client,
        "role": producer.role,
        "context": producer.context,
        "owner": producer.owner,
        "kind": producer.kind,
        "place": producer.place or "none",
        "created": producer.created.when,
        "started": producer.started.when,
        "released": producer.released.verdict,
        "via": ",".join(producer.via) or "none",
    }


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every comment; a `#` inside a string is none."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _alarms(path: str, line: int, remark: str) -> Iterator[Alarm]:
    if re.match(r"KA\d", remark):
        for item in re.split(r",\s*(?=KA\d)", remark):
            head, _, words = item.partition(":")
            code, _, severity = head.partition(" ")
            assert re.fullmatch(r"KA\d{3}", code), f"{path}:{line}: {code!r} is no code"
            assert severity in {"", "info", "warning", "error"}, f"{path}:{line}: {severity!r} is no severity"
            yield Alarm(path, line, code, words.strip(), severity)


def _sites(path: str, line: int, remark: str) -> Iterator[Site]:
    if remark.startswith("site:"):
        facts = {}
        for item in remark.removeprefix("site:").split():
            name, equals, value = item.partition("=")
            assert equals and name in SITE_FACTS, f"{path}:{line}: {item!r} is no fact of a site"
            facts[name] = tuple(value.split("|"))
        yield Site(path, line, facts)


def _is_wanted(finding: Finding, alarm: Alarm) -> bool:
    same_place = (finding.path, finding.line, finding.code) == (alarm.path, alarm.line, alarm.code)
    return same_place and alarm.words in finding.message and alarm.severity in {"", finding.severity}


def _described(facts: dict[str, tuple[str, ...]]) -> str:
    return " ".join(f"{name}={'|'.join(accepted)}" for name, accepted in facts.items())

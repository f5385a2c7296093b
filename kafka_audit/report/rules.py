"""How is a rule explained, and how are the rules listed: as text, as JSON, in Markdown?

Everything is generated from the rule's record, so that no description can go stale. Rules come from this program, not
from audited code: their text needs no escaping for the terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from kafka_audit.rules import Rule

RulesFormat = Literal["text", "json", "markdown"]
_WIDTH = 80


def explain(rule: Rule) -> str:
    """One rule as plain text, 80 columns at most."""
    facts = {
        "category": rule.category,
        "severity": rule.severity,
        "default": "on" if rule.default else "off",
        "fix": rule.fix,
        "since": rule.since,
    }
    parts = [
        f"{rule.code}  {rule.name}",
        _wrapped(f"{rule.summary}."),
        "\n".join(f"{name:<10}{value}" for name, value in facts.items()),
        f"Why\n{_wrapped(rule.rationale, '  ')}",
        f"Alarm\n{textwrap.indent(rule.bad.rstrip(), '    ')}",
        f"No alarm\n{textwrap.indent(rule.good.rstrip(), '    ')}",
        f"Repair\n{_wrapped(f'{rule.fix_note}.', '  ')}",
        "References\n" + "\n".join(_wrapped(item, "  - ", "    ") for item in rule.references),
    ]
    return "\n\n".join(parts) + "\n"


def listing(rules: Sequence[Rule], format: RulesFormat) -> str:
    """All rules: a line and a sentence for each, a JSON array of their records, or a Markdown table."""
    if format == "json":
        return msgspec.json.format(msgspec.json.encode(rules), indent=2).decode() + "\n"
    if format == "markdown":
        return table(rules)
    return "\n".join(map(_entry, rules))


def table(rules: Sequence[Rule], pages: str = "") -> str:
    """A Markdown table of rules; with `pages`, the folder of the rules' pages, each code is a link."""
    rows = ["| code | name | severity | default | it alarms when |", "| --- | --- | --- | --- | --- |"]
    for rule in rules:
        code = f"[{rule.code}]({pages}/{rule.code}.md)" if pages else rule.code
        default = "on" if rule.default else "off"
        rows.append(f"| {code} | {rule.name} | {rule.severity} | {default} | {rule.summary} |")
    return "\n".join(rows) + "\n"


def page(rule: Rule) -> str:
    """One rule as a Markdown page."""
    default = "on by default" if rule.default else "off by default"
    parts = [
        f"# {rule.code}: {rule.name}",
        f"{rule.summary}.",
        f"{rule.category}, {rule.severity}, {default}, since {rule.since}",
        f"## Why\n\n{rule.rationale}",
        f"## Alarm\n\n{_fenced(rule.bad)}",
        f"## No alarm\n\n{_fenced(rule.good)}",
        f"## Repair\n\n{rule.fix_note}. (Fix: {rule.fix}.)",
        "## References\n\n" + "\n".join(f"- {_linked(item)}" for item in rule.references),
    ]
    return "\n\n".join(parts) + "\n"


def _entry(rule: Rule) -> str:
    default = "" if rule.default else ", off by default"
    head = f"{rule.code}  {rule.name} ({rule.category}, {rule.severity}{default})"
    return f"{head}\n{_wrapped(f'{rule.summary}.', ' ' * 7)}\n"


def _wrapped(text: str, indent: str = "", hanging: str | None = None) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _fenced(code: str) -> str:
    return f"```python\n{code.rstrip()}\n```"


def _linked(reference: str) -> str:
    return f"<{reference}>" if reference.startswith("https://") else reference

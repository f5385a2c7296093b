"""The command `rules`: which rules are there?"""

from __future__ import annotations

from typing import Annotated, Literal

from kafka_audit.cli.app import Action, app, choice, printing
from kafka_audit.settings import chosen

_FORMATS: tuple[Literal["text", "json", "markdown"], ...] = ("text", "json", "markdown")


@app.command()
def rules(format: Annotated[str, choice("--format", _FORMATS, "How to list them.", "-f")] = "text") -> Action:
    """List the rules."""
    return lambda: _rules(format)


def _rules(format: str) -> int:
    from kafka_audit.report.rules import listing
    from kafka_audit.rules import rules

    return printing(listing(rules(), chosen("--format", format, _FORMATS)))()

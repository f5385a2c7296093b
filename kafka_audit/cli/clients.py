"""The command `clients`: what is known of the libraries and frameworks?"""

from __future__ import annotations

from typing import Annotated, Literal

from kafka_audit.cli.app import Action, app, choice, printing
from kafka_audit.settings import chosen

_FORMATS: tuple[Literal["text", "json"], ...] = ("text", "json")


@app.command()
def clients(format: Annotated[str, choice("--format", _FORMATS, "How to list them.", "-f")] = "text") -> Action:
    """List what is known of each Kafka client and each framework hook."""
    return lambda: _clients(format)


def _clients(format: str) -> int:
    from kafka_audit.report.catalog import listing

    return printing(listing(chosen("--format", format, _FORMATS)))()

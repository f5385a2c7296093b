"""The command `explain`: what does a rule mean?"""

from __future__ import annotations

from typing import Annotated

import typer

from kafka_audit.cli.app import Action, app, printing


@app.command(short_help="Explain a rule, with an example.")
def explain(rule: Annotated[str, typer.Argument(metavar="RULE", help="A code, such as KA201, or a name.")]) -> Action:
    """Explain a rule: what it means, why it matters, what a repair looks like."""
    return lambda: _explain(rule)


def _explain(rule: str) -> int:
    from kafka_audit.report.rules import explain
    from kafka_audit.rules import select

    return printing("\n".join(explain(each) for each in select((rule,), ())))()

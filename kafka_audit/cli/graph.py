"""The command `graph`: who creates, owns, starts and releases each producer, as a picture?"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from kafka_audit.cli.app import Action, app, choice
from kafka_audit.cli.manners import Progress, abandon_stdout
from kafka_audit.cli.options import LINE, given, settled, signature
from kafka_audit.settings import ConfigError, Settings, chosen

_FORMATS = ("mermaid", "dot", "html")

NOTES = """\b
Examples:
  kafka-audit graph --format html --output producers.html
                                     a page to open in a browser
  kafka-audit graph app/             Mermaid, for a Markdown file
  kafka-audit graph --format dot | dot -Tsvg > producers.svg

\b
Exit codes:
  0  the picture is drawn
  2  the command or its settings are wrong
  3  the picture is incomplete: a file could not be read"""

_OWN: dict[str, tuple[Any, Any]] = {
    "drawing": (Annotated[str, choice("--format", _FORMATS, "How to draw it.", "-f")], "mermaid"),
    "file": (
        Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to this file.")],
        None,
    ),
}
_SETTINGS = tuple(
    setting
    for setting in LINE
    if setting.option.group in ("Scope", "Run") or setting.name == "quiet"
    if setting.name not in ("stdin_filename", "changed_since")
)
"""Those that say where to look."""


def graph(**arguments: Any) -> Action:
    """Draw who creates, owns, starts and releases each producer, and what imports it.

    The page of `--format html` is one file that needs no network; it has a search box.
    """
    line = given(arguments)

    def act() -> int:
        format = chosen("--format", arguments["drawing"], _FORMATS)
        settings, _ = settled(arguments, line)
        return _graph(settings, format, arguments["file"])

    return act


graph.__signature__ = signature(_OWN, _SETTINGS)  # type: ignore[attr-defined]
app.command(epilog=NOTES, short_help="Draw who creates, owns, starts and releases each producer.")(graph)


def _graph(settings: Settings, format: str, file: str | None) -> int:
    import msgspec

    from kafka_audit.pipeline import check_output, deliver_text
    from kafka_audit.pipeline.graph import graph as answer
    from kafka_audit.report.graph import render

    if "-" in settings.paths:
        raise ConfigError("graph draws a project; name files or folders instead of `-`")
    settings = msgspec.structs.replace(settings, output=() if file is None else (file,))
    check_output(settings)
    with Progress(settings.quiet) as progress:
        found = answer(settings, progress)
    try:
        deliver_text(render(found, format), settings)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        abandon_stdout()
    return 3 if found.problems else 0

"""The command `impact`: which producers come alive in which tests?"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from kafka_audit.cli.app import Action, app
from kafka_audit.cli.manners import Progress, abandon_stdout
from kafka_audit.cli.options import LINE, given, settled, signature
from kafka_audit.settings import ConfigError, Settings

NOTES = """\b
Examples:
  kafka-audit impact tests/test_pay.py         one test file, run on its own
  kafka-audit impact tests/test_pay.py::test_a one test
  kafka-audit impact tests/ --format json      every test file in a folder
  kafka-audit impact tests/ --reverse app/kafka.py:14
                                               the tests that bring it to life

\b
Exit codes:
  0  the question is answered
  2  the command or its settings are wrong, or name a test that does not exist
  3  the answer is incomplete: a file that the tests import could not be read"""

_OWN: dict[str, tuple[Any, Any]] = {
    "paths": (
        Annotated[list[str] | None, typer.Argument(metavar="TEST", help="Test files, folders and `file::test` ids.")],
        None,
    ),
    "reverse": (
        Annotated[
            str | None,
            typer.Option("--reverse", metavar="PRODUCER", help="The tests that reach it: PATH:LINE or an id."),
        ],
        None,
    ),
}
_SETTINGS = tuple(
    setting
    for setting in LINE
    if setting.option.group in ("Scope", "Run") or setting.name in ("format", "output", "color", "quiet")
    if setting.name not in ("stdin_filename", "changed_since")
)
"""Those that say where to look and how to tell."""


def impact(**arguments: Any) -> Action:
    """Tell which producers come alive while tests run, how they get there, and whether mocks take effect.

    Nothing is run. Imports, fixtures and calls are followed in the order in which pytest would come to them, for each
    test file as if it were run on its own.
    """
    line = given(arguments)

    def act() -> int:
        settings, _ = settled(arguments, line)
        return _impact(settings, arguments["reverse"])

    return act


impact.__signature__ = signature(_OWN, _SETTINGS)  # type: ignore[attr-defined]
app.command(epilog=NOTES, short_help="Tell which producers come alive in which tests.")(impact)


def _impact(settings: Settings, reverse: str | None) -> int:
    import msgspec

    from kafka_audit.pipeline import check_output, deliver_text
    from kafka_audit.pipeline.impact import impact as answer
    from kafka_audit.pipeline.saving import check_only
    from kafka_audit.pipeline.telling import wants_color
    from kafka_audit.report.impact import render

    if "-" in settings.paths:
        raise ConfigError("impact follows test files; name one instead of `-`")
    if settings.format == "auto":
        settings = msgspec.structs.replace(settings, format="text")
    check_only(settings, "impact", ("text", "json"))
    check_output(settings)
    with Progress(settings.quiet) as progress:
        found = answer(settings, progress, reverse)
    try:
        deliver_text(render(found, settings.format, color=wants_color(settings, sys.stdout)), settings)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; the answer stands
        abandon_stdout()
    return 3 if found.problems else 0

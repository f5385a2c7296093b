"""How does a report get into a file, so that a reader sees the old one or the new one and never half of one?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from kafka_audit.discover import as_text
from kafka_audit.pipeline.replacing import replace
from kafka_audit.settings import FORMATS, ConfigError, Format, Settings, chosen


class Destination(NamedTuple):
    """One telling of a report: in which format, and into which file; `None` is the standard output."""

    format: Format
    file: str | None


def destinations(settings: Settings) -> list[Destination]:
    """Where the settings want a report, and how.

    A file without a format of its own takes the place of the standard output. Files with one come besides.
    """
    usual = _usual(settings)
    named: list[Destination] = []
    others: list[Destination] = []
    for each in settings.output:
        format, colon, file = each.partition(":")
        if colon and format in FORMATS:
            others.append(Destination(chosen("--output", format, FORMATS), file))
        else:
            named.append(Destination(usual, each))
    return [*(named or [Destination(usual, None)]), *others]


def check_only(settings: Settings, what: str, formats: Sequence[Format]) -> None:
    """Raise `ConfigError` when anything is to be told in another way than `what`, told in one piece, can be."""
    for place in destinations(settings):
        if place.format not in formats or place.format != settings.format:
            known = " or ".join(formats)
            raise ConfigError(f"{what} is told as {known}; leave out the format {place.format}")


def _usual(settings: Settings) -> Format:
    """The format of what goes to the standard output."""
    if settings.format == "auto":
        return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"
    return settings.format


def check_output(settings: Settings) -> None:
    """Raise `ConfigError` when a file cannot be written: before the audit, not after it."""
    for place in destinations(settings):
        if place.file is not None:
            _check("--output", place.file, place.file)
    if settings.baseline is not None and settings.update_baseline:
        _check("--baseline", settings.baseline, settings.located(settings.baseline))


def _check(option: str, shown: str, path: str) -> None:
    if not shown or os.path.isdir(path):
        raise ConfigError(f"{option} `{as_text(shown)}` is a folder; name a file in it")
    if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise ConfigError(f"{option} {as_text(shown)} cannot be written: its folder does not exist; make it first")


def save(path: str, text: str) -> None:
    """Write the text to the file, as UTF-8. Raises `ConfigError` when that fails; the old content stands then."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "w", encoding="utf-8", newline="\n") as file:  # a pipe or a terminal: cannot be replaced
                file.write(text)
        else:
            replace(os.path.realpath(path), text.encode())
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigError(f"--output {as_text(path)} cannot be written: {error.strerror}") from error

"""How does a report get into a file, so that a reader sees the old one or the new one and never half of one?"""

from __future__ import annotations

import os

from kafka_audit.discover import as_text
from kafka_audit.pipeline.replacing import replace
from kafka_audit.settings import ConfigError


def check_output(path: str | None) -> None:
    """Raise `ConfigError` when no file can be written there: before the audit, not after it."""
    if path is None:
        return
    if os.path.isdir(path):
        raise ConfigError(f"--output {as_text(path)} is a folder; name a file in it")
    if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise ConfigError(f"--output {as_text(path)} cannot be written: its folder does not exist; make it first")


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

"""How does a report get into a file, so that a reader sees the old one or the new one and never half of one?"""

from __future__ import annotations

import os
import stat
import tempfile

from kafka_audit.discover import as_text
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
            _replace(os.path.realpath(path), text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigError(f"--output {as_text(path)} cannot be written: {error.strerror}") from error


def _replace(target: str, text: str) -> None:
    """Put a complete new file in the target's place, with the rights that the target has or would get."""
    handle, draft = tempfile.mkstemp(prefix=".kafka-audit-", dir=os.path.dirname(target))
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(draft, _rights(target))
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise


def _rights(target: str) -> int:
    """The permission bits of the target; those of a new file when there is none."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask

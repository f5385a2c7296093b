"""How do new bytes get into a file, so that a reader sees the old ones or the new ones and never half of either?"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

from kafka_audit.discover import as_text
from kafka_audit.settings import ConfigError

DRAFT = ".kafka-audit-"
"""How the names of half-written files begin."""


class Change(NamedTuple):
    """The bytes that a file had when it was read, `None` if there was none, and those it is to have."""

    before: bytes | None
    after: bytes


def replace(target: str, data: bytes) -> None:
    """Put a complete new file in the target's place, with the rights that the target has or would get."""
    draft = _draft(target, data)
    try:
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise


def replace_all(changes: Mapping[str, Change]) -> None:
    """Change all of these files, or none. Raises `ConfigError` when one cannot be written or is not what it was."""
    drafts: dict[str, str] = {}
    done: list[str] = []
    try:
        for location, change in changes.items():
            target = os.path.realpath(location)
            if content_of(target) != change.before:
                raise ConfigError(f"{as_text(location)} changed while the audit ran; nothing was written, run again")
            drafts[target] = _draft(target, change.after)
        for target, draft in drafts.items():
            os.replace(draft, target)
            done.append(target)
    except BaseException as error:
        originals = {os.path.realpath(location): change.before for location, change in changes.items()}
        for target in done:
            _restore(target, originals[target])
        for target in drafts.keys() - set(done):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(drafts[target])
        if isinstance(error, OSError):
            name = as_text(str(error.filename or "a file"))
            raise ConfigError(f"{name} cannot be written: {error.strerror}; nothing was changed") from error
        raise


def _draft(target: str, data: bytes) -> str:
    """A complete file beside the target, with its rights; the name it has."""
    handle, draft = tempfile.mkstemp(prefix=DRAFT, dir=os.path.dirname(target))
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(draft, _rights(target))
    except BaseException as error:
        os.unlink(draft)
        if isinstance(error, OSError):
            error.filename = target  # the draft is nobody's business
        raise
    return draft


def _restore(target: str, before: bytes | None) -> None:
    if before is None:
        os.unlink(target)
    else:
        replace(target, before)


def content_of(target: str) -> bytes | None:
    """The bytes of a file; `None` when there is none."""
    try:
        with open(target, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _rights(target: str) -> int:
    """The permission bits of the target; those of a new file when there is none."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask

"""What is in the files: their bytes, each read once, and a problem for each that cannot be read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from kafka_audit.discover import Source
from kafka_audit.model import Problem

MAX_SIZE = 5_000_000
"""Bytes. Larger Python files are generated data: parsing one takes minutes and gigabytes."""


class _Unreadable(Exception):
    """Why a file cannot be read."""


def read(files: Iterable[Source]) -> tuple[dict[str, bytes], list[Problem]]:
    """The bytes of the files by name, and a problem for each file that has none."""
    contents: dict[str, bytes] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            contents[file.name] = _bytes_of(file.location)
        except (OSError, _Unreadable) as error:
            problems.append(Problem(path=file.path, line=1, kind="unreadable", message=_reason(error)))
    return contents, problems


def _bytes_of(location: str) -> bytes:
    """The content of a regular file. Opened without waiting: a pipe that is called `x.py` would wait for ever."""
    with open(location, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _Unreadable("not a regular file")
        if status.st_size > MAX_SIZE:
            raise _Unreadable(f"{status.st_size} bytes are more than the {MAX_SIZE} that are read of one file")
        return file.read()


def _open_at_once(location: str, flags: int) -> int:
    return os.open(location, flags | getattr(os, "O_NONBLOCK", 0))


def _reason(error: OSError | _Unreadable) -> str:
    """Why, without the path, which the problem has already."""
    if isinstance(error, FileNotFoundError):
        return "the file vanished while the audit ran"
    return str(error) if isinstance(error, _Unreadable) else f"the file cannot be read: {error.strerror}"

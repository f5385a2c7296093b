"""Which files do the settings name, and what is in them: bytes, each read once, or a problem for each without any."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping

from kafka_audit.discover import Discovery, Source, discover
from kafka_audit.discover.exclude import Exclusion
from kafka_audit.discover.notebooks import SUFFIX, Notebook, notebook
from kafka_audit.model import Problem
from kafka_audit.settings import Settings

MAX_SIZE = 5_000_000
"""Bytes. Larger Python files are generated data: parsing one takes minutes and gigabytes."""


MAX_NOTEBOOK_SIZE = 50_000_000
"""Bytes. What makes notebooks large is pictures, which are dropped before anything is parsed."""


class _Unreadable(Exception):
    """Why a file cannot be read."""


def discovered(settings: Settings) -> Discovery:
    """The files of the project, and those of them that the settings ask for."""
    patterns = (*settings.exclude, *settings.extend_exclude)
    named = [path for path in settings.paths if path != "-"]
    exclusion = Exclusion(patterns, settings.folder, forced=settings.force_exclude)
    found = discover(named, exclusion, settings.stdin_filename if "-" in settings.paths else None)
    if settings.changed_since is None:
        return found
    from kafka_audit.pipeline.changed import narrowed  # here, because it starts processes

    return narrowed(found, settings.changed_since)


def read(files: Iterable[Source], typed: Mapping[str, bytes] | None = None) -> tuple[dict[str, bytes], list[Problem]]:
    """The bytes of the files by name, and a problem for each file that has none.

    `typed` has the bytes of files, by real path, that do not come from there.
    """
    contents: dict[str, bytes] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            known = typed.get(os.path.realpath(file.location)) if typed else None
            contents[file.name] = _bytes_of(file.location) if known is None else known
        except (OSError, _Unreadable) as error:
            problems.append(Problem(path=file.path, line=1, kind="unreadable", message=_reason(error)))
    return contents, problems


def typed(settings: Settings) -> dict[str, bytes]:
    """What the standard input gives, when it is asked for, by the real path that it stands for."""
    if "-" not in settings.paths:
        return {}
    return {os.path.realpath(settings.stdin_filename): sys.stdin.buffer.read(MAX_SIZE)}


def notebooks_in(contents: dict[str, bytes]) -> dict[str, Notebook]:
    """The notebooks among the files, by name; in `contents` their Python takes their place."""
    found = {name: each for name in contents if name.endswith(SUFFIX) and (each := notebook(contents[name]))}
    contents.update({name: each.source for name, each in found.items()})
    return found


def _bytes_of(location: str) -> bytes:
    """The content of a regular file. Opened without waiting: a pipe that is called `x.py` would wait for ever."""
    with open(location, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _Unreadable("not a regular file")
        most = MAX_NOTEBOOK_SIZE if location.endswith(SUFFIX) else MAX_SIZE
        content = file.read(most + 1) if status.st_size <= most else b""  # somebody may be writing at its end
        if status.st_size > most or len(content) > most:
            size = max(status.st_size, len(content))
            raise _Unreadable(f"{size} bytes are more than the {most} that are read of one file")
        return content


def _open_at_once(location: str, flags: int) -> int:
    return os.open(location, flags | getattr(os, "O_NONBLOCK", 0))


def _reason(error: OSError | _Unreadable) -> str:
    """Why, without the path, which the problem has already."""
    if isinstance(error, FileNotFoundError):
        return "the file vanished while the audit ran"
    return str(error) if isinstance(error, _Unreadable) else f"the file cannot be read: {error.strerror}"

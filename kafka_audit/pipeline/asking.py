"""Which client stands at the place that a person asks about?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kafka_audit.discover import Discovery, Source, as_text
from kafka_audit.settings import ConfigError

if TYPE_CHECKING:
    from kafka_audit.link.lives.life import Life
    from kafka_audit.link.program import Program
    from kafka_audit.model import Finding


class Place(NamedTuple):
    """A line of a file, both as typed."""

    path: str
    line: int


def place(text: str) -> Place:
    """What `PATH:LINE` names; a column behind it, as the concise format prints it, is left out.

    Raises `ConfigError` for anything else.
    """
    match = re.fullmatch(r"(.+?):(\d+)(?::\d+)?:?", text, flags=re.DOTALL)
    if match is None:
        raise ConfigError(f"--explain-site is {as_text(text)!r}; it takes PATH:LINE, such as app/events.py:14")
    return Place(match[1], int(match[2]))


def life_at(program: Program, findings: Iterable[Finding], found: Discovery, asked: Place) -> Life:
    """The client that is created at a line, or that an alarm at this line is on.

    Raises `ConfigError` when there is none; the sentence names the nearest one in the file.
    """
    source = _source(found, asked.path)
    here = [life for life in program.lives.all if life.path == source.name]
    audited = [life for life in here if life in program.audited]
    alarmed = {each.producer for each in findings if each.path == source.name and each.line == asked.line}
    candidates = [life for life in audited if _covers(life, asked.line)]
    candidates += [life for life in program.audited if life.id in alarmed]
    if candidates:
        return candidates[0]
    raise ConfigError(_nothing(source, asked.line, audited, [life for life in here if life not in audited]))


def _covers(life: Life, line: int) -> bool:
    first, _, last, _ = life.site.node.at
    return first <= line <= last


def _source(found: Discovery, path: str) -> Source:
    """The file of the project; raises `ConfigError` for a path that is none."""
    real = os.path.realpath(path)
    for source in found.files:
        if source.path == path or os.path.realpath(source.location) == real:
            return source
    reason = "is not one of the Python files of the project" if os.path.exists(path) else "does not exist"
    raise ConfigError(f"--explain-site names {as_text(path)}, which {reason}; name a file and line of a report")


def _nothing(source: Source, line: int, audited: Sequence[Life], others: Sequence[Life]) -> str:
    """Why nothing can be explained there, and where something can."""
    role = next((life.site.client.role for life in others if _covers(life, line)), "")
    if role:
        return f"{source.path}:{line} creates a client that was not audited; add --role {role}"
    head = f"no audited Kafka client is created at {source.path}:{line}"
    if not audited:
        return f"{head}, nor anywhere else in that file"
    nearest = min(audited, key=lambda life: (abs(life.site.node.at[0] - line), life.site.node.at))
    return f"{head}; the nearest in that file is at {source.path}:{nearest.site.node.at[0]}, in {nearest.owner}"

"""What is true of the audited code? Labels, one JSON object a line, written by people who read that code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from kafka_audit.model import Record, Role


class MeasureError(Exception):
    """What was given cannot be measured. Its text is one sentence that says where and why."""


class Label(Record, frozen=True, kw_only=True):
    """What a reader found out about one line of code; `measure/README.md` describes every field.

    A label with `looks_like` marks a line that resembles a construction and is none. Fields that are None or empty
    were not looked at, and are not scored.
    """

    repo: str
    path: str
    line: int
    commit: str = ""
    looks_like: str | None = None
    client: str = ""
    role: Role = "producer"
    binding: str | None = None
    binding_also: tuple[str, ...] = ()
    alt_binding: str | tuple[str, ...] = ()
    created_at: Literal["import", "call"] | None = None
    started_at: Literal["import", "call", "constructor", "never", "n/a"] | None = None
    start_line: int | None = None
    closed: str | None = None
    leak: Literal["yes", "no", "unsure"] | None = None
    confidence: Literal["high", "medium", "low"] | None = None
    why: str = ""

    @property
    def bindings(self) -> tuple[str, ...]:
        """Where the object may be said to live: every answer that is to be accepted, the best one first."""
        others = (self.alt_binding,) if isinstance(self.alt_binding, str) else self.alt_binding
        return tuple(word for word in (self.binding, *self.binding_also, *others) if word)


class CodeBase(Record, frozen=True, kw_only=True):
    """One labelled tree of files: a repository at a commit, or a released package."""

    repo: str
    commit: str
    labels: tuple[Label, ...]

    @property
    def name(self) -> str:
        """The repository with the first digits of its commit; of a released package, the name with the version."""
        if self.commit.startswith(self.repo):
            return self.commit
        return f"{self.repo}@{self.commit[:10]}" if self.commit else self.repo

    def answers(self, key: str) -> bool:
        """Whether `key`, a name or a repository or a repository with the beginning of a commit, means this one."""
        repo, at, commit = key.rpartition("@")
        return key in (self.name, self.repo) or bool(at and repo == self.repo and self.commit.startswith(commit))


def read_labels(paths: Iterable[Path]) -> list[CodeBase]:
    """The code bases that the files label, sorted by name. Raises `MeasureError` for a file or line it cannot read."""
    grouped: dict[tuple[str, str], list[Label]] = {}
    for path in paths:
        for label in _lines(path):
            grouped.setdefault((label.repo, label.commit), []).append(label)
    bases = [
        CodeBase(repo=repo, commit=commit, labels=tuple(sorted(labels, key=lambda label: (label.path, label.line))))
        for (repo, commit), labels in grouped.items()
    ]
    return sorted(bases, key=lambda base: base.name)


def the_one(key: str, bases: Sequence[CodeBase]) -> CodeBase:
    """The code base that `key` means. Raises `MeasureError` when it means none, or several."""
    meant = [base for base in bases if base.answers(key)]
    if not meant:
        raise MeasureError(f"no label is about `{key}`")
    if len(meant) > 1:
        raise MeasureError(
            f"`{key}` is labelled at several commits; name one: {', '.join(base.name for base in meant)}"
        )
    return meant[0]


def _lines(path: Path) -> list[Label]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise MeasureError(f"{path} cannot be read: {error.strerror}") from error
    labels = []
    for number, line in enumerate(lines, 1):
        try:
            labels += [msgspec.json.decode(line, type=Label)] if line.strip() else []
        except msgspec.MsgspecError as error:
            raise MeasureError(f"{path}:{number} is no label: {error}") from error
    return labels

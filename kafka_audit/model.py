"""The words of the report: what every phase after linking speaks in, and what the JSON document is made of.

Field names are a contract (see `docs/report.md`): they may be added to, never renamed or dropped without a new
`schema_version`. Paths are POSIX and relative to the directory the command runs in; lines and columns are 1-based,
end columns are exclusive.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

SCHEMA_VERSION = "1"

Role = Literal["producer", "consumer", "admin"]
Context = Literal["app", "test", "example", "script"]
Kind = Literal["global", "instance", "pooled", "local", "returned", "managed", "delegated", "fixture", "unknown"]
Verdict = Literal["always", "sometimes", "never", "delegated", "unknown"]
Category = Literal["import-time", "lifecycle", "async", "tests", "configuration", "audit"]
Severity = Literal["error", "warning", "info"]
Confidence = Literal["high", "medium", "low"]
Safety = Literal["safe", "unsafe", "manual"]
ProblemKind = Literal["syntax", "encoding", "unreadable", "too-deep", "internal"]

RANK: Final[dict[Severity, int]] = {severity: rank for rank, severity in enumerate(get_args(Severity))}
"""The order of the severities, the worst first."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the report's records: immutable, compared by value, encoded field by field."""


class Tool(Record, frozen=True, kw_only=True):
    """The program that wrote the report."""

    name: str
    version: str


class Created(Record, frozen=True, kw_only=True):
    """When the constructor runs: while a module is imported, or when something is called."""

    when: Literal["import", "call"]


class Started(Record, frozen=True, kw_only=True):
    """When and where the client is started; `constructor` for clients that start themselves."""

    when: Literal["import", "call", "constructor", "never"]
    path: str | None = None
    line: int | None = None


class Release(Record, frozen=True, kw_only=True):
    """One place that releases the client: `owner` is the function it stands in, `how` the call as written."""

    path: str
    line: int
    owner: str
    how: str


class Released(Record, frozen=True, kw_only=True):
    """Whether the client is released, and by what."""

    verdict: Verdict
    by: tuple[Release, ...] = ()


class Root(Record, frozen=True, kw_only=True):
    """A place where an object that keeps the client is itself created, and what becomes of that object.

    `name` is the object's class, `owner` the function that creates it. `opens` is whether the object is
    seen to create or start the client: one that is not may owe nothing.
    """

    path: str
    line: int
    name: str
    owner: str
    kind: Kind
    opens: bool
    released: Verdict


class Producer(Record, frozen=True, kw_only=True):
    """One construction site of a known client (of whatever role): where it is, who keeps it, what becomes of it."""

    id: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    client: str
    via: tuple[str, ...]
    role: Role
    context: Context
    owner: str
    kind: Kind
    place: str | None
    created: Created
    started: Started
    released: Released
    roots: tuple[Root, ...] = ()


class Step(Record, frozen=True, kw_only=True):
    """One step of a chain of evidence."""

    path: str
    line: int
    message: str


class Replacement(Record, frozen=True, kw_only=True):
    """Text to put in the place of a part of a file, which ends before its end column; an empty part is an insertion.

    Columns are characters, counted from 1; a line after the last one, at column 1, is the end of the file.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class Fix(Record, frozen=True, kw_only=True):
    """What a repair would be; `refused` says why none is offered.

    `edits` change the files, all of them at once; they are there when the repair was audited with the whole project.
    """

    safety: Safety
    title: str
    refused: str | None = None
    edits: tuple[Replacement, ...] = ()


class Finding(Record, frozen=True, kw_only=True):
    """One alarm: a rule, a place, and the chain of evidence (first to last) that leads there."""

    code: str
    name: str
    category: Category
    severity: Severity
    confidence: Confidence
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    producer: str | None
    trace: tuple[Step, ...]
    fix: Fix | None = None
    fingerprint: str = ""


class Suppressed(Finding, frozen=True, kw_only=True):
    """An alarm that was silenced, and by what; `reason` is what the comment gives, or which setting it was."""

    suppressed_by: Literal["comment", "baseline", "config"]
    reason: str = ""


class Considered(Release, frozen=True, kw_only=True):
    """A place that could release the client: whether it counts as its release, and why or why not."""

    counts: bool
    why: str


class Problem(Record, frozen=True, kw_only=True):
    """A file, or a part of one, that the audit could not judge."""

    path: str
    line: int
    kind: ProblemKind
    message: str


class Summary(Record, frozen=True, kw_only=True):
    """The report in numbers; `complete` is false when a problem hides part of the answer.

    `skipped` counts what was left out on purpose: what is `excluded`, `ignored` by git, `stubs`, and second `links`.
    """

    files_seen: int
    files_analysed: int
    producers: int
    by_kind: dict[str, int]
    findings: int
    by_code: dict[str, int]
    by_severity: dict[str, int]
    suppressed: int
    problems: int
    complete: bool
    skipped: dict[str, int] = msgspec.field(default_factory=dict)


class Report(Record, frozen=True, kw_only=True):
    """The whole answer. Every list is sorted by (path, line, column, code)."""

    schema_version: str
    tool: Tool
    producers: tuple[Producer, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    problems: tuple[Problem, ...]
    summary: Summary


class Dossier(Record, frozen=True, kw_only=True):
    """Everything known about one producer, in telling order; not part of the report.

    `places` are those that the client was followed to, `ways` how control gets to its constructor, `starts` where it is
    started, `losses` where a path loses it, `gaps` what could not be followed. `problems` hide a part of the project.
    """

    producer: Producer
    places: tuple[Step, ...]
    ways: tuple[Step, ...]
    starts: tuple[Step, ...]
    releases: tuple[Considered, ...]
    losses: tuple[Step, ...]
    gaps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]


class Outcome(Record, frozen=True, kw_only=True):
    """What became of one alarm that was to be fixed; not part of the report.

    `withdrawn` is a defect of this program: a repair did not do what it should, and nothing of it was kept.
    """

    finding: Finding
    what: Literal["fixed", "refused", "withdrawn"]
    fix: Fix

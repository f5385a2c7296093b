"""The words of an impact answer: which producers come alive in which tests, how they get there, what mocks make of it.

Field names are a contract, as those of the report are. Paths are POSIX and relative to the directory the command runs
in; every list of producers is sorted by reach, path and line.
"""

from __future__ import annotations

from typing import Literal

from kafka_audit.model import Problem, Record, Role, Step, Tool

IMPACT_VERSION = "1"

Reach = Literal["activates", "conditional", "not reached"]
Stage = Literal["plugin", "conftest", "collection", "fixture", "body", "teardown"]
What = Literal["imported", "created", "started", "released"]
Effect = Literal["effective", "elsewhere", "too late"]
NoteKind = Literal["missing", "cycle", "twice", "assumed", "skipped"]


class MockPlace(Record, frozen=True, kw_only=True):
    """A place in test code that replaces something of interest: `target` as written, `way` by which means, and how
    long it holds, in words. `clients` are the client classes that it is meant to replace, by name."""

    path: str
    line: int
    way: str
    target: str
    holds: str
    clients: tuple[str, ...]


class MockEffect(Record, frozen=True, kw_only=True):
    """What a mock makes of a client: whether the call that creates it meets the mock, and why or why not."""

    path: str
    line: int
    target: str
    effect: Effect
    why: str


class Happening(Record, frozen=True, kw_only=True):
    """One level of a client's life that tests bring about.

    `stage` is when in pytest's order it happens first, `chain` the way there from what pytest runs, `tests` the tests
    in whose own stages it happens; none when it happens around them. `condition` is empty when nothing is known to
    prevent it.
    """

    what: What
    stage: Stage
    condition: str
    chain: tuple[Step, ...]
    tests: tuple[str, ...]


class Activation(Record, frozen=True, kw_only=True):
    """What becomes of one producer in a test file.

    `level` is how far it comes, null when its module is not even imported. `why` says in one sentence what the reach
    rests on. `mock` is the one that matters where the client is created, null when no mock is meant for it. `real_in`
    are the tests that create the real client: no mock takes its place there. `kept_in` are those that find the client
    that an earlier test made and a variable keeps, and that create it when they run alone.
    """

    producer: str
    path: str
    line: int
    owner: str
    client: str
    role: Role
    reach: Reach
    level: What | None
    why: str
    happenings: tuple[Happening, ...]
    mock: MockEffect | None
    real_in: tuple[str, ...]
    kept_in: tuple[str, ...]


class Remark(Record, frozen=True, kw_only=True):
    """Something about the run itself: an import that fails, a cycle, a file that is loaded twice, a skipped test."""

    kind: NoteKind
    path: str
    line: int
    message: str


class TestImpact(Record, frozen=True, kw_only=True):
    """The answer for one test file that is run on its own.

    `selected` are the tests that were asked for, by name, empty for all of the `tests` that it holds. `configuration`
    is the file that configures pytest there, empty if none does.
    """

    path: str
    tests: int
    selected: tuple[str, ...]
    configuration: str
    producers: tuple[Activation, ...]
    mocks: tuple[MockPlace, ...]
    remarks: tuple[Remark, ...]


class Impact(Record, frozen=True, kw_only=True):
    """The whole answer, test files sorted by path. `producer` is what `--reverse` asked about, else null."""

    schema_version: str
    tool: Tool
    producer: str | None
    files: tuple[TestImpact, ...]
    problems: tuple[Problem, ...]

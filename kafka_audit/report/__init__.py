"""How is a report told? Each format is a module with a function `told`; the table below lists them.

Input is a `Telling`: the report, the words of the rules, and the source that alarms are in, for the formats that quote
it. No analysis happens here and no file is read.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping, Sequence
from typing import IO, Final, Literal, NamedTuple

from kafka_audit.impact.schema import TestImpact
from kafka_audit.model import Category, Record, Report, Severity
from kafka_audit.report.plain import write
from kafka_audit.settings import Format

Stability = Literal["committed", "integration", "human"]
"""What readers may rely on.

`committed`: changes only with a new schema version. `integration`: what the service of that name reads; follows it.
`human`: wording and layout change at any time, nothing should parse it.
"""


class Kind(NamedTuple):
    """A format: the module of this package that writes it, what it is for, and what its readers may rely on."""

    module: str
    purpose: str
    stability: Stability


FORMATS: Final[dict[Format, Kind]] = {
    "text": Kind("text", "a page for people: every producer, the alarms, what to do", "human"),
    "full": Kind("full", "each alarm with its code and its chain of evidence", "human"),
    "concise": Kind("concise", "one line for each alarm", "human"),
    "json": Kind("json", "the whole report as one document", "committed"),
    "jsonl": Kind("jsonl", "the same, a line for each producer, alarm and problem", "committed"),
    "sarif": Kind("sarif", "SARIF 2.1.0, for code scanning services", "committed"),
    "junit": Kind("junit", "JUnit XML, for Jenkins and its kind", "committed"),
    "github": Kind("github", "workflow commands that GitHub Actions turns into annotations", "integration"),
    "gitlab": Kind("gitlab", "a GitLab code quality report", "integration"),
    "rdjson": Kind("rdjson", "Reviewdog diagnostics", "integration"),
    "markdown": Kind("markdown", "a comment on a pull request, or a job summary", "integration"),
}


class RuleText(Record, frozen=True, kw_only=True):
    """What a rule says about itself: one sentence, what a repair is called, why it bites, and its whole page."""

    summary: str
    fix_title: str
    name: str = ""
    category: Category = "lifecycle"
    severity: Severity = "warning"
    rationale: str = ""
    page: str = ""


class Telling(NamedTuple):
    """All that a format is given.

    `rules` maps codes to the rules' words, `sources` paths to the lines of files that alarms are in. `paths` are what
    the audit was asked to look at, `width` is in columns. Without `color` no escape code may be written. `tests` is
    what test files bring to life.
    """

    report: Report
    rules: Mapping[str, RuleText]
    sources: Mapping[str, Sequence[str]]
    paths: Sequence[str]
    width: int
    color: bool
    exit_code: int
    tests: Sequence[TestImpact] = ()


def render(
    report: Report,
    format: Format,
    *,
    stream: IO[str],
    texts: Mapping[str, RuleText] | None = None,
    sources: Mapping[str, Sequence[str]] | None = None,
    paths: Sequence[str] = (".",),
    width: int | None = None,
    color: bool = False,
    exit_code: int = 0,
    tests: Sequence[TestImpact] = (),
) -> None:
    """Write `report` to `stream`; the default width is the terminal's, and 80 elsewhere.

    The format's module is imported here, because some of them cost more than a small audit.
    """
    telling = Telling(report, texts or {}, sources or {}, paths, width or columns(stream), color, exit_code, tests)
    write(stream, importlib.import_module(f"{__name__}.{FORMATS[format].module}").told(telling))


def columns(stream: IO[str]) -> int:
    """Return how wide the terminal behind `stream` is; 80 for files and pipes, so that logs do not depend on it."""
    return shutil.get_terminal_size((80, 24)).columns if stream.isatty() else 80

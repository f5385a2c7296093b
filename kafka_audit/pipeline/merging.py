"""How do the reports on the parts of a code base become one, as if one run had audited them all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from kafka_audit import __version__
from kafka_audit.discover import as_text
from kafka_audit.model import SCHEMA_VERSION, Finding, Report
from kafka_audit.settings import ConfigError

_T = TypeVar("_T")


def merged(reports: Sequence[Report]) -> Report:
    """One report of several. What two of them tell alike is told once; the files that they saw are added up."""
    producers = _together((report.producers for report in reports), lambda each: (each.path, each.line, each.column))
    findings = _together((report.findings for report in reports), _order)
    suppressed = _together((report.suppressed for report in reports), _order)
    problems = _together((r.problems for r in reports), lambda each: (each.path, each.line, each.kind, each.message))
    counted = {
        "producers": len(producers),
        "by_kind": _counts(each.kind for each in producers),
        "findings": len(findings),
        "by_code": _counts(each.code for each in findings),
        "by_severity": _counts(each.severity for each in findings),
        "suppressed": len(suppressed),
        "problems": len(problems),
        "complete": all(report.summary.complete for report in reports),
    }
    added = {
        name: _sum([getattr(report.summary, name) for report in reports])
        for name in reports[0].summary.__struct_fields__
        if name not in counted
    }
    return msgspec.structs.replace(
        reports[0],
        producers=producers,
        findings=findings,
        suppressed=suppressed,
        problems=problems,
        summary=msgspec.structs.replace(reports[0].summary, **counted, **added),
    )


def report_in(path: str) -> Report:
    """The report in a file. Raises `ConfigError` when there is none that this version of the program wrote."""
    try:
        with open(path, "rb") as file:
            found = msgspec.json.decode(file.read(), type=Report)
    except OSError as error:
        raise ConfigError(f"{as_text(path)} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{as_text(path)} is no report of `kafka-audit scan --format json`: {error}") from error
    if (found.schema_version, found.tool.version) != (SCHEMA_VERSION, __version__):
        raise ConfigError(
            f"{as_text(path)} was written by kafka-audit {found.tool.version}, and this is {__version__}; "
            "merge reports with the version that wrote them"
        )
    return found


def _together(parts: Iterable[Iterable[_T]], order: Callable[[_T], Any]) -> tuple[_T, ...]:
    found = {msgspec.msgpack.encode(each): each for part in parts for each in part}
    return tuple(found[key] for key in sorted(found, key=lambda key: (order(found[key]), key)))


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.code


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _sum(values: list[Any]) -> Any:
    """Numbers added up, or tables of numbers."""
    if not isinstance(values[0], dict):
        return sum(values)
    total: Counter[str] = Counter()
    for value in values:
        total.update(value)
    return dict(sorted(total.items()))

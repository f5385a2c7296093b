"""Which of the defects that people found by reading does the audit report? `python -m measure.places --help`.

The places are data (`places.toml`): groups of defects of one kind, each place with the rules that are to tell it, and
places that look like defects and are none. A place is told by an alarm that stands there, or whose chain gets there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from kafka_audit.model import Finding, Record, Report
from measure.labels import MeasureError
from measure.score import named_report, read_report, update


class Place(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines of one file, and the rules any of which is to tell them; none for what must stay silent.

    `note` says why nothing is asked for, or what is not seen.
    """

    path: str
    lines: tuple[int, ...]
    rules: tuple[str, ...] = ()
    note: str = ""

    def is_told(self, line: int, findings: Iterable[Finding]) -> bool:
        """Whether an alarm of one of the rules stands at the line or has it in its chain."""
        return any(
            finding.code in self.rules
            and ((finding.path, finding.line) == (self.path, line) or (self.path, line) in _chain(finding))
            for finding in findings
        )

    def alarms(self, line: int, findings: Iterable[Finding]) -> tuple[str, ...]:
        """The rules that alarm at the line itself, info left out."""
        here = (f for f in findings if (f.path, f.line) == (self.path, line) and f.severity != "info")
        return tuple(sorted({finding.code for finding in here}))


class Group(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Places of one kind of defect; `silent` for a group that must raise no alarm."""

    title: str
    code_base: str
    place: tuple[Place, ...]
    silent: bool = False


class _File(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    group: tuple[Group, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, tell, and return the exit code: 0, or 2 for something that cannot be measured."""
    options = _parser().parse_args(arguments)
    try:
        reports = {name: read_report(path) for name, path in options.report}
        page = markdown(read_places(options.places), reports)
        if options.update:
            update(options.update, page)
        else:
            sys.stdout.write(page)
    except MeasureError as error:
        print(f"measure.places: {error}", file=sys.stderr)
        return 2
    return 0


def read_places(path: Path) -> tuple[Group, ...]:
    """The groups in a TOML file. Raises `MeasureError` when it cannot be read."""
    import tomli

    try:
        return msgspec.convert(tomli.loads(path.read_text(encoding="utf-8")), _File).group
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MeasureError(f"{path} cannot be read: {error}") from error


def markdown(groups: Sequence[Group], reports: Mapping[str, Report]) -> str:
    """A table of the groups, and each place that is not told as it should be."""
    rows = ["| kind of place | code base | as it should be | of |", "| --- | --- | ---: | ---: |"]
    missing: list[str] = []
    for group in groups:
        findings = _report(group, reports).findings
        right = 0
        for place in group.place:
            for line in place.lines:
                wrong = _departure(group, place, line, findings)
                right += not wrong
                missing += [f"- `{group.code_base}`, `{place.path}:{line}`: {wrong}"] if wrong else []
        rows.append(f"| {group.title} | `{group.code_base}` | {right} | {sum(len(p.lines) for p in group.place)} |")
    return "\n".join([*rows, "", "Not as it should be:", "", *(missing or ["- nothing"])]) + "\n"


def _departure(group: Group, place: Place, line: int, findings: Sequence[Finding]) -> str:
    """What is wrong about what is told of a line; empty when nothing is."""
    if group.silent:
        alarms = place.alarms(line, findings)
        return f"{', '.join(alarms)} where nothing is wrong" if alarms else ""
    if place.is_told(line, findings):
        return ""
    wanted = f"no {' or '.join(place.rules)}" if place.rules else "no rule tells it"
    return f"{wanted}: {place.note}" if place.note else wanted


def _report(group: Group, reports: Mapping[str, Report]) -> Report:
    for name, report in reports.items():
        if name.partition("@")[0] == group.code_base:
            return report
    raise MeasureError(f"there is no report on `{group.code_base}`")


def _chain(finding: Finding) -> set[tuple[str, int]]:
    return {(step.path, step.line) for step in finding.trace}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m measure.places",
        description="Compare JSON reports with known places. An argument @FILE is read as arguments, one a line.",
        fromfile_prefix_chars="@",
    )
    default = Path(__file__).with_name("places.toml")
    parser.add_argument("--places", metavar="FILE", type=Path, default=default, help="the places (TOML)")
    parser.add_argument(
        "--report",
        metavar="NAME=FILE",
        type=named_report,
        action="append",
        required=True,
        help="a report, made with the option `--select all`, on the code base that the places call NAME",
    )
    parser.add_argument("--update", metavar="FILE", type=Path, help="write Markdown between the markers of this page")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""How do JSON reports compare with labels? Run `python -m measure.score --help` in the project's folder.

Every figure that the project publishes about its accuracy is printed by this script.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kafka_audit.model import Report
from measure import tables
from measure.counts import rows
from measure.labels import MeasureError, read_labels, the_one
from measure.marks import marks
from measure.remarks import read_remarks, stale
from measure.tables import Measured

FORMATS = {"text": tables.text, "json": tables.json, "markdown": tables.markdown}

BEGIN, END = "<!-- measured:begin -->", "<!-- measured:end -->"
"""What `--update` writes between."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, tell, and return the exit code: 0, or 2 for something that cannot be measured."""
    options = _parser().parse_args(arguments)
    try:
        measured = measure(options.truth, options.report, options.remarks)
        for remark in stale(measured.remarks, measured.disagreements):
            print(f"no longer needed: the remark on {remark.path}:{remark.line}", file=sys.stderr)
        if options.update:
            update(options.update, tables.markdown(measured))
        else:
            sys.stdout.write(FORMATS[options.format](measured))
    except MeasureError as error:
        print(f"measure.score: {error}", file=sys.stderr)
        return 2
    return 0


def measure(truth: Sequence[Path], reports: Sequence[tuple[str, Path]], remarks: Path | None) -> Measured:
    """The comparison of each report with the labels of its code base. Raises `MeasureError`."""
    bases = read_labels(truth)
    meant = [(the_one(key, bases), path) for key, path in reports]
    names = [base.name for base, _ in meant]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise MeasureError(f"there are several reports on {', '.join(repeated)}")
    found = [mark for base, path in meant for mark in marks(base, read_report(path))]
    found.sort(key=lambda mark: mark.code_base)
    return Measured(
        rows=tuple(rows(found)),
        disagreements=tuple(mark for mark in found if not mark.agrees),
        remarks=read_remarks(remarks) if remarks else (),
        without_report=tuple(base.name for base in bases if base.name not in names),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m measure.score",
        description="Compare JSON reports with labels. An argument @FILE is read as arguments, one a line.",
        fromfile_prefix_chars="@",
    )
    parser.add_argument(
        "--truth", metavar="FILE", type=Path, action="append", required=True, help="labels, one JSON object a line"
    )
    parser.add_argument(
        "--report",
        metavar="NAME=FILE",
        type=named_report,
        action="append",
        required=True,
        help="a report on the code base that the labels call NAME: `repo`, or `repo@` and the beginning of a commit",
    )
    parser.add_argument("--remarks", metavar="FILE", type=Path, help="who is wrong where they disagree (TOML)")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print it")
    parser.add_argument("--update", metavar="FILE", type=Path, help="write Markdown between the markers of this page")
    return parser


def named_report(argument: str) -> tuple[str, Path]:
    """The two halves of `NAME=FILE`. A released package's name may itself hold `==`, so the last sign divides."""
    name, sign, path = argument.rpartition("=")
    if not (name and sign and path):
        raise argparse.ArgumentTypeError(f"`{argument}` is not NAME=FILE")
    return name, Path(path)


def read_report(path: Path) -> Report:
    """A JSON report that was written to a file. Raises `MeasureError` when it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise MeasureError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise MeasureError(f"{path} is no report: {error}") from error


def update(path: Path, part: str) -> None:
    """Put `part` between the markers of a page."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise MeasureError(f"{path} has no part between `{BEGIN}` and `{END}`")
    path.write_text(f"{head}{BEGIN}\n\n{part.strip()}\n\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""Where do the reports come from? From checkouts that are there: each is audited in its folder, none is fetched.

Run `python -m measure.collect --help` in the project's folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from kafka_audit.model import Record
from measure.labels import MeasureError

ROOT = Path(__file__).resolve().parent.parent
ROLES = ("--role", "producer", "--role", "consumer", "--role", "admin")


class Checkout(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A labelled tree of files: its `directory`, relative to the list that names it, and what `labels` call it."""

    directory: str
    labels: str


class _List(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checkouts: dict[str, Checkout]


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit every checkout and return the exit code: 0, 1 when an audit failed, 2 when the list cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m measure.collect",
        description="Audit checkouts: write a JSON report on each, and reports.txt for measure.score to take as @FILE.",
    )
    parser.add_argument("list", type=Path, help="the checkouts: TOML, or JSON if its name ends in .json")
    parser.add_argument("--into", metavar="FOLDER", type=Path, required=True, help="where to write the reports")
    options = parser.parse_args(arguments)
    try:
        checkouts = read_list(options.list)
    except MeasureError as error:
        print(f"measure.collect: {error}", file=sys.stderr)
        return 2
    options.into.mkdir(parents=True, exist_ok=True)
    failed = [
        name for name in checkouts if not _audit(name, options.list.parent, checkouts[name], options.into.resolve())
    ]
    written = [name for name in checkouts if name not in failed]
    lines = [f"--report={checkouts[name].labels}={options.into / name}.json\n" for name in written]
    (options.into / "reports.txt").write_text("".join(lines), encoding="utf-8")
    return 1 if failed else 0


def read_list(path: Path) -> Mapping[str, Checkout]:
    """The checkouts that a list names, in its order. Raises `MeasureError` when it cannot be read."""
    import tomli

    try:
        data = path.read_bytes()
        if path.suffix == ".json":
            return msgspec.json.decode(data, type=_List).checkouts
        return msgspec.convert(tomli.loads(data.decode()), _List).checkouts
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError, msgspec.MsgspecError) as error:
        raise MeasureError(f"{path} cannot be read: {error}") from error


def _audit(name: str, near: Path, checkout: Checkout, into: Path) -> bool:
    """Write the report on one checkout, say how long it took, and return whether there is one."""
    report = into / f"{name}.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "kafka_audit", "scan", ".", "--quiet", *ROLES]
    begin = time.perf_counter()
    try:
        run = subprocess.run(
            [*command, "--format", "json", "--output", str(report)],
            cwd=near / checkout.directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    print(f"{name}: {time.perf_counter() - begin:.1f} s, exit code {run.returncode}")
    sys.stderr.write(run.stderr)
    return report.exists()


if __name__ == "__main__":
    sys.exit(main())

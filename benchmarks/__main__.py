"""Measure, and write what came of it: `python -m benchmarks` prints it, `--write` puts it into docs/speed.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.results import Results, page

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "speed.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print or write the page, and return the exit code of pytest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure how long an audit takes.")
    parser.add_argument("--lines", type=int, default=308_000, help="lines of the generated project (308000)")
    parser.add_argument("--tree", metavar="FOLDER", help="measure this project and copies of it instead")
    parser.add_argument("--name", default="a given project", help="what the page calls it")
    parser.add_argument("--growth", default="1,2,4,8", help="sizes whose growth is measured (1,2,4,8)")
    parser.add_argument("--growth-lines", type=int, help="lines of the smallest of them, if not those of the project")
    parser.add_argument("-k", metavar="EXPRESSION", default="", help="only what pytest finds by this")
    parser.add_argument("--write", action="store_true", help="write docs/speed.md")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "results.json"
        code = measure(options, written)
        if not written.exists():
            return code or 1
        text = page(msgspec.json.decode(written.read_bytes(), type=Results), of=options.name if options.tree else "")
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")
    else:
        print(text)
    return code


def measure(options: argparse.Namespace, into: Path) -> int:
    """Run the suite in this process."""
    import pytest

    # In one word: pytest takes a word of its own for a folder of tests, and would load the project's `conftest.py`.
    given = [f"--tree={options.tree}"] if options.tree else ["--lines", str(options.lines)]
    given += ["--growth-lines", str(options.growth_lines)] if options.growth_lines else []
    return pytest.main(
        [
            str(ROOT / "benchmarks"),
            "--rootdir", str(ROOT),
            "--override-ini", "python_files=bench_*.py",
            "--override-ini", "python_functions=bench_*",
            "-p", "no:cacheprovider", "-q", "-rs",
            "--benchmark-only", "--benchmark-quiet", "--benchmark-json", str(into),
            "--growth", options.growth, "-k", options.k, *given,
        ]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

"""Whole runs, each a process of its own: what a person waits for, and the memory that it takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent


class Run(NamedTuple):
    """One process, those that it started included: seconds by the clock and of the processors, and megabytes.

    `memory` is that of the largest process.
    """

    wall: float
    cpu: float
    memory: float


_LAUNCH = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
said = process.stderr.read()
_, status, usage = os.wait4(process.pid, 0)
wall = time.perf_counter() - began
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), wall, cpu, usage.ru_maxrss, said.decode(errors="replace")]))
os._exit(0)
"""
"""Starts what is measured: a process counts the memory of the one that it was forked from, so that must be small."""


def run(arguments: Sequence[str]) -> Run:
    """Run a program to its end, its output thrown away. Raises `RuntimeError` when it crashes."""
    launch = [sys.executable, "-I", "-S", "-u", "-c", _LAUNCH, *arguments]
    answer = subprocess.run(launch, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    code, wall, cpu, memory, said = json.loads(answer.stdout)
    if code not in {0, 1, 3}:
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}: {said}")
    unit = 1e6 if sys.platform == "darwin" else 1e3  # kilobytes, but bytes on macOS
    return Run(wall, cpu, memory / unit)


def installed(name: str) -> str | None:
    """Where a program is, beside this interpreter or on the path."""
    return shutil.which(name, path=os.path.dirname(sys.executable)) or shutil.which(name)


def kafka_audit(*arguments: str) -> list[str]:
    """The command line of this very program."""
    return [sys.executable, "-m", "kafka_audit", *arguments]


def scan(tree: Path, cache: Path | None) -> list[str]:
    """The command line of an audit with the cache in a folder, or without any."""
    kept = ("--cache-dir", str(cache)) if cache is not None else ("--no-cache",)
    return kafka_audit("scan", str(tree), "--quiet", "--format", "json", *kept)


def impact(tree: Path, cache: Path) -> list[str]:
    """The command line of a question about the first test file of a project that has to do with Kafka.

    Skips the benchmark when the project has none.
    """
    files = (file for file in sorted(tree.rglob("test_*.py")) if b"afka" in file.read_bytes())
    first = next(files, None)
    if first is None:
        pytest.skip("no test of the project has to do with Kafka")
    return kafka_audit("impact", str(first), "--quiet", "--format", "json", "--cache-dir", str(cache))

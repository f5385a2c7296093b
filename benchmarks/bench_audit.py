"""What is measured. Run it with `python -m benchmarks`."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.phases import NAMES, Phases
from benchmarks.runs import impact, installed, kafka_audit, run, scan

PEERS = {
    "ruff": ("ruff", "check", "--select", "ALL", "--no-cache", "--exit-zero", "--quiet", "--isolated"),
    "ast-grep": ("ast-grep", "run", "--lang", "python", "--pattern", "$A.stop()"),
    "bandit": ("bandit", "--recursive", "--quiet", "--exit-zero"),
    "pylint": ("pylint", "--recursive=y", "--exit-zero", "--jobs=0"),
    "pyright": ("pyright",),
}
"""Other tools by name, and how each looks through a folder; those that are not installed are left out."""


@pytest.mark.parametrize("option", ["--version", "--help"])
def bench_start(measure, option: str):
    """A command that audits nothing."""
    measure(kafka_audit(option), rounds=10)


@pytest.fixture(scope="session")
def phases(sized):
    """The phases of the project, which share what they made."""
    return Phases(str(sized(1)))


@pytest.fixture(scope="session")
def phases_of(grown):
    """The phases of a project of some size."""
    return functools.cache(lambda times: Phases(str(grown(times))))


@pytest.mark.parametrize("phase", NAMES)
def bench_phase(phase_time, phases: Phases, phase: str):
    """One phase in one process, everything that it needs being there."""
    phase_time(phases, phase, rounds=3)


def bench_cold(measure, tree: Path, tmp_path: Path):
    """A whole run without anything to recall, which keeps what it finds."""
    cache = tmp_path / "cache"
    measure(scan(tree, cache), tree, rounds=2, before=lambda: shutil.rmtree(cache, ignore_errors=True))


def bench_without_cache(measure, tree: Path):
    """A whole run that neither recalls nor keeps anything."""
    measure(scan(tree, None), tree, rounds=2)


def bench_warm(measure, tree: Path, tmp_path: Path):
    """A run after which nothing has changed."""
    command = scan(tree, tmp_path / "cache")
    run(command)
    measure(command, tree, rounds=10)


def bench_impact_cold(measure, tree: Path, tmp_path: Path):
    """A question about one test file without anything to recall."""
    cache = tmp_path / "cache"
    measure(impact(tree, cache), tree, rounds=2, before=lambda: shutil.rmtree(cache, ignore_errors=True))


def bench_impact_warm(measure, tree: Path, tmp_path: Path):
    """The same question when nothing has changed."""
    command = impact(tree, tmp_path / "cache")
    run(command)
    measure(command, tree, rounds=10)


def changed(tree: Path, tmp_path: Path, edit: Callable[[bytes, int], bytes], *, client: bool):
    """Edit one file each time, with a number that is new: one that imports a client, or one that none concerns."""
    read = Phases(str(tree)).run("extract").keys()
    files = (each for each in tree.rglob("*.py") if (each.relative_to(tree).as_posix() in read) == client)
    named = (each for each in files if not client or b"import AIOKafka" in each.read_bytes())
    file = max(named, key=lambda each: each.stat().st_size)
    whole, command = file.read_bytes(), scan(tree, tmp_path / "cache")
    count = 0

    def before() -> None:
        nonlocal count
        count += 1
        file.write_bytes(whole)
        run(command)
        file.write_bytes(edit(whole, count))

    return command, before, lambda: file.write_bytes(whole)


def with_comment(source: bytes, number: int) -> bytes:
    return source + b"\n# changed %d\n" % number


def with_code(source: bytes, number: int) -> bytes:
    return source + b"\nchanged = %d\n" % number


def with_lines(source: bytes, number: int) -> bytes:
    """The source moved down by so many lines."""
    return b"# moved\n" * number + source


@pytest.mark.parametrize(
    ("client", "edit"),
    [(False, with_code), (True, with_comment), (True, with_lines), (True, with_code)],
    ids=["without-client", "comment", "moved", "with-client"],
)
def bench_one_file_changed(measure, tree: Path, tmp_path: Path, client: bool, edit: Callable[[bytes, int], bytes]):
    """A run after which one file has changed."""
    command, before, restore = changed(tree, tmp_path, edit, client=client)
    measure(command, tree, rounds=3, before=before)
    restore()


@pytest.fixture(scope="session")
def cache_of(tmp_path_factory):
    """The cache of the project of some size."""
    return functools.cache(lambda times: tmp_path_factory.mktemp("cache") / str(times))


def bench_growth_cold(measure, grown, cache_of, times: int):
    """A whole run on so many times the project, with nothing to recall."""
    measure(scan(grown(times), cache_of(times)), grown(times), times=times, rounds=1)


def bench_growth_warm(measure, grown, cache_of, times: int):
    """The same when nothing has changed."""
    command = scan(grown(times), cache_of(times))
    if not cache_of(times).exists():
        run(command)
    measure(command, grown(times), times=times, rounds=2)


def bench_growth_impact(measure, grown, tmp_path: Path, times: int):
    """A question about one test file of so many times the project, when nothing has changed."""
    command = impact(grown(times), tmp_path / "cache")
    run(command)
    measure(command, grown(times), times=times, rounds=3)


@pytest.mark.parametrize("phase", ["link", "judge", "graph"])
def bench_growth_of(benchmark, phase_time, phases_of, times: int, phase: str):
    """One phase on so many times the project."""
    benchmark.extra_info.update(times=times, phase=phase)
    phase_time(phases_of(times), phase, rounds=2 if times == 1 else 1)


@pytest.mark.parametrize("peer", PEERS)
def bench_peer(measure, tree: Path, peer: str):
    """Another tool on the same project."""
    command = PEERS[peer]
    found = installed(command[0])
    if found is None:
        pytest.skip(f"{peer} is not installed")
    measure([found, *command[1:], str(tree)], tree, rounds=2)

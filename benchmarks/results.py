"""From what pytest-benchmark wrote to the page that people read: medians, ratios, and the machine they are of."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

GOALS = {
    "bench_start[--version]": 0.12,
    "bench_start[--help]": 0.12,
    "bench_without_cache": 1.5,
    "bench_warm": 0.25,
    "bench_impact_warm": 0.3,
    "bench_one_file_changed[without-client]": 0.35,
    "bench_one_file_changed[comment]": 0.35,
    "bench_one_file_changed[moved]": 0.35,
    "bench_one_file_changed[with-client]": 0.35,
}
"""Seconds by the clock that a run on 308 thousand lines should take at most, with two processors to itself."""

GOALS_FROM = 300_000
"""Lines of a project that the goals are compared with."""

RUNS = {
    "bench_start[--version]": "`kafka-audit --version`",
    "bench_start[--help]": "`kafka-audit --help`",
    "bench_without_cache": "`scan --no-cache`",
    "bench_cold": "`scan`, nothing to recall",
    "bench_warm": "`scan` again, nothing changed",
    "bench_one_file_changed[without-client]": "`scan` again, one file changed that no client has to do with",
    "bench_one_file_changed[comment]": "`scan` again, a comment changed in a file that creates a client",
    "bench_one_file_changed[moved]": "`scan` again, a line put in above the code of a file that creates a client",
    "bench_one_file_changed[with-client]": "`scan` again, code changed in a file that creates a client",
    "bench_impact_cold": "`impact` of one test file, nothing to recall",
    "bench_impact_warm": "`impact` of one test file again, nothing changed",
}

GROWTH = {
    "cold": "nothing to recall, processor",
    "warm": "nothing changed, processor",
    "link": "link, processor",
    "judge": "judge, processor",
    "graph": "graph of imports, processor",
    "impact": "`impact` again, nothing changed, processor",
}

HEAD = """\
# Speed

Written by `python -m benchmarks --write`, which anybody can run; `python -m benchmarks --help` tells how to measure
another project. Times are medians, in seconds; *processor* is the time that all processors together were busy with it,
which depends less than the *clock* on what else the machine was doing. *Memory* is that of the largest process.
"""


class Stats(msgspec.Struct):
    """What was measured of one thing, in seconds."""

    median: float
    rounds: int


class Benchmark(msgspec.Struct):
    """One thing that was measured; `extra_info` holds `times`, `lines`, `cpu` and `memory` of whole runs."""

    name: str
    stats: Stats
    extra_info: dict[str, Any]

    def median(self, what: str) -> float | None:
        """The median of what was noted beside the time."""
        noted = self.extra_info.get(what)
        return statistics.median(noted) if noted else None


class Results(msgspec.Struct):
    """What pytest-benchmark writes, as far as it is of use here."""

    datetime: str
    benchmarks: list[Benchmark]


def page(results: Results, of: str) -> str:
    """The whole page. `of` names the project that was measured, if it was not a generated one."""
    known = {each.name: each for each in results.benchmarks}
    parts = [HEAD, _machine(results, known, of)]
    for title, text in (
        ("Whole runs", _runs(known)),
        ("Phases", _phases(known)),
        ("Growth", _growth(known)),
        ("Other tools", _peers(known)),
    ):
        if text:
            parts.append(f"## {title}\n\n{text}")
    return "\n".join(parts)


def _machine(results: Results, known: dict[str, Benchmark], of: str) -> str:
    lines = next((e.extra_info["lines"] for n, e in known.items() if not _grows(n) and e.extra_info.get("lines")), 0)
    project = of or "a generated project"
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    load = f"; load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    machine = f"{platform.system()} {platform.machine()} with {_processors()} processors ({_processor_name()})"
    return (
        f"Measured on {results.datetime[:10]}, on {machine}, {interpreter}{load}.\n"
        f"The tree is {project} of {lines:,} lines.\n"
    )


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"


def _runs(known: dict[str, Benchmark]) -> str:
    rows = []
    for name, words in RUNS.items():
        if name in known:
            is_such = name.startswith("bench_start") or known[name].extra_info.get("lines", 0) >= GOALS_FROM
            goal = f"{GOALS[name]:.2f}" if name in GOALS and is_such else ""
            rows.append((words, *_measured(known[name]), goal))
    return _table(("run", "clock", "processor", "memory, MB", "goal, clock"), rows)


def _measured(found: Benchmark) -> tuple[str, str, str]:
    cpu, memory = found.median("cpu"), found.median("memory")
    return (
        f"{found.stats.median:.2f}",
        f"{cpu:.2f}" if cpu is not None else "",
        f"{memory:.0f}" if memory is not None else "",
    )


def _phases(known: dict[str, Benchmark]) -> str:
    found = {name[12:-1]: _time(each) for name, each in known.items() if name.startswith("bench_phase[")}
    total = sum(found.values())
    rows = [(name, f"{median:.3f}", f"{100 * median / total:.0f} %") for name, median in found.items()]
    return _table(("phase, in one process", "processor", "share"), rows)


def _growth(known: dict[str, Benchmark]) -> str:
    """Each measure on each size, with how many times the first size's it is."""
    sized: dict[tuple[str, int], Benchmark] = {}
    for name, each in known.items():
        if _grows(name):
            what = each.extra_info.get("phase") or name.partition("[")[0].removeprefix("bench_growth_")
            sized[what, each.extra_info["times"]] = each
    sizes = sorted({times for _, times in sized})
    measured = [what for what in GROWTH if any(each == what for each, _ in sized)]
    rows = [(_size(sized, times), *_grown(sized, measured, times, sizes[0])) for times in sizes]
    return _table(("size", *(GROWTH[what] for what in measured), "memory, nothing to recall, MB"), rows)


def _grown(sized: dict[tuple[str, int], Benchmark], measured: Sequence[str], times: int, least: int) -> Iterator[str]:
    for what in measured:
        found, first = sized.get((what, times)), sized.get((what, least))
        yield f"{_time(found):.2f} ({_time(found) / _time(first):.1f} times)" if found and first else ""
    cold = sized.get(("cold", times))
    yield f"{cold.median('memory'):.0f}" if cold else ""


def _size(sized: dict[tuple[str, int], Benchmark], times: int) -> str:
    cold = sized.get(("cold", times))
    return f"{times} ({cold.extra_info['lines']:,} lines)" if cold else f"{times}"


def _grows(name: str) -> bool:
    return name.startswith("bench_growth_")


def _time(found: Benchmark) -> float:
    """The processor time."""
    return found.median("cpu") or found.stats.median


def _peers(known: dict[str, Benchmark]) -> str:
    own = known.get("bench_without_cache")
    if own is None:
        return ""
    rows = []
    for name, each in known.items():
        if name.startswith("bench_peer["):
            rows.append((name[11:-1], *_measured(each), f"{each.stats.median / own.stats.median:.1f}"))
    return _table(("tool", "clock", "processor", "memory, MB", "times kafka-audit's clock"), rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    found = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads), *found, ""]) if found else ""

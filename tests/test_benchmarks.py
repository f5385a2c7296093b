"""What the benchmarks measure is what they say: the projects have the size and the clients, the page the numbers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.phases import NAMES, Phases
from benchmarks.results import Benchmark, Results, Stats, page
from benchmarks.trees import LINES_OF_A_PACKAGE, SITES, copy, count_lines, generate
from kafka_audit.pipeline import audit
from kafka_audit.settings import Settings


@pytest.mark.parametrize("packages", [1, 3])
def test_a_generated_project_has_the_size_and_the_clients_that_were_asked_for(tmp_path: Path, packages: int):
    lines = packages * LINES_OF_A_PACKAGE
    project = generate(tmp_path / "project", lines)
    assert count_lines(project) == pytest.approx(lines, rel=0.02)
    for file in project.rglob("*.py"):
        ast.parse(file.read_bytes())
    report = audit(Settings(paths=(str(project),), jobs=1))
    assert report.summary.producers == packages * SITES
    assert report.problems == ()


def test_each_copy_of_a_project_is_audited_like_the_first(tmp_path: Path):
    project = generate(tmp_path / "project", LINES_OF_A_PACKAGE)
    copies = copy(tmp_path / "copies", project, 2)
    one = audit(Settings(paths=(str(project),), jobs=1)).summary
    two = audit(Settings(paths=(str(copies),), jobs=1)).summary
    assert two.by_kind == {kind: 2 * count for kind, count in one.by_kind.items()}
    assert two.by_code == {code: 2 * count for code, count in one.by_code.items()}


def test_every_phase_can_be_run_by_itself(tmp_path: Path):
    project = generate(tmp_path / "project", LINES_OF_A_PACKAGE)
    for name in NAMES:
        phases = Phases(str(project))
        phases.prepare(name)
        phases.run(name)


def noted(name: str, median: float, **extra: object) -> Benchmark:
    return Benchmark(name, Stats(median, 3), dict(extra))


def test_the_page_tells_medians_goals_and_ratios():
    text = page(
        Results(
            "2026-01-31T12:00:00",
            [
                noted("bench_without_cache", 2.0, times=1, lines=300_001, cpu=[3.0, 3.5, 9.0], memory=[80.0]),
                noted("bench_phase[discover]", 9.0, cpu=[0.25]),
                noted("bench_phase[link]", 9.0, cpu=[0.75]),
                noted("bench_growth_cold[1]", 2.0, times=1, lines=1234, cpu=[3.0], memory=[80.0]),
                noted("bench_growth_cold[2]", 5.0, times=2, lines=2468, cpu=[6.6], memory=[120.0]),
                noted("bench_growth_of[link-2]", 1.5, times=2, phase="link"),
                noted("bench_growth_of[link-1]", 0.5, times=1, phase="link"),
                noted("bench_peer[ruff]", 1.0, times=1, lines=1234, cpu=[2.0], memory=[30.0]),
            ],
        ),
        of="",
    )
    assert "Measured on 2026-01-31" in text
    assert "a generated project of 300,001 lines" in text
    assert "| `scan --no-cache` | 2.00 | 3.50 | 80 | 1.50 |" in text
    assert "| link | 0.750 | 75 % |" in text
    assert "| size | nothing to recall, processor | link, processor | memory, nothing to recall, MB |" in text
    assert "| 2 (2,468 lines) | 6.60 (2.2 times) | 1.50 (3.0 times) | 120 |" in text
    assert "| ruff | 1.00 | 2.00 | 30 | 0.5 |" in text

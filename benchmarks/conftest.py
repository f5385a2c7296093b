"""The project that is measured: a generated one, or the one that `--tree` names."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import pytest

from benchmarks.trees import copy, count_lines, generate


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the suite."""
    group = parser.getgroup("kafka-audit")
    group.addoption("--tree", metavar="FOLDER", help="measure this project instead of a generated one")
    group.addoption("--lines", type=int, default=30_000, help="lines of the generated project")
    group.addoption("--growth", default="1,2,4,8", help="sizes of the trees whose growth is measured")
    group.addoption(
        "--growth-lines", type=int, help="lines of the smallest of these trees; by default those of --lines"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Measure every size that was asked for."""
    if "times" in metafunc.fixturenames:
        metafunc.parametrize("times", [int(each) for each in metafunc.config.getoption("--growth").split(",")])


@pytest.fixture(scope="session")
def sized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Makes a project of so many times the size; each is made once."""
    made: dict[int, Path] = {}
    tree, lines = request.config.getoption("--tree"), request.config.getoption("--lines")

    def sized(times: int) -> Path:
        if times not in made:
            folder = tmp_path_factory.mktemp(f"times{times}") / "project"
            made[times] = copy(folder, Path(tree), times) if tree else generate(folder, lines * times)
        return made[times]

    return sized


@pytest.fixture(scope="session")
def grown(request: pytest.FixtureRequest, sized, tmp_path_factory: pytest.TempPathFactory):
    """Makes a project for the measure of growth, so many times the size that growth begins with."""
    lines = request.config.getoption("--growth-lines")
    if lines is None or request.config.getoption("--tree"):
        return sized
    return functools.cache(lambda times: generate(tmp_path_factory.mktemp(f"grown{times}") / "project", lines * times))


@pytest.fixture
def tree(sized) -> Path:
    """The project of the plain size."""
    return sized(1)


@pytest.fixture
def phase_time(benchmark):
    """Time one phase in this process, and note the processor time beside, on which other programs have less effect."""

    def measure(phases, phase: str, rounds: int) -> None:
        benchmark.extra_info["cpu"] = []

        def once() -> None:
            began = time.process_time()
            phases.run(phase)
            benchmark.extra_info["cpu"].append(time.process_time() - began)

        benchmark.pedantic(once, setup=lambda: phases.prepare(phase), rounds=rounds)

    return measure


@pytest.fixture
def measure(benchmark):
    """Time a command line, and note its processor time and memory beside; `before` puts things as they should be."""
    from benchmarks.runs import run

    def measure(command, tree: Path | None = None, *, times: int = 1, rounds: int = 3, before=None):
        benchmark.extra_info.update(times=times, lines=count_lines(tree) if tree else 0, cpu=[], memory=[])

        def once() -> None:
            done = run(command)
            benchmark.extra_info["cpu"].append(done.cpu)
            benchmark.extra_info["memory"].append(done.memory)

        benchmark.pedantic(once, setup=before, rounds=rounds)

    return measure

"""Every fixture project gives exactly the alarms and sites that its trailing comments ask for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kafka_audit.model import Finding, Producer, Report
from kafka_audit.pipeline import audit
from kafka_audit.settings import Settings
from tests.expectations import differences, read_expectations, site_facts

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"


def projects_below(folder: Path) -> Iterator[Path]:
    """The projects of a folder: the first folder on each way down that holds a Python file or a pyproject.toml."""
    if any(folder.glob("*.py")) or (folder / "pyproject.toml").is_file():
        yield folder
        return
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))):
        yield from projects_below(inner)


PROJECTS = [project.relative_to(FIXTURES).as_posix() for project in projects_below(FIXTURES)]
each_project = pytest.mark.parametrize("name", PROJECTS)


def audit_alone(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """One report on a copy of the project in `folder`: nothing of this repository is near it."""
    shutil.copytree(FIXTURES / name, folder / "project")
    return audit_in(folder / "project", monkeypatch)


def audit_in(folder: Path, monkeypatch: pytest.MonkeyPatch, *paths: str) -> Report:
    monkeypatch.chdir(folder)
    return audit(Settings(paths=paths or (".",), jobs=1))


@pytest.fixture(scope="module")
def whole() -> Iterator[Report]:
    """One report on all fixtures together, as the command of the README makes it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield audit_in(ROOT, monkeypatch, "fixtures")


@each_project
def test_a_project_gives_what_its_comments_ask_for(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    report = audit_alone(name, tmp_path, monkeypatch)
    assert not report.problems
    found = differences(FIXTURES / name, report)
    assert not found, "\n".join([f"fixtures/{name} departs from its comments:", *found])


@each_project
def test_one_scan_of_everything_says_the_same_of_a_project(
    name: str, whole: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    alone = audit_alone(name, tmp_path, monkeypatch)
    assert told(alone, "") == told(whole, f"fixtures/{name}/")


def test_the_fixtures_hold_every_way_to_expect():
    wanted = [read_expectations(FIXTURES / name) for name in PROJECTS]
    assert len(wanted) >= 25
    assert any(not project.alarms for project in wanted), "no silent project"
    assert sum(len(project.sites) for project in wanted) > 100


def told(report: Report, prefix: str) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """What a report says of the files below `prefix`, in words that do not depend on where the scan began."""
    alarms = [alarm_told(f, prefix) for f in report.findings if f.path.startswith(prefix)]
    sites = [site_told(p, prefix) for p in report.producers if p.path.startswith(prefix)]
    return alarms, sites


def alarm_told(finding: Finding, prefix: str) -> tuple[object, ...]:
    position = (finding.path.removeprefix(prefix), finding.line, finding.column)
    return *position, finding.code, finding.severity, finding.confidence, len(finding.trace)


def site_told(producer: Producer, prefix: str) -> tuple[object, ...]:
    releases = [(release.path.removeprefix(prefix), release.line) for release in producer.released.by]
    roots = [(root.path.removeprefix(prefix), root.line, root.kind, root.released) for root in producer.roots]
    position = (producer.path.removeprefix(prefix), producer.line, producer.column)
    return *position, *site_facts(producer).items(), releases, roots

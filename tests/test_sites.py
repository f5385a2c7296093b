"""Every construction site is found and rightly described, and nothing else is taken for one.

The cases are the Markdown files of `tests/sites`: a heading names a case, the code blocks below it are its files
(`main.py` unless the block names another), and trailing `# site:` comments say what is to be found. A case without
such a comment has no site at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kafka_audit.catalog.clients import CLIENTS
from kafka_audit.pipeline import audit
from kafka_audit.settings import ROLES, Settings
from tests.expectations import read_expectations, site_differences

FOLDER = Path(__file__).parent / "sites"
BLOCK = re.compile(r"^```python ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Case(NamedTuple):
    """One case: the heading of its file and its own, and the sources by path."""

    topic: str
    name: str
    sources: dict[str, str]


def cases() -> Iterator[Case]:
    """The cases of every Markdown file, in the order of the files and their headings."""
    for file in sorted(FOLDER.glob("*.md")):
        for section in re.split(r"^## ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name, _, text = section.partition("\n")
            yield Case(file.stem, name.strip(), {path or "main.py": code for path, code in BLOCK.findall(text)})


CASES = list(cases())


KNOWN_LIMITS = pytest.mark.xfail(strict=True, reason="a known limit, told in docs/limits.md")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=KNOWN_LIMITS if case.topic == "limits" else ()) for case in CASES],
    ids=lambda case: f"{case.topic}: {case.name}",
)
def test_sites(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for path, source in case.sources.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    report = audit(Settings(paths=(".",), roles=ROLES, jobs=1))
    assert not report.problems
    found = site_differences(read_expectations(tmp_path).sites, report.producers)
    assert not found, "\n".join([f"{case.topic}: {case.name}", *found])


def test_every_importable_name_of_every_client_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wanted = {dotted: client for client in CLIENTS if client.role != "framework" for dotted in client.importable}
    for number, (dotted, client) in enumerate(wanted.items()):
        module, _, name = dotted.rpartition(".")
        call = "await {}()" if client.awaited_constructor else "{}()"
        lines = [f"import {module}", f"from {module} import {name} as C", "async def f():"]
        lines += [f"    {call.format(dotted)}", f"    {call.format('C')}"]
        (tmp_path / f"m{number:03}.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    report = audit(Settings(paths=(".",), roles=ROLES, jobs=1))
    found = [(producer.client, producer.role, producer.line) for producer in report.producers]
    assert found == [(client.name, client.role, line) for client in wanted.values() for line in (4, 5)]


def test_every_case_has_a_name_of_its_own_and_python_that_compiles():
    names = [(case.topic, case.name) for case in CASES]
    assert len(set(names)) == len(names) > 120
    for case in CASES:
        assert case.sources, f"{case.name} has no code"
        for path, source in case.sources.items():
            compile(source, path, "exec")

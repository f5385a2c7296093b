"""What the audit foretells of a test file is what a recorder sees when the file is really run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.impact.oracle import PROJECTS, client_files, files_of, foretold, really, unpack

FILES = sorted(
    (project.stem, path)
    for project in PROJECTS.glob("*.txt")
    for path in files_of(project.stem)
    if Path(path).name.startswith("test_")
)


@pytest.mark.parametrize(("project", "test"), FILES, ids=[f"{project}-{Path(test).stem}" for project, test in FILES])
def test_what_is_foretold_happens_and_nothing_else(project: str, test: str, tmp_path: Path):
    folder = unpack(project, tmp_path)
    seen = really(folder, test, tmp_path, client_files(folder))
    told = foretold(folder, test)
    assert sorted(told.imported) == sorted(seen.imported)
    assert sorted(told.happened) == sorted(seen.happened)
    assert seen.imported

"""When pytest calls the end of a fixture: each case is a run of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
import pytest

@pytest.fixture
def client(request):
    request.addfinalizer(lambda: print("called: finalizer"))
    {before}
    yield
    print("called: after yield")

def test(client):
    {body}

def teardown_module():
    print("called: teardown_module")
"""


def printed(folder: Path, *, before: str = "pass", body: str = "pass") -> list[str]:
    (folder / "test_case.py").write_text(MODULE.format(before=before, body=body), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-s", "-q", "--no-header", "-p", "no:cacheprovider", "test_case.py"]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    output = subprocess.run(
        command, cwd=folder, env=alone, capture_output=True, text=True, timeout=60, check=False
    ).stdout
    return re.findall(r"^.?called: (.+)$", output, re.MULTILINE)


@pytest.mark.parametrize("body", ["pass", "assert False"])
def test_code_after_the_yield_runs_whether_the_test_passes_or_fails(body: str, tmp_path: Path):
    assert printed(tmp_path, body=body) == ["after yield", "finalizer", "teardown_module"]


def test_code_after_the_yield_does_not_run_when_the_code_before_it_raises(tmp_path: Path):
    assert printed(tmp_path, before="raise RuntimeError") == ["finalizer", "teardown_module"]

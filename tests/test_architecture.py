"""The shape of the code: which way imports point, and how big its parts may get."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "kafka_audit").rglob("*.py"))


def test_the_import_contracts_hold(capsys: pytest.CaptureFixture[str]):
    failed = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert not failed, capsys.readouterr().out


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_has_one_job(path: Path):
    text = path.read_text(encoding="utf-8")
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    long = [node.name for node in functions if (node.end_lineno or 0) - node.body[0].lineno >= 40]
    assert not long, f"bodies of more than 40 lines: {long}"
    assert text.count("\n") <= 400 or path.name in TABLES, "a file of more than 400 lines has a second job"


TABLES = {"schema.py"}
"""Modules that are one long list of records: their length is the world's, not theirs."""

"""What is written about the program agrees with the program."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

from kafka_audit.rules import rules

ROOT = Path(__file__).parent.parent
GENERATE = runpy.run_path(str(ROOT / "docs" / "generate.py"))
DOCUMENTS = GENERATE["documents"]()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/rules/*.md")])
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(name: str) -> list[str]:
    """The commands of a Markdown document's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", text_of(name), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_generated_document_is_fresh(path: Path):
    assert path.exists() and path.read_text(encoding="utf-8") == DOCUMENTS[path], "refresh it: python docs/generate.py"


def test_no_page_is_left_of_a_rule_that_is_gone():
    assert GENERATE["stale_pages"]() == [], "refresh them: python docs/generate.py"


def test_the_readme_and_the_checks_run_the_same_tests():
    suite = commands("README.md")[1].split(" && ")[-1]
    last = text_of(".ci/run").splitlines()[-1]
    assert suite.startswith(".venv/bin/python -m pytest")
    assert last == suite.replace(".venv/bin/python", '"$bin/python"')


def test_the_readme_and_the_checks_audit_the_fixtures_in_the_same_way():
    audit = commands("README.md")[0].split(" && ")[-1]
    assert audit.replace(".venv/bin/kafka-audit", '"$bin/kafka-audit"') in text_of(".ci/run")


def test_the_readme_speaks_of_options_that_exist():
    commands = [[sys.executable, "-m", "kafka_audit", name, "--help"] for name in ("scan", "fix")]
    usage = "".join(
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for command in commands
    )
    option = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
    named = set(option.findall(text_of("README.md")))
    assert named
    assert named - set(option.findall(usage)) == set()


def test_the_readme_gives_a_reason_for_each_dependency():
    section = text_of("README.md").split("## Dependencies")[1].split("\n## ")[0]
    named = re.findall(r"^\| ([a-z]+) \|", section, flags=re.MULTILINE)
    assert [name for name in named if name != "package"] == [
        re.split(r"[>=]", requirement)[0] for requirement in PROJECT["dependencies"]
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_somewhere(page: Path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_changelog_names_every_rule():
    changelog = text_of("CHANGELOG.md")
    assert [rule.code for rule in rules() if rule.code not in changelog] == []


def test_the_commit_hook_runs_the_installed_program():
    [entry] = re.findall(r"^  entry: (\S+) scan$", text_of(".pre-commit-hooks.yaml"), flags=re.MULTILINE)
    assert entry in PROJECT["scripts"]

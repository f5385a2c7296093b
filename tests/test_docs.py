"""What is written about the program agrees with the program."""

from __future__ import annotations

import functools
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import tomli
import yaml

from kafka_audit.rules import rules

ROOT = Path(__file__).parent.parent
GENERATE = runpy.run_path(str(ROOT / "docs" / "generate.py"))
DOCUMENTS = GENERATE["documents"]()
HAND_WRITTEN = ("configuration", "suppression", "outputs", "integration", "features", "impact")
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


@functools.cache
def help_of(*command: str) -> str:
    program = [sys.executable, "-m", "kafka_audit", *command, "--help"]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{each}.md" for each in HAND_WRITTEN)])
def test_a_page_speaks_of_options_that_exist(name: str):
    option = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
    known = set(
        option.findall(
            "".join(help_of(*each) for each in ((), ("scan",), ("fix",), ("impact",), ("rules",), ("graph",)))
        )
    )
    named = set(option.findall(text_of(name)))
    assert named
    assert named - known == set()


def test_the_index_lists_every_page():
    listed = re.findall(r"\]\(([^)]+)\)", text_of("docs/index.md"))
    assert {page.name for page in ROOT.glob("docs/*.md")} - {"index.md"} == set(listed) - {"../README.md"}


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
    hooks = yaml.safe_load(text_of(".pre-commit-hooks.yaml"))
    assert [hook["id"] for hook in hooks] == ["kafka-audit", "kafka-audit-project", "kafka-audit-fix"]
    for hook in hooks:
        program, command = hook["entry"].split()
        assert program in PROJECT["scripts"]
        usage = help_of(command)
        assert all(option in usage for option in hook.get("args", ()))
        assert hook["require_serial"] is True


def test_the_action_audits_annotates_summarises_and_fails_as_the_program_does(tmp_path: Path):
    steps = {step["name"]: step for step in yaml.safe_load(text_of("action.yml"))["runs"]["steps"]}
    script = steps["Audit"]["run"]
    assert "${{" not in script, "inputs reach a script by its environment, or they could be commands"
    program = tmp_path / "kafka-audit" / "bin" / "kafka-audit"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m kafka_audit "$@"\n')
    program.chmod(0o755)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.py").write_text("from kafka import KafkaProducer\ndef f():\n    p = KafkaProducer()\n")
    environment = {
        **os.environ,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "PATHS": "app",
        "ARGS": "--fail-on warning; touch owned",
        "SARIF": "out.sarif",
    }
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, "what is no option is refused, and nothing else is run"
    assert not (tmp_path / "owned").exists()
    environment["ARGS"] = "--fail-on warning"
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("::warning file=app/a.py,")
    assert (tmp_path / "output").read_text().splitlines()[-1] == "sarif=out.sarif"
    assert "2.1.0" in (tmp_path / "out.sarif").read_text()
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("## kafka-audit")

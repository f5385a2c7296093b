"""Which version of a library do the project's own files declare?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kafka_audit.catalog.clients import CLIENTS
from kafka_audit.discover.requirements import poetry_specifier, requirement
from kafka_audit.discover.versions import Declarations
from kafka_audit.link.options.judged import judged

KAFKA = ("kafka-python", "kafka-python-ng")


def declared(
    folder: Path, files: Mapping[str, str], *distributions: str, name: str = "app.py"
) -> list[tuple[str, str]]:
    """(specifier, path) of what is declared for the file `name` of a project with these files."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    declarations = Declarations(str(folder), {name: str(folder / name)})
    return [(each.specifier, each.path) for each in declarations.of(name, distributions or KAFKA)]


LOCK = '[[package]]\nname = "kafka-python"\nversion = "2.0.2"\n'
FORMATS = {
    "requirements.txt": "-r base.txt\n# kafka-python==1\nkafka-python[crc32c]==2.0.2 ; python_version > '3'  # why\n",
    "requirements-dev.in": "Kafka_Python == 2.0.2\n",
    "dev-requirements.txt": "kafka-python==2.0.2 \\\n    --hash=sha256:00\n",
    "requirements/base.txt": "kafka.python==2.0.2\n",
    "constraints.txt": "kafka-python===2.0.2\n",
    "pyproject.toml": "[project]\ndependencies = ['kafka-python==2.0.2']\n",
    "uv.lock": LOCK,
    "poetry.lock": LOCK,
    "pdm.lock": LOCK,
    "pylock.toml": LOCK.replace("package", "packages"),
    "Pipfile": "[packages]\nkafka-python = '==2.0.2'\n",
    "Pipfile.lock": '{"default": {"kafka-python": {"version": "==2.0.2"}}}',
    "setup.py": "setup(install_requires=['requests', 'kafka-python==2.0.2'])\n",
    "setup.cfg": "[options]\ninstall_requires =\n    kafka-python==2.0.2\n",
}


@pytest.mark.parametrize("file", FORMATS)
def test_every_kind_of_file_is_read(file: str, tmp_path: Path):
    [(specifier, path)] = declared(tmp_path, {file: FORMATS[file]})
    assert (specifier.lstrip("="), path) == ("2.0.2", file)


TABLES = [
    "[project.optional-dependencies]\nkafka = ['kafka-python>=2']",
    "[dependency-groups]\ndev = [{include-group = 'x'}, 'kafka-python>=2']",
    "[tool.uv]\ndev-dependencies = ['kafka-python>=2']",
    "[tool.pdm.dev-dependencies]\ndev = ['kafka-python>=2']",
    "[tool.poetry.dependencies]\nkafka-python = '>=2'",
    "[tool.poetry.dev-dependencies]\nkafka-python = {version = '>=2', extras = ['lz4']}",
    "[tool.poetry.group.kafka.dependencies]\nKafka-Python = '>=2'",
]


@pytest.mark.parametrize("text", TABLES)
def test_every_table_of_a_pyproject_is_read(text: str, tmp_path: Path):
    assert declared(tmp_path, {"pyproject.toml": text}) == [(">=2", "pyproject.toml")]


HOSTILE = [
    "",
    "\0",
    "[" * 50_000,
    "= = =",
    "[project]\ndependencies = 3",
    "[tool]\npoetry = []",
    '{"default": []}',
    "[[package]]\nname = 1\n",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_that_is_not_what_it_should_be_declares_nothing(text: str, tmp_path: Path):
    assert declared(tmp_path, dict.fromkeys(FORMATS, text)) == []


def test_the_nearest_folder_counts(tmp_path: Path):
    files = {"requirements.txt": "kafka-python==3.0.0", "a/requirements.txt": "kafka-python==2.0.2"}
    assert declared(tmp_path, files, name="a/b/app.py") == [("==2.0.2", "a/requirements.txt")]
    assert declared(tmp_path, {}, name="c/app.py") == [("==3.0.0", "requirements.txt")]


def test_a_lock_above_settles_what_a_range_leaves_open(tmp_path: Path):
    files = {"uv.lock": LOCK, "a/pyproject.toml": "[project]\ndependencies = ['kafka-python>=2']"}
    assert declared(tmp_path, files, name="a/app.py") == [("==2.0.2", "uv.lock")]


def test_a_lock_above_that_disagrees_belongs_to_something_else(tmp_path: Path):
    files = {"uv.lock": LOCK, "a/pyproject.toml": "[project]\ndependencies = ['kafka-python>=3']"}
    assert declared(tmp_path, files, name="a/app.py") == [(">=3", "a/pyproject.toml")]


def test_several_declarations_of_one_folder_all_count(tmp_path: Path):
    files = {"requirements.txt": "kafka-python>=2", "requirements-dev.txt": "kafka-python==2.0.2"}
    assert declared(tmp_path, files) == [("==2.0.2", "requirements-dev.txt"), (">=2", "requirements.txt")]


def test_what_stands_beside_the_project_is_not_read(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("kafka-python==2.0.2", encoding="utf-8")
    inner = tmp_path / "project"
    inner.mkdir()
    assert declared(inner, {}) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("kafka-python", [("kafka-python", "")]),
        ("kafka-python ~= 2.0", [("kafka-python", "~=2.0")]),
        ("kafka-python @ https://example.org/kafka.whl", [("kafka-python", "")]),
        ("-e .", []),
        ("--index-url https://example.org", []),
        ("git+https://example.org/kafka-python", []),
        ("# kafka-python", []),
    ],
)
def test_a_line_of_requirements(line: str, found: list[tuple[str, str]]):
    assert list(requirement(line)) == found


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^2.0.2", ">=2.0.2,<3"),
        ("^0.10.0", ">=0.10.0,<0.11"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("~2.1", ">=2.1,<2.2"),
        ("~2", ">=2,<3"),
        ("2.0.2", "==2.0.2"),
        ("2.*", "==2.*"),
        (">=2, <3", ">=2,<3"),
        ("*", ""),
        ("^2 || ^3", ""),
    ],
)
def test_poetrys_notation(constraint: str, specifier: str):
    assert poetry_specifier(constraint) == specifier


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("kafka-python", ("3.0.12",)),
        ("kafka-python==2.0.2", ("2.0.2",)),
        ("kafka-python==2.1.3", ("2.1.0", "2.1.6")),
        ("kafka-python>=2,<3", ("2.3.3",)),
        ("kafka-python==9", ("3.0.12",)),
        ("kafka-python-ng", ("2.2.3",)),
        ("kafka-python==1.4.7", None),
        ("kafka-python<2", None),
    ],
)
def test_a_declaration_is_judged_by_what_was_examined(text: str, by: tuple[str, ...] | None, tmp_path: Path):
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    client = next(each for each in CLIENTS if each.name == "kafka.KafkaProducer")
    verdict = judged(client, Declarations(str(tmp_path), {"app.py": str(tmp_path / "app.py")}).of("app.py", KAFKA))
    assert (verdict and verdict.by) == by

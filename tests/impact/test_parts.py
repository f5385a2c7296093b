"""The parts of an impact answer on their own: configuration, folders, the graph from bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafka_audit.discover.pytest_ini import PytestIni, configurations
from kafka_audit.facts.extract import extract
from kafka_audit.facts.modules import ModulePaths
from kafka_audit.facts.neighbours import Neighbours
from kafka_audit.facts.schema import Assign
from kafka_audit.impact.constants import folder, texts
from kafka_audit.impact.search_path import SearchPath
from kafka_audit.link.flow.scopes import build_module


def top(source: str, path: str = "a/b/test_c.py"):
    """The body of a module and the value of its last assignment."""
    unit = build_module(path, extract(source.encode())).top
    assign = [each for each in unit.body if isinstance(each, Assign)][-1]
    assert assign.value is not None
    return unit, assign.value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("str(Path(__file__).parent.parent / 'lib')", ("a", "lib")),
        ("Path(__file__).resolve().parents[1]", ("a",)),
        ("os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'src')", ("a", "src")),
        ("os.path.dirname(os.path.dirname(os.path.dirname(__file__)))", ()),
        ("Path(__file__).parent.joinpath('d', 'e').absolute()", ("a", "b", "d", "e")),
        ("'lib'", ("run", "lib")),
        ("os.getcwd()", ("run",)),
        ("Path.cwd() / 'x'", ("run", "x")),
        ("'/usr/lib'", None),
        ("unknown()", None),
        ("Path(__file__).parent.parent.parent.parent.parent", None),
        ("os.path.join('a', unknown)", None),
    ],
)
def test_folders_are_read_from_path_expressions(expression, expected):
    unit, value = top(f"x = {expression}")
    assert folder(unit, value, ("run",)) == expected


def test_folders_and_strings_go_through_names():
    unit, value = top("HERE = Path(__file__).parent\nLIB = HERE / 'lib'\nx = str(LIB)")
    assert folder(unit, value, ()) == ("a", "b", "lib")
    unit, value = top("for name, _ in [('p.q', 1), ('r', 2)]:\n    pass\nx = name")
    assert texts(unit, value) == ["p.q", "r"]


def test_names_bound_in_a_circle_have_no_value():
    unit, value = top("a = b\nb = a\nx = a")
    assert texts(unit, value) == []
    assert folder(unit, value, ()) is None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pytest.ini", "[pytest]\npythonpath = src lib/..\n", {"pythonpath": (("p", "src"), ("p",))}),
        ("pytest.ini", "", {}),
        ("tox.ini", "[pytest]\naddopts = -p my.plugin --import-mode=importlib\n", {"plugins": ("my.plugin",)}),
        ("setup.cfg", "[tool:pytest]\npython_files = check_*.py\n", {"python_files": ("check_*.py",)}),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = ['-pone', '-p', 'no:two']\n", {"plugins": ("one",)}),
        ("pyproject.toml", "[tool.pytest]\nasyncio_mode = 'auto'\n", {"asyncio_mode": "auto"}),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\nasyncio_default_fixture_loop_scope = 'session'\n",
            {"fixture_loop_scope": "session"},
        ),
    ],
)
def test_the_nearest_configuration_holds(tmp_path: Path, name, text, expected):
    (tmp_path / "p" / "tests").mkdir(parents=True)
    (tmp_path / "p" / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = wrong\n")
    found = configurations(str(tmp_path), ["p/tests/test_x.py"])[("p", "tests")]
    assert (found.folder, found.path) == (("p",), f"p/{name}")
    for key, value in expected.items():
        assert getattr(found, key) == value


@pytest.mark.parametrize("text", ["[tool.other]\nx = 1\n", "not toml at all [[[", "tool = 1\n", "\xff"])
def test_a_file_without_the_section_configures_nothing(tmp_path: Path, text):
    (tmp_path / "pyproject.toml").write_text(text, encoding="latin-1")
    (tmp_path / "tox.ini").write_text(text, encoding="latin-1")
    assert configurations(str(tmp_path), ["test_x.py"]) == {(): PytestIni()}


def found(folders: list[tuple[str, ...]], dotted: str, *paths: str) -> str | None:
    search = SearchPath(ModulePaths(paths, ()))
    for each in folders:
        search.append(each)
    at = search.find(dotted)
    return None if at is None else at.path or "namespace"


def test_the_first_folder_that_has_the_package_wins():
    paths = ("one/pkg/__init__.py", "two/pkg/__init__.py", "two/pkg/inner.py")
    assert found([("one",), ("two",)], "pkg", *paths) == "one/pkg/__init__.py"
    assert found([("one",), ("two",)], "pkg.inner", *paths) is None
    assert found([("two",), ("one",)], "pkg.inner", *paths) == "two/pkg/inner.py"


def test_a_namespace_package_is_made_of_all_folders_and_comes_last():
    assert found([("one",), ("two",)], "pkg.inner", "one/pkg/a.py", "two/pkg/inner.py") == "two/pkg/inner.py"
    assert found([("one",), ("two",)], "pkg", "one/pkg/a.py", "two/pkg.py") == "two/pkg.py"
    assert found([("one",)], "pkg", "one/pkg/a.py") == "namespace"
    assert found([("one",)], "kafka", "one/kafka/a.py") is None, "the library is installed"


def test_the_graph_follows_every_form_of_import_and_dotted_strings():
    contents = {
        "a/__init__.py": b"",
        "a/one.py": b"from a import two\n",
        "a/two.py": b"def f():\n    import a.three\n",
        "a/three.py": b"__import__(name)\nNAMES = ['b.four']\n",
        "b/four.py": b"from kafka import KafkaProducer\n",
        "c.py": b"'b.four'\n",
        "tests/test_x.py": b"patch('a.one.Thing')\n",
        "tests/test_y.py": b"monkeypatch.setattr('aiokafka.AIOKafkaProducer', x)\n",
    }
    graph = Neighbours(contents)
    assert graph.reached(["tests/test_x.py"]) == set(contents) - {"c.py", "tests/test_y.py"}
    assert graph.reaching(["b/four.py"]) == {"b/four.py", "a/three.py", "a/two.py", "a/one.py", "tests/test_x.py"}
    assert graph.importing() == ["b/four.py"]
    assert graph.clients() == ["b/four.py", "tests/test_y.py"]

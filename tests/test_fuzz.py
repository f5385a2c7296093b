"""Laws: whatever is done to one file, the audit ends with an answer, and the others keep their alarms."""

from __future__ import annotations

import io
import json
import os
import re
import tokenize
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kafka_audit.cli import main
from kafka_audit.pipeline import audit
from kafka_audit.settings import Settings

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "fixtures").rglob("*.py"))
SAMPLES = [path for path in SOURCES if 300 < path.stat().st_size < 4_000 and b"Producer" in path.read_bytes()]
SOUND = "from kafka import KafkaProducer\nproducer = KafkaProducer()\n"
ODD = [
    *(
        "\0",
        "\f",
        "\r",
        "\\",
        "\ufeff",
        "\u2028",
        "\u202e",
        "\x1b[31m",
        "\ud800",
        "é",
        "ª",
        "'''",
        "{{",
        "f'{",
        "t'{x!r:{",
    ),
    *(
        "async ",
        "await ",
        "lambda: ",
        "yield ",
        "yield from ",
        "match x:\n case ",
        "global p; ",
        "nonlocal p; ",
        "del ",
    ),
    *(
        "*",
        "**",
        ":=",
        "->",
        "@",
        "...",
        "(" * 90,
        "[" * 90,
        "x." * 90,
        "not " * 90,
        "\n" + " " * 90,
        "\n\t",
        ";",
        "if 0: ",
    ),
    *(
        "0o",
        "1_",
        "9" * 5000,
        "1e999",
        "0x",
        "<<<<<<< a\n",
        ">>>>>>> b\n",
        "{% x %}",
        "print 'x'\n",
        "%magic\n",
        "# noqa: KA\n",
    ),
    *(
        "# kafka-audit: ignore[KA201]\n",
        "# coding: rot13\n",
        "from kafka import *\n",
        "from . import x\n",
        "import kafka\n",
    ),
    *(
        "class A(A): ",
        "p = p\n",
        "self.p = ",
        "super().",
        "p.close()\n",
        "raise\n",
        "return p\n",
        "with p: ",
        "finally:\n",
    ),
]

FUZZED = settings(
    max_examples=int(os.environ.get("KAFKA_AUDIT_FUZZ", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
"""`KAFKA_AUDIT_FUZZ=20000` is the long run of docs/robustness.md."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.cfg").touch()
    (tmp_path / "bus.py").write_text(SOUND)
    return tmp_path


def pieces(text: str) -> list[str]:
    """The tokens of a source with what stands between them."""
    return re.findall(r"\w+|\s+|.", text, re.DOTALL)


@st.composite
def damaged_bytes(draw: st.DrawFn) -> bytes:
    """A source with some of its bytes replaced, left out, doubled, or taken from another one."""
    data = draw(st.sampled_from(SAMPLES)).read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 60)))
        patch = draw(st.binary(max_size=6) | st.just(data[start:end] * 2) | st.sampled_from(SAMPLES).map(_middle))
        data = data[:start] + patch + data[end:]
    return data


def _middle(path: Path) -> bytes:
    data = path.read_bytes()
    return data[len(data) // 3 : len(data) // 2]


@st.composite
def damaged_tokens(draw: st.DrawFn) -> bytes:
    """A source with some of its tokens replaced by odd ones, left out, or put elsewhere."""
    found = pieces(draw(st.sampled_from(SAMPLES)).read_text(encoding="utf-8"))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(found) - 1))
        found[at] = draw(st.sampled_from(ODD) | st.sampled_from(found) | st.just(""))
    return "".join(found).encode("utf-8", "surrogatepass")


@st.composite
def mixed_lines(draw: st.DrawFn) -> bytes:
    """Lines of several sources, one after the other: most of it is Python that nobody would write."""
    lines = [line for path in draw(st.lists(st.sampled_from(SAMPLES), min_size=2, max_size=3)) for line in _lines(path)]
    return "".join(draw(st.lists(st.sampled_from(lines), min_size=5, max_size=40))).encode()


def _lines(path: Path) -> list[str]:
    """The statements of a file, each with its block."""
    return re.findall(r"^\S.*\n(?:[ \t]+.*\n|\n)*", path.read_text(encoding="utf-8"), re.MULTILINE)


anything = st.binary(max_size=300).map(lambda data: b"import kafka\n" + data)


def check(project: Path, data: bytes) -> None:
    (project / "odd.py").write_bytes(data)
    report = audit(Settings(paths=(str(project),), cache=False, jobs=1))
    problems = [each for each in report.problems if each.kind == "internal"]
    assert problems == []
    assert {finding.code for finding in report.findings if finding.path.endswith("bus.py")} >= {"KA101"}
    broken = [each for each in report.problems if each.path.endswith("odd.py")]
    if not broken:
        assert_is_python(data)


def assert_is_python(data: bytes) -> None:
    """What nobody complains of can be split into tokens."""
    try:
        list(tokenize.tokenize(io.BytesIO(data).readline))
    except tokenize.TokenError as error:
        raise AssertionError("the audit took for Python what is none") from error
    except (SyntaxError, IndentationError):
        pass  # what newer interpreters read


@FUZZED
@given(data=anything)
def test_any_bytes_end_with_an_answer(project: Path, data: bytes):
    check(project, data)


@FUZZED
@given(data=damaged_bytes())
def test_damaged_bytes_end_with_an_answer(project: Path, data: bytes):
    check(project, data)


@FUZZED
@given(data=damaged_tokens())
def test_damaged_tokens_end_with_an_answer(project: Path, data: bytes):
    check(project, data)


@FUZZED
@given(data=mixed_lines())
def test_mixed_programs_end_with_an_answer(project: Path, data: bytes):
    check(project, data)


@settings(FUZZED, max_examples=max(10, FUZZED.max_examples // 10))
@given(data=mixed_lines() | damaged_tokens())
@pytest.mark.parametrize("command", [["fix", "--diff", "--unsafe"], ["graph"], ["impact"]], ids=lambda each: each[0])
def test_every_command_ends_with_an_answer(project: Path, data: bytes, command: list[str]):
    (project / "odd.py").write_bytes(data)
    (project / "test_odd.py").write_bytes(b"from odd import *\ndef test_it(): ...\n")
    with pytest.raises(SystemExit) as ended, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
        main([*command, "--no-cache", "--jobs", "1", "."])
    incomplete = 3  # which of a repair would mean that it was withdrawn
    assert ended.value.code in (0, 1, 2) or (ended.value.code == incomplete and command[0] != "fix")
    assert "mistake" not in err.getvalue()
    assert (project / "odd.py").read_bytes() == data


@settings(FUZZED)
@given(
    text=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["cells", "cell_type", "source", "code", "metadata", "kernelspec", "language", "x"]),
                inner,
            )
        ),
        max_leaves=12,
    ).map(json.dumps)
)
def test_any_notebook_ends_with_an_answer(project: Path, text: str):
    (project / "sheet.ipynb").write_text(text)
    report = audit(Settings(paths=(str(project),), cache=False, jobs=1))
    assert [each for each in report.problems if each.kind == "internal"] == []


BESIDE = (
    "pyproject.toml",
    "pytest.ini",
    "tox.ini",
    "setup.py",
    "requirements.txt",
    "uv.lock",
    "poetry.lock",
    ".gitignore",
)
BESIDE += ("kafka-audit.toml", "Pipfile.lock", "requirements/dev.txt", "sheet.ipynb", "setup.cfg", ".ignore")
HOSTILE = {
    "no UTF-8": b"[project]\nname = '\xff\xc1'\n",
    "no UTF-8 in JSON": b'{"cells": ["\xc1"], "x": 1}',
    "NULs": b"[project]\0\nname = 'x'\0",
    "UTF-16": "[project]\nname = 'x'\n".encode("utf-16"),
    "depth in TOML": b"[project]\ndependencies = " + b"[" * 5_000 + b"]" * 5_000,
    "depth in JSON": b"[" * 100_000,
    "depth of tables": b"[" + b"tool." * 5_000 + b"x]\n",
    "what is no table": b"project = 1\ntool = [2]  # kafka-audit\n",
    "other types": b"[project]\ndependencies = 3\nscripts = ['x']\n[tool]\npytest = 'x'\nkafka-audit = 5\n",
    "interpolation": b"[pytest]\naddopts = %(x)s\n[tool:pytest]\naddopts = %(addopts)s\n[metadata]\nname = %\n",
    "many brackets": b"[[[\n{{{\n***\n\\\n[!a-\n",
    "requirements of requirements": b"-r requirements.txt\n-r dev.txt\n-r ../requirements.txt\n-e .\nkafka-python==\n",
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("name", BESIDE)
def test_a_damaged_file_beside_the_sources_ends_no_audit(
    project: Path, name: str, what: str, capsys: pytest.CaptureFixture[str]
):
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_bytes(HOSTILE[what])
    with pytest.raises(SystemExit) as ended:
        main(["scan", "--no-cache", "--jobs", "1", "--format", "json"])
    out, err = capsys.readouterr()
    assert "mistake" not in err
    refused = ended.value.code == 2 and err.startswith("kafka-audit: ") and err.count("\n") == 1
    assert refused or "KA101" in {each["code"] for each in json.loads(out)["findings"]}
    assert not refused or name in ("pyproject.toml", "kafka-audit.toml")

"""Bytes that are odd Python, or none: what the interpreter reads is audited, and the rest is named with a reason."""

from __future__ import annotations

import encodings
import json
import pkgutil
import warnings
from pathlib import Path

import pytest

from kafka_audit.cli import main
from kafka_audit.facts import nesting
from kafka_audit.facts.concrete import TOO_LARGE
from kafka_audit.facts.extract import extract

CODE = "from kafka import KafkaProducer\np = KafkaProducer()\n"
ENCODINGS = sorted(
    {module.name for module in pkgutil.iter_modules(encodings.__path__)} - {"aliases", "mbcs", "oem", "unicode_escape"}
)
"""Not those of one system, nor the one that can hide the word `import` from whoever reads bytes."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.cfg").touch()
    (tmp_path / "bus.py").write_text(CODE)
    return tmp_path


def audited(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, list[int]], dict[str, tuple[str, int, str]]]:
    """The lines of the clients by file, and the problems by file; the sound file beside them is audited in any case."""
    with pytest.raises(SystemExit):
        main(["scan", "--format", "json"])
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    made: dict[str, list[int]] = {}
    for each in report["producers"]:
        made.setdefault(each["path"], []).append(each["line"])
    assert made.pop("bus.py") == [2]
    return made, {each["path"]: (each["kind"], each["line"], each["message"]) for each in report["problems"]}


def is_python(data: bytes) -> bool:
    """Whether the interpreter itself takes the bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "file", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True


def test_every_encoding_that_the_interpreter_reads_is_read(project: Path, capsys: pytest.CaptureFixture[str]):
    expected: dict[str, bool] = {}
    for name in ENCODINGS:
        comment = f"# -*- coding: {name} -*-\n"
        for kind, text in (("plain", CODE), ("foreign", f"{CODE}größe = 'ж漢ｶ한'\n")):
            try:
                data = (comment + text).encode(name)
            except (LookupError, UnicodeError, AssertionError, TypeError):
                data = (comment + text).encode("utf-8")
            file = f"{name}_{kind}.py"
            (project / file).write_bytes(data)
            expected[file] = name != "punycode" and is_python(data)
    made, problems = audited(capsys)
    assert made == {file: [3] for file in expected if expected[file]}
    assert {"utf_8_plain.py", "shift_jis_plain.py", "gb18030_foreign.py", "utf_7_foreign.py"} <= made.keys()
    assert problems.keys() == {file for file in expected if not expected[file]}
    assert {kind for kind, _, _ in problems.values()} == {"encoding", "syntax"}


FRAKTUR = "\N{MATHEMATICAL FRAKTUR SMALL P}\N{MATHEMATICAL FRAKTUR SMALL R}"
"""Letters that Python takes for `pr`."""

SOUND = {
    "a byte order mark": (b"\xef\xbb\xbf" + CODE.encode(), [2]),
    "a byte order mark and a coding comment": (b"\xef\xbb\xbf# coding: utf-8\n" + CODE.encode(), [3]),
    "a form feed": (CODE.replace("p =", "\f\np =").encode(), [3]),
    "a form feed before an indent": (b"from kafka import KafkaProducer\nif x:\n\f    p = KafkaProducer()\n", [3]),
    "Windows line ends": (CODE.replace("\n", "\r\n").encode(), [2]),
    "old Macintosh line ends": (CODE.replace("\n", "\r").encode(), [2]),
    "mixed line ends": (b"x = 1\r" + b"y = '''\r\n'''\n" + CODE.encode(), [5]),
    "no line end": (CODE.strip().encode(), [2]),
    "line separators that are none": ("x = '\u2028\x85\x0b\x1c'\n".encode() + CODE.encode(), [3]),
    "names in many scripts": (
        (
            f"def größe(данные, 数据, ข้อมูล): ...\nclass מפיק:\n    def نشر(self): ...\n{FRAKTUR} = ªb = 1\n" + CODE
        ).encode(),
        [6],
    ),
    "a client under a foreign name": ("from kafka import KafkaProducer as Πομπός\nπ = Πομπός()\n".encode(), [2]),
    "a name that Python spells otherwise": (
        f"from kafka import KafkaProducer as P\n{FRAKTUR[:1]} = P()\np.close()\n".encode(),
        [2],
    ),
    "only what newer interpreters read": (b"type A[T: int] = list[T]\nx = f'{'a'}'\n" + CODE.encode(), [4]),
}


@pytest.mark.parametrize("what", SOUND)
def test_odd_python_is_audited_like_any_other(what: str, project: Path, capsys: pytest.CaptureFixture[str]):
    data, lines = SOUND[what]
    (project / "odd.py").write_bytes(data)
    made, problems = audited(capsys)
    assert problems == {}
    assert made == {"odd.py": lines}


BROKEN = {
    "a NUL": (CODE.encode() + b"\0", "syntax", 3, "NUL"),
    "no UTF-8": (CODE.encode() + b"x = '\xff'\n", "encoding", 3, "utf-8"),
    "UTF-16": (CODE.encode("utf-16"), "encoding", 1, "UTF-16"),
    "an unknown encoding": (b"# coding: nonsense\n" + CODE.encode(), "encoding", 1, "coding comment"),
    "an encoding that contradicts the mark": (
        b"\xef\xbb\xbf# coding: latin-1\n" + CODE.encode(),
        "encoding",
        1,
        "coding",
    ),
    "a codec that is no encoding": (b"# coding: rot13\n" + CODE.encode(), "encoding", 1, "rot13"),
    "an encoding that takes quadratic time": (
        b"# coding: punycode\nkafka-" + b"a" * 10_000_00,
        "encoding",
        1,
        "punycode",
    ),
    "a merge conflict": (CODE.encode() + b"<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> b\n", "syntax", 3, "conflict"),
    "a template": (CODE.encode() + b"{% if kafka %}\nx = 1\n{% endif %}\n", "syntax", 3, "template"),
    "a template of names": (CODE.encode() + b"class {{ cookiecutter.name }}:\n    pass\n", "syntax", 3, "template"),
    "a print statement": (CODE.encode() + b"print 'sent'\n", "syntax", 3, "Python 2"),
    "a raise of Python 2": (CODE.encode() + b"try: x\nexcept E:\n    raise E, 'x'\n", "syntax", 5, "Python 2"),
    "no indent": (CODE.encode() + b"def f():\nx = 1\n", "syntax", 4, "not valid Python"),
    "tabs and spaces": (CODE.encode() + b"if x:\n        y\n\tz\n", "syntax", 5, "not valid Python"),
    "an open string": (CODE.encode() + b"x = '''\n", "syntax", 3, "not valid Python"),
    "a thousand brackets": (CODE.encode() + b"x = " + b"[" * 1000 + b"]" * 1000, "too-deep", 3, "nested too deeply"),
    "a thousand blocks": (
        CODE.encode() + b"".join(b" " * n + b"if x:\n" for n in range(1000)) + b" " * 1000 + b"y\n",
        "syntax",
        103,
        "too many indentation levels",
    ),
    "random bytes": (b"import kafka\n" + bytes(range(128, 256)) * 9, "encoding", 2, "utf-8"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_python_is_named_with_its_reason(what: str, project: Path, capsys: pytest.CaptureFixture[str]):
    data, kind, line, reason = BROKEN[what]
    (project / "odd.py").write_bytes(data)
    _, problems = audited(capsys)
    assert set(problems) == {"odd.py"}
    assert problems["odd.py"][0] == kind
    assert problems["odd.py"][1] == line
    assert reason in problems["odd.py"][2]


def cell(*lines: str, kind: str = "code") -> dict[str, object]:
    return {"cell_type": kind, "metadata": {}, "source": [f"{line}\n" for line in lines], "outputs": []}


def test_a_notebook_with_magics_is_audited(project: Path, capsys: pytest.CaptureFixture[str]):
    cells = [
        cell("# A title", kind="markdown"),
        cell("%load_ext autoreload", "!pip install kafka-python", "?print", "x = !ls"),
        cell("%%bash", "echo 'this is (no Python'"),
        cell("pip install kafka-python && pip install dotenv", "cd ../data", "cd = 1"),
        cell("from kafka import KafkaProducer", "%matplotlib inline", "files = %sx ls", "p = KafkaProducer()"),
    ]
    (project / "sheet.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    (project / "torn.ipynb").write_text('{"cells": [')
    made, problems = audited(capsys)
    assert list(made) == ["sheet.ipynb:cell 5"]
    assert list(problems) == ["torn.ipynb"]


def test_what_is_too_large_is_named_with_the_limit(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / "data.py").write_bytes(CODE.encode() + b"x = [" + b"1," * 2_500_000 + b"]\n")
    newer = b"type A = int\n"  # which the interpreter that runs the audit may not read
    (project / "newer.py").write_bytes(CODE.encode() + newer + b"\f\n" + b"x = [1]\n" * (TOO_LARGE // 8))
    made, problems = audited(capsys)
    assert made == {}
    assert problems["data.py"][0] == problems["newer.py"][0] == "unreadable"
    assert "5000059 bytes are more than the 5000000" in problems["data.py"][2]
    assert f"more than the {TOO_LARGE}" in problems["newer.py"][2]


def test_circles_of_imports_and_classes_end(project: Path, capsys: pytest.CaptureFixture[str]):
    count = 30
    for n in range(count):
        after = (n + 1) % count
        (project / f"m{n}.py").write_text(
            f"from m{after} import *\nfrom m{after} import C{after}, make as made\nimport m{after} as mod\n"
            f"from kafka import KafkaProducer\nclass C{n}(C{after}, mod.C{after}): ...\n"
            f"def make(): return mod.make() or made() or C{n}()\nC{n}.p = KafkaProducer()\n"
        )
    made, problems = audited(capsys)
    assert problems == {}
    assert len(made) == count


def test_the_limits_of_depth_are_those_of_the_interpreter():
    deepest = b"x = " + b"(" * 190 + b"a" + b")" * 190
    assert extract(deepest).flaws == ()
    assert nesting.too_deep_line("x = " + "(" * 201) == 1

"""The command `graph`: what is drawn, and that nothing in the audited code acts on whoever looks at it."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from kafka_audit.cli import main
from kafka_audit.graph.schema import NODE_KINDS, Edge, Graph, Node
from kafka_audit.model import Problem
from kafka_audit.report.graph import render
from tests.sample_report import HOSTILE

ROOT = Path(__file__).parent.parent
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WORSE = (
    *HOSTILE,
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '"] --> n1; click n1 "javascript:alert(1)"',
    "%%{init: {'securityLevel': 'loose'}}%%",
    '\\N \\" ]; } digraph { a -> b',
    "&quot;&lt;b&gt;#quot;#60;",
    "*/ // end",
)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["graph", "--isolated", *arguments])
    return int(stopped.value.code or 0)


def drawn(capsys: pytest.CaptureFixture[str], format: str, *paths: str) -> str:
    assert run("--format", format, *paths) == 0
    return capsys.readouterr().out


def hostile(text: str) -> Graph:
    nodes = tuple(
        Node(number=number, kind=kind, label=text, detail=f"?{text}", path=text, line=1)
        for number, kind in enumerate(NODE_KINDS, start=1)
    )
    edges = (Edge(source=2, verb="calls", target=3, path=text, line=1),)
    return Graph(nodes=nodes, edges=edges, problems=(Problem(path=text, line=1, kind="syntax", message=text),))


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "fixtures" / "quick_reference")


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("format", ["mermaid", "dot"])
def test_the_picture(format: str, capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion):
    out = drawn(capsys, format)
    assert out == snapshot
    assert drawn(capsys, format, "--no-cache", "--jobs", "2") == out


@pytest.mark.usefixtures("reference")
def test_only_what_has_to_do_with_the_named_files_is_drawn(capsys: pytest.CaptureFixture[str]):
    out = drawn(capsys, "dot", "parcels/ledger")
    assert set(re.findall(r'label="(?:file|owner|producer) ([^"\\]+)', out)) == {
        "parcels/ledger/__init__.py",
        "parcels/ledger/nightly.py",
        "parcels/ledger/producer.py",
        "LedgerProducer",
        "LedgerProducer.producer",
    }


def test_a_file_that_cannot_be_read_makes_it_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("from kafka import KafkaProducer\ndef (:\n")
    assert run() == 3
    assert "%% not read: broken.py:2 " in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "said"), [(["-"], "instead of `-`"), (["--format", "svg"], "--format")])
def test_bad_usage_is_one_sentence(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", WORSE)
def test_mermaid_reads_no_syntax_in_a_name(text: str):
    out = render(hostile(text), "mermaid")
    assert len(out.splitlines()) == len(render(hostile("x"), "mermaid").splitlines())
    for line in out.splitlines()[2:]:
        inside = re.search(r'"(.*)"', line)
        assert line.count('"') in (0, 2)
        rest = (inside[1] if inside else "").replace("<br>", "")
        assert re.sub(r"#\d+;", "", rest).translate(dict.fromkeys(map(ord, '"<>{}[]%#;`&|\\'))) == re.sub(
            r"#\d+;", "", rest
        )
    assert "%%{" not in out


@pytest.mark.parametrize("text", WORSE)
def test_dot_reads_no_syntax_in_a_name(text: str):
    out = render(hostile(text), "dot")
    plain = render(hostile("x"), "dot")
    strings = re.compile(r'"(?:[^"\\]|\\.)*"')
    assert len(out.splitlines()) == len(plain.splitlines())
    for line, expected in zip(out.splitlines(), plain.splitlines(), strict=True):
        if "//" not in line.partition('"')[0]:
            assert strings.sub("S", line) == strings.sub("S", expected)
            assert set(re.findall(r"\\(.)", line)) <= {"\\", '"', "n"}


class Page(html.parser.HTMLParser):
    """The elements of a page, the text of each, and every reference."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.references: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.references += [value or "" for name, value in attrs if name in {"src", "href", "action", "srcset", "data"}]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1] if self.elements else "", data))


@pytest.mark.parametrize("text", WORSE)
def test_the_page_has_the_same_elements_whatever_the_names_are(text: str):
    page, plain = Page(render(hostile(text), "html")), Page(render(hostile("x"), "html"))
    assert page.elements == plain.elements
    data = json.loads(next(data for tag, data in page.texts if tag == "script" and data.startswith("{")))
    assert len(data["nodes"]) == len(NODE_KINDS)


@pytest.mark.usefixtures("reference")
def test_the_page_refers_to_nothing_but_itself(capsys: pytest.CaptureFixture[str]):
    out = drawn(capsys, "html")
    page = Page(out)
    assert page.references
    assert all(re.fullmatch(r"#n\d+", each) for each in page.references)
    assert "default-src 'none'" in out
    assert re.findall(r"https?://[^\"\s]+", out) == ["http://www.w3.org/2000/svg"]  # a name, which nothing loads
    assert "url(" not in out.replace('"url(#arrow)"', "")


# --- in a browser ----------------------------------------------------------------------------------------------------


def shown(page: Path, fragment: str, profile: Path) -> str:
    """The page as a browser has it after it is opened from the disk."""
    assert BROWSER is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--virtual-time-budget=5000"]
    done = subprocess.run(
        [BROWSER, *flags, "--dump-dom", page.as_uri() + fragment], capture_output=True, check=True, timeout=120
    )
    return done.stdout.decode()


def remaining(dom: str) -> set[str]:
    """The names in the lists that are not hidden."""
    return set(re.findall(r'<li id="n\d+" data-node="\d+"><b>([^<]*)</b>', dom))


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.usefixtures("reference")
def test_a_browser_draws_and_searches(tmp_path: Path):
    page = tmp_path / "producers.html"
    assert run("--format", "html", "--output", str(page)) == 0
    nodes = page.read_text().count("data-node=")
    everything = shown(page, "", tmp_path / "profile")
    assert everything.count("data-drawn=") == nodes == len(re.findall("<b>", everything))
    assert f"{nodes} of {nodes}" in everything
    some = shown(page, "#q=labelclient%20function", tmp_path / "profile")
    names = {"LabelClient.start_producer", "LabelClient.stop_producer", "LabelClient.order_many"}
    assert remaining(some) == names
    matched = re.findall(r'class="function match" data-drawn="\d+"', some)
    assert len(matched) == len(names)
    assert {"LabelClient", "LabelClient._producer", "BatchDispatcher"} > set(re.findall(r"<title>owner (\w+)", some))
    nothing = shown(page, "#q=%22%3E%3Cimg%20src=x%3E", tmp_path / "profile")
    assert remaining(nothing) == set()
    assert f"0 of {nodes}" in nothing
    assert "<img" not in nothing


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_a_browser_runs_nothing_that_a_name_says(tmp_path: Path):
    page = tmp_path / "hostile.html"
    page.write_text(
        render(hostile("</script><svg onload=\"document.title='run'\"><script>document.title='run'</script>"), "html")
    )
    dom = shown(page, "", tmp_path / "profile")
    assert "<title>Kafka producers</title>" in dom
    assert dom.count("data-drawn=") == len(NODE_KINDS)

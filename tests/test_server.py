"""The editor server, asked by a real client over the standard streams."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient
from pygls.uris import from_fs_path

from kafka_audit.cli import main

ROOT = Path(__file__).parent.parent
LEAK = """\
from kafka import KafkaProducer


def send(row: bytes) -> None:
    größe = "😀"; producer = KafkaProducer()
    producer.send("rows", row).get(timeout=10)
    producer.close()
"""
CLEAN = "from kafka import KafkaProducer\n"


class Editor:
    """An editor that has a folder open, and the diagnostics that it was sent last, by the name of the file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("test", "1")
        self.published: dict[str, list[lsp.Diagnostic]] = {}
        self.messages: list[str] = []
        self.news = asyncio.Event()

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def take(params: lsp.PublishDiagnosticsParams) -> None:
            self.published[os.path.basename(params.uri)] = list(params.diagnostics)
            self.news.set()

        @self.client.feature(lsp.WINDOW_SHOW_MESSAGE)
        def show(params: lsp.ShowMessageParams) -> None:
            self.messages.append(params.message)
            self.news.set()

    def uri(self, name: str) -> str:
        return from_fs_path(str(self.folder / name)) or ""

    async def start(self) -> lsp.InitializeResult:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(self.folder / "cache")}
        await self.client.start_io(sys.executable, "-m", "kafka_audit", "server", env=environment, cwd=self.folder)
        uri = self.uri("")
        result = await self.client.initialize_async(
            lsp.InitializeParams(capabilities=lsp.ClientCapabilities(), root_uri=uri, process_id=os.getpid())
        )
        self.client.initialized(lsp.InitializedParams())
        return result

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 60)

    def open(self, name: str, text: str) -> None:
        item = lsp.TextDocumentItem(self.uri(name), "python", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def change(self, name: str, text: str) -> None:
        document = lsp.VersionedTextDocumentIdentifier(2, self.uri(name))
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [whole]))

    async def actions(self, name: str, line: int) -> list[lsp.CodeAction]:
        place = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
        document = lsp.TextDocumentIdentifier(self.uri(name))
        params = lsp.CodeActionParams(document, place, lsp.CodeActionContext([]))
        found = await self.client.text_document_code_action_async(params)
        return [each for each in found or () if isinstance(each, lsp.CodeAction)]

    async def stop(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()


def in_editor(folder: Path, talk: Callable[[Editor], Awaitable[None]]) -> None:
    async def run() -> None:
        editor = Editor(folder)
        await editor.start()
        try:
            await talk(editor)
        finally:
            await editor.stop()

    asyncio.run(run())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "setup.cfg").touch()
    (tmp_path / "a.py").write_text(LEAK, encoding="utf-8")
    return tmp_path


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""The client's own pipes are closed by its garbage collection."""


def test_an_alarm_is_published_where_it_is_with_its_chain(project: Path):
    async def talk(editor: Editor) -> None:
        await editor.until(lambda: bool(editor.published.get("a.py")))
        [alarm] = editor.published["a.py"]
        assert (alarm.code, alarm.severity, alarm.source) == ("KA301", lsp.DiagnosticSeverity.Warning, "kafka-audit")
        column = len(LEAK.splitlines()[4].partition("KafkaProducer")[0]) + 1  # the emoji is two units
        assert (alarm.range.start.line, alarm.range.start.character) == (4, column)
        assert alarm.related_information
        assert {each.location.uri for each in alarm.related_information} == {editor.uri("a.py")}

    in_editor(project, talk)


def test_buffers_count_before_they_are_saved(project: Path):
    async def talk(editor: Editor) -> None:
        await editor.until(lambda: bool(editor.published.get("a.py")))
        editor.open("a.py", LEAK)
        editor.change("a.py", CLEAN)
        await editor.until(lambda: editor.published["a.py"] == [])
        editor.change("a.py", LEAK + LEAK.replace("send", "again", 1))
        await editor.until(lambda: len(editor.published["a.py"]) == 2)
        document = lsp.TextDocumentIdentifier(editor.uri("a.py"))
        editor.client.text_document_did_close(lsp.DidCloseTextDocumentParams(document))
        await editor.until(lambda: len(editor.published["a.py"]) == 1)

    in_editor(project, talk)


def test_a_hover_explains_the_client(project: Path):
    async def talk(editor: Editor) -> None:
        await editor.until(lambda: bool(editor.published.get("a.py")))
        document = lsp.TextDocumentIdentifier(editor.uri("a.py"))
        told = await editor.client.text_document_hover_async(lsp.HoverParams(document, lsp.Position(4, 30)))
        assert told is not None
        assert isinstance(told.contents, lsp.MarkupContent)
        assert "kafka.KafkaProducer" in told.contents.value
        assert await editor.client.text_document_hover_async(lsp.HoverParams(document, lsp.Position(1, 0))) is None

    in_editor(project, talk)


def test_quick_fixes_repair_and_suppress(project: Path):
    plain = LEAK.replace('größe = "😀"; ', "")
    (project / "a.py").write_text(plain, encoding="utf-8")

    async def talk(editor: Editor) -> None:
        await editor.until(lambda: bool(editor.published.get("a.py")))
        repair, suppress = await editor.actions("a.py", 4)
        assert repair.is_preferred
        assert repair.title.endswith("(KA301)")
        for action, mark in ((repair, "    finally:"), (suppress, "# kafka-audit: ignore[KA301]")):
            assert action.edit is not None
            assert action.edit.changes is not None
            [edit] = action.edit.changes[editor.uri("a.py")]
            assert mark in edit.new_text
            editor.open("a.py", edit.new_text)
            await editor.until(lambda: editor.published["a.py"] == [])
            editor.change("a.py", plain)
            await editor.until(lambda: len(editor.published["a.py"]) == 1)
        assert await editor.actions("a.py", 0) == []

    in_editor(project, talk)


def test_a_wrong_configuration_is_said_and_the_server_goes_on(project: Path):
    (project / "kafka-audit.toml").write_text("selct = 1\n")

    async def talk(editor: Editor) -> None:
        await editor.until(lambda: bool(editor.messages))
        assert "did you mean `select`?" in editor.messages[0]
        (project / "kafka-audit.toml").write_text("")
        editor.open("a.py", LEAK)
        await editor.until(lambda: bool(editor.published.get("a.py")))

    in_editor(project, talk)


def test_without_its_library_the_server_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    monkeypatch.delitem(sys.modules, "kafka_audit.server.protocol", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["server"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "kafka-audit: the editor server needs pygls; install kafka-audit[server]\n"

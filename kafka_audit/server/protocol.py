"""The Language Server Protocol over the standard streams: diagnostics, hovers and code actions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from kafka_audit import __version__
from kafka_audit.model import Finding, Severity
from kafka_audit.server.session import Looked, Session
from kafka_audit.settings import ConfigError

PAUSE = 0.3
"""Seconds without a keystroke after which the project is audited again."""

_SEVERITIES: dict[Severity, lsp.DiagnosticSeverity] = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
}


class Server(LanguageServer):
    """A server for one folder. Audits run one after another in a thread; what comes too late is dropped."""

    def __init__(self) -> None:
        super().__init__("kafka-audit", __version__)
        self.session = Session(os.getcwd())
        self.looked = Looked({}, {})
        self._turn = 0
        self._busy = asyncio.Lock()
        self._told: set[str] = set()

    async def look(self, pause: float = PAUSE) -> None:
        """Audit once the editor is quiet, and publish what changed."""
        self._turn += 1
        turn = self._turn
        await asyncio.sleep(pause)
        async with self._busy:
            if turn != self._turn:
                return
            try:
                self.looked = await asyncio.to_thread(self.session.look)
            except ConfigError as error:
                self.looked = Looked({}, {})
                self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, f"kafka-audit: {error}"))
            self._publish()

    async def ask(self, question: Callable[[], object]) -> object:
        """Ask the session something that takes a while, when no audit is running."""
        async with self._busy:
            return await asyncio.to_thread(question)

    def _publish(self) -> None:
        for path in sorted(self._told | self.looked.alarms.keys()):
            lines = self.looked.lines(path)
            found = [_diagnostic(each, lines) for each in self.looked.alarms.get(path, ())]
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(_uri(path), found))
        self._told = set(self.looked.alarms)


server = Server()


@server.feature(lsp.INITIALIZED)
async def initialized(params: lsp.InitializedParams) -> None:
    """Audit the folder that the editor has open."""
    root = server.workspace.root_path
    if root:
        server.session = Session(root)
    await server.look(0)


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
async def opened(params: lsp.DidOpenTextDocumentParams) -> None:
    """Take the buffer for the file."""
    await _buffered(params.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
    """Take the buffer for the file."""
    await _buffered(params.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
async def saved(params: lsp.DidSaveTextDocumentParams) -> None:
    """Look again: the configuration may have been saved."""
    await server.look()


@server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
async def closed(params: lsp.DidCloseTextDocumentParams) -> None:
    """Take the file on the disk again."""
    server.session.buffers.pop(_path(params.text_document.uri), None)
    await server.look()


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
    """Tell everything known of the client that is created here."""
    path, line = _path(params.text_document.uri), params.position.line + 1
    text = await server.ask(lambda: server.session.explain(path, line))
    if not isinstance(text, str):
        return None
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.PlainText, text))


@server.feature(
    lsp.TEXT_DOCUMENT_CODE_ACTION,
    lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix], resolve_provider=False),
)
async def code_actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """Offer to repair and to suppress the alarms here."""
    path = _path(params.text_document.uri)
    first, last = params.range.start.line + 1, params.range.end.line + 1
    actions: list[lsp.CodeAction] = []
    for finding in server.looked.alarms.get(path, ()):
        if finding.line <= last and first <= finding.end_line:
            found = await server.ask(lambda finding=finding: _actions(path, finding))  # type: ignore[misc]
            assert isinstance(found, list)
            actions += found
    return actions


def _actions(path: str, finding: Finding) -> list[lsp.CodeAction]:
    """What can be done about one alarm: its safe repair, and a comment."""
    here = [_diagnostic(finding, server.looked.lines(path))]
    actions = []
    repair = server.session.repair(finding) if finding.category != "audit" else None
    if repair is not None:
        title, files = repair
        actions.append(_action(f"{title} ({finding.code})", here, files, preferred=True))
    silenced = server.session.silenced(path, server.looked.sources[path], finding)
    if silenced is not None:
        actions.append(_action(f"Suppress {finding.code} here", here, {path: silenced}, preferred=False))
    return actions


def _action(title: str, about: list[lsp.Diagnostic], files: dict[str, bytes], *, preferred: bool) -> lsp.CodeAction:
    changes = {
        _uri(path): [lsp.TextEdit(lsp.Range(lsp.Position(0, 0), lsp.Position(1_000_000, 0)), data.decode("utf-8"))]
        for path, data in files.items()
    }
    return lsp.CodeAction(
        title=title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=about,
        is_preferred=preferred,
        edit=lsp.WorkspaceEdit(changes=changes),
    )


def _diagnostic(finding: Finding, lines: Sequence[str]) -> lsp.Diagnostic:
    return lsp.Diagnostic(
        range=lsp.Range(
            _position(lines, finding.line, finding.column), _position(lines, finding.end_line, finding.end_column)
        ),
        message=finding.message,
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        source="kafka-audit",
        related_information=[
            lsp.DiagnosticRelatedInformation(
                lsp.Location(
                    _uri(os.path.realpath(step.path)),
                    lsp.Range(lsp.Position(step.line - 1, 0), lsp.Position(step.line, 0)),
                ),
                step.message,
            )
            for step in finding.trace
        ],
    )


def _position(lines: Sequence[str], line: int, column: int) -> lsp.Position:
    """A place as editors count: from 0, in UTF-16 code units."""
    before = lines[line - 1][: column - 1] if line <= len(lines) else ""
    return lsp.Position(line - 1, len(before.encode("utf-16-le", "surrogatepass")) // 2)


async def _buffered(uri: str) -> None:
    document = server.workspace.get_text_document(uri)
    server.session.buffers[_path(uri)] = document.source.encode("utf-8", "replace")
    await server.look()


def _path(uri: str) -> str:
    return os.path.realpath(to_fs_path(uri) or "")


def _uri(path: str) -> str:
    return from_fs_path(path) or ""

"""How does text from an audited code base get on paper without acting on the reader's terminal?

Paths, names and messages come from code nobody has vouched for. Every format passes them through here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any, TypeVar

import msgspec

from kafka_audit.model import Finding, Record, Report

_Record = TypeVar("_Record", bound=Record)
_Alarm = TypeVar("_Alarm", bound=Finding)

CELL = ":cell "
"""Stands between the path of a notebook and the number of a cell in it."""

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def inert(text: str) -> str:
    """Return `text` with everything that is not a visible character or a plain space written as an escape.

    Covers terminal escapes, line and paragraph separators, text direction marks, zero-width characters and the
    surrogates that stand for the bytes of a path that is not UTF-8. Text that is already inert comes back unchanged.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def inert_lines(text: str) -> str:
    """Return `text` with every line of it inert; tabs and line ends stay."""
    return "\n".join("\t".join(map(inert, line.split("\t"))) for line in text.split("\n"))


def without_surrogates(text: str) -> str:
    """Return `text` with lone surrogates written as escapes, so that it can be encoded as UTF-8."""
    return "".join(_visible(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def _visible(char: str) -> str:
    code = ord(char)
    if char.isprintable():
        return char
    if char in _NAMED:
        return _NAMED[char]
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383: the undecodable byte of a file name
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """Return the builtin structure `value` with `change` applied to every string in it, keys included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): map_strings(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_strings(item, change) for item in value]
    return value


def inert_record(record: _Record) -> _Record:
    """Return the same record with every string inert: formats for people start from this, so none is forgotten."""
    return msgspec.convert(map_strings(msgspec.to_builtins(record), inert), type(record))


def for_services(report: Report) -> Report:
    """Return the report as services take it, which know files and not cells.

    A place in a notebook becomes the notebook's first line, and the message says which cell and line is meant.
    """
    return msgspec.structs.replace(
        report,
        findings=tuple(_in_file(each) for each in report.findings),
        suppressed=tuple(_in_file(each) for each in report.suppressed),
    )


def _in_file(finding: _Alarm) -> _Alarm:
    trace = tuple(
        msgspec.structs.replace(step, **_first_line(step.path, step.line, step.message)) for step in finding.trace
    )
    place = _first_line(finding.path, finding.line, finding.message)
    spread = {"column": 1, "end_line": 1, "end_column": 1} if place else {}
    return msgspec.structs.replace(finding, trace=trace, **place, **spread)


def _first_line(path: str, line: int, message: str) -> dict[str, Any]:
    """The fields of a place in a notebook that change; none for a place elsewhere."""
    file, mark, cell = path.rpartition(CELL)
    return {"path": file, "line": 1, "message": f"cell {cell}, line {line}: {message}"} if mark else {}


def counted(number: int, noun: str) -> str:
    """Return `1 alarm`, `2 alarms`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary_line(report: Report) -> str:
    """Return the counts in one sentence, those of silenced alarms and of problems included."""
    summary = report.summary
    parts = [
        counted(len(report.producers), client_noun(report)),
        counted(summary.findings, "alarm") + _severities(report),
        f"{summary.suppressed} suppressed" + _silencers(report),
        counted(summary.problems, "problem"),
    ]
    return f"{', '.join(parts)}; audit {'complete' if summary.complete else 'INCOMPLETE'}"


def client_noun(report: Report) -> str:
    """Return `producer`, or `client` when consumers or admin clients were audited too."""
    return "producer" if all(item.role == "producer" for item in report.producers) else "client"


def _severities(report: Report) -> str:
    found = report.summary.by_severity
    parts = [counted(found[name], name) for name in ("error", "warning") if found.get(name)]
    parts += [f"{found['info']} info"] if found.get("info") else []
    return f" ({', '.join(parts)})" if parts else ""


def _silencers(report: Report) -> str:
    names = sorted({item.suppressed_by for item in report.suppressed})
    counts = (f"{sum(item.suppressed_by == name for item in report.suppressed)} by {name}" for name in names)
    return f" ({', '.join(counts)})" if names else ""


def write(stream: IO[str], text: str) -> None:
    """Write `text`, with an escape for each character that the stream's encoding cannot carry."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

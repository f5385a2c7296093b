"""Which text do the bytes of a source file stand for, by their byte order mark or coding comment (PEP 263)?"""

from __future__ import annotations

import codecs
import io
import tokenize
from typing import Literal

Kind = Literal["syntax", "encoding", "unreadable", "too-deep", "internal"]


class Unreadable(Exception):
    """A file as a whole cannot be read."""

    def __init__(self, kind: Kind, line: int, message: str) -> None:
        super().__init__(message)
        self.kind, self.line = kind, line


def encoding_of(data: bytes) -> str:
    """The name of the encoding; raises `Unreadable` when there is none in which a source file can be."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable("encoding", 1, "The bytes are UTF-16 or UTF-32, in which no Python is read.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        raise Unreadable(
            "encoding", 1, "The coding comment names no known encoding, or contradicts the bytes."
        ) from None
    try:
        b"#".decode(encoding)
    except (LookupError, ValueError):  # of rot13, base64 and the like, which turn no bytes into text
        raise Unreadable("encoding", 1, f"The bytes cannot be decoded as {encoding}.") from None
    if codecs.lookup(encoding).name == "punycode":  # the time that decoding takes grows with the square of the length
        raise Unreadable("encoding", 1, "The coding comment names punycode, which is for the names of hosts.")
    return encoding


def decoded(data: bytes) -> str:
    """The text, without the mark; raises `Unreadable`."""
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding)
        text.encode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("encoding", line, f"The bytes are not valid {encoding}.") from error
    except ValueError as error:
        raise Unreadable("encoding", 1, f"The bytes cannot be decoded as {encoding}.") from error
    if "\0" in text:
        raise Unreadable("syntax", text.count("\n", 0, text.index("\0")) + 1, "The file holds a NUL character.")
    return text

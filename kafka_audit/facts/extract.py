"""What does one source file say?

`extract` turns the bytes of a file into `FileFacts`. What cannot be read becomes a flaw.

Two parsers read files. The interpreter's own is ten times as fast; LibCST reads every grammar, whatever interpreter
runs it, and has the last word about what is no Python. They say the same of what both read, so it never shows which
one did.
"""

from __future__ import annotations

import gc
import sys

from kafka_audit.facts import abstract, schema
from kafka_audit.facts.decoding import Kind, Unreadable, decoded
from kafka_audit.facts.nesting import too_deep_line

_FRAMES = 12_000
"""Recursion limit while a file is read: the deepest tree let through takes about four frames per level to position."""


def extract(data: bytes) -> schema.FileFacts:
    """The facts of one file's bytes; what could not be read is in `flaws`. Raises nothing but what interrupts it."""
    collecting, frames = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()  # the tree is one large living structure: collecting while it grows doubles the time
    try:
        sys.setrecursionlimit(max(frames, _FRAMES))
        return _read(decoded(data))
    except Unreadable as unreadable:
        return _flawed(unreadable.kind, unreadable.line, str(unreadable))
    except RecursionError:
        return _flawed("too-deep", 1, "The file is nested too deeply to be read.")
    except (KeyboardInterrupt, SystemExit, TimeoutError):  # somebody else's decision
        raise
    except BaseException as error:  # a panic of the native parser is no Exception
        return _flawed("internal", 1, f"The extractor failed: {type(error).__name__}: {error}")
    finally:
        sys.setrecursionlimit(frames)
        if collecting:
            gc.enable()


def _flawed(kind: Kind, line: int, message: str) -> schema.FileFacts:
    """The facts of a file of which nothing could be read."""
    return schema.FileFacts((), (), (schema.Flaw(kind, line, message),))


def _read(text: str) -> schema.FileFacts:
    deep = too_deep_line(text)
    if deep is not None:
        raise Unreadable("too-deep", deep, "The source is nested too deeply to be parsed.")
    facts = abstract.read(text)
    if facts is not None:
        return facts
    from kafka_audit.facts import concrete  # here, because importing LibCST takes longer than a small audit

    return concrete.read(text)

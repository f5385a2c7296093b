"""How does the program behave towards the person at the terminal: while it works, and when nothing comes of it?"""

from __future__ import annotations

import os
import sys
from typing import Any


class Progress:
    """Shows how far the audit is, on a terminal, once it takes longer than a second; leaves no trace."""

    def __init__(self, quiet: bool) -> None:
        import time

        self._now = time.monotonic
        self._due = self._now() + 1.0
        self._enabled = not quiet and sys.stderr.isatty()
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            self._show("")
            sys.stderr.write("\r")

    def __call__(self, doing: str, done: int, of: int) -> None:
        """Say what is being done and how far that is, at most ten times a second."""
        now = self._now()
        if self._enabled and now >= self._due:
            self._due = now + 0.1
            self._show(f"{doing}: {done} of {of}")

    def _show(self, line: str) -> None:
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)


def usage(error: Any) -> str:
    """What is wrong with the command line, and where its right form is described."""
    command = error.ctx.command_path if error.ctx else "kafka-audit"
    return f"{error.format_message().rstrip('.')}; see `{command} --help`"


def refuse(message: str, code: int = 2) -> int:
    """Say in one line why nothing came of it."""
    from kafka_audit.report.plain import inert

    sys.stderr.write(f"kafka-audit: {inert(' '.join(message.split(chr(10))))}\n")
    return code


def abandon_stdout() -> int:
    """Send what is left of the output nowhere: the reader closed the pipe, which is no mistake."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def crash(error: Exception) -> int:
    """Say that this is a mistake of the program, with everything that is needed to find it."""
    import traceback

    traceback.print_exception(error)
    return refuse("this is a mistake in kafka-audit, not in your code; please report it with the lines above", 3)

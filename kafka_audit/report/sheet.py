"""How is text laid out on a page of a given width, so that it reads the same in a terminal, a pipe and a log?"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

NARROWEST = 60
"""Columns. On a narrower terminal the lines are left to wrap."""

RULE = 80
"""Columns of a line across the page, at most."""

_BREAKS = re.compile(r"[\t-\r]")
"""What starts a new line, or takes more columns than one."""


class Sheet:
    """A page in the making: lines that already fit the width, which is in columns."""

    def __init__(self, width: int) -> None:
        self.width = max(width, NARROWEST)
        self.lines: list[Text] = []
        self._console = Console(file=io.StringIO(), width=self.width, _environ={})

    def add(self, lead: str, body: str = "", *, style: str = "", styled: int | None = None) -> None:
        """Add a paragraph: `lead` before its first line, as much blank before the others; long words fold.

        `style` is that of the first `styled` characters, or of all.
        """
        hang = cell_len(lead)
        room = self.width - hang
        fits = cell_len(body) <= room and not _BREAKS.search(body)
        text = Text(body if fits else _foldable(body, room))
        text.stylize(style, 0, styled)
        for index, line in enumerate([text] if fits else text.wrap(self._console, room, overflow="fold")):
            whole = Text(lead if index == 0 else " " * hang).append_text(line)
            whole.rstrip()
            self.lines.append(whole)

    def command(self, lead: str, parts: Sequence[str]) -> None:
        """Add a command that can be pasted: it breaks only between its words, and says so to the shell."""
        room = self.width - len(lead) - len(" \\")
        rows = [parts[0]]
        for part in parts[1:]:
            if cell_len(rows[-1]) + 1 + cell_len(part) <= room:
                rows[-1] += f" {part}"
            else:
                rows.append(part)
        ends = [" \\"] * (len(rows) - 1) + [""]
        self.lines.extend(Text(f"{lead}{row}{end}") for row, end in zip(rows, ends, strict=True))

    def line(self, text: str) -> None:
        """Add a line that fits and must not be folded, such as quoted code."""
        self.lines.append(Text(text))

    def blank(self) -> None:
        """Add an empty line."""
        self.lines.append(Text(""))

    def rule(self) -> None:
        """Add a line across the page."""
        self.lines.append(Text("=" * min(self.width, RULE)))

    def title(self, text: str) -> None:
        """Add a heading between two lines."""
        self.rule()
        self.add("", text, style="bold")
        self.rule()
        self.blank()

    def print(self, color: bool) -> str:
        """Return the whole page, with escape codes only if `color`."""
        if not color:
            return "".join(f"{line.plain}\n" for line in self.lines)
        console = Console(
            file=io.StringIO(), width=self.width, force_terminal=True, color_system="standard", _environ={}
        )
        with console.capture() as captured:
            for line in self.lines:
                console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)
        return captured.get()


def width_of(text: str) -> int:
    """Return how many columns the text takes: some characters take two."""
    return cell_len(text)


def cut(text: str, room: int) -> str:
    """Return the beginning of the text that fits into so many columns."""
    while cell_len(text) > room:
        text = text[: room if len(text) > room else -1]
    return text


def _foldable(text: str, room: int) -> str:
    """Break words longer than `room` behind a slash if they have one: `path:line` stays whole as long as it can."""
    return re.sub(rf"\S{{{room + 1},}}", lambda word: _folded(word[0], room), text)


def _folded(word: str, room: int) -> str:
    rows = [""]
    for piece in re.findall(r"[^/]*/|[^/]+", word):
        if rows[-1] and len(rows[-1]) + len(piece) > room:
            rows.append("")
        rows[-1] += piece
    return "\n".join(rows)

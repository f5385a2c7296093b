"""What Python is in a notebook, and where in it does a line of that stand?

The code cells are joined into one source, an empty line between two of them. Lines that only IPython understands become
blank, cells in another language are left out: both keep their lines, so that a place in the source is one in a cell.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

SUFFIX = ".ipynb"

_PYTHON_CELLS = frozenset({"capture", "prun", "time", "timeit"})
"""Cell magics behind which a cell goes on in Python."""

_BARE = "autoreload|cat|cd|conda|cp|load_ext|ls|mamba|matplotlib|mkdir|mv|pip|reload_ext|rm|uv"
"""Line magics that are written without their `%`, too; before an operand: `cd = ...` is Python."""

_MAGIC = re.compile(rf"\s*(?:[%!?]|\w+\s*=\s*[%!]|[\w.]+\?{{1,2}}\s*$|(?:{_BARE})\s+[-\w./~])")


class CellLine(NamedTuple):
    """A line of a code cell: the number of the cell among all cells, from 1, and the line in it, from 1."""

    cell: int
    line: int


class Notebook(NamedTuple):
    """The Python of a notebook, and for each line of it where it stands."""

    source: bytes
    places: tuple[CellLine, ...]

    def cell_source(self, number: int) -> list[str]:
        """The lines of one cell, as they are in the source."""
        lines = self.source.decode().split("\n")
        return [text for text, place in zip(lines, self.places, strict=False) if place.cell == number]


def notebook(content: bytes) -> Notebook | None:
    """The notebook in a file (format 4, Python); `None` when it holds none."""
    try:
        document = msgspec.json.decode(content)
    except (ValueError, RecursionError):  # of JSON, or of the UTF-8 in it
        return None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        return None
    lines: list[str] = []
    places: list[CellLine] = []
    if _is_python(document):
        for number, cell in enumerate(cells, start=1):
            for at, line in enumerate(_python_lines(cell), start=1):
                lines.append(line)
                places.append(CellLine(number, at))
    return Notebook("\n".join(lines).encode("utf-8", "replace"), tuple(places))


def _is_python(document: dict[str, Any]) -> bool:
    """Whether the notebook says of no other language that it is in it."""
    metadata = document.get("metadata")
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        part = metadata.get(key) if isinstance(metadata, dict) else None
        language = part.get(name) if isinstance(part, dict) else None
        if isinstance(language, str):
            return language.lower() in ("python", "ipython")
    return True


def _python_lines(cell: Any) -> Iterator[str]:
    """The lines of a code cell, and an empty one; nothing for other cells."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return
    source = cell.get("source")
    text = source if isinstance(source, str) else "".join(map(str, source)) if isinstance(source, list) else ""
    lines = text.splitlines()
    if _parses(text):
        yield from (*lines, "")
        return
    head = re.match(r"%%(\w+)", lines[0]) if lines else None
    is_foreign = head is not None and head[1] not in _PYTHON_CELLS
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        yield f"{indent}pass" if is_foreign or _MAGIC.match(line) else line
    yield ""


def _parses(text: str) -> bool:
    """Whether the cell is Python as it stands: a line that continues an expression may begin like a magic."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True

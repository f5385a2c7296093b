"""What does a source import, as far as its bytes tell?"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from kafka_audit.catalog.known import KNOWN

_PARTS = {b"gap": rb"(?:[ \t\f]|\\\r?\n)", b"name": rb"[\w.\x80-\xff]+"}
_COMMENT = re.compile(rb"#[^\n]*")
_ALIAS = re.compile(rb"(%(name)s)(?:[\s\\]+as[\s\\]+(%(name)s))?" % _PARTS)
_IMPORT = re.compile(
    rb"import(?:"
    rb"(?:_module|__)\s*\(\s*(?:name\s*=\s*)?['\"](?P<text>%(name)s)['\"]"
    rb"|%(gap)s*(?P<open>\(|\*)"
    rb"|%(gap)s(?P<bare>(?:%(gap)s|[\w.,\x80-\xff])+)"
    rb")" % _PARTS
)
"""From the word `import` on: a search for a literal is ten times faster than one for the start of a line."""

_BRACKET = re.compile(rb"[()#]")
_HEAD = re.compile(
    rb"(?:.*[;:])?%(gap)s*(?:lazy%(gap)s+)?"
    rb"(?:from%(gap)s*(?P<module>\.[.\w\x80-\xff \t\f]*?|(?<=\s)%(name)s)%(gap)s*)?" % _PARTS,
    re.DOTALL,
)
"""What stands before `import` on its line when the word is the keyword."""

_LONGEST_HEAD = 500
"""In bytes. What precedes `import` on a line that is longer is data, and not worth looking at."""


class Link(NamedTuple):
    """One reading of one imported name. `name` is `None` when it is the module itself that is bound."""

    module: tuple[str, ...]
    is_exact: bool
    """The parts count from the top of the tree, as those of a relative import do; else from any folder."""
    name: str | None
    bound: str


class _Imported(NamedTuple):
    """One import statement or call.

    `module` is `None` for `import names`, where the names are dotted; an alias is empty when there is none.
    """

    module: str | None
    names: list[tuple[str, str]]


def _imports(data: bytes) -> Iterator[_Imported]:
    """The imports a source seems to make, those inside strings at the start of a line included."""
    lists, end = _Lists(data), 0
    for found in _IMPORT.finditer(data):
        if found.start() < end:
            continue  # it stands in a comment in a list
        if found["text"] is not None:
            yield _Imported(None, [(_text(found["text"]), "")])
            continue
        listed = lists.at(found.start("open")) if found["open"] == b"(" else found["bare"] or b"*"
        head = _HEAD.fullmatch(data, _line_start(data, found.start()), found.start())
        if head is None or listed is None:
            continue
        end = found.start() + len(listed)
        names = _COMMENT.sub(b"", listed)
        aliases = [(_text(name), _text(alias)) for name, alias in _ALIAS.findall(names)]
        if head["module"] is not None:
            yield _Imported("".join(_text(head["module"]).split()), aliases or [("*", "")])
        elif found["bare"]:
            yield _Imported(None, aliases)


class _Lists:
    """The lists of names in brackets, which may hold comments. One without an end is looked through once.

    What a list lacks that begins further up, one that gets to the start of a line inside it lacks, too.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._endless = 0
        self._line = (0, -1)

    def at(self, start: int) -> bytes | None:
        """The list that begins here, with its brackets; None when it has no end, or other brackets before it."""
        at = start + 1
        while found := _BRACKET.search(self._data, at):
            if found[0] == b")":
                return self._data[start : found.end()]
            if found[0] == b"(":
                break
            at = self._line_end(found.start())
            if at < self._endless:
                return None
        self._endless = max(self._endless, found.start() if found else len(self._data))
        return None

    def _line_end(self, at: int) -> int:
        first, last = self._line
        if not first <= at <= last:
            found = self._data.find(b"\n", at)
            last = found if found >= 0 else len(self._data)
            self._line = (at, last)
        return last


def _line_start(data: bytes, end: int) -> int:
    """Where the line that holds `end` starts, lines joined by a backslash taken as one."""
    least = max(0, end - _LONGEST_HEAD)
    start = end
    while start > least:
        start = max(data.rfind(b"\n", least, start), data.rfind(b"\r", least, start), least - 1) + 1
        joined = start - 2 if data.startswith(b"\r\n", start - 2) else start - 1
        if joined <= least or data[joined - 1 : joined] != b"\\":
            break
        start = joined
    return 3 if start == 0 and data.startswith(b"\xef\xbb\xbf") else start


@functools.cache
def _searched(libraries: tuple[str, ...]) -> tuple[bytes, ...]:
    """What is in the name of each library, and as few as that takes: a file is searched for every one of them."""
    return tuple(name.encode() for name in libraries if not any(other in name for other in libraries if other != name))


_IMPORTS_BY_CALL: Final = (b"importorskip", b"import_module", b"__import__")
_STRING: Final = re.compile(rb"""["']([A-Za-z_]+)(?:\.[\w.]*)?["']""")
"""A string that may name what such a call imports, itself or by way of a helper: the package in it."""


def names_client(data: bytes, libraries: tuple[str, ...] = KNOWN.libraries) -> bool:
    """Whether the source imports one of these root packages, in any form of import and wherever it stands."""
    if not any(part in data for part in _searched(libraries)):
        return False
    for module, names in _imports(data):
        modules = [module] if module is not None else [name for name, _ in names]
        if any(each.partition(".")[0] in libraries for each in modules):
            return True
    return any(call in data for call in _IMPORTS_BY_CALL) and any(
        name.decode() in libraries for name in _STRING.findall(data)
    )


def links(data: bytes, path: str) -> Iterator[Link]:
    """Every reading of every import: a name in a module, the module of that name, and the packages above it."""
    for module, names in _imports(data):
        for name, alias in names:
            if module is None:
                yield from _module_links(name.lstrip("."), alias)
            else:
                yield from _name_links(path, module, name, alias or name)


def _module_links(name: str, alias: str) -> Iterator[Link]:
    """`import name as alias`; without an alias the packages above are bound too."""
    parts = tuple(name.split("."))
    yield Link(parts, False, None, alias or parts[0])
    if not alias:
        for count in range(1, len(parts)):
            yield Link(parts[:count], False, None, parts[0])


def _name_links(path: str, module: str, name: str, bound: str) -> Iterator[Link]:
    """`from module import name as bound`; the name may be a module."""
    inner = module.lstrip(".")
    level = len(module) - len(inner)
    folders = path.split("/")[:-level] if level else []
    parts = (*folders, *filter(None, inner.split(".")))
    if parts:
        yield Link(parts, level > 0, name, bound)
    if name != "*":
        yield Link((*parts, name), level > 0, None, bound)


def module_parts(path: str) -> tuple[str, ...]:
    """The dotted name of a file as parts, counted from the top of the tree."""
    parts = path.rpartition(".")[0].split("/")
    return tuple(parts[:-1] if parts[-1] == "__init__" else parts)


def _text(word: bytes) -> str:
    return word.decode(errors="replace")

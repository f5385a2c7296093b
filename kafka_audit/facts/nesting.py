"""Is source nested so deeply that the parser would end the process, or not end at all?

LibCST's native parser recurses without a limit: some 2000 brackets, or a chain of 10000 operators, overflow its stack,
and that cannot be caught (1.9.0, run with a stack of 8 MB). Chains take quadratic time, and nested patterns of a `case`
exponential time. CPython refuses more than 200 nested brackets, so a limit there loses nothing that runs.
"""

from __future__ import annotations

import re

MAX_WEIGHT = 4000
"""What may be open at once: 200 brackets or lambdas, 2000 operators in a row, or 4000 strings in a row."""

MAX_PATTERN = 8
"""Brackets in each other in a `case`. Eight take a hundredth of a second, each one more three times as long."""

MAX_ELIF = 2000
"""Branches in one file: each lies inside the one before it."""

_BRACKET, _LAMBDA, _CALL, _OPERATOR, _STRING = 20, 20, 4, 2, 1

_BOUNDARY = re.compile(
    r"\n[ \t]*(?:assert|break|class|continue|def|del|except|finally|global|import|nonlocal|pass|raise|return|try|while"
    r"|with)\b"
)
"""Words that only a statement starts with, so that no bracket is open before them."""

_OPERATORS = re.compile(r"[-+*/%@&|^~<>.]|\b(?:and|or|not|if|is|in|await|lambda)\b|['\"]")
_CASE = re.compile(r"^[ \t]*case\b.*[(\[{\\]", re.MULTILINE)

_CODE = re.compile(
    r"""(?P<prefix>[a-zA-Z]{0,2})(?P<quote>'''|\"""|'|")"""
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<open>[(\[{])"
    r"|(?P<close>[)\]}])"
    r"|(?P<operator>[-+*/%@&|^~<>.])"
    r"|(?P<skip>#[^\r\n]*|\\(?:\r\n?|\n)|\d[\w.]*)"
    r"|(?P<line>[\r\n])"
    r"|(?P<comma>[,;])"
    r"|(?P<colon>:)"
)
_TEXT = re.compile(r"""(?P<skip>\\.|\{\{|\}\})|(?P<open>\{)|(?P<close>\})|(?P<quote>'''|\"""|'|"|[\r\n])""", re.DOTALL)
_PLAIN = {
    quote: re.compile(
        rf"(?:[^\\]|\\.)*?{quote}" if len(quote) == 3 else rf"(?:[^\\\r\n{quote}]|\\.)*(?:{quote}|$)", re.DOTALL
    )
    for quote in ("'''", '"""', "'", '"')
}


def too_deep_line(text: str) -> int | None:
    """The 1-based line where source becomes too deep to parse; `None` when it does not."""
    if text.count("elif") > MAX_ELIF:
        return text.count("\n", 0, text.rindex("elif")) + 1
    if not _is_suspicious(text):
        return None
    end = _Scan(text).too_deep_at()
    return None if end is None else text.count("\n", 0, end) + 1


def _is_suspicious(text: str) -> bool:
    """Whether a closer look is worth its time: it is for one file in fifty."""
    if "case" in text and _CASE.search(text):
        return True
    for region in _BOUNDARY.split(text):
        if len(region) < MAX_WEIGHT // _BRACKET:
            continue
        brackets = region.count("(") + region.count("[") + region.count("{")
        if brackets * _BRACKET >= MAX_WEIGHT:
            return True
        if len(region) > MAX_WEIGHT // _OPERATOR and len(_OPERATORS.findall(region)) * _CALL > MAX_WEIGHT // 2:
            return True
    return False


class _Level:
    """What is open at one place: an open bracket, the replacement field or the text of an f-string."""

    __slots__ = ("chain", "fixed", "headless", "kind", "lambdas")

    def __init__(self, kind: str, fixed: int) -> None:
        self.kind = kind
        """`(` for any bracket, `{` for a field, the quote for text, `:` for the format of a field."""
        self.fixed = fixed
        self.chain = 0
        self.lambdas = 0
        self.headless = 0
        """Lambdas whose parameters have not ended yet: a comma is between these, and ends no lambda."""

    @property
    def weight(self) -> int:
        """What it adds to what is open at once."""
        return self.fixed + self.chain + self.lambdas * _LAMBDA


class _Scan:
    """A reading of source that knows only what nests."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._levels = [_Level("(", 0)]
        self._weight = 0
        self._is_case = False
        self._is_start = True

    def too_deep_at(self) -> int | None:
        """The offset where a limit is passed."""
        at = 0
        while True:
            kind = self._levels[-1].kind
            found = (_CODE if kind in "({" else _TEXT).search(self._text, at)
            if found is None:
                return None
            at = self._in_code(found) if kind in "({" else self._in_text(found)
            if self._weight > MAX_WEIGHT or (self._is_case and len(self._levels) > MAX_PATTERN + 1):
                return at

    def _in_code(self, found: re.Match[str]) -> int:
        """Take in a token of code; where to go on."""
        kind = found.lastgroup
        if kind == "quote":
            return self._string(found)
        if kind == "word":
            self._word(found[0])
        elif kind == "operator":
            self._add(_OPERATOR)
        elif kind == "open":
            self._open("(", _BRACKET)
        elif kind == "close":
            self._close()
            self._add(_CALL)
        elif kind == "colon" and self._levels[-1].kind == "{":
            self._open(":", 0)
        elif kind == "colon":
            self._levels[-1].headless = max(0, self._levels[-1].headless - 1)
        elif kind == "comma" or (kind == "line" and len(self._levels) == 1):
            self._end_chain(kind == "line")
        if kind not in ("line", "skip"):
            self._is_start = False
        return found.end()

    def _in_text(self, found: re.Match[str]) -> int:
        """Take in what matters inside an f-string; where to go on."""
        kind, level = found.lastgroup, self._levels[-1].kind
        if kind == "open":
            self._open("{", _BRACKET)
        elif kind == "close" and level == ":":
            self._close()
            self._close()
        elif kind == "quote" and level != ":" and (found[0] == level or (found[0] in "\r\n" and len(level) == 1)):
            self._close()
        elif (
            kind == "quote" and level != ":" and found[0].startswith(level)
        ):  # two quotes of one kind: an end and a start
            self._close()
            return found.start() + 1
        elif kind == "quote" and len(found[0]) == 3:
            return found.start() + 1
        return found.end()

    def _string(self, found: re.Match[str]) -> int:
        quote = found["quote"]
        self._add(_STRING)
        self._is_start = False
        if set(found["prefix"].lower()) & {"f", "t"}:
            self._open(quote, _BRACKET)
            return found.end()
        plain = _PLAIN[quote].match(self._text, found.end())
        return len(self._text) if plain is None else plain.end()

    def _word(self, word: str) -> None:
        if word == "lambda":
            self._levels[-1].lambdas += 1
            self._levels[-1].headless += 1
            self._weight += _LAMBDA
        elif word in ("and", "or", "not", "if", "is", "in", "await"):
            self._add(_OPERATOR)
        elif word == "case" and self._is_start:
            self._is_case = True

    def _add(self, weight: int) -> None:
        self._levels[-1].chain += weight
        self._weight += weight

    def _open(self, kind: str, weight: int) -> None:
        self._levels.append(_Level(kind, weight))
        self._weight += weight

    def _close(self) -> None:
        if len(self._levels) > 1:
            self._weight -= self._levels.pop().weight

    def _end_chain(self, is_line: bool) -> None:
        level = self._levels[-1]
        before = level.weight
        level.chain = 0
        if is_line or not level.headless:
            level.lambdas = level.headless = 0
        self._weight -= before - level.weight
        if is_line:
            self._is_case, self._is_start = False, True

"""Which comments of a file suppress alarms, and on which lines?

`# kafka-audit: ignore[KA201] reason` holds for the statement that it stands on or, on a line of its own, for the next
one; `file-ignore[KA201]` for the file; `disable[KA201]` up to `enable[KA201]` or the end of the file. `# noqa: KA201`
means `ignore[KA201]`. A rule is named as everywhere: by code, beginning of a code, name or category. A comment that
names no rule suppresses nothing.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from kafka_audit.facts.decoding import Unreadable, encoding_of

Form = Literal["ignore", "file-ignore", "disable", "enable", "noqa"]

_NOQA_MARK = re.compile(rb"noqa\s*:[^\n]{0,1000}KA\d", re.IGNORECASE)
_OWN = re.compile(
    r"#\s*kafka-audit:\s*(?P<form>ignore|file-ignore|disable|enable)\b(?:\s*\[(?P<rules>[^\]\[#]*)\])?(?P<reason>[^#]*)"
)
_NOQA = re.compile(r"#\s*noqa\s*:\s*(?P<rules>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)", re.IGNORECASE)
_BETWEEN = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})


class Comment(NamedTuple):
    """One suppression: where the comment stands, what it says, and the lines it holds for, both inclusive.

    `at` is line, column, end line and end column, as everywhere. `rules` are the words in it, as written.
    """

    path: str
    at: tuple[int, int, int, int]
    form: Form
    rules: tuple[str, ...]
    reason: str
    first: int
    last: int

    def covers(self, line: int) -> bool:
        """Whether the comment holds for alarms on this line."""
        return self.first <= line <= self.last


class Statement(NamedTuple):
    """The lines of one logical line of source, which ends where a statement or the head of a block does."""

    first: int
    last: int


def comments_in(path: str, content: bytes) -> list[Comment]:
    """The suppressions in a file, in their order. Source that does not tokenize has those before its flaw."""
    if not _may_suppress(content):
        return []
    found: list[Comment] = []
    waiting: list[Comment] = []
    for statement, tokens in _logical_lines(content):
        comments = [comment for token in tokens for comment in _read(path, token)]
        if statement is None:
            for comment in comments:
                (waiting if comment.form in ("ignore", "noqa") else found).append(comment)
        else:
            found += [_spanning(comment, statement) for comment in (*waiting, *comments)]
            waiting = []
    return sorted(_ranged(found + waiting), key=lambda each: each.at)


def _may_suppress(content: bytes) -> bool:
    """Whether splitting the file into tokens can be worth it: nearly every file has a `noqa` for somebody else."""
    if b"kafka-audit:" in content:
        return True
    return (b"noqa" in content or b"NOQA" in content) and _NOQA_MARK.search(content) is not None


def statements_in(content: bytes) -> list[Statement]:
    """The statements of a file in their order, as far as it tokenizes."""
    return [statement for statement, _ in _logical_lines(content) if statement is not None]


def _logical_lines(content: bytes) -> Iterator[tuple[Statement | None, list[tokenize.TokenInfo]]]:
    """Each logical line with its comments; `None` for comments on lines of their own between two of them."""
    first, comments = 0, []
    try:
        encoding_of(content)
        for token in tokenize.tokenize(io.BytesIO(content).readline):
            if token.type == tokenize.COMMENT:
                if not first:
                    yield None, [token]
                else:
                    comments.append(token)
            elif token.type == tokenize.NEWLINE and first:
                yield Statement(first, token.start[0]), comments
                first, comments = 0, []
            elif not first and token.type not in _BETWEEN:
                first = token.start[0]
    except (
        tokenize.TokenError,
        SyntaxError,
        ValueError,
        RecursionError,
        Unreadable,
    ):  # what does not parse has a problem of its own
        return


def _read(path: str, token: tokenize.TokenInfo) -> Iterator[Comment]:
    """The suppressions in one comment, which holds for its own line until more is known."""
    for match in _OWN.finditer(token.string):
        words = tuple(word.strip() for word in (match["rules"] or "").split(",") if word.strip())
        yield _comment(path, token, match, cast(Form, match["form"]), words, match["reason"].strip())
    for match in _NOQA.finditer(token.string):
        codes = tuple(code for code in re.findall(r"[A-Z]+\d+", match["rules"].upper()) if code.startswith("KA"))
        if codes:
            yield _comment(path, token, match, "noqa", codes, "")


def _comment(
    path: str, token: tokenize.TokenInfo, match: re.Match[str], form: Form, rules: tuple[str, ...], reason: str
) -> Comment:
    line, column = token.start
    end = match.start() + len(match[0].rstrip())
    at = (line, column + match.start() + 1, line, column + end + 1)
    return Comment(path, at, form, rules, reason, line, line)


def _spanning(comment: Comment, statement: Statement) -> Comment:
    """The comment with the lines of the statement."""
    return comment._replace(first=statement.first, last=statement.last)


def _ranged(comments: list[Comment]) -> Iterator[Comment]:
    """The comments with the lines that those for a file and for a range hold for; `enable` holds for none."""
    ends = [comment for comment in comments if comment.form == "enable"]
    last = 1 << 60
    for comment in comments:
        if comment.form == "file-ignore":
            yield comment._replace(first=1, last=last)
        elif comment.form == "disable":
            after = [each.at[0] for each in ends if each.at > comment.at and set(each.rules) >= set(comment.rules)]
            yield comment._replace(first=comment.at[0], last=min(after, default=last))
        elif comment.form == "enable":
            yield comment._replace(first=1, last=0)
        else:
            yield comment

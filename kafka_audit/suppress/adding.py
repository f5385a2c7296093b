"""How do alarms become comments in the source: `--add-ignore` writes one on each statement that alarms?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from kafka_audit.facts.decoding import encoding_of
from kafka_audit.model import Finding
from kafka_audit.suppress.comments import Comment, Statement, comments_in, statements_in


def with_ignores(path: str, content: bytes, findings: Iterable[Finding], reason: str) -> bytes:
    """The file with a comment for these alarms of its own, each at the end of the statement that it is on.

    A comment that is there already gets the codes that it lacks. Everything else stays byte for byte. A reason is one
    line, whatever it holds, in the file's own encoding as far as that goes.
    """
    reason = " ".join(reason.split())
    encoding = encoding_of(content)
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", content.decode(encoding))
    statements = statements_in(content)
    codes: dict[int, set[str]] = defaultdict(set)
    for finding in findings:
        codes[_end(statements, finding.line)].add(finding.code)
    present = {comment.at[0]: comment for comment in comments_in(path, content) if comment.form == "ignore"}
    for line, found in codes.items():
        lines[line - 1] = _written(lines[line - 1], sorted(found), reason, present.get(line))
    return "".join(lines).encode(encoding, "backslashreplace")


def _end(statements: list[Statement], line: int) -> int:
    """The last line of the statement that a line is in."""
    return next((each.last for each in statements if each.first <= line <= each.last), line)


def _written(line: str, codes: list[str], reason: str, present: Comment | None) -> str:
    body = line.rstrip("\r\n")
    ending = line[len(body) :]
    if present is not None:
        rules = ", ".join(dict.fromkeys((*present.rules, *codes)))
        start = present.at[1] - 1
        head, tail = body[:start], body[start:]
        return head + re.sub(r"\[[^\]]*\]", lambda _: f"[{rules}]", tail, count=1) + ending
    return f"{body}  # kafka-audit: ignore[{', '.join(codes)}] {reason}".rstrip() + ending

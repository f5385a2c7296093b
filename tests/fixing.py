"""Repairs in memory, and the after-images of every program that the tests know.

`tests/fixed/` holds one file for each program with an alarm: what became of each alarm, then the change as a diff, for
people to review. `python -m tests.fixing` writes them anew.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from kafka_audit.facts.extract import extract
from kafka_audit.facts.modules import ModulePaths, extension
from kafka_audit.facts.schema import FileFacts
from kafka_audit.facts.screen import relevant
from kafka_audit.fix.apply import Fixing
from kafka_audit.fix.trials import Audit, Audited
from kafka_audit.link import link
from kafka_audit.rules import judge, rules
from tests.in_memory import read_texts
from tests.test_fixtures import FIXTURES, PROJECTS
from tests.test_rules import files

FIXED = Path(__file__).parent / "fixed"
BAD = {f"rules/{rule.code}": files(rule.bad) for rule in rules()}
GOOD = {f"rules/{rule.code}-good": files(rule.good) for rule in rules()}
PROGRAMS = (*PROJECTS, *BAD)


def program(name: str) -> dict[str, bytes]:
    """The files of a fixture project or of a rule's example."""
    texts = BAD.get(name) or GOOD.get(name) or read_texts(FIXTURES / name)
    return {path: text.encode() for path, text in texts.items()}


def audit(contents: Mapping[str, bytes], *also: str) -> Audited:
    """What the default rules say of a project, and some that are not on by default."""

    def load(names: list[str]) -> dict[str, FileFacts]:
        return read({name: contents[name] for name in names if name in contents})

    facts = relevant(contents, read)
    linked = link(facts.copy(), ModulePaths.of(contents, extended=extension(contents)), ("producer",), load)
    judgement = judge(linked, (*(rule.code for rule in rules() if rule.default), *also))
    assert not judgement.problems, judgement.problems
    return Audited(linked, judgement.findings)


def read(contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
    return {path: _facts(path, data) for path, data in contents.items()}


@functools.cache
def _facts(path: str, data: bytes) -> FileFacts:
    """By path, too: two equal files of one project have each its own nodes."""
    return extract(data)


def fixed(contents: Mapping[str, bytes], by: Audit = audit, *, unsafe: bool = True) -> Fixing:
    """A project with all its repairs made."""
    fixing = Fixing(by, dict(contents), contents.keys(), unsafe, lambda finding: True)
    fixing.run()
    return fixing


@functools.cache
def fixed_program(name: str) -> Fixing:
    code = name.partition("/")[2]
    return fixed(program(name), (lambda contents: audit(contents, code)) if name in BAD else audit)


def image(name: str) -> str:
    """What became of each alarm of a program, and the change; empty for a program without an alarm."""
    fixing = fixed_program(name)
    lines = [f"{o.finding.path}:{o.finding.line} {o.finding.code} {_told(o.what, o.fix)}\n" for o in fixing.outcomes]
    return "".join([*lines, *_diffs(program(name), fixing.contents)])


def _told(what: str, fix) -> str:
    return f"{what} ({fix.safety}): {fix.title}" if what == "fixed" else f"{what}: {fix.refused}"


def _diffs(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    for path in sorted(before):
        old, new = (contents[path].decode().splitlines(keepends=True) for contents in (before, after))
        diff = list(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}"))
        yield from ["\n", *diff] if diff else []


def image_file(name: str) -> Path:
    return FIXED / f"{name}.diff"


def main() -> None:
    for name in PROGRAMS:
        text, file = image(name), image_file(name)
        if text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        else:
            file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()

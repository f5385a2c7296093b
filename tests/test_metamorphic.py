"""However a program is written, the audit says the same of it: the same alarms, kinds and verdicts, one by one."""

from __future__ import annotations

import ast
import functools
from pathlib import PurePosixPath

import pytest

from kafka_audit.model import Producer
from kafka_audit.rules import rules
from tests.in_memory import Audited, Texts, audited, in_order, read_texts
from tests.test_fixtures import FIXTURES, PROJECTS
from tests.test_rules import files
from tests.transforms import TRANSFORMS, UNRELATED

EXAMPLES = {
    f"{rule.code}-{kind}": files(getattr(rule, kind))
    for rule in rules()
    if rule.category != "audit"
    for kind in ("bad", "good")
}
PROGRAMS = [*PROJECTS, *EXAMPLES]

each_program = pytest.mark.parametrize("name", PROGRAMS)


def program(name: str) -> dict[str, str]:
    return EXAMPLES.get(name) or read_texts(FIXTURES / name)


@functools.cache
def as_written(name: str) -> list[tuple[object, ...]]:
    return told(audited(program(name)), program(name))


def told(audit: Audited, texts: Texts) -> list[tuple[object, ...]]:
    """The alarms and producers of each file, the files by their first names, places by the number of the construct."""
    constructs = {path: construct_spans(text) for path, text in texts.items()}
    lines: list[tuple[object, ...]] = []
    for path in sorted(texts, key=first_name):
        if path not in UNRELATED:
            lines += [
                (first_name(path), f.code, construct(constructs[path], f.line), f.severity, f.confidence)
                for f in audit.findings
                if f.path == path
            ]
            lines += [
                (first_name(path), construct(constructs[path], p.line), *verdicts(p))
                for p in audit.producers
                if p.path == path
            ]
    return lines


def verdicts(producer: Producer) -> tuple[object, ...]:
    """What the report says of a producer, names and lines apart."""
    roots = sorted((root.kind, root.released) for root in producer.roots)
    released = (producer.released.verdict, len(producer.released.by), roots)
    return producer.client, producer.context, producer.kind, producer.created.when, producer.started.when, *released


def first_name(path: str) -> str:
    place = PurePosixPath(path)
    return str(place.with_stem(place.stem.removesuffix("_elsewhere")))


def construct_spans(text: str) -> list[tuple[int, int]]:
    """First and last line of every function and class, in the order of the text."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    first = {node: min([node.lineno, *(each.lineno for each in node.decorator_list)]) for node in found}
    return sorted((first[node], node.end_lineno or 0) for node in found)


def construct(spans: list[tuple[int, int]], line: int) -> int:
    """The number of the innermost construct at a line; -1 for the module."""
    return max((index for index, (first, last) in enumerate(spans) if first <= line <= last), default=-1)


OTHER_PROGRAMS = {
    ("imported_late", "KA703-bad"),
    ("imported_late", "KA704-bad"),
    ("aliased", "pytest/teardown_mocked"),
    ("imported_late", "pytest/patched_late"),
    ("imported_late", "pytest/teardown_partly"),
    ("renamed", "pytest/loops_ruled"),
    ("renamed", "pytest/patched"),
    ("renamed", "pytest/teardown_mocked"),
    ("renamed", "pytest/teardown_partly"),
}
"""Transformations that make another program: patches name what they replace in strings, test runners ask for fixtures
by their names, and when a module is imported decides which name a patch has to replace."""

WRITINGS = [(name, each) for name in PROGRAMS for each in TRANSFORMS if (each.__name__, name) not in OTHER_PROGRAMS]


@pytest.mark.parametrize(("name", "transform"), WRITINGS, ids=lambda part: getattr(part, "__name__", part))
def test_writing_it_differently_changes_nothing(name: str, transform):
    other = transform(program(name))
    for path, text in other.items():
        compile(text, path, "exec")
    assert told(audited(other), other) == as_written(name)


@each_program
def test_the_order_of_the_files_changes_nothing(name: str):
    texts = program(name)
    paths = sorted(texts)
    for order in (paths[::-1], paths[1:] + paths[:1]):
        assert told(in_order(texts, order), texts) == as_written(name)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.__name__)
def test_a_transformation_changes_many_programs(transform):
    changed = [name for name, texts in EXAMPLES.items() if transform(texts) != texts]
    assert len(changed) > len(EXAMPLES) // 4

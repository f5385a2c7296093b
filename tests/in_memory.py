"""The audit of sources that are in memory: the phases after reading, with each file extracted once per content."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from kafka_audit.facts.extract import extract
from kafka_audit.facts.modules import ModulePaths, extension
from kafka_audit.facts.schema import FileFacts
from kafka_audit.facts.screen import relevant
from kafka_audit.link import link
from kafka_audit.link.program import Program
from kafka_audit.model import Finding, Producer, Role
from kafka_audit.rules import judge

Texts: TypeAlias = Mapping[str, str]
"""The Python sources of a project by path."""


@functools.cache
def read_texts(folder: Path) -> dict[str, str]:
    """The Python sources below a folder."""
    return {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in sorted(folder.rglob("*.py"))}


class Audited(NamedTuple):
    """What the audit says of a project; producers and findings as the report sorts them."""

    producers: tuple[Producer, ...]
    findings: tuple[Finding, ...]


def linked(texts: Texts, roles: tuple[Role, ...] = ("producer",)) -> Program:
    """Link a project, its files given in the order of `texts`."""
    contents = {path: text.encode() for path, text in texts.items()}
    return link(
        relevant(contents, _extracted),
        ModulePaths.of(contents, extended=extension(contents)),
        roles,
        _loading(contents),
    )


def audited(texts: Texts, roles: tuple[Role, ...] = ("producer",)) -> Audited:
    """Audit a project, its files given in the order of `texts`."""
    program = linked(texts, roles)
    judgement = judge(program)
    assert not judgement.problems, judgement.problems
    return Audited(tuple(sorted(program.producers(), key=_position)), judgement.findings)


def in_order(texts: Texts, paths: Iterable[str]) -> Audited:
    """Audit a project, the facts of its files handed to the linker in this order."""
    contents = {path: texts[path].encode() for path in paths}
    facts = relevant(contents, _extracted)
    program = link(
        {p: facts[p] for p in contents if p in facts},
        ModulePaths.of(contents, extended=extension(contents)),
        ("producer",),
        _loading(contents),
    )
    return Audited(tuple(sorted(program.producers(), key=_position)), judge(program).findings)


def _position(producer: Producer) -> tuple[str, int, int]:
    return producer.path, producer.line, producer.column


def _loading(contents: Mapping[str, bytes]):
    return lambda names: _extracted({name: contents[name] for name in names if name in contents})


def _extracted(contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
    return {path: _facts(path, content) for path, content in contents.items()}


@functools.cache
def _facts(path: str, content: bytes) -> FileFacts:
    """By path, too: two equal files of one project have each its own nodes."""
    facts = extract(content)
    assert not facts.flaws, f"{path}: {facts.flaws}"
    return facts

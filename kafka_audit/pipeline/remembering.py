"""What did earlier audits find out, so that the same bytes need not be looked into again?

Four things are kept: the facts of a source by the digest of its bytes, which files can matter by the names of all and
what was seen of them, what linking and judging said by the digests of all that they were given, and the answer to a
whole audit by everything that it depends on. So nothing that is recalled can be out of date, and a recalled report is
the report, byte for byte.

How that is kept on disk is `storing`'s business.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from kafka_audit.pipeline.storing import ANSWERS, FACTS, Table, digest, load, store

MOST_ANSWERS = 12
"""Answers of a project that are kept, one to three of each audit: enough for a few questions, on a few branches."""

_R = TypeVar("_R")
_SORTING = msgspec.msgpack.Encoder(order="deterministic")


class Memory:
    """What is kept for one project; nothing when `folder` is None."""

    def __init__(self, folder: str | None) -> None:
        self.folder = folder
        self._tables: dict[str, Table] = {}
        self._used: Table = {}
        self._is_new: set[str] = set()

    def key(self, *parts: Any) -> bytes:
        """The digest of anything that MessagePack can hold; sets and dicts count by what is in them."""
        return digest(_SORTING.encode(parts))

    def facts(self, task: str, content: bytes) -> bytes | None:
        """What a task made of the bytes with this digest."""
        key = task.encode() + content
        known = self._used.get(key) or self._table(FACTS).get(key)
        if known is not None:
            self._used[key] = known
        return known

    def keep_facts(self, task: str, content: bytes, result: bytes) -> None:
        """Remember what a task made of the bytes with this digest."""
        if self.folder is not None:
            self._used[task.encode() + content] = result
            self._is_new.add(FACTS)

    def answer(self, key: bytes, kind: type[_R]) -> _R | None:
        """The record of this kind that was kept under the key."""
        found = self._table(ANSWERS).get(key)
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.msgpack.decode(found, type=kind) if found is not None else None
        return None

    def keep_answer(self, key: bytes, answer: msgspec.Struct) -> None:
        """Remember a record under the key."""
        if self.folder is not None:
            self._table(ANSWERS).pop(key, None)  # the latest stand last
            self._table(ANSWERS)[key] = msgspec.msgpack.encode(answer)
            self._is_new.add(ANSWERS)

    def save(self) -> None:
        """Write down what is new. A failure is no trouble: the next audit is slower, that is all."""
        with contextlib.suppress(OSError):
            if FACTS in self._is_new:
                self._write(FACTS, _bounded(self._table(FACTS), self._used))
            if ANSWERS in self._is_new:
                self._write(ANSWERS, dict(list(self._table(ANSWERS).items())[-MOST_ANSWERS:]))
        self._is_new.clear()

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = load(self.folder, name) if self.folder is not None else {}
        return self._tables[name]

    def _write(self, name: str, table: Table) -> None:
        if self.folder is not None:
            store(self.folder, name, table)


def _bounded(known: Mapping[bytes, bytes], used: Mapping[bytes, bytes]) -> Table:
    """What this audit used, and of the rest, the latest first, as much again: another branch may want it."""
    room = sum(map(len, used.values()))
    kept: list[tuple[bytes, bytes]] = []
    for key in reversed([key for key in known if key not in used]):
        room -= len(known[key])
        if room < 0:
            break
        kept.append((key, known[key]))
    return {**dict(reversed(kept)), **used}


def digests(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The digest of each content, by name."""
    return {name: digest(content) for name, content in contents.items()}

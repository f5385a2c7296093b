"""Where and how is a cache kept on disk?

Each project has one folder, by default in the user's cache directory: what is audited may be read-only, somebody else's
or under watch, and stays as it is. The two files in it are MessagePack behind a header that names the program which
wrote them, with everything that their content depends on, and a digest of what follows. They are decoded as declared
types, so reading them cannot run anything; a file that is cut short, altered or another program's counts as absent.
They are replaced whole: of two audits at once the last one's file stays, and after a kill the one from before.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from kafka_audit.discover import as_text, roots_of
from kafka_audit.pipeline.replacing import DRAFT, replace
from kafka_audit.settings import ConfigError

Table = dict[bytes, bytes]

FOLDER = "kafka-audit"
"""In the user's cache directory."""

FACTS, ANSWERS = "facts.msgpack", "answers.msgpack"

_HEAD = b"kafka-audit cache 1\n"
_DIGEST = 16
_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of kafka-audit. It can be deleted at any time.
"""
"""The first line is what https://bford.info/cachedir/ prescribes."""

_ABANDONED = 3600
"""Seconds after which a draft is taken for one that a killed audit left behind."""

_TABLE = msgspec.msgpack.Decoder(Table)


def digest(data: bytes | memoryview) -> bytes:
    """A digest that no two contents share."""
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


def load(folder: str, name: str) -> Table:
    """The table in a file; an empty one when there is none that this very program wrote."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        head = _head()
    except OSError:
        return {}
    body = memoryview(data)[len(head) + _DIGEST :]
    if not data.startswith(head + digest(body)):
        return {}
    try:
        return _TABLE.decode(body)
    except msgspec.MsgspecError:
        return {}


def store(folder: str, name: str, table: Table) -> None:
    """Put a table in the place of the one that was there. Raises `OSError` when that fails; the old one stands then."""
    _prepare(folder)
    body = msgspec.msgpack.encode(table)
    replace(os.path.join(folder, name), _head() + digest(body) + body)


def folder_for(roots: Iterable[str]) -> str | None:
    """The folder in the user's cache directory for the project with these roots; None when the user has none."""
    base = _cache_home()
    if base is None:
        return None
    name = digest("\0".join(sorted(roots)).encode("utf-8", "surrogateescape")).hex()
    return os.path.join(base, FOLDER, name)


def _cache_home() -> str | None:
    """Where the system wants a program to cache: the XDG directory, or the counterpart elsewhere."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        found = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        found = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, "Library", "Caches")
    else:
        found = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return found if os.path.isabs(found) else None


def _prepare(folder: str) -> None:
    """Make the folder, and mark it: version control and backups leave it alone."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", _TAG)):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            replace(path, text.encode())
    for draft in _drafts(folder):
        with contextlib.suppress(OSError):
            if time.time() - os.path.getmtime(draft) > _ABANDONED:
                os.unlink(draft)


@functools.cache
def _head() -> bytes:
    return _HEAD + _program()


def _program() -> bytes:
    """The digest of what turns bytes into answers: this program's own code, the interpreter, and the parser."""
    found = [repr(sys.version_info).encode()]
    for path in (*_sources(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), *_parser()):
        with open(path, "rb") as file:
            found.append(digest(file.read()))
    return digest(b"".join(found))


def _sources(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(parent, name) for name in sorted(names) if name.endswith(".py"))


def _parser() -> Iterable[str]:
    """The file that tells LibCST's version; importing LibCST to ask it takes longer than a recalled audit."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("libcst")
    folder = os.path.dirname(spec.origin) if spec is not None and spec.origin else ""
    return [path for path in (os.path.join(folder, "_version.py"),) if os.path.exists(path)]


# --- what people ask -------------------------------------------------------------------------------------------------


class Kept(NamedTuple):
    """What a cache holds: bytes of its files, the number of sources whose facts it has, and that of the answers."""

    size: int
    sources: int
    answers: int


def kept(folder: str) -> Kept:
    """What is in a cache; files that this program would not read count by their size alone."""
    size = sum(os.path.getsize(path) for path in _files(folder))
    return Kept(size, len(load(folder, FACTS)), len(load(folder, ANSWERS)))


def clear(folder: str) -> int:
    """Delete what a cache holds, and nothing else; the bytes that this frees. Raises `ConfigError` when that fails."""
    freed = 0
    try:
        for path in _files(folder):
            freed += os.path.getsize(path)
            os.unlink(path)
    except OSError as error:
        raise ConfigError(f"the cache in {as_text(folder)} cannot be deleted: {error.strerror}") from error
    return freed


def cache_of(paths: Sequence[str], folder: str | None) -> str:
    """The cache folder for an audit of these paths, if it is not this very `folder`. Raises `ConfigError` for none."""
    found = folder or folder_for(roots_of(paths))
    if found is None:
        raise ConfigError("there is no cache directory for this user; name a folder with --cache-dir")
    return found


def _files(folder: str) -> list[str]:
    own = [os.path.join(folder, name) for name in (FACTS, ANSWERS)]
    return [path for path in (*own, *_drafts(folder)) if os.path.isfile(path)]


def _drafts(folder: str) -> list[str]:
    """The files that an audit is writing, or was writing when it was killed."""
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.startswith(DRAFT)]
    except OSError:
        return []

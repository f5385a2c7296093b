"""What a file is for, judged by where it stands: application, test, example or script."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from kafka_audit.model import Context

TESTS = frozenset({"test", "tests", "testing", "e2e"})
EXAMPLES = frozenset(
    {"example", "examples", "doc", "docs", "demo", "demos", "sample", "samples", "tutorial", "tutorials"}
)
SCRIPTS = frozenset({"bin", "script", "scripts", "tools"})


@lru_cache(maxsize=100_000)
def context_of(path: str) -> Context:
    """The context of a file by its path: the name of the file first, then its folders from the inside out."""
    pure = PurePosixPath(path)
    stem = pure.stem
    if stem == "conftest" or stem.startswith("test_") or stem.endswith("_test"):
        return "test"
    for part in reversed(pure.parent.parts):
        folder = part.lower()
        if folder in TESTS:
            return "test"
        if folder in EXAMPLES:
            return "example"
        if folder in SCRIPTS:
            return "script"
    return "app"

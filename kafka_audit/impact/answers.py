"""The answers about several test files, each as if it were run on its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kafka_audit.discover.pytest_ini import PytestIni
from kafka_audit.impact.answer import answer
from kafka_audit.impact.collection import Test
from kafka_audit.impact.index import Index
from kafka_audit.impact.schema import TestImpact
from kafka_audit.impact.session import Session
from kafka_audit.link.program import Program


def impacts(
    program: Program, asked: Mapping[str, Sequence[str]], configured: Mapping[str, PytestIni]
) -> Iterator[TestImpact]:
    """The answer for each of the test files in `asked`, by path; its names are the tests to run, all if there are none.

    `configured` holds pytest's configuration for each of the files.
    """
    index = Index(program)
    for path in sorted(asked):
        session = Session(program, index, program.engine.modules[path], configured[path])
        names = asked[path]
        trace = session.run(lambda test, _, names=names: not names or _is_chosen(test, names))  # type: ignore[misc]
        yield answer(program, session, trace, names)


def _is_chosen(test: Test, names: Sequence[str]) -> bool:
    """Whether one of the ids names the test, or a class that holds it."""
    return any(test.name == name or test.name.startswith(f"{name}::") for name in names)

"""The phases for a question about tests: only what the tests can import is read, linked and gone through."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from kafka_audit import __version__
from kafka_audit.discover import Discovery, as_text
from kafka_audit.discover.pytest_ini import PytestIni, configurations, is_test_file
from kafka_audit.impact.schema import IMPACT_VERSION, Impact, TestImpact
from kafka_audit.model import Problem, Tool
from kafka_audit.pipeline import gather
from kafka_audit.pipeline.garbage import not_collecting
from kafka_audit.pipeline.questions import Given
from kafka_audit.pipeline.workers import Progress, Workers
from kafka_audit.settings import ConfigError, Settings

if TYPE_CHECKING:
    from kafka_audit.facts.neighbours import Neighbours
    from kafka_audit.facts.schema import FileFacts
    from kafka_audit.link.program import Program


class _Asked(NamedTuple):
    """The test files of a question by name, each with the tests that were asked for, and how pytest is configured."""

    tests: dict[str, tuple[str, ...]]
    configured: dict[str, PytestIni]


@not_collecting()
def impact(settings: Settings, progress: Progress, reverse: str | None = None) -> Impact:
    """Which producers come alive in the tests that `settings.paths` name: files, folders and `file::test` ids.

    `reverse` names a producer, by `path:line`, id or owner: the answer then has the test files alone that import it.
    Raises `ConfigError` for a path, test or producer that is not there.
    """
    ids = [_split(path) for path in settings.paths]
    given = gather(msgspec.structs.replace(settings, paths=tuple(path for path, _ in ids)))
    question = given.memory.key("impact", given.question, ids, reverse)
    answer = given.memory.answer(question, Impact)
    if answer is None:
        answer = _answer(given, _asked(ids, given.found), progress, reverse)
        given.memory.keep_answer(question, answer)
        given.memory.save()
    return answer


def _answer(given: Given, asked: _Asked, progress: Progress, reverse: str | None) -> Impact:
    from kafka_audit.facts.neighbours import Neighbours

    settings, found, contents = given.settings, given.found, given.contents
    neighbours = Neighbours(contents, given.catalogue)
    if reverse is not None:
        asked = _about(asked, _file_of(reverse, found), neighbours)
    with Workers(settings.jobs, progress, given.memory, given.digests) as workers:
        facts = workers.extract({name: contents[name] for name in sorted(_wanted(asked, contents, neighbours))})
        rest = workers.extract({name: contents[name] for name in neighbours.importing() if name not in facts})
    files = _answers(given, asked, facts, rest)
    if reverse is not None:
        files = _only(files, reverse, found)
    broken = {remark.path for each in files for remark in each.remarks if remark.kind == "missing"}
    flawed = {name: each for name, each in facts.items() if name in broken}
    return _told(files, found, [*given.unread, *_flaws(flawed, found)], reverse)


def test_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """Of these paths those that hold tests: files that pytest collects from, and folders for tests with such files."""
    if not any("test" in path or "e2e" in path for path in paths):
        return ()
    from kafka_audit.link.reading.context import context_of

    default = PytestIni()
    found = []
    for path in paths:
        if os.path.isdir(path):
            inside = (name for _, _, files in os.walk(path) for name in files)
            is_wanted = context_of(f"{os.path.normpath(path)}/x.py") == "test"
            found += [path] if is_wanted and any(is_test_file(name, default) for name in inside) else []
        elif is_test_file(path, default):
            found.append(path)
    return tuple(found)


def _split(argument: str) -> tuple[str, tuple[str, ...]]:
    """A test id: the path, and the test behind `::` without its parameters."""
    path, mark, test = argument.partition("::")
    return path, (test.partition("[")[0],) if mark and test else ()


def _asked(ids: Sequence[tuple[str, tuple[str, ...]]], found: Discovery) -> _Asked:
    """The test files that the ids name; a folder stands for the files in it that pytest collects from."""
    named = {os.path.realpath(path): tests for path, tests in ids if not os.path.isdir(path)}
    asked: dict[str, tuple[str, ...]] = {}
    configured: dict[str, PytestIni] = {}
    inis = configurations(found.base, found.asked)
    for source in found.files:
        if source.name in found.asked:
            ini = inis[PurePosixPath(source.name).parent.parts]
            real = os.path.realpath(source.location)
            if real in named or is_test_file(source.name, ini):
                asked[source.name] = tuple(t for p, tests in ids if os.path.realpath(p) == real for t in tests)
                configured[source.name] = ini
    if not asked:
        where = ", ".join(f"`{as_text(path)}`" for path, _ in ids)
        raise ConfigError(f"no test file in {where}; name a file, or a folder with files that pytest collects from")
    return _Asked(asked, configured)


def _wanted(asked: _Asked, contents: Mapping[str, bytes], neighbours: Neighbours) -> Collection[str]:
    """The files that have a part in the answer: what the tests may import, as far as it leads to a Kafka client, and
    what those files import in turn, since control may pass through it."""
    starts = {name for name in asked.tests if name in contents}
    for name in asked.tests:
        starts |= {each for each in _conftests(name) if each in contents}
        ini = asked.configured[name]
        named = (*ini.plugins, *((ini.django_settings,) if ini.django_settings else ()))
        starts |= {each for each in contents for dotted in named if _is(dotted, each)}
    reached = neighbours.reached(starts)
    leading = (reached & neighbours.reaching(neighbours.clients())) | starts
    return leading | {other for name in leading for other in neighbours.edges(name) if other in reached}


def _conftests(name: str) -> Iterable[str]:
    folders = PurePosixPath(name).parent.parts
    return ("/".join((*folders[:depth], "conftest.py")) for depth in range(len(folders) + 1))


def _is(dotted: str, name: str) -> bool:
    """Whether a file may be the module of that name."""
    return name.endswith((f"{dotted.replace('.', '/')}.py", f"{dotted.replace('.', '/')}/__init__.py"))


def _answers(
    given: Given, asked: _Asked, facts: Mapping[str, FileFacts], rest: Mapping[str, FileFacts]
) -> list[TestImpact]:
    """The answer for each file, the producers that no test can import included."""
    from kafka_audit.impact.answer import by_reach, unreachable
    from kafka_audit.impact.answers import impacts
    from kafka_audit.link import link

    roles = given.settings.roles
    program = link(facts, given.paths, roles, lambda _: {}, catalogue=given.catalogue)
    _check_tests(program, asked)
    others = unreachable(link(rest, given.paths, roles, lambda _: {}, catalogue=given.catalogue))
    return [
        msgspec.structs.replace(each, producers=tuple(sorted((*each.producers, *others), key=by_reach)))
        for each in impacts(program, asked.tests, asked.configured)
    ]


def _check_tests(program: Program, asked: _Asked) -> None:
    """Raises `ConfigError` for a test that its file does not have."""
    from kafka_audit.impact.collection import tests_of

    for path, names in asked.tests.items():
        if not names:
            continue
        known = [t.name for t in tests_of(program.engine, program.engine.modules[path], asked.configured[path])]
        for name in names:
            if not any(each == name or each.startswith(f"{name}::") for each in known):
                close = get_close_matches(name, known, n=1, cutoff=0.4)
                hint = f"did you mean {close[0]}?" if close else f"it has {len(known)} tests"
                raise ConfigError(f"{as_text(path)} has no test {name!r}; {hint}")


# --- the question the other way round --------------------------------------------------------------------------------


def _file_of(producer: str, found: Discovery) -> str:
    """The file of the producer that is named; raises `ConfigError` when there is no such file."""
    path = producer.partition("::")[0] if "::" in producer else producer.partition(":")[0]
    for source in found.files:
        if path in (source.name, source.path) or os.path.realpath(path) == os.path.realpath(source.location):
            return source.name
    raise ConfigError(
        f"--reverse names {as_text(path)}, which is no Python file of the project; name a producer by PATH:LINE or id"
    )


def _about(asked: _Asked, path: str, neighbours: Neighbours) -> _Asked:
    """The test files that may import a file, or whose `conftest.py` may."""
    leading = neighbours.reaching((path,))
    kept = {
        name: tests
        for name, tests in asked.tests.items()
        if name in leading or any(each in leading for each in _conftests(name))
    }
    return _Asked(kept, asked.configured)


def _only(files: Sequence[TestImpact], producer: str, found: Discovery) -> list[TestImpact]:
    """The answers that the producer has a part in, with nothing but it."""
    path = _file_of(producer, found)
    line = producer.rpartition(":")[2]
    kept = []
    for each in files:
        own = [
            p
            for p in each.producers
            if p.path == path and (p.producer == producer or not line.isdigit() or p.line == int(line))
        ]
        if any(happening.what == "created" for p in own for happening in p.happenings):
            kept.append(msgspec.structs.replace(each, producers=tuple(own)))
    return kept


# --- telling ---------------------------------------------------------------------------------------------------------


def _flaws(facts: Mapping[str, FileFacts], found: Discovery) -> list[Problem]:
    paths = {file.name: file.path for file in found.files}
    return [
        Problem(path=paths[name], line=flaw.line, kind=flaw.kind, message=flaw.message)
        for name, each in facts.items()
        for flaw in each.flaws
    ]


def _told(files: Sequence[TestImpact], found: Discovery, problems: Sequence[Problem], reverse: str | None) -> Impact:
    """The answer under the paths that the reader knows."""
    paths = {file.name: file.path for file in found.files}
    return Impact(
        schema_version=IMPACT_VERSION,
        tool=Tool(name="kafka-audit", version=__version__),
        producer=reverse,
        files=tuple(_moved(each, paths) for each in files),
        problems=tuple(sorted(set(problems), key=lambda each: (each.path, each.line, each.message))),
    )


def _moved(value: TestImpact, paths: Mapping[str, str]) -> TestImpact:
    """Every `path` in the answer as the reader writes it."""

    def move(part: object) -> object:
        if isinstance(part, dict):
            return {key: paths.get(item, item) if key == "path" else move(item) for key, item in part.items()}
        return [move(item) for item in part] if isinstance(part, list | tuple) else part

    return msgspec.convert(move(msgspec.to_builtins(value)), TestImpact)

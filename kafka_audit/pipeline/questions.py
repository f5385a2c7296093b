"""What does an audit start from, on what does its answer depend, and what is an answer?

Two questions are asked, the cheap one first. The whole one depends on every byte of the project; if that is what it was
once before, nothing is parsed and nothing linked. The other one is asked for each part of the program (`judging`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from kafka_audit.catalog.known import Catalogue
from kafka_audit.discover import Discovery
from kafka_audit.discover.notebooks import Notebook
from kafka_audit.discover.pytest_ini import configurations
from kafka_audit.facts.schema import Flaw
from kafka_audit.model import Finding, Problem, Producer, Record
from kafka_audit.pipeline.remembering import Memory, digests
from kafka_audit.report import RuleText
from kafka_audit.settings import Settings

if TYPE_CHECKING:
    from kafka_audit.facts.modules import Extension, ModulePaths

MANNERS = frozenset(
    {"cache", "cache_dir", "color", "exit_zero", "fail_on", "format", "jobs", "output", "paths", "quiet"}
    | {"folder", "exclude", "extend_exclude", "force_exclude", "changed_since", "stdin_filename"}
    | {"per_file_ignores", "severity", "min_severity", "min_confidence", "ignores", "add_ignore"}
    | {"baseline", "update_baseline", "prune_baseline", "fail_on_stale", "verbose", "statistics", "profile"}
)
"""Settings that say how an audit is done or told; all others are part of the question.

What `paths` and the like name is found, and what is silenced is silenced after the answer.
"""


ABOUT_FILES = frozenset({"asked", "dangling", "files", "problems", "skipped"})
"""What a discovery says of single files; the rest is about the project as a whole, and linking may ask for it."""


class Judged(Record, frozen=True, kw_only=True):
    """What linking and judging say.

    `flaws` are what could not be read of the files that matter and `faults` what linking could not take, by file,
    `loaded` the digests of the files that it had read besides, by name, and `missed` are those that it asked for and
    that nobody read. `texts` are the words of the rules that alarm, by code; they are kept because a rule's module
    imports the analysis.
    """

    producers: tuple[Producer, ...]
    findings: tuple[Finding, ...]
    texts: dict[str, RuleText]
    problems: tuple[Problem, ...]
    flaws: dict[str, tuple[Flaw, ...]]
    faults: dict[str, list[Flaw]]
    loaded: dict[str, bytes]
    missed: tuple[str, ...]


class Answer(Record, frozen=True, kw_only=True):
    """What the phases before the telling say: `analysed` counts the asked files that were parsed for clients.

    `texts` are the words of the rules that alarm, by code. `hiding` are problems that hide part of the answer,
    `harmless` those that concern no client.
    """

    producers: tuple[Producer, ...]
    findings: tuple[Finding, ...]
    texts: dict[str, RuleText]
    hiding: tuple[Problem, ...]
    harmless: tuple[Problem, ...]
    analysed: int


class Given:
    """What an audit starts from: the settings, the files with their contents, and what is remembered of them."""

    def __init__(
        self,
        settings: Settings,
        found: Discovery,
        contents: Mapping[str, bytes],
        notebooks: Mapping[str, Notebook],
        unread: list[Problem],
        memory: Memory,
    ) -> None:
        self.settings, self.found, self.contents, self.unread, self.memory = settings, found, contents, unread, memory
        self.notebooks = notebooks
        self.catalogue = Catalogue(settings.clients, settings.hooks)
        tests = (file.name for file in found.files if "test" in file.name or "e2e" in file.name)  # or anything like it
        self.pytest = configurations(found.base, tests)
        self.digests = digests(contents) if memory.folder is not None else {}
        self.wanted = _without(settings, MANNERS)
        self.about_project = _without(found, ABOUT_FILES | {"base"}) | {
            "declarations": found.declarations.stamps,
            "pytest": sorted(self.pytest.items()),
        }
        self.about_files = {name: getattr(found, name) for name in ABOUT_FILES - {"files", "skipped"}}

    @functools.cached_property
    def extended(self) -> Extension:
        """What the files do to the search path."""
        from kafka_audit.facts.modules import extension  # here, because most runs recall what was linked

        return extension(self.contents)

    @functools.cached_property
    def paths(self) -> ModulePaths:
        """All Python files of the project by the names that imports have for them."""
        from kafka_audit.facts.modules import ModulePaths

        return ModulePaths.of([file.name for file in self.found.files], self.catalogue, self.extended)

    @functools.cached_property
    def question(self) -> bytes:
        """The whole question: every input that shows in the answer."""
        files = [(file.name, file.path, self.digests.get(file.name)) for file in self.found.files]
        return self.memory.key("whole", self.wanted, files, self.about_project, self.about_files, self.unread)


def _without(record: msgspec.Struct, names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(record).items() if name not in names}

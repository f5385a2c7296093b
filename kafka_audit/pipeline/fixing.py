"""The phases once more, for repairs: the project is read once, and audited again for each change, in memory."""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from kafka_audit.discover import Discovery
from kafka_audit.discover.pytest_ini import configurations
from kafka_audit.facts.decoding import encoding_of
from kafka_audit.facts.schema import FileFacts
from kafka_audit.fix.apply import Fixing, offered
from kafka_audit.fix.case import Case
from kafka_audit.fix.trials import Audited
from kafka_audit.model import Finding, Outcome, Replacement
from kafka_audit.pipeline.garbage import collecting, not_collecting
from kafka_audit.pipeline.questions import Given
from kafka_audit.pipeline.replacing import Change, replace_all
from kafka_audit.pipeline.telling import moved
from kafka_audit.pipeline.workers import Progress, Workers
from kafka_audit.settings import Settings

if TYPE_CHECKING:
    from kafka_audit.link.program import Program

Reader = Callable[[Mapping[str, bytes]], Mapping[str, FileFacts]]


class Fixes(NamedTuple):
    """What came of it: the outcomes by place, the unified diffs, and the locations with the bytes they are to get.

    `left` counts the alarms that stay, at or above the threshold.
    """

    outcomes: tuple[Outcome, ...]
    diffs: tuple[str, ...]
    changes: dict[str, Change]
    left: int

    def write(self) -> None:
        """Write all files, or none. Raises `ConfigError` when that is not possible."""
        replace_all(self.changes)


@collecting()
def fix(
    settings: Settings,
    *,
    unsafe: bool,
    progress: Progress,
    buffers: Mapping[str, bytes] | None = None,
    only: Collection[str] | None = None,
) -> Fixes:
    """Repair the alarms on what the settings name; nothing is written yet.

    `buffers` are the bytes of files that are not on the disk yet, by real path, `only` the fingerprints of the alarms
    to repair, all by default.
    """
    from kafka_audit.pipeline import gather
    from kafka_audit.pipeline.sifting import check_selectors, sift
    from kafka_audit.rules import select

    check_selectors(settings)
    wanted = {rule.code for rule in select(settings.chosen_rules, settings.ignored_rules)}
    given = gather(settings, buffers or {})
    with Workers(settings.jobs, _silent) as workers, _recalling(given, progress) as recalling:
        auditor = _Auditor(given, workers, wanted, recalling)
        first = auditor(given.contents)
        given.memory.save()
        sifted = sift(first.findings, given.found, given.contents, (), settings)
        silent = {each.fingerprint for each in sifted.suppressed}
        fixing = Fixing(
            audit=auditor,
            contents=given.contents,
            asked=given.found.asked - given.notebooks.keys(),  # their Python is read, and nothing is written into them
            unsafe=unsafe,
            wanted=lambda finding: (
                finding.code in wanted
                and finding.fingerprint not in silent
                and (only is None or finding.fingerprint in only)
            ),
            progress=lambda done, of: progress("repairing alarms", done, of),
            advice=_advice,
        )
        fixing.run()
    return _fixes(fixing, given.contents, given.found, settings)


def _silent(doing: str, done: int, of: int) -> None:
    """Tell nobody: how many alarms are looked at says more than how many files are parsed once more."""


def _recalling(given: Given, progress: Progress) -> Workers:
    """Workers that ask the memory first: it knows the files as they are on the disk."""
    return Workers(given.settings.jobs, progress, given.memory, given.digests)


def with_fixes(
    program: Program, findings: Iterable[Finding], contents: Mapping[str, bytes], asked: Collection[str]
) -> tuple[Finding, ...]:
    """The alarms on the asked files, each with the first step of its repair or with the reason why there is none.

    The repair is made, and not tried: only `fix` audits what comes of it. What to do by hand, the report says anyway.
    """
    return tuple(
        msgspec.structs.replace(each, fix=offered(Case(program, each, contents))) if each.path in asked else each
        for each in findings
    )


def _advice(finding: Finding) -> str:
    """What the rule says to do about it, as the end of a sentence."""
    from kafka_audit.rules import rule_of

    rule = rule_of(finding.code)
    assert rule is not None  # it has just alarmed
    return rule.fix_note[0].lower() + rule.fix_note[1:]


@collecting()
def with_edits(given: Given, findings: Iterable[Finding], workers: Workers) -> tuple[Finding, ...]:
    """The same alarms; a repair that they offer was tried by itself, and has the edits that make it.

    Each one is audited as `fix` does, unsafe ones, too. One that does not stand that becomes the reason why not.
    """
    found = list(findings)
    offers = {_key(each) for each in found if each.fix is not None and each.fix.refused is None}
    fixing = Fixing(
        audit=_Auditor(given, workers, {each.code for each in found}, workers),
        contents=given.contents,
        asked=given.found.asked - given.notebooks.keys(),
        unsafe=True,
        wanted=lambda finding: _key(finding) in offers,
    )
    tried = {
        _key(finding): msgspec.structs.replace(fix, edits=tuple(_edits(given.contents, changed)))
        for finding, fix, changed in (fixing.each() if offers else ())
    }
    return tuple(msgspec.structs.replace(each, fix=tried.get(_key(each), each.fix)) for each in found)


def _key(finding: Finding) -> tuple[str, str, int, int, str]:
    return (finding.code, finding.path, finding.line, finding.column, finding.fingerprint)


def _edits(before: Mapping[str, bytes], changed: Mapping[str, bytes]) -> Iterator[Replacement]:
    """What turns the files into the changed ones, by whole lines."""
    for path in sorted(changed):
        old, new = _lines(before[path]), _lines(changed[path])
        for what, first, last, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if what != "equal":
                is_cut = last == len(old) and last > 0 and not old[-1].endswith(("\n", "\r"))
                line, column = (last, len(old[-1]) + 1) if is_cut else (last + 1, 1)
                yield Replacement(
                    path=path,
                    line=first + 1,
                    column=1,
                    end_line=line,
                    end_column=column,
                    text="".join(new[start:end]),
                )


class _Auditor:
    """Audits sources in memory; the facts of a file are kept as long as its bytes stay, and so is the last answer."""

    def __init__(self, given: Given, workers: Workers, wanted: Collection[str], recalling: Workers) -> None:
        from kafka_audit.rules import select

        self._given = given
        self._extract = _remembering(workers.extract, recalling.extract, given.contents)
        self._codes = sorted({*wanted, *(rule.code for rule in select((), ()))})
        self._last: tuple[Mapping[str, bytes], Audited] | None = None

    def __call__(self, contents: Mapping[str, bytes]) -> Audited:
        if self._last is None or self._last[0] != contents:
            self._last = contents, self._audited(contents)
        return self._last[1]

    @not_collecting()
    def _audited(self, contents: Mapping[str, bytes]) -> Audited:
        from kafka_audit.facts.screen import relevant
        from kafka_audit.link import link
        from kafka_audit.rules import judge

        given, found = self._given, self._given.found
        facts = relevant(contents, self._extract, given.catalogue)

        def load(names: list[str]) -> Mapping[str, FileFacts]:
            more = self._extract({name: contents[name] for name in names if name in contents})
            facts.update(more)
            return more

        known = (given.catalogue, found.declarations, configurations(found.base, facts))
        program = link(facts.copy(), given.paths, given.settings.roles, load, found.scripts, *known)
        return Audited(program, judge(program, self._codes).findings)


def _remembering(reader: Reader, recalling: Reader, at_first: Mapping[str, bytes]) -> Reader:
    """The reader, asked once for each content of a file; `recalling` is asked for what the files were at first."""
    known: dict[tuple[str, bytes], FileFacts] = {}

    def read(contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
        new = {name: data for name, data in contents.items() if (name, data) not in known}
        old = {name: data for name, data in new.items() if at_first.get(name) == data}
        for each, files in ((recalling, old), (reader, {name: new[name] for name in new.keys() - old.keys()})):
            known.update({(name, files[name]): facts for name, facts in each(files).items()} if files else {})
        return {name: known[name, data] for name, data in contents.items()}

    return read


def _fixes(fixing: Fixing, before: Mapping[str, bytes], found: Discovery, settings: Settings) -> Fixes:
    from kafka_audit.pipeline.telling import is_severe

    sources = {file.name: file for file in found.files}
    paths = {file.name: file.path for file in found.files}
    changed = sorted(name for name, data in fixing.contents.items() if data != before[name])
    outcomes = [msgspec.structs.replace(each, finding=moved(each.finding, paths)) for each in fixing.outcomes]
    left = [each.finding for each in outcomes if each.what != "fixed"]
    return Fixes(
        outcomes=tuple(outcomes),
        diffs=tuple(_diff(sources[name].path, before[name], fixing.contents[name]) for name in changed),
        changes={sources[name].location: Change(before[name], fixing.contents[name]) for name in changed},
        left=sum(is_severe(finding, settings) for finding in left),
    )


def _diff(path: str, before: bytes, after: bytes) -> str:
    """A unified diff that `patch -p1` takes."""
    old, new = _lines(before), _lines(after)
    found = difflib.unified_diff(old, new, _quoted(f"a/{path}"), _quoted(f"b/{path}"))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in found)


def _quoted(path: str) -> str:
    """The path as git and patch write one that could be taken for something else."""
    if path.isprintable() and '"' not in path and "\\" not in path:
        return path
    plain = {ord('"'): '\\"', ord("\\"): "\\\\"}
    return '"' + "".join(plain.get(b, chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in os.fsencode(path)) + '"'


def _lines(data: bytes) -> list[str]:
    return io.StringIO(data.decode(encoding_of(data)), newline="").readlines()

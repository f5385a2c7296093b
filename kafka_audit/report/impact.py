"""How is an impact answer told: as a page of text in the shape of the quick reference, or as JSON?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from kafka_audit.impact.schema import (
    IMPACT_VERSION,
    Activation,
    Happening,
    Impact,
    MockEffect,
    MockPlace,
    Reach,
    TestImpact,
)
from kafka_audit.model import Step
from kafka_audit.report.json import indented, schema_of
from kafka_audit.report.plain import counted, inert_record, map_strings, without_surrogates

_TITLES: dict[Reach, str] = {
    "activates": "ACTIVATE (created while the tests run)",
    "conditional": "CONDITIONAL (imported, and created only if something else happens)",
    "not reached": "NOT REACHED (their modules are not imported)",
}
_STAGES = {
    "plugin": "when a plugin is loaded",
    "conftest": "in a conftest.py, before collection",
    "collection": "when the test file is imported",
    "fixture": "in a fixture",
    "body": "in a test's body",
    "teardown": "after the tests",
}
_FEW = 5


def render(impact: Impact, format: str, *, color: bool = False) -> str:
    """The answer as text or as JSON."""
    if format == "json":
        return indented(map_strings(msgspec.to_builtins(impact, order="deterministic"), without_surrogates))
    return page(impact, width=shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80, color=color)


def schema_document() -> str:
    """The JSON Schema of the answer, as it is published in `docs/impact.schema.json`."""
    return indented(schema_of(Impact, f"kafka-audit impact, schema version {IMPACT_VERSION}"))


def page(impact: Impact, *, width: int, color: bool) -> str:
    """The answer as a page of text."""
    from kafka_audit.report.sheet import Sheet

    safe = inert_record(impact)
    sheet = Sheet(width)
    execution(sheet, safe.files, safe.producer)
    mocks(sheet, safe.files)
    if safe.problems:
        sheet.title("NOT READ (what this hides is not known)")
        for problem in safe.problems:
            sheet.add("- ", f"{problem.path}:{problem.line} {problem.kind}: {problem.message}")
        sheet.blank()
    return sheet.print(color)


def execution(sheet: Any, files: Sequence[TestImpact], producer: str | None = None) -> None:
    """Add the section about what comes alive, one part for each test file; of several only what is created."""
    if not files and producer is None:
        return
    sheet.title("TEST EXECUTION IMPACT")
    if producer is not None:
        sheet.add("", f"Which tests bring {producer} to life?", style="bold")
        sheet.blank()
        if not files:
            sheet.add("", "None: no test creates it.")
            sheet.blank()
    idle = [each for each in files if len(files) > 1 and not any(map(_is_created, each.producers))]
    for each in files:
        if each not in idle:
            _file(sheet, each, is_alone=len(files) == 1)
    if idle:
        sheet.add("", f"No producer is created in {counted(len(idle), 'more test file')}:")
        for each in idle:
            sheet.add("  - ", each.path)
        sheet.blank()


def _is_created(producer: Activation) -> bool:
    return any(happening.what == "created" for happening in producer.happenings)


def _file(sheet: Any, found: TestImpact, *, is_alone: bool) -> None:
    names = f"::{', '.join(found.selected)}" if found.selected else ""
    sheet.add("", f"Which producers activate during {found.path}{names}?", style="bold")
    configured = f"pytest is configured by {found.configuration}" if found.configuration else "pytest is not configured"
    sheet.add("", f"{counted(found.tests, 'test')}; {configured}")
    sheet.blank()
    for reach, title in _TITLES.items():
        own = [producer for producer in found.producers if producer.reach == reach]
        told = own if is_alone else [producer for producer in own if _is_created(producer)]
        if len(told) < len(own):
            sheet.add("", f"{title}: {len(own) - len(told)}{' more' if told else ''}")
            own = told
            if not own:
                continue
        sheet.add("", f"{title}:")
        if not own:
            sheet.add("  - ", "none")
        for producer in own:
            _producer(sheet, producer)
        sheet.blank()
    if not is_alone:
        sheet.blank()
    if found.remarks:
        sheet.add("", "About the run:")
        for remark in found.remarks:
            sheet.add("  - ", f"{remark.path}:{remark.line}: {remark.message}")
        sheet.blank()


def _producer(sheet: Any, producer: Activation) -> None:
    owner = "module level" if producer.owner == "<module>" else f"{producer.owner}()"
    sheet.add("  - ", f"{owner}, {producer.path}:{producer.line}: {producer.client}")
    if producer.reach == "not reached":
        return
    sheet.add("    ", f"{producer.why}.")
    told: tuple[Step, ...] = ()
    for happening in producer.happenings:
        _happening(sheet, happening, told)
        told = happening.chain[:-1]
    if producer.kept_in:
        sheet.add("    Kept: ", f"what an earlier test made is found again{_in_tests(producer.kept_in)}")
    if producer.mock is not None:
        sheet.add("    Mock: ", mock_effect(producer.mock))
    elif producer.real_in:
        sheet.add("    Mock: ", f"none that matters; the real client{_in_tests(producer.real_in)}")
    elif any(each.what == "created" for each in producer.happenings):
        sheet.add("    Mock: ", "none is meant for it: the real client is created")


def _happening(sheet: Any, happening: Happening, told: tuple[Step, ...]) -> None:
    """One level, and the way there; of a way that was told just before only the last step."""
    condition = f", only if {happening.condition}" if happening.condition else ""
    sheet.add(
        f"    {happening.what.capitalize()}: ", f"{_STAGES[happening.stage]}{condition}{_in_tests(happening.tests)}"
    )
    is_known = happening.chain[:-1] == told
    steps = happening.chain[-1:] if is_known else happening.chain
    for index, step in enumerate(steps, start=len(happening.chain) if is_known else 1):
        sheet.add(f"      {index}. ", f"{step.path}:{step.line}: {step.message}")


def _in_tests(tests: Sequence[str]) -> str:
    if not tests:
        return ""
    more = len(tests) - _FEW
    shown = ", ".join(tests[:_FEW]) + (f" and {more} more" if more > 0 else "")
    return f"; {counted(len(tests), 'test')}: {shown}"


def mock_effect(mock: MockEffect) -> str:
    """What a mock makes of a client, in one sentence."""
    return f"{mock.effect}: {mock.target} at {mock.path}:{mock.line}; {mock.why}"


def mocks(sheet: Any, files: Sequence[TestImpact]) -> None:
    """Add the section about the places that replace clients, or what leads to them."""
    places = sorted({(m.path, m.line, m.target): m for each in files for m in each.mocks}.items())
    if not places:
        return
    sheet.title("MOCK LOCATIONS")
    for number, (_, mock) in enumerate(places, start=1):
        _place(sheet, f"{number}. ", mock, files)


def _place(sheet: Any, lead: str, mock: MockPlace, files: Iterable[TestImpact]) -> None:
    pad = " " * len(lead)
    sheet.add(lead, f"{mock.path}:{mock.line}", style="bold")
    sheet.add(pad, f"Replaces {mock.target} ({mock.way}), {mock.holds}")
    if mock.clients:
        sheet.add(pad, f"Meant for {', '.join(mock.clients)}")
    for effect in ("effective", "elsewhere", "too late"):
        met = sorted({f"{p.path}:{p.line}" for each in files for p in each.producers if _is_by(p, mock, effect)})
        if met:
            sheet.add(f"{pad}{effect.capitalize()} for ", ", ".join(met))
    sheet.blank()


def _is_by(producer: Activation, mock: MockPlace, effect: str) -> bool:
    found = producer.mock
    return found is not None and (found.path, found.line, found.effect) == (mock.path, mock.line, effect)

"""Repairs keep their promises on every program that the tests know, however it is written."""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafka_audit.fix.apply import Fixing
from kafka_audit.fix.plan import REPAIRS
from kafka_audit.model import Finding
from kafka_audit.rules import rules
from tests.fixing import BAD, FIXED, GOOD, PROGRAMS, fixed, fixed_program, image, image_file, program
from tests.transforms import TRANSFORMS

each_program = pytest.mark.parametrize("name", PROGRAMS)
CHANGED = [name for name in PROGRAMS if fixed_program(name).contents != program(name)]


def kinds(findings: tuple[Finding, ...]) -> Counter[tuple[str, str]]:
    return Counter((finding.code, finding.path) for finding in findings)


def check_laws(before: Mapping[str, bytes], fixing: Fixing, *, unsafe: bool = True) -> None:
    """Every file parses, what is called fixed is gone, nothing came up, and a second run changes nothing."""
    for path, data in fixing.contents.items():
        if data != before[path]:
            compile(data, path, "exec")
    assert fixing.contents.keys() == before.keys()
    alarms, left = fixing.audit(before).findings, fixing.audit(fixing.contents).findings
    assert not kinds(left) - kinds(alarms)
    outcomes = fixing.outcomes
    assert not [outcome for outcome in outcomes if outcome.what == "withdrawn"]
    assert len([outcome for outcome in outcomes if outcome.what == "fixed"]) == len(alarms) - len(left)
    assert fixed(fixing.contents, fixing.audit, unsafe=unsafe).contents == fixing.contents


def fixed_codes(name: str) -> set[str]:
    return {each.finding.code for each in fixed_program(name).outcomes if each.what == "fixed"}


# --- laws ------------------------------------------------------------------------------------------------------------


@each_program
def test_the_laws_hold(name: str):
    check_laws(program(name), fixed_program(name))


@pytest.mark.parametrize("name", [name for name in PROGRAMS if image_file(name).exists()])
def test_the_after_image_is_the_one_that_was_reviewed(name: str):
    reviewed = image_file(name).read_text(encoding="utf-8")
    assert image(name) == reviewed, "review what `python -m tests.fixing` writes"


def test_no_after_image_is_left_over():
    assert {path.relative_to(FIXED).with_suffix("").as_posix() for path in FIXED.rglob("*.diff")} <= {*PROGRAMS}


@pytest.mark.parametrize("name", GOOD)
def test_an_example_without_an_alarm_stays_as_it_is(name: str):
    assert fixed(program(name)).contents == program(name)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.__name__)
@pytest.mark.parametrize("name", [name for name in CHANGED if name in BAD])
def test_the_laws_hold_however_a_program_is_written(name: str, transform):
    before = {path: data.decode() for path, data in program(name).items()}
    after = {path: text.encode() for path, text in transform(before).items()}
    check_laws(after, fixed(after, fixed_program(name).audit))


def placed(name: str, folder: str) -> dict[str, bytes]:
    """A program in a folder of a larger project; its modules are called after the folder, so that no two are alike."""
    files = program(name)
    stems = {path.partition(".")[0] for path in files if "/" not in path}
    found = {}
    for path, data in files.items():
        text = data.decode()
        for stem in stems:
            text = re.sub(rf"(?m)^(\s*(?:from|import)\s+){stem}\b(?=[ .]|$)", rf"\g<1>{folder}_{stem}", text)
        found[f"{folder}/{folder}_{path}" if "/" not in path else f"{folder}/{path}"] = text.encode()
    return found


@given(names=st.lists(st.sampled_from(CHANGED), min_size=2, max_size=5, unique=True), unsafe=st.booleans())
@settings(max_examples=10, deadline=None)
def test_the_laws_hold_for_projects_of_several_programs(names: list[str], unsafe: bool):
    before: dict[str, bytes] = {}
    for number, name in enumerate(names):
        before |= placed(name, f"part{number}")
    check_laws(before, fixed(before, unsafe=unsafe), unsafe=unsafe)


# --- untouched bytes -------------------------------------------------------------------------------------------------


def comments(data: bytes) -> Counter[str]:
    tokens = tokenize.tokenize(io.BytesIO(data).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


REMOVING = {"KA102", "KA501", "KA504"}
"""Rules whose repair takes code out, with the comments in it."""


@pytest.mark.parametrize("name", [name for name in CHANGED if REMOVING.isdisjoint(fixed_codes(name))])
def test_every_comment_stays(name: str):
    for path, data in program(name).items():
        assert not comments(data) - comments(fixed_program(name).contents[path])


def with_tabs(data: bytes) -> bytes:
    return re.sub(rb"(?m)^(    )+", lambda found: b"\t" * (len(found[0]) // 4), data)


def with_two_spaces(data: bytes) -> bytes:
    return re.sub(rb"(?m)^(    )+", lambda found: b"  " * (len(found[0]) // 4), data)


DIALECTS: dict[str, Callable[[bytes], bytes]] = {
    "tabs": with_tabs,
    "two spaces": with_two_spaces,
    "latin": lambda data: b"# coding: latin-1\n# \xe9\xa0\n" + data,
    "unended": lambda data: data + b"\n\n# the end, without a newline",
    "windows": lambda data: data.replace(b"\n", b"\r\n"),
    "mark": lambda data: b"\xef\xbb\xbf" + data,
}
"""Ways to write a file that a change must keep to: fixing what is so written gives the fixed file, so written."""


@given(name=st.sampled_from(CHANGED), dialects=st.lists(st.sampled_from(sorted(DIALECTS)), unique=True, max_size=3))
@settings(max_examples=12, deadline=None)
def test_a_change_is_written_as_the_file_is(name: str, dialects: list[str]):
    indents = {"tabs", "two spaces"}.intersection(dialects)
    order = [each for each in DIALECTS if each in dialects]
    if len(indents) > 1 or {"mark", "latin"} <= {*dialects}:
        return  # a file has one indentation, and a mark says that it is UTF-8

    def written(data: bytes, before: bytes) -> bytes:
        is_indented = re.search(rb"(?m)^ ", before) is not None  # else nothing says how the file would be
        for each in order:
            data = DIALECTS[each](data) if is_indented or each not in indents else data
        return data

    sources = program(name)
    before = {path: written(data, data) for path, data in sources.items()}
    wanted = {path: written(data, sources[path]) for path, data in fixed_program(name).contents.items()}
    assert fixed(before, fixed_program(name).audit).contents == wanted


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_rule_says_how_safe_its_repairs_are():
    outcomes = [outcome for name in PROGRAMS for outcome in fixed_program(name).outcomes]
    seen: dict[str, set[str]] = {}
    for outcome in outcomes:
        if outcome.what == "fixed":
            seen.setdefault(outcome.finding.code, set()).add(outcome.fix.safety)
    for rule in rules():
        safeties = seen.get(rule.code, set())
        assert rule.fix == ("unsafe" if "unsafe" in safeties else "safe" if safeties else "manual"), rule.code
    assert {*seen} <= {*REPAIRS}


def test_a_refusal_is_one_sentence():
    reasons = {o.fix.refused for name in PROGRAMS for o in fixed_program(name).outcomes if o.what == "refused"}
    assert len(reasons) > 4
    for reason in reasons:
        assert reason
        assert not reason.endswith(".")
        assert "\n" not in reason

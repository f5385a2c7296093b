"""Repairs that are tried together: whose changes go into one file, and what an audit says of one of many."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.plan import REPAIRS
from kafka_audit.fix.together import Together
from kafka_audit.fix.trials import Audited
from tests.fixing import audit, fixed

LINES = tuple(b"line %d\n" % number for number in range(12))
BEFORE = b"".join(LINES)


def changed(*edits: tuple[int, int, bytes]) -> bytes:
    """The text with the lines from one up to another replaced; the edits go from the top to the bottom."""
    lines = [*LINES]
    for first, last, new in reversed(edits):
        lines[first:last] = [new]
    return b"".join(lines)


def taken(*texts: bytes) -> tuple[list[bool], bytes]:
    together = Together({"a.py": BEFORE})
    answers = [together.take({"a.py": text}) for text in texts]
    return answers, together.changed()["a.py"]


edits = st.tuples(st.integers(0, 11), st.integers(0, 2), st.sampled_from((b"x\n", b"    y\n    z\n")))


@given(edits, edits)
def test_changes_with_a_line_between_them_go_together_and_others_do_not(one, other):
    (first, one_size, one_text), (second, other_size, other_text) = sorted((one, other))
    above = (first, first + one_size, one_text)
    below = (second, min(second + other_size, 12), other_text)
    is_clear = first + one_size < second
    answers, text = taken(changed(above), changed(below))
    assert answers[0]
    if is_clear:
        assert (answers[1], text) == (True, changed(above, below))
    elif above != below:
        assert (answers[1], text) in ((False, changed(above)), (True, changed(below)))


def test_the_same_change_twice_is_one_change():
    assert taken(changed((3, 4, b"new\n")), changed((3, 4, b"new\n"))) == ([True, True], changed((3, 4, b"new\n")))


def test_a_line_that_both_insert_is_inserted_once():
    one, other = changed((0, 0, b"import x\n"), (5, 6, b"a\n")), changed((0, 0, b"import x\n"), (9, 10, b"b\n"))
    assert taken(one, other) == ([True, True], changed((0, 0, b"import x\n"), (5, 6, b"a\n"), (9, 10, b"b\n")))


def test_two_changes_that_define_the_same_name_do_not_go_together():
    assert taken(changed((2, 2, b"def close():\n    pass\n")), changed((8, 8, b"close = None\n")))[0] == [True, False]


def test_two_changes_that_only_take_out_do_not_go_together():
    assert taken(b"".join(LINES[1:]), b"".join(LINES[:-1]))[0] == [True, False]


def test_a_change_of_several_files_is_taken_whole_or_not_at_all():
    together = Together({"a.py": BEFORE, "b.py": BEFORE})
    assert together.take({"a.py": changed((3, 4, b"a\n"))})
    assert not together.take({"a.py": changed((3, 4, b"b\n")), "b.py": changed((3, 4, b"b\n"))})
    assert together.changed() == {"a.py": changed((3, 4, b"a\n"))}


# --- many at once ----------------------------------------------------------------------------------------------------

SKIPPED = """\
from kafka import KafkaProducer


def send(row: bytes) -> None:
    producer = KafkaProducer()
    producer.send("rows", row).get(timeout=10)
    producer.close()
"""
FILES = {f"sender_{number:02}.py": SKIPPED.encode() for number in range(16)}


def counting(asked: list[int]):
    def counted(contents: Mapping[str, bytes]) -> Audited:
        asked.append(1)
        return audit(contents)

    return counted


def test_one_audit_answers_for_many_repairs():
    asked: list[int] = []
    done = fixed(FILES, counting(asked))
    assert [each.what for each in done.outcomes] == ["fixed"] * len(FILES)
    assert len(asked) == 2


@pytest.mark.parametrize("spoilt", [1, 3])
def test_a_repair_that_the_audit_does_not_bear_does_not_stand_in_the_way_of_others(
    spoilt: int, monkeypatch: pytest.MonkeyPatch
):
    [make] = REPAIRS["KA301"]  # type: ignore[misc]
    names = sorted(FILES)[3 : 3 + spoilt]

    def spoiling(case: Case) -> Repair:
        repair = make(case)
        if case.finding.path not in names:
            return repair
        [(path, data)] = repair.changed.items()
        lost = b"\n\ndef lose() -> None:\n    lost = KafkaProducer()\n    lost.send('x', b'')\n"
        return repair._replace(changed={path: data + lost})

    monkeypatch.setitem(REPAIRS, "KA301", (spoiling,))
    monkeypatch.setitem(REPAIRS, "KA203", ())
    asked: list[int] = []
    done = fixed(FILES, counting(asked))
    what = {each.finding.path: each.what for each in done.outcomes}
    assert [path for path in FILES if what[path] == "refused"] == names
    assert {what[path] for path in FILES if path not in names} == {"fixed"}
    assert all(done.contents[path] == FILES[path] for path in names)
    assert len(asked) < 2 + 8 * spoilt


@pytest.mark.parametrize("is_known", [True, False])
def test_of_repairs_that_spoil_each_other_one_is_made(is_known: bool):
    """Each stands by itself; both together bring up an alarm."""
    first, last = sorted(FILES)[0], sorted(FILES)[-1]

    def jealous(contents: Mapping[str, bytes]) -> Audited:
        program, findings = audit(contents)
        if b"finally" in contents[first] and b"finally" in contents[last]:
            findings = (*findings, msgspec.structs.replace(alarm, code="KA203", path="other.py"))
        return Audited(program, findings)

    files = {**FILES, "other.py": b"VALUE = 1\n"}
    alarm = next(each for each in audit(files).findings if each.path == first)
    alarm = msgspec.structs.replace(alarm, producer=alarm.producer if is_known else None)
    done = fixed(files, jealous)
    assert [each.what for each in done.outcomes].count("fixed") == len(FILES) - 1
    assert (b"finally" in done.contents[first]) != (b"finally" in done.contents[last])

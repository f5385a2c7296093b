"""The reader of trailing comments: what it reads, and that a departure in either direction is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafka_audit.model import Created, Finding, Producer, Released, Started
from tests.expectations import Alarm, Site, alarm_differences, read_expectations, site_differences


def finding(line: int, code: str, message: str = "producer `p` is dropped") -> Finding:
    return Finding(
        code=code, name="n", category="lifecycle", severity="error", confidence="high", message=message, path="a.py",
        line=line, column=1, end_line=line, end_column=2, producer=None, trace=(),
    )  # fmt: skip


def producer(line: int, kind: str = "local", column: int = 1) -> Producer:
    return Producer(
        id="i", path="a.py", line=line, column=column, end_line=line, end_column=2, client="kafka.KafkaProducer",
        via=(), role="producer", context="app", owner="main", kind=kind, place=None, created=Created(when="call"),
        started=Started(when="constructor"), released=Released(verdict="never"),
    )  # fmt: skip


def test_codes_words_and_sites_are_read_from_comments_only(tmp_path: Path):
    source = 'x = 1  # KA101: at import, KA201  # site: kind=global|local place=x\ny = "# KA203"  # about KA204\n'
    (tmp_path / "a.py").write_text(source, encoding="utf-8")
    wanted = read_expectations(tmp_path)
    assert wanted.alarms == [Alarm("a.py", 1, "KA101", "at import"), Alarm("a.py", 1, "KA201", "")]
    assert wanted.sites == [Site("a.py", 1, {"kind": ("global", "local"), "place": ("x",)})]


@pytest.mark.parametrize("comment", ["KA20", "KA2011", "site: kind", "site: colour=red"])
def test_a_misspelt_expectation_is_refused(comment: str, tmp_path: Path):
    (tmp_path / "a.py").write_text(f"x = 1  # {comment}\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"a\.py:1"):
        read_expectations(tmp_path)


def test_missing_unexpected_and_repeated_alarms_are_told():
    wanted = [Alarm("a.py", 1, "KA201", ""), Alarm("a.py", 2, "KA203", "dropped")]
    assert alarm_differences(wanted, (finding(1, "KA201"), finding(2, "KA203"))) == []
    assert alarm_differences(wanted, (finding(1, "KA201"),)) == ["a.py:2: missing alarm KA203 dropped"]
    twice = alarm_differences(wanted[:1], (finding(1, "KA201"), finding(1, "KA201", "again")))
    assert twice == ["a.py:1: unexpected alarm KA201 again"]
    other_words = alarm_differences(wanted[1:], (finding(2, "KA203", "lost"),))
    assert other_words == ["a.py:2: missing alarm KA203 dropped", "a.py:2: unexpected alarm KA203 lost"]


def test_missing_unexpected_and_wrongly_described_sites_are_told():
    wanted = [Site("a.py", 1, {"kind": ("global", "local")}), Site("a.py", 1, {"kind": ("pooled",)})]
    assert site_differences(wanted, (producer(1, "pooled", column=9), producer(1))) == []
    assert site_differences(wanted, (producer(1),)) == ["a.py:1: missing site kind=pooled"]
    swapped = site_differences(wanted, (producer(1, "pooled"), producer(1, column=9), producer(4)))
    assert swapped == [
        "a.py:1: kind is pooled, not global|local",
        "a.py:1: kind is local, not pooled",
        "a.py:4: unexpected site kafka.KafkaProducer local",
    ]

"""Rules: their records, how they are selected, what becomes of their alarms, and their own examples."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kafka_audit import rules
from kafka_audit.model import Finding, Report
from kafka_audit.pipeline import audit
from kafka_audit.rules import Alarm, Rule, UnknownRule
from kafka_audit.settings import Settings

RULES = rules.rules()
NO_PROGRAM = object()  # what a replaced check is given: it does not look at it
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def codes(*chosen: str, ignored: tuple[str, ...] = ()) -> list[str]:
    return [rule.code for rule in rules.select(chosen, ignored)]


def files(example: str) -> dict[str, str]:
    """The files of a rule's example by name; one without `# file:` lines is a file of its own."""
    first, *rest = re.split(r"^# file: (\S+)\n", example, flags=re.MULTILINE)
    if not rest:
        return {"example.py": first}
    assert not first, "an example of several files starts with a `# file:` line"
    return dict(zip(rest[::2], rest[1::2], strict=True))


def report_on(example: str, rule: Rule, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """What the default rules and the rule itself, which may be opt-in, say of its example."""
    for name, text in files(example).items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    return audit(Settings(paths=(".",), select=(*codes(), rule.code), jobs=1))


def alarm(line: int = 3, message: str = "producer `p` is dropped") -> Alarm:
    return Alarm(path="a.py", at=(line, 1, line, 9), message=message, confidence="high", producer=None, trace=())


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch):
    """Findings of KA203 when its check says these alarms."""

    def judge(*alarms: Alarm) -> tuple[Finding, ...]:
        replace_check(monkeypatch, "KA203", lambda program: iter(alarms))
        return rules.judge(NO_PROGRAM, ("KA203",)).findings

    return judge


def replace_check(monkeypatch: pytest.MonkeyPatch, code: str, check) -> None:
    name = next(rule.name for rule in RULES if rule.code == code).replace("-", "_")
    monkeypatch.setattr(importlib.import_module(f"kafka_audit.rules.{code.lower()}_{name}"), "check", check)


# --- records ---------------------------------------------------------------------------------------------------------


def test_rules_are_sorted_by_code_and_live_in_a_module_called_after_them():
    names = [f"{rule.code.lower()}_{rule.name.replace('-', '_')}.py" for rule in RULES]
    folder = Path(rules.__file__).parent
    assert names == sorted(path.name for path in folder.glob("ka*.py"))


@each_rule
def test_a_record_is_worded_as_its_readers_expect(rule: Rule):
    assert re.fullmatch(r"KA\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)
    for sentence in (rule.summary, rule.fix_note):
        assert sentence[0].isupper()
        assert not sentence.endswith(".")
        assert ". " not in sentence
    assert rule.rationale.endswith(".")
    assert 2 <= len(re.findall(r"[.?!](?= [A-Z`\"]|$)", rule.rationale)) <= 6
    assert rule.references


@each_rule
def test_examples_are_complete_programs_of_at_most_76_columns(rule: Rule):
    for example in (rule.bad, rule.good):
        for name, text in files(example).items():
            if (rule.code, example) != ("KA901", rule.bad):  # the rule about files that are no Python
                compile(text, name, "exec")
            assert max(map(len, text.splitlines())) <= 76


# --- selection -------------------------------------------------------------------------------------------------------


def test_nothing_chosen_means_the_default_set():
    assert codes() == [rule.code for rule in RULES if rule.default]


@pytest.mark.parametrize("selector", ["KA201", "ka201", "global-never-released", " KA201 "])
def test_a_rule_is_chosen_by_code_or_name(selector: str):
    assert codes(selector) == ["KA201"]


def test_a_prefix_chooses_its_codes():
    assert codes("KA1") == ["KA101", "KA102"]


def test_a_category_chooses_its_rules():
    assert codes("import-time") == ["KA101", "KA102"]


def test_all_chooses_every_rule():
    assert codes("all") == [rule.code for rule in RULES]


def test_an_ignored_rule_is_left_out_however_it_was_chosen():
    assert codes("KA1", "KA102", ignored=("client-started-at-import",)) == ["KA101"]


@pytest.mark.parametrize(
    ("selector", "hint"),
    [("KA5O2", "KA502"), ("global-never-relased", "global-never-released"), ("Lifecycle", "lifecycle")],
)
def test_an_unknown_selector_is_refused_with_the_closest_match(selector: str, hint: str):
    with pytest.raises(UnknownRule, match=f"{selector}.*did you mean {hint}"):
        rules.select((selector,), ())


def test_an_unknown_selector_without_a_close_match_points_to_the_list():
    with pytest.raises(UnknownRule, match="`kafka-audit rules` lists"):
        rules.select((), ("xyzzy",))


# --- judgement -------------------------------------------------------------------------------------------------------


def test_an_alarm_becomes_a_finding_with_its_rules_words(judged):
    [finding] = judged(alarm())
    assert (finding.code, finding.name, finding.severity) == ("KA203", "local-never-released", "warning")
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (3, 1, 3, 9)


def test_findings_are_sorted_whatever_order_a_rule_uses(judged):
    assert [finding.line for finding in judged(alarm(9), alarm(1), alarm(5))] == [1, 5, 9]


def test_a_fingerprint_survives_moved_lines(judged):
    [before] = judged(alarm(3, "producer `p` of line 3 is dropped"))
    [after] = judged(alarm(40, "producer `p` of line 40 is dropped"))
    assert before.fingerprint == after.fingerprint


def test_two_equal_alarms_of_one_file_have_two_fingerprints(judged):
    first, second = judged(alarm(3), alarm(7))
    assert first.fingerprint != second.fingerprint


def test_a_rule_that_raises_is_named_and_the_others_still_run(monkeypatch: pytest.MonkeyPatch):
    def broken(program: object) -> Iterator[Alarm]:
        yield alarm()
        raise LookupError("no such scope")

    replace_check(monkeypatch, "KA201", broken)
    replace_check(monkeypatch, "KA203", lambda program: iter([alarm()]))
    judgement = rules.judge(NO_PROGRAM, ("KA201", "KA203"))
    [problem] = judgement.problems
    assert problem.kind == "internal"
    assert "KA201 (global-never-released)" in problem.message
    assert "no such scope" in problem.message
    assert [finding.code for finding in judgement.findings] == ["KA203"]


# --- examples --------------------------------------------------------------------------------------------------------


@each_rule
def test_the_bad_example_alarms_with_its_own_code_only(rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    report = report_on(rule.bad, rule, tmp_path, monkeypatch)
    assert [finding.code for finding in report.findings] == [rule.code]


@each_rule
def test_the_good_example_is_silent(rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    report = report_on(rule.good, rule, tmp_path, monkeypatch)
    assert report.producers
    assert report.findings == ()
    assert report.problems == ()

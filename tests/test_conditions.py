"""Facts about tests: what a path knows, and which paths cannot be."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.facts.extract import extract
from kafka_audit.link.reading.conditions import Facts, assigned, assume, forget

NOTHING: Facts = frozenset()
NOBODY: frozenset[str] = frozenset()


def test_of(source: str) -> s.Expr:
    """The expression that the source consists of."""
    statement = extract(f"if {source}:\n    pass\n".encode()).body[0]
    assert isinstance(statement, s.If)
    return statement.test


test_of.__test__ = False  # type: ignore[attr-defined]  # named for what it gives


def test_a_name_that_leads_to_an_object_is_true():
    alive = frozenset({"producer"})
    assert assume(NOTHING, test_of("producer"), True, alive) is not None
    assert assume(NOTHING, test_of("producer"), False, alive) is None
    assert assume(NOTHING, test_of("producer is None"), True, alive) is None
    assert assume(NOTHING, test_of("not producer"), False, alive) is not None


def test_the_same_test_comes_out_the_same_until_its_name_is_bound_again():
    known = assume(NOTHING, test_of("settings.enabled"), True, NOBODY)
    assert known is not None
    assert assume(known, test_of("settings.enabled"), False, NOBODY) is None
    assert assume(forget(known, s.Name("settings")), test_of("settings.enabled"), False, NOBODY) is not None


def test_none_is_known_to_be_false():
    known = assigned(NOTHING, s.Name("producer"), s.Constant(None))
    assert assume(known, test_of("producer"), True, NOBODY) is None
    assert assume(known, test_of("producer is not None"), True, NOBODY) is None


def test_a_conjunction_that_holds_makes_both_sides_known():
    known = assume(NOTHING, test_of("a and b"), True, NOBODY)
    assert known is not None
    assert assume(known, test_of("b"), False, NOBODY) is None


def test_a_conjunction_that_fails_says_nothing_of_one_side():
    known = assume(NOTHING, test_of("a and b"), False, NOBODY)
    assert known is not None
    assert assume(known, test_of("a"), True, NOBODY) is not None


def test_constants_decide_themselves():
    assert assume(NOTHING, test_of("True"), False, NOBODY) is None
    assert assume(NOTHING, test_of("0"), True, NOBODY) is None

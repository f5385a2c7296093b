from __future__ import annotations

import pytest

from kafka_audit.facts.nesting import too_deep_line

OPENERS = [
    "(",
    "[",
    "f(",
    "a[",
    "{1: ",
    "(yield ",
    "(a := ",
    "[b for b in ",
    "f'{",
    'f"""{',
    "lambda: ",
    "lambda a, b=1: ",
]
CHAINS = ["a + ", "a\n + ", "a and ", "not ", "-", "~", "a if b else ", "await "]


@pytest.mark.parametrize("opener", OPENERS)
def test_what_opens_inside_itself_is_limited(opener):
    assert too_deep_line("\nx = (" + opener * 150) is None
    assert too_deep_line("\nx = (" + opener * 1000) == 2


@pytest.mark.parametrize("link", CHAINS)
def test_chains_of_operators_are_limited(link):
    assert too_deep_line("(" + link * 800 + "a)") is None
    assert too_deep_line("(" + link.replace("\n", "") * 5000 + "a)") == 1


@pytest.mark.parametrize("link", [".b", "()", "[0]", ".b(c, d)"])
def test_chains_of_accesses_are_limited(link):
    assert too_deep_line("x = a" + link * 150) is None
    assert too_deep_line("x = a" + link * 5000) == 1


def test_strings_in_a_row_are_limited():
    assert too_deep_line("x = (" + "'a'\n" * 3000 + ")") is None
    assert too_deep_line("x = (" + "'a' " * 5000 + ")") == 1


def test_branches_are_limited():
    assert too_deep_line("if a: b\n" + "elif c: d\n" * 2000) is None
    assert too_deep_line("if a: b\n" + "elif c: d\n" * 2001) == 2002


def test_patterns_are_limited_more_tightly():
    assert too_deep_line("match a:\n  case " + "[" * 8 + "]" * 8 + ": b(" + "(" * 100 + ")" * 100) == 2
    assert too_deep_line("match a:\n  case " + "[" * 8 + "]" * 8 + ":\n    b(" + "(" * 100 + ")" * 101) is None
    assert too_deep_line("match a:\n  case " + "{1: " * 9 + "b" + "}" * 9 + ": c") == 2
    assert too_deep_line("case = f(a)\ncase[" + "[" * 6 + "]" * 7) is None


@pytest.mark.parametrize(
    "item",
    [
        "'a': b.c(d)[e] + f,\n",
        "'(((': \"[[[\",\n",
        "'''(\n((''': r'\\' '(',  # (((\n",
        "f'{a!r:>{b}} ((( {{ {c[\"d\"]}': f'''{e}\n(((''',\n",
        "f'{a:{b}}' 'c': f\"{d['e']}\" '',\n",
        "b'\\'(': rb'(',\n",
        "1.5: [(), {}],\n",
        "'a': lambda: b,\n",
        "'a': lambda b, *c, d=(1, 2): b,\n",
    ],
)
def test_long_data_is_not_deep(item):
    assert too_deep_line("x = {\n" + item * 3000 + "}\n") is None


def test_long_modules_are_not_deep():
    assert too_deep_line("x = a.b(c[d] + e, (f))\n" * 3000) is None
    assert too_deep_line("if a:\n    x = lambda: b + c; y = not d\n" * 3000) is None


def test_depth_inside_a_replacement_field_counts():
    assert too_deep_line("x = f'{" + "(" * 1000) == 1
    assert too_deep_line("x = f'" + "{a:" * 1000) == 1


def test_an_unterminated_string_ends_the_search():
    assert too_deep_line("'''" + "(" * 1000) is None

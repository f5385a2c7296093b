from __future__ import annotations

import gc
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafka_audit.facts import schema
from kafka_audit.facts.extract import extract
from kafka_audit.facts.schema import FileFacts, decode, encode
from tests.parsers import read_by_both

SAMPLE = '''\
"""A sample with one of everything."""
from __future__ import annotations
import os, a.b as c
from ..d import (e as f, g)
from h import *

@wrap(1)
async def work(p, /, q: "K.L" = 3, *r, s=None, **t) -> list[int]:
    """Work."""
    global client
    client = Producer(servers="a" "b", *r, **{"x": 1, **t})
    try:
        async with opened(client) as (i, j), lock:
            await client.start()
            return [k async for k in j if k and not i or k > 1]
    except (A, B) as error:
        raise C from error
    finally:
        del i, j[0], j.k
        assert i, "why"
    for x, *y in enumerate(z): continue
    else: yield x
    while (n := next(y)) is not None: break
    if n: pass
    elif lambda m=1: m: print(f"{n!r:>{m}} {os.sep}")
    else: n += 1; n = m = -1

class K(Base, metaclass=Meta):
    z: int
    v = {1, 2}
    match z:
        case Point(x=0, y=[u, *w]) as o if o: ...
        case {"k": 1 | 2, **rest}: pass
        case _: x = y if z else w
'''


def statement(source: str) -> schema.Stmt:
    """The one statement of a source."""
    facts = read_by_both(source)
    assert facts.flaws == ()
    assert len(facts.body) == 1
    return facts.body[0]


def expression(source: str) -> schema.Expr:
    """What an expression becomes."""
    assign = statement(f"x = {source}")
    assert isinstance(assign, schema.Assign)
    assert assign.value is not None
    return assign.value


def shown(node: object) -> str:
    """A node without the positions and the keywords of its representation."""
    text = re.sub(r"\w+=", "", repr(node))
    return re.sub(r", (\d+|\(\d+, \d+, \d+, \d+\))(?=\))", "", text)


def mentions(source: str) -> dict[str, tuple[str, ...]]:
    return {symbol.name: symbol.mentions for symbol in read_by_both(source).symbols}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a", "Name('a')"),
        ("(a.b)", "Attribute(Name('a'), 'b')"),
        (
            "a(b, c=1, *d, **e)",
            "Call(Name('a'), (Argument(Name('b'), None, ''), Argument(Constant(1), 'c', ''), "
            "Argument(Name('d'), None, '*'), Argument(Name('e'), None, '**')))",
        ),
        ("await a", "Await(Name('a'))"),
        ("'a'", "Constant('a')"),
        ("'a' \"b\" r'\\c'", "Constant('ab\\\\c')"),
        ("'\\x41\\u00e9\\n\\'\\q\\\nz'", 'Constant("Aé\\n\'\\\\qz")'),
        ("'''a\r\nb'''", "Constant('a\\nb')"),
        ("u'a'", "Constant('a')"),
        ("b'a'", "Opaque(())"),
        ("'\\ud800'", "Opaque(())"),
        ("'\\N{DASH}'", "Opaque(())"),
        ("'" + "a" * 501 + "'", "Opaque(())"),
        ("1_000", "Constant(1000)"),
        ("0xff", "Constant(255)"),
        ("-1", "Constant(-1)"),
        ("-1.5", "Constant(-1.5)"),
        ("10**400", "Opaque(())"),
        ("9" * 5000, "Opaque(())"),
        ("1j", "Opaque(())"),
        ("...", "Opaque(())"),
        ("None", "Constant(None)"),
        ("True", "Constant(True)"),
        ("(a, *b)", "Sequence('tuple', (Name('a'), Starred(Name('b'))))"),
        ("a, b", "Sequence('tuple', (Name('a'), Name('b')))"),
        ("[]", "Sequence('list', ())"),
        ("{a}", "Sequence('set', (Name('a'),))"),
        ("{a: b, **c}", "Mapping((Entry(Name('a'), Name('b')), Entry(None, Name('c'))))"),
        ("a[b]", "Subscript(Name('a'), Name('b'))"),
        ("a[b, c]", "Subscript(Name('a'), Sequence('tuple', (Name('b'), Name('c'))))"),
        ("a[b:2:c()]", "Subscript(Name('a'), Slice((Name('b'), Call(Name('c'), ()))))"),
        ("a[*b]", "Subscript(Name('a'), Sequence('tuple', (Starred(Name('b')),)))"),
        ("a[b,]", "Subscript(Name('a'), Sequence('tuple', (Name('b'),)))"),
        (
            "lambda a, *, b=1: c",
            "Lambda((Parameter('a', 'positional', None, None), "
            "Parameter('b', 'keyword', None, Constant(1))), Name('c'))",
        ),
        ("a if b else c", "Choice(Name('b'), Name('a'), Name('c'))"),
        ("a and (b and c) and d", "Logic('and', (Name('a'), Name('b'), Name('c'), Name('d')))"),
        ("a or b and c", "Logic('or', (Name('a'), Logic('and', (Name('b'), Name('c')))))"),
        ("not a", "Not(Name('a'))"),
        ("a is  not b", "Compare(Name('a'), 'is not', Name('b'))"),
        ("a not in b", "Compare(Name('a'), 'not in', Name('b'))"),
        ("a < b < c", "Opaque((Name('a'), Name('b'), Name('c')))"),
        ("a + 1 + b * c", "Opaque((Name('a'), Name('b'), Name('c')))"),
        ("~a", "Opaque((Name('a'),))"),
        ("a.b / 'c' / 'd'", "Below(Attribute(Name('a'), 'b'), ('c', 'd'))"),
        ("a / 'b' / c", "Opaque((Name('a'), Name('c')))"),
        ("a / 2", "Opaque((Name('a'),))"),
        ("1 / b'c'", "Opaque(())"),
        ("f'{a!r:>{b}}' 'c'", "Opaque((Name('a'), Name('b')))"),
        ("f'a'", "Opaque(())"),
        ("f'{a}.b{c()}' 'd'", "Joined((Name('a'), Constant('.b'), Call(Name('c'), ()), Constant('d')))"),
        ("f'{a} b'", "Opaque((Name('a'),))"),
        ("f'{a}\\n'", "Opaque((Name('a'),))"),
        ("f'{a}\\x41'", "Joined((Name('a'), Constant('A')))"),
        ("rf'{a}\\x41'", "Opaque((Name('a'),))"),
        ("f'{{{a}}}'", "Opaque((Name('a'),))"),
        ("f'{a=}'", "Opaque((Name('a'),))"),
        ("a + '.b' + c", "Joined((Name('a'), Constant('.b'), Name('c')))"),
        ("'a' 'b' + (c + 'd')", "Joined((Constant('ab'), Name('c'), Constant('d')))"),
        ("a + 'b' * c", "Opaque((Name('a'), Name('c')))"),
        ("a + 'b' + 1", "Opaque((Name('a'),))"),
        ("a + 'b c'", "Opaque((Name('a'),))"),
        ("(a := b)", "Walrus('a', Name('b'))"),
        ("(yield)", "Yield(None, False)"),
        ("yield from a", "Yield(Name('a'), True)"),
        (
            "[a for b in c if d if e]",
            "Comprehension('list', None, Name('a'), (Generator(Name('b'), Name('c'), (Name('d'), Name('e')), False),))",
        ),
        (
            "{a: b async for c in d for e in f}",
            "Comprehension('dict', Name('a'), Name('b'), (Generator(Name('c'), Name('d'), (), True), "
            "Generator(Name('e'), Name('f'), (), False)))",
        ),
        (
            "(a for a in b)",
            "Comprehension('generator', None, Name('a'), (Generator(Name('a'), Name('b'), (), False),))",
        ),
    ],
)
def test_expressions(source, expected):
    assert shown(expression(source)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b.c = d", "Assign((Name('a'), Attribute(Name('b'), 'c')), Name('d'), None)"),
        ("a: 'B'", "Assign((Name('a'),), None, Constant('B'))"),
        ("a: B = c", "Assign((Name('a'),), Name('c'), Name('B'))"),
        ("a += b", "Augment(Name('a'), Name('b'))"),
        ("a", "Evaluate(Name('a'))"),
        ("def f(): return", "Return(None)"),
        ("raise a from b", "Raise(Name('a'))"),
        ("raise", "Raise(None)"),
        ("while a: break", "While(Name('a'), (Break(1),), ())"),
        ("del a, b.c", "Delete((Name('a'), Attribute(Name('b'), 'c')))"),
        ("del (a)", "Delete((Name('a'),))"),
        ("assert a, b", "Assert(Name('a'))"),
        ("global a, b", "Declare('global', ('a', 'b'))"),
        ("nonlocal a", "Declare('nonlocal', ('a',))"),
        (
            "if a: b\nelif c: d\nelse: e",
            "If(Name('a'), (Evaluate(Name('b')),), (If(Name('c'), (Evaluate(Name('d')),), (Evaluate(Name('e')),)),))",
        ),
        (
            "for a, b in c: continue\nelse: d",
            "For(Sequence('tuple', (Name('a'), Name('b'))), Name('c'), (Continue(1),), (Evaluate(Name('d')),), False)",
        ),
        (
            "try: a\nexcept (B, C) as d: e\nexcept: f\nelse: g\nfinally: h",
            "Try((Evaluate(Name('a')),), "
            "(Handler(Sequence('tuple', (Name('B'), Name('C'))), 'd', (Evaluate(Name('e')),)), "
            "Handler(None, None, (Evaluate(Name('f')),))), (Evaluate(Name('g')),), (Evaluate(Name('h')),))",
        ),
        (
            "try: a\nexcept* B: c",
            "Try((Evaluate(Name('a')),), (Handler(Name('B'), None, (Evaluate(Name('c')),)),), (), ())",
        ),
        (
            "with a as b, c: d",
            "With((Item(Name('a'), Name('b')), Item(Name('c'), None)), (Evaluate(Name('d')),), False)",
        ),
        (
            "@a.b\nclass C(D, e=F): g = h",
            "Class('C', (Argument(Name('D'), None, ''), Argument(Name('F'), 'e', '')), (Attribute(Name('a'), 'b'),), "
            "(Assign((Name('g'),), Name('h'), None),), 2)",
        ),
        ("import a.b", "Import('a.b', None, 'a', 0)"),
        ("import a.b as c", "Import('a.b', None, 'c', 0)"),
        ("from . import a", "Import('', 'a', 'a', 1)"),
        ("from ..a.b import (c as d,)", "Import('a.b', 'c', 'd', 2)"),
        ("from a import *", "Import('a', '*', '*', 0)"),
    ],
)
def test_statements(source, expected):
    found = statement(source)
    if isinstance(found, schema.Function):
        (found,) = found.body
    assert shown(found) == expected


def test_a_function_has_its_parameters_in_order_and_its_decorators():
    function = statement("@a\n@b()\nasync def f(c, /, d: E = 1, *g, h, **i) -> 'J': k")
    assert isinstance(function, schema.Function)
    assert [(each.name, each.kind) for each in function.parameters] == [
        ("c", "positional"),
        ("d", "positional"),
        ("g", "*"),
        ("h", "keyword"),
        ("i", "**"),
    ]
    assert shown(function.parameters[1]) == "Parameter('d', 'positional', Name('E'), Constant(1))"
    assert [type(each) for each in function.decorators] == [schema.Name, schema.Call]
    assert (function.is_async, shown(function.returns)) == (True, "Constant('J')")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("yield", True),
        ("x = [(yield from y)]", True),
        ("if x:\n    await (yield)", True),
        ("def g(): yield", False),
        ("return lambda: (yield)", False),
        ("class A:\n    def g(self): yield", False),
        ("def g(): yield\n  yield", True),
        ("yield\n  x = lambda: a" + ".b" * 300, True),
    ],
)
def test_a_generator_has_a_yield_of_its_own(body, expected):
    (function,) = read_by_both(f"def f():\n  {body}").body
    assert isinstance(function, schema.Function)
    assert function.is_generator is expected


@pytest.mark.parametrize(
    ("pattern", "captures", "irrefutable"),
    [
        ("_", (), True),
        ("a", ("a",), True),
        ("(a)", ("a",), True),
        ("A() | b", ("b",), True),
        ("_ as a", ("a",), True),
        ("A.B", (), False),
        ("None", (), False),
        ("1 | 'x'", (), False),
        ("A() as a", ("a",), False),
        ("[b, *a, _]", ("a", "b"), False),
        ("(a, *_)", ("a",), False),
        ("{'k': a, 1: [b], **c}", ("a", "b", "c"), False),
        ("A(b, c=D(e=f))", ("b", "f"), False),
    ],
)
def test_a_case_binds_the_names_of_its_pattern(pattern, captures, irrefutable):
    match = statement(f"match x:\n  case {pattern} if g(): pass")
    assert isinstance(match, schema.Match)
    (case,) = match.cases
    assert (case.captures, case.irrefutable, shown(case.guard)) == (captures, irrefutable, "Call(Name('g'), ())")


def test_docstrings_lone_constants_pass_and_type_aliases_are_dropped():
    source = '"""Doc."""\n1\n...\nb"x"\n"a" "b"\nf"text"\npass\ntype A = B\ndef f[T: C](x: T):\n  """Doc."""\n'
    (function,) = read_by_both(source).body
    assert isinstance(function, schema.Function)
    assert function.body == ()


def test_lines_are_those_of_keywords_arguments_and_entries():
    source = "\n@a(\n1)\n# why\ndef f():\n  g(\n    b,\n    *c)\n  x = {\n    1:\n      2,\n    **d,\n  }\n  # end\n"
    (function,) = read_by_both(source).body
    assert isinstance(function, schema.Function)
    call, assign = function.body
    assert isinstance(call, schema.Evaluate)
    assert isinstance(call.value, schema.Call)
    assert isinstance(assign, schema.Assign)
    assert isinstance(assign.value, schema.Mapping)
    assert (function.line, function.end_line) == (5, 13)
    assert [each.line for each in call.value.arguments] == [7, 8]
    assert [each.line for each in assign.value.entries] == [10, 12]
    assert call.value.at == (6, 3, 8, 8)


@pytest.mark.parametrize(
    "data",
    [
        "x = 'é', f(1)".encode(),
        b"\xef\xbb\xbfx = '\xc3\xa9', f(1)",
        b"# coding: latin-1\nx = '\xe9', f(1)",
        b"# -*- coding: cp1252 -*-\r\nx = '\x80', f(1)\r\n",
        b"x =\x0c'+', f(1)",
    ],
)
def test_columns_count_characters_whatever_the_encoding(data):
    facts = extract(data)
    assert facts.flaws == ()
    (assign,) = facts.body
    assert isinstance(assign, schema.Assign)
    assert isinstance(assign.value, schema.Sequence)
    call = assign.value.elements[1]
    assert isinstance(call, schema.Call)
    assert call.at == (assign.line, 10, assign.line, 14)


# --- symbols ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a: B = C): return a.d('e.g')", {"f": ("B", "C", "a", "d", "e", "g")}),
        ("class A(B):\n  c = D()\n  def e(self): F", {"A": ("B", "D", "F", "c")}),
        ("a = b = C()", {"a": ("C", "a", "b"), "b": ("C", "a", "b")}),
        ("a.b['c'] = D", {"a": ("D", "a", "b", "c")}),
        (
            "(a, *b), c.d = E",
            {"a": ("E", "a", "b", "c", "d"), "b": ("E", "a", "b", "c", "d"), "c": ("E", "a", "b", "c", "d")},
        ),
        ("from a.b import c as d, e", {"d": ("a", "b", "c", "d"), "e": ("a", "b", "e")}),
        ("import a.b", {"a": ("a", "b")}),
        ("try:\n  from a import b\nexcept E: b = c", {"": ("E",), "b": ("a", "b", "c")}),
        ("with A() as b: c = b", {"b": ("A", "b"), "c": ("b", "c")}),
        ("for a in B: c(a)", {"": ("a", "c"), "a": ("B", "a")}),
        ("def f():\n  global g\n  g = H()", {"f": ("H", "g"), "g": ("H", "g")}),
        ("if (a := B()): pass\ndef c(): d = (e := 1)", {"a": ("B", "a"), "c": ("d", "e")}),
        ("a()\nb.c()", {"": ("a", "b", "c")}),
        ("if __name__ == '__main__':\n  a = B()", {"": ("B", "__main__", "__name__", "a")}),
        ("def f(a: 'B | list[C.D]'): pass", {"f": ("B", "C", "D", "list")}),
        ("a = 'just words'", {"a": ("a",)}),
        ("a = 1\na = b", {"a": ("a", "b")}),
        ("match a:\n  case B.C(d=e): f", {"": ("f",), "e": ("B", "C", "a")}),
        ("type A = B\n'doc'\n1", {}),
        ("assert a, b\nraise c from d", {"": ("a", "b", "c", "d")}),
    ],
)
def test_symbols_mention_what_their_definitions_name(source, expected):
    assert mentions(source) == expected


# --- flaws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind", "line", "words"),
    [
        (b"x = 1\nprint 'x'\n", "syntax", 2, "Python 2"),
        (b"exec 'x'\n", "syntax", 1, "Python 2"),
        (b"x = 1\n<<<<<<< HEAD\n", "syntax", 2, "merge conflict"),
        (b"import a\n{% if b %}\nimport c\n", "syntax", 2, "template"),
        (b"class {{ name }}:\n  pass\n", "syntax", 1, "template"),
        (b"def f(:\n  pass\n", "syntax", 1, "end of the line"),
        (b"x = 1\n  y = 2\n", "syntax", 2, "stopped"),
        (b"x = (1, 2\n# why\n\ny = 3\n", "syntax", 4, "stopped"),
        (b"x = y z w\n", "syntax", 1, "before column 9"),
        (b"x = 1\ny = 'abc\n", "syntax", 2, "unterminated string"),
        (b"x = 1\ny = b'' ''\n", "syntax", 2, "concatenate"),
        (b"x = 1\ny = $\n", "syntax", 2, "not a valid character"),
        (b"x = 1\n\0", "syntax", 2, "NUL"),
        (b"x = 1\ny = '\xff'\n", "encoding", 2, "utf-8"),
        (b"# coding: klingon\n", "encoding", 1, "encoding"),
        (b"# coding: hex\nff", "encoding", 1, "hex"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "encoding", 1, "encoding"),
        (b"\xff\xfex\0", "encoding", 1, "UTF-16"),
        (b"x = " + b"(" * 100_000, "too-deep", 1, "deep"),
        (b"a\nx = " + b"a + " * 10_000 + b"a", "too-deep", 2, "deep"),
        (b"a\nx = a" + b".b" * 300 + b"\nb = c\n", "too-deep", 2, "deep"),
    ],
)
def test_what_cannot_be_read_is_a_flaw_with_its_line(data, kind, line, words):
    (flaw,) = extract(data).flaws
    assert (flaw.kind, flaw.line) == (kind, line)
    assert words in flaw.message
    assert re.fullmatch(r"[A-Z][^\n]*\.", flaw.message)


def test_a_statement_that_is_too_deep_costs_only_itself():
    facts = extract(b"a()\ndef f():\n  b()\n  x = a" + b".b" * 300 + b"\n  c()\nd()")
    assert [type(each).__name__ for each in facts.body] == ["Evaluate", "Function", "Evaluate"]
    assert isinstance(facts.body[1], schema.Function)
    assert [shown(each) for each in facts.body[1].body] == [
        "Evaluate(Call(Name('b'), ()))",
        "Evaluate(Call(Name('c'), ()))",
    ]
    assert [(each.kind, each.line) for each in facts.flaws] == [("too-deep", 4)]


@pytest.mark.parametrize("source", ["", "\n", "# only a comment", "\f", "\ufeff", "\r\n\r", "x\r\ny\rz\n"])
def test_odd_but_valid_files_have_no_flaw(source):
    assert extract(source.encode()).flaws == ()


def test_long_sums_and_conditions_are_flat():
    facts = extract(f"{'a + ' * 1500}a\n{'a and ' * 1500}a".encode())
    sums, conditions = (each.value for each in facts.body if isinstance(each, schema.Evaluate))
    assert isinstance(sums, schema.Opaque)
    assert isinstance(conditions, schema.Logic)
    assert len(sums.parts) == len(conditions.operands) == 1501


# --- laws ------------------------------------------------------------------------------------------------------------


def assert_lawful(data: bytes) -> FileFacts:
    before = (gc.isenabled(), sys.getrecursionlimit())
    facts = extract(data)
    assert (gc.isenabled(), sys.getrecursionlimit()) == before
    assert [flaw for flaw in facts.flaws if flaw.kind == "internal"] == []
    assert all(1 <= flaw.line <= data.count(b"\n") + data.count(b"\r") + 1 for flaw in facts.flaws)
    assert encode(decode(encode(facts))) == encode(facts)
    return facts


def test_the_sample_is_lawful_and_whole():
    assert assert_lawful(SAMPLE.encode()).flaws == ()


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(data):
    assert_lawful(data)


@given(st.text(max_size=200))
def test_no_text_makes_it_raise(text):
    assert_lawful(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damaged_source_makes_it_raise(data):
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(len(SAMPLE), start + 40)))
    tokens = st.sampled_from(
        ["", " ", "\n", "\n    ", "(", ")", "[", "{", "'", '"""', "f'{", ":", "=", ",", "*", "\\", "\0", "é"]
    )
    patch = "".join(data.draw(st.lists(tokens, max_size=4)))
    assert_lawful((SAMPLE[:start] + patch + SAMPLE[end:]).encode())


@given(
    st.sampled_from(
        ["utf-8", "utf-7", "utf-16", "latin-1", "shift_jis", "raw_unicode_escape", "idna", "undefined", "cp037"]
    ),
    st.binary(),
)
def test_no_encoding_makes_it_raise(encoding, data):
    assert_lawful(b"# coding: " + encoding.encode() + b"\n" + data)


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(is_enabled):
    was_enabled = gc.isenabled()
    (gc.enable if is_enabled else gc.disable)()
    try:
        extract(b"x = (")
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()

"""Two parsers read files; which of them read one must never show."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_audit.facts import abstract, concrete
from kafka_audit.facts.decoding import decoded
from tests.parsers import plain

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for room in ("kafka_audit", "tests", "fixtures", "docs") for path in (ROOT / room).rglob("*.py"))

SNIPPETS = [
    "f(a, *b, c=1, *d, **e)\nclass A(B, *c, metaclass=M, **d): pass",
    "any(x for x in y)\nf((\n  a\n), k=(\n  b\n))",
    "x = 'a' f'{b.c()!r:>{d()}}' 'e'\ny = f'{f(1)}' f'''\n{g(2)}'''",
    "x = -1, --1, +1, ~1, not 1, -a, -True, 2 ** 63, -(2 ** 63), 9223372036854775807, 9223372036854775808, 1e999",
    "a[b], a[b,], a[(b,)], a[b:c], a[b:c, ::d()], a[()]",
    "a and (b and c) or (d or e) and not f, a < b < c(), a if b else c",
    "def f(a, /, b: 'K', *c: d, e, g=h(), **i) -> 'j[k]':\n  '''text'''\n  global l\n  nonlocal m\n  yield\n  return",
    "async def f():\n  async with a as b, c(): pass\n  async for d in e: await f\n  else: [g async for g in h if i]",
    "try: a()\nexcept (B, C) as d: raise E from f\nexcept: raise\nelse: g\nfinally: h",
    "while (n := next(y)): break\nelse: assert n, why\nfor x, *y in z: continue\nif a: b\nelif c: d\nelse:\n  if e: f",
    "match a:\n  case B(c=D.e, f=[g, *h]) | [*_]: i\n  case {'j': -1, K.l: m, **n}: o\n  case None | 'p' as q if r: s",
    "match a, b:\n  case _, (c): d\n  case e | _: f\nmatch a:\n  case _: g",
    "del a, (b, c)\ndel (d, [e])\ndel [f]\nx = y, *z = 1\nx: int\nx.y: z = 1\nx += 1; pass; ...; 'a'; 1",
    "import a, b.c, d.e as f\nfrom . import g\nfrom ..h.i import j as k, l\nfrom m import *",
    "if __name__ == '__main__':\n  import a\n  b = a\nelse:\n  c = 1\nx = lambda a=1, *b: (yield a)",
    "@a.b(c)\n@d\nclass E: 'text'; f = 1\n\n\n@g\ndef h(): return (\n  1\n)\n",
    "'ü', f(a)\nx = f('ü', g('→'), 'ü')  # ü\n",
    "x = b'a', u'b', r'\\c', '\\x41\\u00e9\\\n', 'pkg.mod:attr', 'dict[str, K.l]', 1j, 0x10, 1_0, .5, ...",
    "import \ufb01.\xaa as \u2139\nfrom \ufb01 import \xaa, \ufb01 as \xba",
    "class \ufb01(\xaa, \xba=\u2139): \xaa: \ufb01 = '\u2139'",
    "def \xba(\ufb01, *\xaa, \u2139=1): global \u2139; \ufb01.\xaa = (\xba := \xaa)",
    "try: \xaa\nexcept \ufb01 as \xba: \xaa\nmatch \xaa:\n  case \ufb01(\xba=\xaa) | {'\xaa': \u2139, **\xba}: pass\n",
    "'a' 'b'\n'c' f'{d}'\n'e'\n1.5\nNone\nb'f' b'g'\n",
    "",
    "\n\n# nothing\n",
]


@pytest.mark.parametrize("source", SNIPPETS)
def test_every_kind_of_node_is_read_the_same(source: str):
    assert plain(abstract.read(source)) == plain(concrete.read(source))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_real_files_are_read_the_same(path: Path):
    text = decoded(path.read_bytes())
    found = abstract.read(text)
    assert found is None or plain(found) == plain(concrete.read(text))


@pytest.mark.parametrize("source", SNIPPETS)
def test_line_ends_of_another_system_are_read_the_same(source: str):
    text = source.replace("\n", "\r\n")
    assert plain(abstract.read(text)) == plain(concrete.read(text))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("x = (", id="syntax"),
        pytest.param("\fx = f()", id="form feed"),
        pytest.param("x = '''\r'''", id="line end"),
        pytest.param("x = '\\N{DASH}'", id="named character"),
        pytest.param("x = " + "[" * 160 + "]" * 160, id="depth"),
        pytest.param("x = 1" + "0" * 5000, id="digits"),
    ],
)
def test_what_the_parsers_might_read_differently_is_left_to_one(source: str):
    assert abstract.read(source) is None


_ATOMS = st.sampled_from(
    ["a", "None", "1", "'b.c'", "b'd'", "f'{e}'", "[]", "{}", "(lambda: f)", "(yield)", "...", "'ü'"]
)
_FORMS = st.sampled_from(
    [
        "({}, {})",
        "({}).g({}, k={})",
        "({})[{}]",
        "({})[{}:]",
        "({} + {})",
        "(not {})",
        "(-({}))",
        "({} and {})",
        "({} or {})",
        "({} if {} else {})",
        "({} < {})",
        "[{} for x in {} if {}]",
        "{{{}: {}, **{}}}",
        "{{y: {} for y in {}}}",
        "(z := {})",
        "h(*{}, **{})",
        "(lambda m={}: {})",
        "(\n{})",
    ]
)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda form, a, b, c: form.format(a, b, c), _FORMS, inner, inner, inner)


@given(
    expression=st.recursive(_ATOMS, _nested, max_leaves=12), head=st.sampled_from(["", "x = ", "def f():\n  return "])
)
def test_nested_expressions_are_read_the_same(expression: str, head: str):
    source = head + expression
    found = abstract.read(source)
    assert found is not None
    assert plain(found) == plain(concrete.read(source))

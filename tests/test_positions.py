from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from kafka_audit.facts.concrete.positions import Positions

SOURCES = {
    "empty": "",
    "only a newline": "\n",
    "only a comment": "# nothing",
    "no final newline": "f(1)\ng(2)",
    "decorators": "@a\n@b(1)\n\n# why\ndef f(): pass\n\n@c\nclass D(E, metaclass=F):\n    x = 1\n\n    # after\n\ny\n",
    "parenthesised calls": "x = ((f(1)))(2)\n(\n  g\n)(\n  3,\n)\n",
    "several lines": "f(\n    a,\n    b=g(\n        1\n    ),\n    *c,\n    **d\n)\nx = {\n  1: f(),\n  **y,\n}\n",
    "semicolons": "f(); g() ; h();\nif x: f(); g()\n",
    "tabs": "if x:\n\tf()\n\tif y:\n\t\tg(\t1)\n",
    "form feeds": "f()\n\f\ng()\n\fdef h():\n  \f  i()\n",
    "windows newlines": 'f(\r\n 1)\r\n"""a\r\nb"""; g()\r\ndef h():\r\n  i()\r\n',
    "old mac newlines": "f()\rif x:\r  g()\r",
    "mixed newlines": "f()\r\ng()\nh()\ri(\n'''a\r\nb\rc\n''', j())\n",
    "not ascii": "é = ü('ß𝒳', k())\n",
    "nested f-strings": 'f(f"{g(f\'{h(1)}\')!r:>{i()}}", j())\nx = f"""\n{k()}\n  {l()}"""; m()\n',
    "line continuation": "f(1) + \\\n  g(2)\nx = \\\n  h()\nassert a, \\\n  b()\n",
    "strings of several lines": "x = '''\n\n''' + f('''\n''', g())\ny = 'a\\\nb' + h()\n",
    "lambdas": "x = lambda: 0\ny = (lambda a, *b: f(a))(1)\nz = [lambda: (\n  1)]\n",
    "blocks": (
        "async def f():\n  async with a as b, c: pass\n  async for d in e(): break\n  else: continue\n"
        "  while x:\n    try: y()\n    except (A, B) as z: raise\n    except C:\n      return\n    else: del q\n"
        "    finally:\n      global g\n"
    ),
    "parenthesised with": "with (\n  f() as a,\n  g(),\n):\n  pass\n",
    "elif": "if a:\n  b()\nelif c():\n  d()\nelif e: f()\nelse:\n  g()\n",
    "except groups": "try:\n  a()\nexcept* B as c:\n  d()\n",
    "match": "match f(x):\n  case A(b=1) if g():\n    h()\n  # note\n  case _:\n    i()\n\nj()\n",
    "types": "type A[T] = B[T]\ndef f[*Ts](a: int = g(), /, *, b: C = h()) -> d(): ...\nclass E[**P]: pass\n",
    "bodies on one line": "class A: x = f()\ndef g(): return h()\nwith a: b; c\n",
    "nested functions": "def a():\n  def b():\n    def c():\n      d()\n      # e\n    # f\n  g = (\n  1)\n\n\nh\n",
    "imports": "import a, \\\n  b\nfrom . import (\n  c,\n  d as e,\n)\nfrom x import *\n",
    "comments in calls": "f(  # one\n    # two\n    a,  # three\n    b  # four\n    # five\n)\n",
    "async comprehension": "x = [f(a) async for a in g() if (b := h(a))]\n",
}


def _nodes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _nodes(child)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_positions_are_those_of_the_parser_s_own_provider(source):
    module = cst.parse_module(source)
    expected = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    positions = Positions(module)
    nodes = {id(node): node for node in _nodes(module)}

    spans = {nodes[key]: span for key, span in positions.spans.items()}
    lines = {nodes[key]: line for key, line in positions.lines.items()}
    end_lines = {nodes[key]: line for key, line in positions.end_lines.items()}

    assert spans == {
        node: (at.start.line, at.start.column + 1, at.end.line, at.end.column + 1)
        for node, at in expected.items()
        if isinstance(node, (cst.Call, cst.Lambda))
    }
    assert lines == {node: expected[node].start.line for node in lines}
    assert end_lines == {
        node: at.end.line for node, at in expected.items() if isinstance(node, (cst.ClassDef, cst.FunctionDef))
    }


def test_every_statement_argument_and_item_has_a_line():
    module = cst.parse_module(
        "".join(SOURCES[name] for name in ("blocks", "elif", "match", "several lines", "imports"))
    )
    positions = Positions(module)
    wanted = (cst.BaseSmallStatement, cst.BaseCompoundStatement, cst.Arg, cst.BaseDictElement, cst.WithItem)
    wanted += (cst.ExceptHandler, cst.MatchCase)

    assert [node for node in _nodes(module) if isinstance(node, wanted) and id(node) not in positions.lines] == []

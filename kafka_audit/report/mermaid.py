"""The picture as a Mermaid flow chart, which GitHub and GitLab draw in Markdown.

What Mermaid reads as its own syntax, HTML, Markdown or a directive is written as a numeric entity, which it knows in
texts between quotes (mermaid 11, documented as "entity codes to escape characters").
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from kafka_audit.graph.schema import Graph, Node, NodeKind

_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "file": ("[", "]"),
    "hook": ("{{", "}}"),
    "function": ("(", ")"),
    "owner": ("[[", "]]"),
    "producer": ("([", "])"),
}

_PLAIN = frozenset(" _./,-()=:'")
"""Signs that mean nothing to Mermaid between quotes."""


def draw(graph: Graph) -> str:
    """The chart; each file is a box around what is in it."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    for problem in graph.problems:
        yield f"  %% not read: {_text(f'{problem.path}:{problem.line} {problem.message}')}"
    by_path = sorted(graph.nodes, key=lambda node: (node.path, node.number))
    for index, (path, nodes) in enumerate(itertools.groupby(by_path, key=lambda node: node.path), start=1):
        yield f'  subgraph f{index}["{_text(path)}"]'
        yield from (f"    {_node(node)}" for node in nodes)
        yield "  end"
    for edge in graph.edges:
        yield f"  n{edge.source} -->|{edge.verb}| n{edge.target}"


def _node(node: Node) -> str:
    left, right = _SHAPES[node.kind]
    text = f"{node.kind} {_text(node.label)}" + (f"<br>{_text(node.detail)}" if node.detail else "")
    return f'n{node.number}{left}"{text}"{right}'


def _text(text: str) -> str:
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in text)

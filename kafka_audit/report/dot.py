"""The picture in the language of Graphviz."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from kafka_audit.graph.schema import Graph, Node, NodeKind

_SHAPES: dict[NodeKind, str] = {
    "file": "note",
    "hook": "hexagon",
    "function": "box",
    "owner": "component",
    "producer": "ellipse",
}


def draw(graph: Graph) -> str:
    """The graph; each file is a cluster around what is in it."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "digraph producers {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif"];'
    for problem in graph.problems:
        yield f"  // not read: {_text(f'{problem.path}:{problem.line} {problem.message}')}"
    by_path = sorted(graph.nodes, key=lambda node: (node.path, node.number))
    for index, (path, nodes) in enumerate(itertools.groupby(by_path, key=lambda node: node.path), start=1):
        yield f"  subgraph cluster_{index} {{"
        yield f'    label="{_text(path)}";'
        yield from (f"    {_node(node)}" for node in nodes)
        yield "  }"
    for edge in graph.edges:
        yield f'  n{edge.source} -> n{edge.target} [label="{edge.verb}"];'
    yield "}"


def _node(node: Node) -> str:
    label = f"{node.kind} {_text(node.label)}" + (f"\\n{_text(node.detail)}" if node.detail else "")
    return f'n{node.number} [shape={_SHAPES[node.kind]}, label="{label}"];'


def _text(text: str) -> str:
    """Text between quotes, where Graphviz reads escapes such as `\\N` and the entities of HTML."""
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')

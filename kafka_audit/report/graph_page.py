"""The picture as one page of HTML: it loads nothing, and its policy forbids the browser to load anything.

The lists are in the page and can be read without JavaScript. The script, which the policy names by its hash, draws the
picture from the lists' data and searches in both.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from importlib.resources import files

import msgspec

from kafka_audit.graph.schema import MEANING, NODE_KINDS, Edge, Graph, Node, NodeKind
from kafka_audit.report.plain import counted

_TITLES: dict[NodeKind, str] = {
    "file": "Files",
    "hook": "Hooks",
    "function": "Functions",
    "owner": "Owners",
    "producer": "Producers",
}


def draw(graph: Graph) -> str:
    """The whole page."""
    script, style = _asset("graph.js"), _asset("graph.css")
    return "".join(f"{line}\n" for line in _lines(graph, script, style))


def _lines(graph: Graph, script: str, style: str) -> Iterator[str]:
    yield from ("<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">')
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield "<title>Kafka producers</title>"
    yield f"<style>{style}</style>"
    yield from ("</head>", "<body>", "<header>", "<h1>Kafka producers</h1>")
    yield "<p>Who creates, owns, starts and releases each producer, and what imports it.</p>"
    yield '<form role="search"><label for="search">Search</label>'
    yield '<input id="search" type="search" autocomplete="off" placeholder="a name or a path">'
    yield '<output id="count" for="search" aria-live="polite"></output></form>'
    yield from ("</header>", "<main>")
    yield from _problems(graph)
    yield '<div id="picture" tabindex="0" role="group" aria-label="Picture; the lists below say the same"></div>'
    edges = _edges_by_node(graph)
    for kind in reversed(NODE_KINDS):  # what is asked about comes first
        yield from _section(kind, [node for node in graph.nodes if node.kind == kind], edges, graph)
    yield "</main>"
    yield f'<script type="application/json" id="data">{_data(graph)}</script>'
    yield f"<script>{script}</script>"
    yield from ("</body>", "</html>")


def _problems(graph: Graph) -> Iterator[str]:
    if graph.problems:
        yield f'<section class="problems"><h2>Incomplete: {counted(len(graph.problems), "problem")}</h2><ul>'
        for each in graph.problems:
            yield f"<li>{escape(f'{each.path}:{each.line}')} {escape(each.message)}</li>"
        yield "</ul></section>"


def _section(kind: NodeKind, nodes: list[Node], edges: dict[int, list[Edge]], graph: Graph) -> Iterator[str]:
    if not nodes:
        return
    yield f'<section class="{kind}"><h2>{_TITLES[kind]}</h2><p class="meaning">{escape(MEANING[kind])}</p><ul>'
    for node in nodes:
        yield f'<li id="n{node.number}" data-node="{node.number}"><b>{escape(node.label)}</b>'
        if node.kind != "file":
            yield f'<span class="place">{escape(node.path)}:{node.line}</span>'
        if node.detail:
            yield f'<span class="detail">{escape(node.detail)}</span>'
        yield "<ul>"
        yield from (_sentence(edge, node, graph) for edge in edges.get(node.number, ()))
        yield "</ul></li>"
    yield "</ul></section>"


def _sentence(edge: Edge, node: Node, graph: Graph) -> str:
    """An edge as one of its ends sees it."""
    is_source = edge.source == node.number
    other = graph.nodes[(edge.target if is_source else edge.source) - 1]
    link = f'<a href="#n{other.number}">{escape(other.label)}</a>'
    where = f'<span class="place">{escape(edge.path)}:{edge.line}</span>'
    words = f"{edge.verb} {link}" if is_source else f"{link} {edge.verb} it"
    return f"<li>{words} {where}</li>"


def _edges_by_node(graph: Graph) -> dict[int, list[Edge]]:
    found: dict[int, list[Edge]] = {}
    for edge in graph.edges:
        found.setdefault(edge.target, []).append(edge)
        found.setdefault(edge.source, []).append(edge)
    return found


def _data(graph: Graph) -> str:
    """The nodes and edges for the script; a sign that could end the element or open another is written as an escape."""
    plain = {"nodes": msgspec.to_builtins(graph.nodes), "edges": msgspec.to_builtins(graph.edges)}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return (files("kafka_audit.report") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

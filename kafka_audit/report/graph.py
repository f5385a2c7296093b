"""In which format is the picture drawn? One module draws each."""

from __future__ import annotations

from collections.abc import Callable

from kafka_audit.graph.schema import Graph
from kafka_audit.report import dot, graph_page, mermaid
from kafka_audit.report.plain import inert_record

_RENDERERS: dict[str, Callable[[Graph], str]] = {"mermaid": mermaid.draw, "dot": dot.draw, "html": graph_page.draw}


def render(graph: Graph, format: str) -> str:
    """The picture as `mermaid`, `dot` or `html`."""
    return _RENDERERS[format](inert_record(graph))

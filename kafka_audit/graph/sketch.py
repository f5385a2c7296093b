"""Nodes and edges by what they stand for, until they are numbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kafka_audit.graph.schema import NODE_KINDS, VERBS, Edge, Graph, Node, NodeKind, Verb
from kafka_audit.model import Problem


class Thing(NamedTuple):
    """What a node stands for. Two with the same kind, path, line and label are one; `path` is the file's name."""

    kind: NodeKind
    path: str
    line: int
    label: str

    @property
    def order(self) -> tuple[int, str, int, str]:
        """The order of nodes."""
        return (NODE_KINDS.index(self.kind), self.path, self.line, self.label)


class Sketch:
    """A picture that grows."""

    def __init__(self) -> None:
        self._details: dict[Thing, str] = {}
        self._edges: dict[tuple[Thing, Verb, Thing], tuple[str, int]] = {}

    def add(self, thing: Thing, detail: str = "") -> Thing:
        """Draw a node, unless it is there."""
        self._details[thing] = detail or self._details.get(thing, "")
        return thing

    def join(self, source: Thing, verb: Verb, target: Thing, path: str, line: int) -> None:
        """Draw an edge; of several places that say the same the first is kept."""
        if source != target:
            edge = (self.add(source), verb, self.add(target))
            self._edges[edge] = min(self._edges.get(edge, (path, line)), (path, line))

    def finished(self, paths: Mapping[str, str], problems: Sequence[Problem]) -> Graph:
        """The picture with numbers, and every path as the reader knows it."""
        things = sorted(self._details, key=lambda thing: thing.order)
        numbers = {thing: number for number, thing in enumerate(things, start=1)}
        nodes = tuple(
            Node(
                number=numbers[each],
                kind=each.kind,
                label=paths.get(each.path, each.path) if each.kind == "file" else each.label,
                detail=self._details[each],
                path=paths.get(each.path, each.path),
                line=each.line,
            )
            for each in things
        )
        edges = [
            Edge(source=numbers[source], verb=verb, target=numbers[target], path=paths.get(path, path), line=line)
            for (source, verb, target), (path, line) in self._edges.items()
        ]
        return Graph(
            nodes=nodes, edges=tuple(sorted(edges, key=_order)), problems=tuple(sorted(set(problems), key=_place))
        )


def _order(edge: Edge) -> tuple[int, int, int]:
    return (edge.source, edge.target, VERBS.index(edge.verb))


def _place(problem: Problem) -> tuple[str, int, str]:
    return (problem.path, problem.line, problem.message)

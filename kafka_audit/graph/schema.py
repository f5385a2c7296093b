"""The words of the picture: nodes with a kind, and edges with a verb.

Nodes are numbered in their order, which is that of the columns, then path, line and label; edges are sorted by the
numbers. Paths are POSIX and relative to the directory the command runs in.
"""

from __future__ import annotations

from typing import Literal, get_args

from kafka_audit.model import Problem, Record

NodeKind = Literal["file", "hook", "function", "owner", "producer"]
Verb = Literal["imports", "calls", "creates", "owns", "starts", "releases"]

NODE_KINDS: tuple[NodeKind, ...] = get_args(NodeKind)
"""From left to right."""

VERBS: tuple[Verb, ...] = get_args(Verb)

MEANING: dict[NodeKind, str] = {
    "file": "a file of the project; what its top level does, the file does",
    "hook": "an event of a framework or of the interpreter",
    "function": "a function that creates, starts or releases a client, or creates an owner",
    "owner": "a class whose objects keep a client, or keep such an object",
    "producer": "a place where a client is created",
}


class Node(Record, frozen=True, kw_only=True):
    """Something in the picture: its name, and in `detail` what else a reader should know of it, often nothing."""

    number: int
    kind: NodeKind
    label: str
    detail: str
    path: str
    line: int


class Edge(Record, frozen=True, kw_only=True):
    """`source` does to `target` what the verb says; both are numbers of nodes. The place is where the code says so.

    A hook `calls` a function itself or through others.
    """

    source: int
    verb: Verb
    target: int
    path: str
    line: int


class Graph(Record, frozen=True, kw_only=True):
    """The whole picture, and the problems that hide part of it."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    problems: tuple[Problem, ...] = ()

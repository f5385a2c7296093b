"""Everybody who reads a module variable: found in every file, or the repair is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import libcst as cst
from libcst.metadata import ImportAssignment

from kafka_audit.facts import schema as s
from kafka_audit.fix.changes.naming import module_of
from kafka_audit.fix.editing.edits import Tree, Trees
from kafka_audit.fix.editing.imports import bound_name, source_of
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import Module


class Use(NamedTuple):
    """One expression that reads the variable, and how the accessor is written in its place: `events.` or nothing."""

    node: cst.Name | cst.Attribute
    prefix: str


class Reader(NamedTuple):
    """One file that reads the variable: its uses, and the import that brings it, if it is imported by name."""

    tree: Tree
    uses: tuple[Use, ...]
    brought_by: cst.ImportFrom | None


def readers(engine: Engine, trees: Trees, path: str, name: str, contents: Mapping[str, bytes]) -> list[Reader]:
    """Every file that reads the variable `name` of the module `path`. Raises `Refused` for what cannot be followed."""
    _check_strings(contents, name)
    found = [Reader(trees[path], tuple(_own_uses(trees[path], name)), None)]
    for other in sorted(engine.modules):
        module = engine.modules[other]
        brings = list(_brings(engine, module, path, name))
        if brings and other != path:
            found.append(_reader(engine, trees[other], module, brings, name))
    return found


def _check_strings(contents: Mapping[str, bytes], name: str) -> None:
    """Raise `Refused` when a string names the variable: a test that patches it, `__all__`, `getattr`."""
    quoted = re.compile(rb"""["'](?:[\w.]+[.:])?%s["']""" % re.escape(name.encode()))
    for path in sorted(contents):
        if quoted.search(contents[path]):
            raise Refused(f"a string in {path} names `{name}`, so it may be looked up or replaced by name")


def _own_uses(tree: Tree, name: str) -> Iterator[Use]:
    scope = tree.scope(tree.module)
    assignments = list(scope[name])
    if len(assignments) != 1:
        raise Refused(f"`{name}` is given more than one value")
    for access in assignments[0].references:
        yield Use(_leftmost(access.node), "")


def _leftmost(node: cst.CSTNode) -> cst.Name:
    while isinstance(node, cst.Attribute):
        node = node.value
    if not isinstance(node, cst.Name):
        raise Refused("it is read in a way that cannot be followed")
    return node


def _brings(engine: Engine, module: Module, path: str, name: str) -> Iterator[s.Import]:
    """The imports of a module that bring the variable, or its whole module."""
    for unit in module.units:
        for node in unit.imports:
            if node.name is None:
                if engine.paths.absolute(node.module, module.path) == path:
                    yield node
            elif module_of(engine, node, module.path) == path:
                if node.name == "*":
                    raise Refused(f"{module.path} imports everything from {path}")
                if node.name == name:
                    yield node


def _reader(engine: Engine, tree: Tree, module: Module, brings: list[s.Import], name: str) -> Reader:
    if any(node not in module.top.imports for node in brings):
        raise Refused(f"{module.path} imports `{name}` inside a function")
    if len(brings) > 1:
        raise Refused(f"{module.path} imports `{name}` more than once")
    [node] = brings
    if node.name is None:
        return Reader(tree, tuple(_attributes(tree, node, name)), None)
    _check_not_handed_on(engine, module, node.bound)
    scope = tree.scope(tree.module)
    assignments = list(scope[node.bound])
    if len(assignments) != 1 or not isinstance(assignments[0], ImportAssignment):
        raise Refused(f"`{node.bound}` is given more than one value in {module.path}")
    uses = tuple(Use(_leftmost(access.node), "") for access in assignments[0].references)
    return Reader(tree, uses, _import(tree, node))


def _attributes(tree: Tree, node: s.Import, name: str) -> Iterator[Use]:
    """The uses of `module.name` in a file that imports the module."""
    written = node.bound if node.bound != node.module.partition(".")[0] else node.module
    for attribute in tree.every(cst.Attribute):
        if attribute.attr.value == name and tree.code(attribute.value) == written:
            yield Use(attribute, f"{written}.")


def _check_not_handed_on(engine: Engine, module: Module, bound: str) -> None:
    for other in engine.modules.values():
        for unit in other.units:
            for node in unit.imports:
                if node.name == bound and module_of(engine, node, other.path) == module.path:
                    raise Refused(f"{module.path} hands `{bound}` on to {other.path}")


def _import(tree: Tree, node: s.Import) -> cst.ImportFrom:
    written = "." * node.level + node.module
    for statement in tree.every(cst.ImportFrom):
        names = [] if isinstance(statement.names, cst.ImportStar) else statement.names
        if source_of(statement) == written and any(bound_name(alias) == node.bound for alias in names):
            return statement
    raise Refused(f"the import of `{node.bound}` is not found in {tree.path}")

"""How would a program look if its author had chosen other names?"""

# ruff: noqa: N802  (LibCST calls a visitor's methods after its classes of nodes)

from __future__ import annotations

import builtins
import keyword
import re
from pathlib import PurePosixPath

import libcst as cst

from kafka_audit.catalog.clients import CLIENTS, LIBRARIES
from kafka_audit.catalog.hooks import HOOKS
from kafka_audit.catalog.workers import COMPONENTS
from tests.in_memory import Texts

_MEANINGFUL = {"main", "handler", "lambda_handler", "create_app", "app_factory", "WorkerSettings", "self", "cls"}
_MEANINGFUL |= {
    "get",
    "put",
    "pop",
    "add",
    "append",
    "clear",
    "close",
    "stop",
    "start",
    "send",
    "flush",
    "end",
    "write",
}
_MEANINGFUL |= {word for hook in HOOKS for word in re.findall(r"\w+", f"{hook.target} {hook.select}")}
_MEANINGFUL |= {name for each in COMPONENTS for name in (each.method, *each.beside)}
_MEANINGFUL |= {method for client in CLIENTS for method in (*client.start, *client.release, *client.dirtied_by)}
"""Names that mean something to a library, or to whoever starts the program."""


def renamed(texts: Texts) -> dict[str, str]:
    """Every local variable, function and class has another name, the same everywhere in the project."""
    trees = {path: cst.parse_module(text) for path, text in texts.items()}
    survey = _Survey()
    for path, tree in trees.items():
        tree.visit(survey)
        survey.fixed.update(PurePosixPath(path).with_suffix("").parts)
    others = {name: _other(name, index) for index, name in enumerate(sorted(survey.defined | survey.local))}
    defined = {name: others[name] for name in survey.defined if survey.is_free(name)}
    fixed = survey.keywords | survey.outer | survey.defined
    local = {name: others[name] for name in survey.local - fixed if survey.is_free(name)}
    return {path: tree.visit(_Renaming(defined, local)).code for path, tree in trees.items()}


def _other(name: str, index: int) -> str:
    """Another name that is as private, and as much a class's, as this one."""
    stem = name.lstrip("_")
    return name[: len(name) - len(stem)] + (f"Other{index}" if stem[:1].isupper() else f"other{index}")


class _Survey(cst.CSTVisitor):
    """The names that a project defines itself, and those that must stay."""

    def __init__(self) -> None:
        self.defined: set[str] = set()
        self.local: set[str] = set()
        self.outer: set[str] = set()
        self.keywords: set[str] = set()
        self.fixed: set[str] = set(dir(builtins)) | set(keyword.kwlist) | _MEANINGFUL
        self._inside: list[str] = []

    def is_free(self, name: str) -> bool:
        special = name.startswith(("__", "test_", "pytest_")) or not name.strip("_")
        return name not in self.fixed and not special

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.defined.add(node.name.value)
        self._inside.append("function")

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._inside.pop()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.defined.add(node.name.value)
        self._inside.append("class")

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._inside.pop()

    def visit_Param(self, node: cst.Param) -> None:
        self.local.add(node.name.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._bind(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind(node.target)

    def visit_For(self, node: cst.For) -> None:
        self._bind(node.target)

    def visit_CompFor(self, node: cst.CompFor) -> None:
        self._bind(node.target)

    def visit_AsName(self, node: cst.AsName) -> None:
        self._bind(node.name)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._bind(node.target)

    def _bind(self, target: cst.BaseExpression) -> None:
        names = self.local if self._inside and self._inside[-1] == "function" else self.outer
        match target:
            case cst.Name(value):
                names.add(value)
            case cst.Tuple() | cst.List():
                for element in target.elements:
                    self._bind(element.value)
            case cst.StarredElement():
                self._bind(target.value)

    def visit_Global(self, node: cst.Global) -> None:
        self.outer.update(item.name.value for item in node.names)

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self.keywords.add(node.keyword.value)

    def visit_ImportAlias(self, node: cst.ImportAlias) -> None:
        self.outer.add(node.evaluated_alias or node.evaluated_name.partition(".")[0])

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        library = node.module is not None and not node.relative and dotted(node.module).partition(".")[0]
        if library in _OUTSIDE and not isinstance(node.names, cst.ImportStar):
            self.fixed.update(alias.evaluated_name for alias in node.names)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        if not node.value.startswith(('"""', "'''")):
            self.fixed.update(re.findall(r"\w+", node.value))

    def visit_MatchAs(self, node: cst.MatchAs) -> None:
        if node.name is not None:
            self.outer.add(node.name.value)


_OUTSIDE = {*LIBRARIES, "asyncio", "contextlib", "functools", "typing", "collections", "fastapi", "starlette"}


class _Renaming(cst.CSTTransformer):
    """Renames names: what is defined wherever it is mentioned, what is local only where it stands alone."""

    def __init__(self, defined: dict[str, str], local: dict[str, str]) -> None:
        self.defined, self.local = defined, local

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        name = original_node.attr.value
        return updated_node.with_changes(attr=cst.Name(self.defined.get(name, name)))

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        name = original_node.value
        return updated_node.with_changes(value=self.defined.get(name) or self.local.get(name, name))


def dotted(node: cst.BaseExpression) -> str:
    """The text of a name with dots."""
    return cst.Module([]).code_for_node(node)

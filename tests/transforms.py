"""How can a program be written differently without meaning anything else?

Each transformation takes the sources of a project and gives others. The number and the order of the functions and
classes of a file stay the same, so that what the audit says can be compared by them.
"""

# ruff: noqa: N802  (LibCST calls a visitor's methods after its classes of nodes)

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

import libcst as cst

from kafka_audit.catalog.clients import LIBRARIES
from kafka_audit.catalog.hooks import HOOK_LIBRARIES
from tests.in_memory import Texts
from tests.renames import dotted, renamed

_Node = TypeVar("_Node", bound=cst.CSTNode)


def aliased(texts: Texts) -> dict[str, str]:
    """Every import of a client library binds another name."""
    return {path: _aliased(text, _handed_on(path, texts)) for path, text in texts.items()}


def _aliased(text: str, kept: Collection[str]) -> str:
    tree = cst.parse_module(text)
    aliases = {name: f"{name}_by_another_name" for name in _client_imports(tree)}
    strings = _Strings()
    tree.visit(strings)
    free = {name: alias for name, alias in aliases.items() if name not in kept and name not in strings.words}
    return tree.visit(_Aliasing(free)).code


def _client_imports(tree: cst.Module) -> Iterator[str]:
    """The names that imports of client libraries bind at the top of a module, without `as`."""
    for statement in tree.body:
        for part in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if _is_client_import(part):
                yield from (a.evaluated_name for a in part.names if a.asname is None and "." not in a.evaluated_name)


def _is_client_import(part: cst.CSTNode) -> bool:
    if isinstance(part, cst.ImportFrom):
        plain = part.module is not None and not part.relative and not isinstance(part.names, cst.ImportStar)
        return plain and dotted(part.module).partition(".")[0] in LIBRARIES
    return isinstance(part, cst.Import) and all(a.evaluated_name.partition(".")[0] in LIBRARIES for a in part.names)


def _handed_on(path: str, texts: Texts) -> set[str]:
    """The names that other files of the project import from this one or read from it, by its last name."""
    stem = PurePosixPath(path).stem if not path.endswith("__init__.py") else PurePosixPath(path).parent.name
    found: set[str] = set()
    for other, text in texts.items():
        if other != path:
            found.update(re.findall(r"\w+", " ".join(re.findall(rf"from \S*{stem} import ([^)]*?)(?:\n\S|\Z)", text))))
            found.update(re.findall(rf"\b{stem}\.(\w+)", text))
    return found


class _Strings(cst.CSTVisitor):
    """The words in strings that are no docstrings."""

    def __init__(self) -> None:
        self.words: set[str] = set()

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        if not node.value.startswith('"""'):
            self.words.update(re.findall(r"\w+", node.value))


class _Aliasing(cst.CSTTransformer):
    """Gives imported names an alias and uses it."""

    def __init__(self, aliases: dict[str, str]) -> None:
        self.aliases = aliases

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return _is_client_import(node)

    def visit_Import(self, node: cst.Import) -> bool:
        return _is_client_import(node)

    def leave_ImportAlias(self, original_node: cst.ImportAlias, updated_node: cst.ImportAlias) -> cst.ImportAlias:
        alias = self.aliases.get(original_node.evaluated_name)
        if alias is None or original_node.asname is not None:
            return original_node
        return original_node.with_changes(asname=cst.AsName(cst.Name(alias)))

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return cst.Name(self.aliases.get(original_node.value, original_node.value))


def imported_late(texts: Texts) -> dict[str, str]:
    """Imports of client libraries move into the functions that use them; annotations keep theirs for the checker."""
    return {path: _imported_late(text, _handed_on(path, texts)) for path, text in texts.items()}


def _imported_late(text: str, kept: Collection[str]) -> str:
    tree = cst.parse_module(text)
    for name in [name for name in _client_imports(tree) if name not in kept]:
        tree = _with_late_import(tree, name)
    return tree.code


def _with_late_import(tree: cst.Module, name: str) -> cst.Module:
    """The module with this name imported where functions use it; the same module when its body needs the name."""
    uses = _Uses(name)
    tree.visit(uses)
    if uses.early or not uses.late:
        return tree
    statement = next(s for s in tree.body if _imports(s, name))
    [part] = statement.body
    [alias] = [each for each in part.names if each.evaluated_name == name]
    only = part.with_changes(names=[alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)])
    if isinstance(only, cst.ImportFrom):
        only = only.with_changes(lpar=None, rpar=None)
    rest = [each for each in part.names if each is not alias]
    line = cst.SimpleStatementLine([only])
    guarded = [
        cst.parse_statement("import typing"),
        cst.If(cst.parse_expression("typing.TYPE_CHECKING"), _block([line])),
    ]
    left = [statement.with_changes(body=[part.with_changes(names=_separated(rest))])] if rest else []
    body: list[cst.BaseStatement] = []
    for each in tree.body:
        body.extend([*left, *(guarded if uses.annotated else ())] if each is statement else [each])
    return tree.with_changes(body=body).visit(_ImportingLate(uses.late, line))


def _imports(statement: cst.CSTNode, name: str) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    part = statement.body[0]
    return _is_client_import(part) and any(alias.evaluated_name == name for alias in part.names)


def _separated(aliases: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
    return [alias.with_changes(comma=cst.MaybeSentinel.DEFAULT) for alias in aliases]


def _block(body: Sequence[cst.BaseStatement]) -> cst.IndentedBlock:
    return cst.IndentedBlock(list(body))


class _Uses(cst.CSTVisitor):
    """Where a name is used: in outermost functions (`late`), in annotations, or while the module is imported."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.late: set[str] = set()
        self.early = self.annotated = False
        self._functions: list[str] = []
        self._path: list[str] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        for part in (
            *node.decorators,
            *(p.default for p in node.params.params + node.params.kwonly_params if p.default),
        ):
            part.visit(self)
        for annotation in _annotations(node):
            annotation.visit(self)
        self._path.append(node.name.value)
        self._functions.append(".".join(self._path))
        node.body.visit(self)
        self._functions.pop()
        self._path.pop()
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._path.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._path.pop()

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        if _mentions(node, self.name):
            self.annotated = True
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        if node.value == self.name:
            if self._functions:
                self.late.add(self._functions[0])
            else:
                self.early = True


def _annotations(node: cst.FunctionDef) -> Iterator[cst.Annotation]:
    every = (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params)
    yield from (param.annotation for param in every if param.annotation is not None)
    for star in (node.params.star_arg, node.params.star_kwarg):
        if isinstance(star, cst.Param) and star.annotation is not None:
            yield star.annotation
    if node.returns is not None:
        yield node.returns


def _mentions(node: cst.CSTNode, name: str) -> bool:
    return re.search(rf"\b{name}\b", cst.Module([]).code_for_node(node.annotation)) is not None


class _ImportingLate(cst.CSTTransformer):
    """Puts an import at the beginning of some functions."""

    def __init__(self, functions: Collection[str], line: cst.SimpleStatementLine) -> None:
        self.functions, self.line = functions, line
        self._path: list[str] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._path.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._path.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._path.append(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        here = ".".join(self._path)
        self._path.pop()
        if here not in self.functions:
            return updated_node
        head, rest = _docstring_apart(updated_node)
        return updated_node.with_changes(body=_block([*head, self.line, *rest]))


def _docstring_apart(node: cst.FunctionDef) -> tuple[list[cst.BaseStatement], list[cst.BaseStatement]]:
    """The docstring of a function, and the other statements of its body."""
    body = node.body.body if isinstance(node.body, cst.IndentedBlock) else [cst.SimpleStatementLine(node.body.body)]
    cut = 1 if node.get_docstring() is not None else 0
    return list(body[:cut]), list(body[cut:])  # type: ignore[arg-type]


def wrapped(texts: Texts) -> dict[str, str]:
    """The body of every function stands in `if True:`."""
    return {path: cst.parse_module(text).visit(_Wrapping()).code for path, text in texts.items()}


class _Wrapping(cst.CSTTransformer):
    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        head, rest = _docstring_apart(updated_node)
        if not rest:
            return updated_node
        return updated_node.with_changes(body=_block([*head, cst.If(cst.Name("True"), _block(rest))]))


def commented(texts: Texts) -> dict[str, str]:
    """A blank line and a comment stand before every statement."""
    return {path: cst.parse_module(text).visit(_Commenting()).code for path, text in texts.items()}


class _Commenting(cst.CSTTransformer):
    def on_leave(self, original_node: cst.CSTNode, updated_node: _Node) -> _Node:
        if not hasattr(updated_node, "leading_lines") or isinstance(updated_node, cst.Else | cst.ExceptHandler):
            return updated_node
        comment = cst.EmptyLine(comment=cst.Comment("# producer.stop() is what a comment says"))
        return updated_node.with_changes(
            leading_lines=[*updated_node.leading_lines, cst.EmptyLine(indent=False), comment]
        )


UNRELATED = {
    "unrelated_notes.py": '''"""Has its own producer and its own words."""

from aiokafka import AIOKafkaProducer


class Meter:
    def __init__(self) -> None:
        self.producer = None

    def start(self) -> None:
        print("on")

    def stop(self) -> None:
        print("off")


async def send(note: bytes) -> None:
    async with AIOKafkaProducer() as producer:
        await producer.send_and_wait("notes", note)
''',
}


def beside_another(texts: Texts) -> dict[str, str]:
    """The project has one more file."""
    return {**texts, **UNRELATED}


def moved(texts: Texts) -> dict[str, str]:
    """Every file that only imports know has another name."""
    stems = {path: PurePosixPath(path).stem for path in texts}
    every = "\n".join(texts.values())
    moving = [stem for path, stem in stems.items() if _may_move(path, stem, list(stems.values()), every)]
    free = {stem: f"{stem}_elsewhere" for stem in moving}
    found = {}
    for path, text in texts.items():
        place = PurePosixPath(path)
        found[str(place.with_stem(free.get(place.stem, place.stem)))] = cst.parse_module(text).visit(_Moving(free)).code
    return found


def _may_move(path: str, stem: str, stems: Collection[str], every: str) -> bool:
    special = stem.startswith(("__", "test_")) or stem in {"conftest", "setup", "main", "app"} or "." not in path
    spoken = re.search(rf"[\"'][\w.]*\b{stem}\b[\w.:]*[\"']", every)  # named in a string
    dotted = re.search(rf"^\s*import [\w.]*\.{stem}\b|^\s*import {stem}\.", every, re.MULTILINE)
    return (
        list(stems).count(stem) == 1
        and not special
        and not spoken
        and not dotted
        and stem not in {*LIBRARIES, *HOOK_LIBRARIES}
    )


class _Moving(cst.CSTTransformer):
    """Imports modules under their new names, and binds the old ones."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        match original_node.module:
            case cst.Name(name) if name in self.names:
                return original_node.with_changes(module=cst.Name(self.names[name]))
            case cst.Attribute(value, cst.Name(name)) if name in self.names:
                return original_node.with_changes(module=cst.Attribute(value, cst.Name(self.names[name])))
        return updated_node

    def leave_ImportAlias(self, original_node: cst.ImportAlias, updated_node: cst.ImportAlias) -> cst.ImportAlias:
        name = original_node.evaluated_name
        if name not in self.names:
            return updated_node
        asname = original_node.asname or cst.AsName(cst.Name(name))
        return updated_node.with_changes(name=cst.Name(self.names[name]), asname=asname)


TRANSFORMS: tuple[Callable[[Texts], dict[str, str]], ...] = (
    renamed,
    aliased,
    imported_late,
    wrapped,
    commented,
    beside_another,
    moved,
)

"""How is a source file changed without touching what the change is not about?

A file is its LibCST tree. A repair says which nodes become what, and everything else is written back as it was read:
comments, quotes, indentation, newlines, the encoding and its byte order mark.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import MetadataWrapper, Scope, ScopeProvider

from kafka_audit.facts.concrete.positions import Positions
from kafka_audit.facts.decoding import encoding_of
from kafka_audit.facts.schema import At
from kafka_audit.fix.editing.blocks import Block, Statement, Without
from kafka_audit.fix.editing.imports import Needed, with_imports
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.scopes import Unit

Edit = Callable[[Any], Any]
"""From a node, its inner edits done, to what stands in its place: a node, several, or nothing."""

N = TypeVar("N", bound=cst.CSTNode)


class Changes(dict[cst.CSTNode, Edit]):
    """Edits that may meet on one node: what is put before and after it, and what becomes of the node itself."""

    def __init__(self) -> None:
        super().__init__()
        self.removed: set[cst.CSTNode] = set()

    def also(self, node: cst.CSTNode, edit: Edit) -> None:
        """Change a node further."""
        before = self.get(node)
        self[node] = edit if before is None else lambda each: edit(before(each))

    def after(self, node: cst.CSTNode, *statements: cst.BaseStatement) -> None:
        """Put statements after one."""
        self.also(node, lambda each: cst.FlattenSentinel([*_flat(each), *statements]))

    def before(self, node: cst.CSTNode, *statements: cst.BaseStatement) -> None:
        """Put statements before one."""
        self.also(node, lambda each: cst.FlattenSentinel([*statements, *_flat(each)]))

    def remove(self, node: cst.CSTNode) -> None:
        """Take a statement out."""
        self.removed.add(node)
        self[node] = lambda each: cst.RemoveFromParent()


def _flat(node: Any) -> list[Any]:
    return list(node) if isinstance(node, cst.FlattenSentinel) else [node]


class Tree:
    """One file: its nodes, what encloses them, and where they stand. Raises `Refused` for what cannot be rewritten."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self._encoding = encoding_of(data)
        text = data.decode(self._encoding)
        self.module = cst.parse_module(text)
        if self.module.code != text:
            raise Refused("the file holds characters that LibCST does not write back as they were")
        self._positions = Positions(self.module)
        self._parents = dict(_parents(self.module))
        self._scopes: dict[cst.CSTNode, Mapping[cst.CSTNode, Scope | None]] = {}

    def call(self, at: At) -> cst.Call:
        """The call that stands at exactly this place."""
        for node in self._parents:
            if isinstance(node, cst.Call) and self._positions.spans[id(node)] == at:
                return node
        raise Refused(f"there is no call at line {at[0]} of the file")

    def span(self, call: cst.Call) -> At:
        """Where a call stands."""
        return self._positions.spans[id(call)]

    def line(self, node: cst.CSTNode) -> int:
        """The line where a statement starts."""
        if isinstance(node, cst.SimpleStatementLine):
            return self._positions.lines[id(node.body[0])]
        return self._positions.lines[id(node)]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        """What encloses the node directly."""
        return self._parents[node]

    def around(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """What encloses the node, inside out."""
        current: cst.CSTNode | None = self._parents.get(node)
        while current is not None:
            yield current
            current = self._parents.get(current)

    def every(self, kind: type[N]) -> Iterator[N]:
        """Every node of a kind, in the order of the text."""
        return (node for node in self._parents if isinstance(node, kind))

    def statement(self, node: cst.CSTNode) -> Statement:
        """The innermost statement that the node stands in; raises `Refused` for one that shares its line."""
        for current in (node, *self.around(node)):
            if isinstance(current, cst.SimpleStatementSuite):
                break
            if isinstance(current, cst.SimpleStatementLine) and len(current.body) == 1:
                return current
            if isinstance(current, cst.BaseCompoundStatement):
                return current
        raise Refused("the statement shares its line with another one")

    def block(self, statement: Statement) -> Block:
        """The block that a statement stands in."""
        parent = self.parent(statement)
        assert isinstance(parent, Block)
        return parent

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The function that a node stands in, `None` for a lambda's, a class's or the module's own code."""
        for current in self.around(node):
            if isinstance(current, cst.FunctionDef):
                return current
            if isinstance(current, cst.ClassDef | cst.Lambda):
                return None
        return None

    def scope(self, node: cst.CSTNode) -> Scope:
        """The scope that a name is looked up in. Of a function only that is looked into: it takes a fraction."""
        functions = [each for each in self.around(node) if isinstance(each, cst.FunctionDef)]
        part = functions[-1] if functions else self.module
        if any(part in self.around(each) for each in self.every(cst.Global)):
            part = self.module
        if part not in self._scopes:
            module = part if isinstance(part, cst.Module) else cst.Module([part])
            self._scopes[part] = MetadataWrapper(module, unsafe_skip_copy=True).resolve(ScopeProvider)
        scope = self._scopes[part].get(node)
        assert scope is not None
        return scope

    def parsed(self, code: str) -> cst.SimpleStatementLine:
        """A new statement, written as the file is."""
        statement = cst.parse_statement(code, config=self.module.config_for_parsing)
        assert isinstance(statement, cst.SimpleStatementLine)
        return statement

    def definitions(self, code: str) -> list[cst.BaseStatement]:
        """New statements of the module itself, each two blank lines after what stands before it."""
        blank = cst.EmptyLine(indent=False)
        module = cst.parse_module(code, config=self.module.config_for_parsing)
        return [each.with_changes(leading_lines=[blank, blank]) for each in module.body]

    def parsed_all(self, code: str) -> list[Statement]:
        """New statements, written as the file is."""
        module = cst.parse_module(code, config=self.module.config_for_parsing)
        return [each for each in module.body if isinstance(each, Statement)]

    def methods(self, code: str) -> list[cst.BaseStatement]:
        """New methods of a class, each a blank line after what stands before it."""
        blank = cst.EmptyLine(indent=False)
        return [each.with_changes(leading_lines=[blank]) for each in self.parsed_all(code)]

    def definition(self, name: str) -> cst.FunctionDef | cst.ClassDef:
        """The function or class of the module itself that has this name."""
        for each in self.module.body:
            if isinstance(each, cst.FunctionDef | cst.ClassDef) and each.name.value == name:
                return each
        raise Refused(f"{self.path} defines no `{name}` at its top level")

    def function_at(self, unit: Unit) -> cst.FunctionDef:
        """The function that a unit of the linked program is."""
        for node in self.every(cst.FunctionDef):
            if unit.function is not None and node.name.value == unit.function.name and self.line(node) == unit.line:
                return node
        raise Refused(f"{self.path} defines no function at line {unit.line}")

    def class_at(self, name: str, line: int) -> cst.ClassDef:
        """The class of that name at a line, written as a block."""
        for node in self.every(cst.ClassDef):
            if (node.name.value, self.line(node)) == (name, line) and isinstance(node.body, cst.IndentedBlock):
                return node
        raise Refused(f"the class {name} is not written as a block")

    def outermost(self, node: cst.CSTNode) -> cst.CSTNode:
        """The statement of the module itself that a node stands in."""
        below = node
        for current in self.around(node):
            if current is self.module:
                break
            below = current
        return below

    @property
    def is_annotated(self) -> bool:
        """Whether a function of the file says what it returns: then new ones do, too."""
        return any(node.returns is not None for node in self.every(cst.FunctionDef))

    @property
    def defers_annotations(self) -> bool:
        """Whether the annotations of the file are not evaluated."""
        return any(
            each.module is not None and self.code(each.module) == "__future__" for each in self.every(cst.ImportFrom)
        )

    def code(self, node: cst.CSTNode) -> str:
        """A node as it is written."""
        return self.module.code_for_node(node)

    def rewritten(self, edits: Mapping[cst.CSTNode, Edit], needed: Iterable[Needed] = ()) -> bytes:
        """The bytes of the file with these nodes changed, and these names imported."""
        around = {each for node in edits for each in self.around(node)}
        return self.written(with_imports(self.module.visit(_Rewriter(edits, around)), needed))

    def without(self, unwanted: Collection[cst.CSTNode]) -> bytes:
        """The bytes of the file without these statements."""
        around = {each for node in unwanted for each in self.around(node)}
        return self.written(self.module.visit(Without(unwanted, around)))

    def written(self, module: cst.Module) -> bytes:
        """The bytes of a changed tree, encoded as the file is."""
        return module.code.encode(self._encoding)


@functools.lru_cache(maxsize=24)
def tree(path: str, data: bytes) -> Tree:
    """The tree of a file, which several repairs of it start from."""
    return Tree(path, data)


class Trees:
    """The files of a project, each parsed once."""

    def __init__(self, tree_of: Callable[[str], Tree]) -> None:
        self._tree_of = tree_of
        self._known: dict[str, Tree] = {}

    def __getitem__(self, path: str) -> Tree:
        if path not in self._known:
            self._known[path] = self._tree_of(path)
        return self._known[path]


class _Rewriter(cst.CSTTransformer):
    """Applies edits to their nodes, inner ones first; looks only into what is `around` one."""

    def __init__(self, edits: Mapping[cst.CSTNode, Edit], around: Collection[cst.CSTNode]) -> None:
        super().__init__()
        self._edits, self._around = edits, around

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node in self._around

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        edit = self._edits.get(original_node)
        return updated_node if edit is None else edit(updated_node)


def _parents(root: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """(node, what encloses it directly) for every node below the root, in the order of the text."""
    waiting = [(child, root) for child in reversed(root.children)]
    while waiting:
        node, parent = waiting.pop()
        yield node, parent
        waiting += [(child, node) for child in reversed(node.children)]

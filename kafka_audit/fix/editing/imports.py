"""An import more, where the file keeps them, or one less."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

import libcst as cst

from kafka_audit.fix.editing.blocks import only, split_lead


class Needed(NamedTuple):
    """A name to import: `import module` without a `name`, else `from module import name`; dots belong to the module."""

    module: str
    name: str = ""
    alias: str = ""

    def code(self) -> str:
        """The statement that imports it alone."""
        renamed = f" as {self.alias}" if self.alias else ""
        return f"from {self.module} import {self.name}{renamed}" if self.name else f"import {self.module}"


def with_imports(module: cst.Module, needed: Iterable[Needed]) -> cst.Module:
    """The module with these names imported, each once."""
    for each in needed:
        if not _has(module, each):
            module = _joined(module, each) or _inserted(module, each)
    return module


def source_of(node: cst.ImportFrom) -> str:
    """The module of a `from` import as written, with its dots."""
    name = cst.Module([]).code_for_node(node.module) if node.module is not None else ""
    return "." * len(node.relative) + name


def bound_name(alias: cst.ImportAlias) -> str:
    """The name that an imported name has in the file; a dotted module counts whole."""
    return alias.evaluated_alias or alias.evaluated_name


def _lines(module: cst.Module) -> list[tuple[int, cst.Import | cst.ImportFrom]]:
    """(index, statement) of the imports at the head of the module, up to the first definition."""
    found: list[tuple[int, cst.Import | cst.ImportFrom]] = []
    for index, statement in enumerate(module.body):
        small = only(statement)
        if isinstance(small, cst.Import | cst.ImportFrom):
            found.append((index, small))
        elif isinstance(statement, cst.FunctionDef | cst.ClassDef):
            break
    return found


def _aliases(statement: cst.Import | cst.ImportFrom) -> list[cst.ImportAlias]:
    return [] if isinstance(statement.names, cst.ImportStar) else list(statement.names)


def _has(module: cst.Module, needed: Needed) -> bool:
    for _, statement in _lines(module):
        names = {bound_name(alias) for alias in _aliases(statement)}
        if isinstance(statement, cst.Import):
            if not needed.name and needed.module in names:
                return True
        elif (needed.alias or needed.name) in names and source_of(statement) == needed.module:
            return True
    return False


def _joined(module: cst.Module, needed: Needed) -> cst.Module | None:
    """The module with the name added to an import from the same source; `None` when there is none."""
    for index, statement in _lines(module):
        if isinstance(statement, cst.ImportFrom) and source_of(statement) == needed.module and _aliases(statement):
            line = module.body[index]
            assert isinstance(line, cst.SimpleStatementLine)
            changed = statement.with_changes(names=_with_name(_aliases(statement), needed))
            body = [*module.body]
            body[index] = line.with_changes(body=[changed])
            return module.with_changes(body=body)
    return None


def _with_name(aliases: list[cst.ImportAlias], needed: Needed) -> list[cst.ImportAlias]:
    """The imported names with one more: in its place when they are sorted, else at the end; commas as they are kept."""
    names = [alias.evaluated_name for alias in aliases]
    is_sorted = names == sorted(names)
    at = next((i for i, each in enumerate(names) if is_sorted and each > needed.name), len(names))
    commas = [alias.comma for alias in aliases]
    between = commas[0] if len(aliases) > 1 else commas[-1]
    asname = cst.AsName(cst.Name(needed.alias)) if needed.alias else None
    new = [*aliases[:at], cst.ImportAlias(name=cst.Name(needed.name), asname=asname), *aliases[at:]]
    last = commas[-1]
    return [alias.with_changes(comma=last if i == len(new) - 1 else between) for i, alias in enumerate(new)]


def _inserted(module: cst.Module, needed: Needed) -> cst.Module:
    """The module with an import statement more: sorted among those of its kind, which stay in their groups."""
    statement = cst.parse_statement(needed.code(), config=module.config_for_parsing)
    assert isinstance(statement, cst.SimpleStatementLine)
    body: list[Any] = [*module.body]
    lines = [(i, each) for i, each in _lines(module) if not _is_future(each)]
    group = _group(module, lines, needed)
    if not group:
        return module.with_changes(**_at_the_top(module, statement))
    later = [i for i, each in group if _key(each) > (bool(needed.name), _rank(needed.module))]
    if later:
        lead, kept = split_lead(body[later[0]])
        body[later[0]] = kept
        body.insert(later[0], statement.with_changes(leading_lines=lead))
    else:
        body.insert(group[-1][0] + 1, statement)
    return module.with_changes(body=body)


def _group(module: cst.Module, lines: list[Any], needed: Needed) -> list[Any]:
    """The run of imports without a blank line between them that the new one belongs to.

    The standard library's modules go where others of it are, everything else to the last run.
    """
    groups: list[list[Any]] = []
    for index, statement in lines:
        line = module.body[index]
        assert isinstance(line, cst.SimpleStatementLine)
        if groups and index == groups[-1][-1][0] + 1 and not line.leading_lines:
            groups[-1].append((index, statement))
        else:
            groups.append([(index, statement)])
    if _is_standard(needed.module):
        return next((group for group in groups if any(_is_standard(_key(each)[1]) for _, each in group)), [])
    return groups[-1] if groups else []


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _key(statement: cst.Import | cst.ImportFrom) -> tuple[bool, str]:
    """`import` lines come before `from` lines, each by module."""
    if isinstance(statement, cst.ImportFrom):
        return True, _rank(source_of(statement))
    return False, statement.names[0].evaluated_name


def _rank(module: str) -> str:
    """A module for sorting: relative ones come last."""
    return f"~{module}" if module.startswith(".") else module


def _is_future(statement: cst.Import | cst.ImportFrom) -> bool:
    return isinstance(statement, cst.ImportFrom) and source_of(statement) == "__future__"


def _at_the_top(module: cst.Module, statement: cst.SimpleStatementLine) -> dict[str, Any]:
    """The body and header of a module whose first import, apart from `__future__`, this is."""
    body: list[Any] = [*module.body]
    at = 0
    for index, each in enumerate(body):
        small = only(each)
        is_text = index == 0 and isinstance(small, cst.Expr) and isinstance(small.value, cst.SimpleString)
        if is_text or (isinstance(small, cst.ImportFrom) and _is_future(small)):
            at = index + 1
    blank = [cst.EmptyLine(indent=False)]
    if at < len(body) and not split_lead(body[at])[0]:
        body[at] = body[at].with_changes(leading_lines=[*blank, *body[at].leading_lines])
    body.insert(at, statement.with_changes(leading_lines=blank if at else []))
    return {"body": body}

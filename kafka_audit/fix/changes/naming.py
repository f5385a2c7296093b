"""How one file names what another one defines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.fix.changes.keeper import Release
from kafka_audit.fix.editing.imports import Needed
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.related import imported_paths
from kafka_audit.link.flow.scopes import Module
from kafka_audit.link.program import Program


class Reference(NamedTuple):
    """An expression that names a function, and what has to be imported for it."""

    text: str
    needed: tuple[Needed, ...] = ()


def reference(program: Program, release: Release, path: str) -> Reference:
    """How the file `path` names a release; of a class's method, the class is imported."""
    name, dot, rest = release.name.partition(".")
    if path == release.path:
        return Reference(release.name)
    found = _named(program, release._replace(name=name), path)
    return found._replace(text=f"{found.text}{dot}{rest}")


def _named(program: Program, release: Release, path: str) -> Reference:
    engine = program.engine
    module = engine.modules[path]
    alias = _free_name(module, release)
    for node in module.top.imports:
        found = _by_import(engine, node, path, release, alias)
        if found is not None:
            return found
    if _imports(engine, engine.modules[release.path], path):
        raise Refused(f"{release.path} imports {path}, so the import back would be a circle")
    for other in sorted(engine.modules):
        for node in _all_imports(engine.modules[other]):
            is_absolute = not node.level and node.name is not None
            if is_absolute and {engine.paths.absolute(node.module, each) for each in (other, path)} == {release.path}:
                return Reference(alias or release.name, (Needed(node.module, release.name, alias),))
    raise Refused(f"no import of the project shows how {path} is to import {release.path}")


def _free_name(module: Module, release: Release) -> str:
    """Another name for the release when its own means something else in the file; empty when it is free."""
    if release.name not in module.top.bound:
        return ""
    alias = f"{PurePosixPath(release.path).stem}_{release.name}"
    if alias in module.top.bound:
        raise Refused(f"`{release.name}` and `{alias}` mean something else in {module.path}")
    return alias


def _by_import(engine: Engine, node: s.Import, path: str, release: Release, alias: str) -> Reference | None:
    """The name by way of an import that the file has."""
    if node.name == "*":
        return None
    if node.name is None:
        if engine.paths.absolute(node.module, path) != release.path:
            return None
        bound = node.bound if "." in node.module and node.bound != node.module.partition(".")[0] else node.module
        return Reference(f"{bound}.{release.name}")
    if module_of(engine, node, path) == release.path:
        if node.name == release.name:
            return Reference(node.bound)
        return Reference(alias or release.name, (Needed("." * node.level + node.module, release.name, alias),))
    if release.path in imported_paths(node, path, engine.paths):
        return Reference(f"{node.bound}.{release.name}")
    return None


def module_of(engine: Engine, node: s.Import, path: str) -> str | None:
    """The file that a `from` import takes its name from."""
    if node.level:
        return engine.paths.relative(node.module, node.level, path)
    return engine.paths.absolute(node.module, path)


def _all_imports(module: Module) -> Iterator[s.Import]:
    for unit in module.units:
        yield from unit.imports


def _imports(engine: Engine, module: Module, path: str) -> bool:
    """Whether a module imports a file, directly or by way of others."""
    waiting, seen = [module.path], {module.path}
    while waiting:
        current = engine.modules.get(waiting.pop())
        for node in current.top.imports if current is not None else ():
            for target in imported_paths(node, current.path, engine.paths):  # type: ignore[union-attr]
                if target == path:
                    return True
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
    return False

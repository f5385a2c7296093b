"""Importing as Python does it: parents first, each module once under each name, what is found where.

A file that is loaded under two names is two modules with two sets of globals; that happens when a folder inside a
package is on the search path, and it is said.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from kafka_audit.facts import schema as s
from kafka_audit.impact.search_path import Found, SearchPath
from kafka_audit.impact.trace import Edge, Root, Trace
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.imports import provides
from kafka_audit.link.flow.scopes import Module, Unit

Run = Callable[[Module], bool]
"""Executes a module's body, whether to its end; given by whoever walks it."""


class Loader:
    """The modules that one session has loaded, by dotted name."""

    def __init__(self, engine: Engine, search: SearchPath, trace: Trace, run: Run) -> None:
        self._engine = engine
        self._search = search
        self._trace = trace
        self._run = run
        self.root: Root
        self.loaded: dict[str, str | None] = {}
        """The path of each module; None for a namespace package and for what lies outside of the project."""
        self.names: dict[str, list[str]] = {}
        """The names under which each file is loaded, in order."""
        self.may_fail = False
        """Whether the code is ready for an import that fails: then nothing is guessed, and a failure is no news."""
        self.completing: set[str] = set()
        """The files that add folders to the search path themselves, all of them known."""
        self._namespaces: set[str] = set()
        self._running: list[str] = []
        self._failed: set[str] = set()

    def load_import(self, unit: Unit, node: s.Import) -> bool:
        """Do what an import statement does; False when it raises ImportError."""
        dotted = self._absolute(unit, node)
        if dotted is None:
            if not self.may_fail:
                self._trace.note("missing", unit.module.path, node.line, _no_package(node))
            return False
        if not self.load(dotted, unit, node.line, node.name or ""):
            return False
        path = self.loaded.get(dotted)
        if node.name is None or node.name == "*" or not self._is_folder_like(dotted, path):
            return True
        module = self._engine.modules.get(path) if path else None
        if module is None or node.name not in module.top.bound:
            inner = f"{dotted}.{node.name}"
            if self._search.find(inner) is not None or (path and self._engine.paths.child(path, node.name)):
                return self.load(inner, unit, node.line)
        return True

    def load(self, dotted: str, unit: Unit, line: int, wanted: str = "") -> bool:
        """Import a module by its full name, its parents first; False when one of them cannot be found.

        `wanted` is a name that the module must have.
        """
        parts = dotted.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            if name in self._failed:
                return False
            if name in self.loaded:
                self._note_again(name, unit, line)
                if self.loaded[name] is None and name not in self._namespaces:
                    return True  # outside of the project: installed, as far as is known
                continue
            found = self._search.find(name) or self._guess(name, dotted, wanted, unit, line)
            if found is None:
                return self._not_found(name, dotted, wanted, unit, line)
            if not self._load_one(name, found, unit, line):
                return False
        return True

    def load_file(self, dotted: str, path: str, unit: Unit) -> bool:
        """Load the file that pytest itself names, whatever the search path says; False when that fails."""
        for count in range(1, dotted.count(".") + 1):
            self.load(".".join(dotted.split(".")[:count]), unit, 1)
        if self.loaded.get(dotted) == path:
            return dotted not in self._failed
        return self._load_one(dotted, Found(path), unit, 1)  # of two `conftest.py` outside packages each is `conftest`

    def name_of(self, path: str) -> str:
        """The name under which a file was loaded last."""
        return self.names[path][-1] if self.names.get(path) else ""

    def has(self, path: str) -> bool:
        """Whether a file is loaded under some name."""
        return bool(self.names.get(path))

    def _is_folder_like(self, dotted: str, path: str | None) -> bool:
        return dotted in self._namespaces or (path is not None and path.endswith("__init__.py"))

    def _guess(self, name: str, dotted: str, wanted: str, unit: Unit, line: int) -> Found | None:
        """What `name`, the beginning of `dotted`, means when it is on no known folder; the folder is then assumed."""
        path = self._likely(dotted, wanted, unit) if self._may_guess(unit) else None
        if path is None:
            return None
        self._search.append(_root_of(path, dotted))
        message = f"`{dotted}` is on no folder of the search path that is known; `{path}` is assumed"
        self._trace.note("assumed", unit.module.path, line, message)
        return self._search.find(name)

    def _likely(self, dotted: str, wanted: str, unit: Unit) -> str | None:
        """The project's file that the whole name probably means: one that has what is wanted of it.

        A library may well be called like a file deep in some package, so that a bare name has to stand outside of one.
        """
        found = self._search.guess(dotted, unit.module.path)
        module = self._engine.modules.get(found.path) if found is not None and found.path is not None else None
        if module is None:
            return None
        if wanted:
            return module.path if wanted == "*" or provides(self._engine, module, wanted) else None
        is_inner = module.is_package or self._engine.paths.is_package(PurePosixPath(module.path).parent.parts)
        return None if is_inner and "." not in dotted else module.path

    def _may_guess(self, unit: Unit) -> bool:
        """Whether the search path may hold more than is known: not when the importing file itself completes it."""
        return not self.may_fail and unit.module.path not in self.completing

    def _not_found(self, name: str, dotted: str, wanted: str, unit: Unit, line: int) -> bool:
        parent = name.rpartition(".")[0]
        # A folder of the project without an `__init__.py` may be hidden by an installed package of that name.
        is_ours = parent in self.loaded and self.loaded[parent] is not None
        if is_ours or (not parent and self._likely(dotted, wanted, unit) is not None):
            if not self.may_fail:
                message = f"`{dotted}` is not found: no folder on the search path has `{name}`"
                self._trace.note("missing", unit.module.path, line, message)
            return False
        self.loaded[name] = None
        return True

    def _load_one(self, name: str, found: Found, unit: Unit, line: int) -> bool:
        self.loaded[name] = found.path
        if found.path is None:
            self._namespaces.add(name)
            return True
        names = self.names.setdefault(found.path, [])
        names.append(name)
        if len(names) == 2:
            message = (
                f"`{found.path}` is loaded twice, as `{names[0]}` and as `{names[1]}`: two modules, two sets of globals"
            )
            self._trace.note("twice", unit.module.path, line, message)
        module = self._engine.modules.get(found.path)
        if module is None:
            return True
        self._edge(unit, module, line)
        if module.facts.flaws and not module.facts.body:
            flaw = module.facts.flaws[0]
            self._trace.note("missing", found.path, flaw.line, f"`{name}` cannot be imported: {flaw.message}")
            return self._fail(name, found.path)
        self._running.append(name)
        is_whole = self._run(module)
        self._running.pop()
        return is_whole or self._fail(name, found.path)

    def _fail(self, name: str, path: str) -> bool:
        """Python forgets a module whose body raises."""
        self._failed.add(name)
        self.names[path].remove(name)
        return False

    def _note_again(self, name: str, unit: Unit, line: int) -> None:
        path = self.loaded[name]
        module = self._engine.modules.get(path) if path else None
        if module is None or module is unit.module:
            return
        self._edge(unit, module, line)
        if name in self._running[:-1] and unit.kind == "module" and not module.is_package:
            cycle = [self.loaded[each] for each in self._running[self._running.index(name) :]]
            message = f"import cycle: {' -> '.join(f'`{each}`' for each in [*cycle, path])}"
            self._trace.note("cycle", unit.module.path, line, message)

    def _edge(self, unit: Unit, module: Module, line: int) -> None:
        self.root.note(Edge(unit, module.top, line, "imports"))

    def _absolute(self, unit: Unit, node: s.Import) -> str | None:
        """The full name that the statement imports; None for a relative import in a file that is in no package."""
        if not node.level:
            return node.module
        name = self.name_of(unit.module.path)
        package = name if unit.module.is_package else name.rpartition(".")[0]
        parts = package.split(".") if package else []
        if node.level > len(parts):
            return None
        kept = parts[: len(parts) - (node.level - 1)]
        return ".".join((*kept, node.module)) if node.module else ".".join(kept)


def _no_package(node: s.Import) -> str:
    dots = "." * node.level
    return f"`from {dots}{node.module} import {node.name}` fails: the file is loaded as a module without a package"


def _root_of(path: str, dotted: str) -> tuple[str, ...]:
    """The folder that has to be on the search path for a file to have this name."""
    parts = PurePosixPath(path).with_suffix("").parts
    own = parts[:-1] if parts[-1] == "__init__" else parts
    return own[: len(own) - dotted.count(".") - 1]


def package_root(engine: Engine, path: str) -> tuple[tuple[str, ...], str]:
    """The folder that pytest puts on the search path for a file, and the file's name from there (mode `prepend`)."""
    pure = PurePosixPath(path)
    folders = pure.parent.parts
    count = len(folders)
    while count and engine.paths.is_package(folders[:count]):
        count -= 1
    stem = () if pure.name == "__init__.py" else (pure.stem,)
    return folders[:count], ".".join((*folders[count:], *stem))

"""Which files belong together: those that a chain of imports connects, whichever way round.

What is known only by a name (an attribute of an unknown object, a release on an unknown receiver) can concern an object
only if both stand in one such group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from kafka_audit.facts import schema as s
from kafka_audit.facts.groups import Groups
from kafka_audit.facts.modules import ModulePaths
from kafka_audit.link.flow.scopes import Module, Unit


class Related(Groups):
    """The groups of files that the import statements in them make, and the units that import each file."""

    def __init__(self, modules: Mapping[str, Module], paths: ModulePaths) -> None:
        super().__init__(modules)
        self._importing: dict[str, dict[Unit, None]] = {}
        for path in sorted(modules):
            for unit in modules[path].units:
                for node in unit.imports:
                    for target in imported_paths(node, path, paths):
                        self.join(path, target)
                        self._importing.setdefault(target, {})[unit] = None

    def importing(self, path: str) -> Iterator[Unit]:
        """The units that import a file or a package that it is in, of which it may be an attribute."""
        yield from self._importing.get(path, ())
        for folder in PurePosixPath(path).parents:
            yield from self._importing.get((folder / "__init__.py").as_posix(), ())


def imported_paths(node: s.Import, importer: str, paths: ModulePaths) -> list[str]:
    """The project files that an import statement runs: the module, and the submodule when the name is one."""
    if node.level:
        found = [paths.relative(node.module, node.level, importer)]
        dotted = f"{node.module}.{node.name}" if node.module else str(node.name)
        found.append(paths.relative(dotted, node.level, importer))
    else:
        found = [paths.absolute(node.module, importer)]
        found.append(paths.absolute(f"{node.module}.{node.name}", importer) if node.name else None)
    return [path for path in found if path is not None]

"""Where does Python look for a module while tests run, and what does it find?

The folders are those that pytest and the code itself put on `sys.path`, in their order; the meaning of packages,
modules and namespace packages is the import system's own (Python reference, "The import system").
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from kafka_audit.catalog.clients import FRAMEWORK_LIBRARIES, LIBRARIES
from kafka_audit.facts.modules import ModulePaths

Folder = tuple[str, ...]

_INSTALLED = frozenset({*LIBRARIES, *FRAMEWORK_LIBRARIES, *sys.stdlib_module_names})
"""Packages that are certainly installed: a folder of that name without an `__init__.py` does not hide them."""


class Found(NamedTuple):
    """What a dotted name means: the path of a project file, None for a namespace package; `is_assumed` is a guess."""

    path: str | None
    is_assumed: bool = False


class SearchPath:
    """The part of `sys.path` that lies in the project, first folder first."""

    def __init__(self, paths: ModulePaths) -> None:
        self._paths = paths
        self.folders: list[Folder] = []
        self.is_known = True
        """Whether every change of `sys.path` that was met could be followed."""

    def insert(self, folder: Folder) -> None:
        """Put a folder in front, as pytest and `sys.path.insert(0, ...)` do."""
        if folder in self.folders:
            self.folders.remove(folder)
        self.folders.insert(0, folder)

    def append(self, folder: Folder) -> None:
        """Put a folder at the end."""
        if folder not in self.folders:
            self.folders.append(folder)

    def find(self, dotted: str) -> Found | None:
        """The module or package that `import dotted` loads; None when it is not in these folders."""
        parts = tuple(dotted.split("."))
        portions: list[Folder] = []
        for folder in self.folders:
            top = (*folder, parts[0])
            if self._paths.is_package(top) or self._paths.below(folder, parts[0]) is not None:
                return self._inside([folder], parts)
            if self._paths.is_folder(top):
                portions.append(folder)
        if parts[0] in _INSTALLED:
            return None
        return self._inside(portions, parts) if portions else None

    def guess(self, dotted: str, importer: str) -> Found | None:
        """What the name probably means when it is on no known folder: the project's only or nearest such file."""
        if dotted.partition(".")[0] in _INSTALLED:
            return None
        path = self._paths.absolute(dotted, importer, is_library=True)
        if path is not None:
            return Found(path, is_assumed=True)
        return Found(None, is_assumed=True) if self._paths.is_namespace(dotted, importer) else None

    def _inside(self, folders: list[Folder], parts: tuple[str, ...]) -> Found | None:
        for folder in folders:
            path = self._paths.below(folder, ".".join(parts))
            if path is not None:
                return Found(path)
        if any(self._paths.is_folder((*folder, *parts)) for folder in folders):
            return Found(None)
        return None

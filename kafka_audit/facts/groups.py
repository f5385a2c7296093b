"""Which files belong together, when it is said two by two?"""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """Groups of files, which grow together: a union of sets."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._parent = {path: path for path in sorted(paths)}

    def group(self, path: str) -> str:
        """The name of the group that a file belongs to: one of its paths."""
        root = path
        while self._parent.get(root, root) != root:
            root = self._parent[root]
        while self._parent.get(path, path) != root:
            self._parent[path], path = root, self._parent[path]
        return root

    def join(self, one: str, other: str) -> None:
        """Put the groups of two files together, if both are in one."""
        if one in self._parent and other in self._parent:
            first, second = sorted((self.group(one), self.group(other)))
            self._parent[second] = first

    def all(self) -> list[tuple[str, ...]]:
        """The groups, each sorted, in the order of their first files."""
        found: dict[str, list[str]] = {}
        for path in self._parent:
            found.setdefault(self.group(path), []).append(path)
        return [tuple(paths) for paths in found.values()]

"""Which functions does a project declare as its commands?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

TABLES = (("project", "scripts"), ("project", "gui-scripts"), ("tool", "poetry", "scripts"))
"""Where `pyproject.toml` names commands: the packaging standard's tables, and Poetry's own of before."""

GROUPS = ("console_scripts", "gui_scripts")
"""Where the files of setuptools do."""


def declared_scripts(roots: Iterable[str]) -> frozenset[str]:
    """The `module:function` of every command that a `pyproject.toml`, `setup.cfg` or `setup.py` in these folders
    declares.

    A file that cannot be read, or holds something else, declares nothing: it is not what is audited here.
    """
    found: set[str] = set()
    for root in roots:
        for name, commands in _FILES.items():
            path = os.path.join(root, name)
            try:
                if os.path.isfile(path) and os.path.getsize(path) <= _MOST_BYTES:
                    with open(path, "rb") as file:
                        found.update(commands(file.read()))
            # TOMLDecodeError and UnicodeDecodeError are ValueErrors.
            except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    return frozenset(found)


_MOST_BYTES = 1_000_000


def _of_pyproject(content: bytes) -> Iterator[str]:
    import tomli  # late: most runs have at most one such file, and some none

    document = tomli.loads(content.decode())
    for table in TABLES:
        found: object = document
        for key in table:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            yield from (value for value in found.values() if isinstance(value, str) and ":" in value)


def _of_setup_cfg(content: bytes) -> Iterator[str]:
    if not any(group.encode() in content for group in GROUPS):
        return
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(content.decode())
    except configparser.Error:
        return
    for group in GROUPS:
        yield from _listed(parser.get("options.entry_points", group, fallback="").splitlines())


def _of_setup_py(content: bytes) -> Iterator[str]:
    """What stands in the literal text of a `setup.py`: the file is read, and never run."""
    if not any(group.encode() in content for group in GROUPS):
        return
    import ast

    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "=" in node.value:
            yield from _listed(node.value.splitlines())


def _listed(lines: Iterable[str]) -> Iterator[str]:
    """The targets of lines such as `orders = shop.orders:main [extra]`."""
    for line in lines:
        name, _, target = line.partition("=")
        target = target.partition("[")[0].strip()
        if name.strip() and ":" in target and all(part.isidentifier() for part in target.replace(":", ".").split(".")):
            yield target


_FILES: dict[str, Callable[[bytes], Iterable[str]]] = {
    "pyproject.toml": _of_pyproject,
    "setup.cfg": _of_setup_cfg,
    "setup.py": _of_setup_py,
}

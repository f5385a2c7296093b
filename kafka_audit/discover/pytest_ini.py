"""How is pytest configured in a folder: which file says so, and what does it say about imports, tests and event loops?

As pytest has it (9.2, documentation "Configuration"): the nearest of `pytest.toml`, `pytest.ini`, `pyproject.toml`,
`tox.ini` and `setup.cfg`, from the test's folder upwards, that has pytest's own section; its folder is the root
directory. `PYTEST_ADDOPTS` and the command line are not known here.
"""

from __future__ import annotations

import configparser
import os
import shlex
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from kafka_audit.catalog.web import DJANGO_APPS
from kafka_audit.model import Record

_INI = (
    ("pytest.toml", "pytest"),
    (".pytest.toml", "pytest"),
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("pyproject.toml", "tool.pytest"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)
"""The files that pytest looks for, in its order, and the section of each; `pyproject.toml` has two possible ones."""


class PytestIni(Record, frozen=True, kw_only=True):
    """What pytest is told in one root directory.

    `folder` is the root directory below the base of the analysis, as parts; `path` the configuration file by name,
    empty when there is none. `pythonpath` are folders below the base. `plugins` are modules given by `-p`.
    """

    folder: tuple[str, ...] = ()
    path: str = ""
    pythonpath: tuple[tuple[str, ...], ...] = ()
    import_mode: str = "prepend"
    python_files: tuple[str, ...] = ("test_*.py", "*_test.py")
    python_classes: tuple[str, ...] = ("Test",)
    python_functions: tuple[str, ...] = ("test",)
    plugins: tuple[str, ...] = ()
    usefixtures: tuple[str, ...] = ()
    asyncio_mode: str = "strict"
    fixture_loop_scope: str = ""
    test_loop_scope: str = ""
    django_settings: str = ""


def is_test_file(path: str, ini: PytestIni) -> bool:
    """Whether pytest collects from a file of this name."""
    name = PurePosixPath(path).name
    return any(fnmatchcase(name, pattern) for pattern in ini.python_files)


def configurations(base: str, names: Iterable[str]) -> dict[tuple[str, ...], PytestIni]:
    """The configuration that holds in the folder of each of the files, by folder; every configuration is read once.

    A file that cannot be read says nothing: it is not what is audited here.
    """
    found: dict[tuple[str, ...], PytestIni] = {}

    def nearest(folder: tuple[str, ...]) -> PytestIni:
        if folder not in found:
            found[folder] = _here(base, folder) or (nearest(folder[:-1]) if folder else PytestIni())
        return found[folder]

    return {folder: nearest(folder) for folder in {PurePosixPath(name).parent.parts for name in names}}


def below(folder: tuple[str, ...], path: str) -> tuple[str, ...] | None:
    """A relative path seen from a folder, as parts without dots; None when it leads out of the base."""
    if os.path.isabs(path):
        return None
    parts = list(folder)
    for part in path.replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


def _here(base: str, folder: tuple[str, ...]) -> PytestIni | None:
    """The configuration that stands in a folder, if one does."""
    for name, section in _INI:
        location = os.path.join(base, *folder, name)
        values = _values(location, section) if os.path.isfile(location) else None
        if values is not None:
            return _ini(folder, "/".join((*folder, name)), values)
    return None


def _values(location: str, section: str) -> Mapping[str, Any] | None:
    """The section's values; None when the file has no such section."""
    try:
        return _from_toml(location, section) if location.endswith(".toml") else _from_ini(location, section)
    except (
        OSError,
        ValueError,
        RecursionError,
        configparser.Error,
    ):  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        return None


def _from_toml(location: str, section: str) -> Mapping[str, Any] | None:
    import tomli  # late: a scan that is given no tests reads no configuration

    with open(location, "rb") as file:
        found: Any = tomli.load(file)
    for key in section.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    options = found.get("ini_options", found) if isinstance(found, dict) else None
    return options if isinstance(options, dict) else None


def _from_ini(location: str, section: str) -> Mapping[str, Any] | None:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # pytest keeps names as they are written
    with open(location, encoding="utf-8") as file:
        parser.read_file(file)
    if parser.has_section(section):
        return dict(parser.items(section))
    return {} if os.path.basename(location) in ("pytest.ini", ".pytest.ini") else None


def _ini(folder: tuple[str, ...], path: str, values: Mapping[str, Any]) -> PytestIni:
    options = _options(values.get("addopts", ""))
    default = PytestIni()
    folders = [below(folder, entry) for entry in _words(values.get("pythonpath", ""))]
    return PytestIni(
        folder=folder,
        path=path,
        pythonpath=tuple(each for each in folders if each is not None),
        import_mode=(default.import_mode, *_after(options, "--import-mode"))[-1],
        python_files=_words(values.get("python_files", "")) or default.python_files,
        python_classes=_words(values.get("python_classes", "")) or default.python_classes,
        python_functions=_words(values.get("python_functions", "")) or default.python_functions,
        plugins=tuple(name for name in _after(options, "-p") if not name.startswith("no:")),
        usefixtures=_words(values.get("usefixtures", "")),
        django_settings=(("", *_after(options, "--ds"))[-1] or str(values.get(DJANGO_APPS.variable, ""))).strip(),
        asyncio_mode=str(values.get("asyncio_mode", default.asyncio_mode)).strip(),
        fixture_loop_scope=str(values.get("asyncio_default_fixture_loop_scope", "")).strip(),
        test_loop_scope=str(values.get("asyncio_default_test_loop_scope", "")).strip(),
    )


def _options(value: Any) -> tuple[str, ...]:
    """`addopts`, one string or a list, as words."""
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    try:
        return tuple(shlex.split(str(value)))
    except ValueError:  # an open quote: pytest would refuse it
        return ()


def _words(value: Any) -> tuple[str, ...]:
    """A list, or words with blanks between them."""
    return tuple(str(each) for each in value) if isinstance(value, list) else tuple(str(value).split())


def _after(options: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The values of an option that may be written `name value`, `name=value` or, when short, `namevalue`."""
    found = []
    for index, word in enumerate(options):
        if word == name and index + 1 < len(options):
            found.append(options[index + 1])
        elif word.startswith(f"{name}="):
            found.append(word[len(name) + 1 :])
        elif len(name) == 2 and word.startswith(name) and len(word) > 2 and not word.startswith("--"):
            found.append(word[2:])
    return tuple(found)

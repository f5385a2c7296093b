"""What do the files of a project say of how it is to be audited, and what does the command line change of that?

The nearest `kafka-audit.toml`, or `pyproject.toml` with a table `[tool.kafka-audit]`, at or above everything that is to
be audited holds for the whole run. A file that does not speak of this program is not looked at closer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kafka_audit.config.check import checked
from kafka_audit.model import Record
from kafka_audit.settings import ConfigError

__all__ = ["Configuration", "inline", "layered", "nearest", "read"]

OWN_FILE = "kafka-audit.toml"
SHARED_FILE = "pyproject.toml"


class Configuration(Record, frozen=True, kw_only=True):
    """The values of one file by the names of their fields; `file` is its path, empty when there is none."""

    values: Mapping[str, Any] = msgspec.field(default_factory=dict)
    file: str = ""

    @property
    def shown(self) -> str:
        """The file as messages name it."""
        return _shown(self.file)

    @property
    def folder(self) -> str:
        """The folder that patterns and paths in the file are relative to; empty for the current one."""
        return os.path.dirname(os.path.abspath(self.file)) if self.file else ""


def nearest(paths: Sequence[str]) -> Configuration:
    """The configuration that holds for these paths. Raises `ConfigError` for a file that is wrong."""
    for folder in _upwards(paths):
        for name in (OWN_FILE, SHARED_FILE):
            file = os.path.join(folder, name)
            if os.path.isfile(file):
                values = _table_in(file)
                if values is not None:
                    return Configuration(values=checked(values, _shown(file)), file=file)
    return Configuration()


def read(file: str) -> Configuration:
    """The configuration in a file that was named by hand. Raises `ConfigError` when it is wrong or not there."""
    if not os.path.isfile(file):
        raise ConfigError(f"--config {_shown(file)} does not exist; name a file, or give `key = value` as TOML")
    return Configuration(values=checked(_table_in(file) or {}, _shown(file)), file=file)


def inline(text: str) -> dict[str, Any]:
    """The values of one `--config 'key = value'`."""
    return checked(_parsed(text, "--config"), "--config")


def layered(file: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a file with those of the command line over them.

    What the command line says replaces what the file says, except that an option called `extend` adds to it.
    """
    both = {**file, **line}
    for name in file.keys() & line.keys():
        if name.startswith("extend_"):
            both[name] = (*file[name], *line[name])
    return both


def _table_in(file: str) -> dict[str, Any] | None:
    """The file's table for this program; `None` when it has none."""
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise ConfigError(f"{_shown(file)} cannot be read: {error.strerror}") from error
    is_own = os.path.basename(file) != SHARED_FILE
    if not is_own and b"kafka-audit" not in data:
        return None  # what it holds, TOML or not, is not for us
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{_shown(file)} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    document = _parsed(text, _shown(file))
    tools = document.get("tool")
    found = document if is_own else tools.get("kafka-audit") if isinstance(tools, dict) else None
    if found is not None and not isinstance(found, dict):
        raise ConfigError(
            f"{_shown(file)}: `tool.kafka-audit` is no table; write [tool.kafka-audit] above the settings"
        )
    return found


def _parsed(text: str, where: str) -> dict[str, Any]:
    import tomli  # late: most runs parse one file at most

    try:
        return tomli.loads(text.replace("\r\n", "\n"))
    except (tomli.TOMLDecodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"{where} is not valid TOML: {reason}") from error


def _upwards(paths: Sequence[str]) -> Iterator[str]:
    """The innermost folder around all paths, and every folder above it."""
    try:
        places = [os.path.abspath(path) for path in paths if path != "-"] or [os.getcwd()]
    except OSError as error:
        raise ConfigError("the current directory does not exist any more; change to another one") from error
    common = os.path.commonpath([place if os.path.isdir(place) else os.path.dirname(place) for place in places])
    while True:
        yield common
        above = os.path.dirname(common)
        if above == common:
            return
        common = above


def _shown(file: str) -> str:
    """The file as the reader knows it: below the current folder, or absolute."""
    here = os.path.join(os.getcwd(), "")
    absolute = os.path.abspath(file)
    shown = absolute[len(here) :] if absolute.startswith(here) else absolute
    return shown if shown.isprintable() else ascii(shown)

"""What was asked for: one frozen record that the command line fills and every later phase reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar, get_args

import msgspec

from kafka_audit.model import Role, Severity

Format = Literal["text", "concise", "json"]
Color = Literal["auto", "always", "never"]

FORMATS: tuple[Format, ...] = get_args(Format)
COLORS: tuple[Color, ...] = get_args(Color)
ROLES: tuple[Role, ...] = get_args(Role)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_Word = TypeVar("_Word", bound=str)


class ConfigError(Exception):
    """The tool was asked for something it cannot do. Its text is one sentence that says what to do next."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the audit.

    `paths` are files and folders as typed. `select` and `ignore` hold rule codes or their beginnings (`KA2`); an empty
    `select` means the rules that are on by default. `fail_on` is the lowest severity that makes the exit code 1.
    `jobs` is the number of worker processes, 0 for one per processor. With `cache`, what is found out is kept in
    `cache_dir`, by default the project's folder in the user's cache directory; without, nothing is written.
    """

    paths: tuple[str, ...] = (".",)
    roles: tuple[Role, ...] = ("producer",)
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Severity = "warning"
    exit_zero: bool = False
    jobs: int = 0
    format: Format = "text"
    output: str | None = None
    color: Color = "auto"
    quiet: bool = False
    cache: bool = False
    cache_dir: str | None = None

    def __post_init__(self) -> None:
        """Raise `ConfigError` for values that no run can have."""
        if not self.paths:
            raise ConfigError("no path was given; name a file or a folder, or `.` for the current folder")
        if self.jobs < 0:
            raise ConfigError(f"--jobs is {self.jobs}; use a positive number, or 0 for one process per processor")


def chosen(option: str, word: str, words: Sequence[_Word]) -> _Word:
    """The word as one of those that the option takes; raises `ConfigError` for any other."""
    for known in words:
        if known == word:
            return known
    raise ConfigError(f"{option} cannot be `{word}`; choose {', '.join(words[:-1])} or {words[-1]}")

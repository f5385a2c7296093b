"""What is told of a setting besides its type and its default, and the table that the fields of `Settings` make.

The command line, the reader of configuration files, the JSON Schema, `--show-settings` and the documentation are made
from that one table, so a setting is described where it is declared and nowhere else.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeVar, get_type_hints

import msgspec

from kafka_audit.model import Record

Group = Literal["Scope", "Rules", "Suppression", "Output", "Gate", "Catalogue", "Run"]
"""What a setting is about; the help and the documentation are in this order."""

_Word = TypeVar("_Word", bound=str)


class ConfigError(Exception):
    """The tool was asked for something it cannot do. Its text is one sentence that says what to do next."""


class Option(Record, frozen=True, kw_only=True):
    """How a person sets one setting.

    `help` is a sentence. `flag` is the command line's name where it is not the key's, `short` a letter for it.
    `metavar` stands for a value in the help; `splits` says that commas separate several. `in_file` and `on_line` say
    whether a configuration file and the command line take it: what is about one run only is no matter of a file, and a
    table is none of a line.
    """

    help: str
    group: Group
    flag: str = ""
    short: str = ""
    metavar: str = ""
    splits: bool = True
    in_file: bool = True
    on_line: bool = True


class Setting(NamedTuple):
    """One row of the table: the field's name, the key in a file, the bare type, the default, and its option."""

    name: str
    key: str
    type: Any
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """The long name on the command line."""
        return self.option.flag or f"--{self.key}"


def table(settings: type[msgspec.Struct]) -> tuple[Setting, ...]:
    """The settings that the fields of the class declare, in their order; fields without an option are none."""
    hints = get_type_hints(settings, include_extras=True)
    bare = get_type_hints(settings)
    return tuple(
        Setting(
            name=field.name,
            key=field.name.replace("_", "-"),
            type=bare[field.name],
            default=field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory(),
            option=option,
        )
        for field in msgspec.structs.fields(settings)
        for option in getattr(hints[field.name], "__metadata__", ())
    )


def chosen(option: str, word: str, words: tuple[_Word, ...]) -> _Word:
    """The word as one of those that the option takes; raises `ConfigError` for any other."""
    for known in words:
        if known == word:
            return known
    raise ConfigError(f"{option} cannot be `{word}`; choose {', '.join(words[:-1])} or {words[-1]}")

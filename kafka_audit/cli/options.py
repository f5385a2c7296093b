"""How do the rows of the settings' table become options of a command, and options become settings again?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from kafka_audit.config.check import value_of
from kafka_audit.settings import ConfigError, Setting, Settings, table

LINE = tuple(setting for setting in table(Settings) if setting.option.on_line)
"""The settings that a command line takes."""

LONGEST = 40
"""Columns of the words that an option takes; more are listed in its help."""

COMMON: dict[str, tuple[Any, Any]] = {
    "paths": (
        Annotated[
            list[str] | None, typer.Argument(metavar="PATH", help="Files and folders; the current folder by default.")
        ],
        None,
    ),
    "config": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--config", metavar="FILE|KEY=VALUE", help="Read this file, or take this TOML; can be repeated."
            ),
        ],
        None,
    ),
    "isolated": (Annotated[bool, typer.Option("--isolated", help="Read no configuration file.")], False),
}
"""What every command takes that has settings: each is an annotation and a default."""


def signature(own: Mapping[str, tuple[Any, Any]], settings: Sequence[Setting] = LINE) -> inspect.Signature:
    """What Typer reads of a command: what all take, its own parameters, and the settings."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in {**COMMON, **own}.items()
    ]
    for setting in settings:
        annotation, default = _annotation(setting)
        parameters.append(
            inspect.Parameter(setting.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    return inspect.Signature(parameters)


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among a command's arguments, those that were typed, as the fields have them."""
    typed = [(setting, arguments[setting.name]) for setting in LINE if arguments.get(setting.name) is not None]
    return {setting.name: value_of(setting, _plain(setting, raw), setting.flag) for setting, raw in typed}


def settled(arguments: Mapping[str, Any], line: Mapping[str, Any]) -> tuple[Settings, dict[str, str]]:
    """The settings of a run, the command line over a file, and where those are from that are no default.

    `line` is what `given` says of the arguments.
    """
    from kafka_audit.config import Configuration, inline, layered, nearest, read

    paths = tuple(arguments["paths"] or (".",))
    named = [text for text in arguments["config"] or () if "=" not in text]
    if len(named) > 1:
        raise ConfigError("--config names two files; settings come from one")
    configuration = Configuration()
    if named:
        configuration = read(named[0])
    elif not arguments["isolated"]:
        configuration = nearest(paths)
    typed: dict[str, Any] = {}
    for text in arguments["config"] or ():
        typed = layered(typed, inline(text) if "=" in text else {})
    typed = layered(typed, line)
    origins = dict.fromkeys(configuration.values, configuration.shown) | dict.fromkeys(typed, "command line")
    values = {"cache": True, **layered(configuration.values, typed)}
    values["roles"] = tuple(sorted({"producer", *values.get("roles", ())}))
    return Settings(paths=paths, folder=configuration.folder, **values), origins


def _annotation(setting: Setting) -> tuple[Any, Any]:
    option = setting.option
    names = [setting.flag, *([option.short] if option.short else [])]
    if setting.type is bool:
        if option.in_file:  # what a file can turn on, the command line must be able to turn off
            names[0] = f"{setting.flag}/--no-{setting.key}"
        return Annotated[bool | None, typer.Option(*names, help=option.help, show_default=False)], None
    kind = int if setting.type is int else str
    if _is_repeated(setting):
        words = _words(get_args(setting.type)[0])
        info = typer.Option(
            *names, help=option.help, metavar="|".join(words) or option.metavar, autocompletion=_completing(words)
        )
        return Annotated[list[str] | None, info], None
    words = _words(setting.type)
    choices = "|".join(words)
    is_long = len(choices) > LONGEST
    default = f"[default: {setting.default}]" if setting.default not in (None, "", False) else ""
    parts = (option.help, f"One of {', '.join(words)}." if is_long else "", default)
    info = typer.Option(
        *names,
        help=" ".join(part for part in parts if part),
        metavar=option.metavar if is_long or not words else choices,
        autocompletion=_completing(words),
    )
    return Annotated[kind | None, info], None


def _completing(words: Sequence[str]) -> Callable[[str], list[str]] | None:
    """What a shell offers for the beginning of a word; `None` when anything may stand there."""
    return (lambda incomplete: [word for word in words if word.startswith(incomplete)]) if words else None


def _words(kind: Any) -> Sequence[str]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _is_repeated(setting: Setting) -> bool:
    return get_origin(setting.type) in (tuple, dict)


def _plain(setting: Setting, raw: Any) -> Any:
    """What was typed, as a file would have it."""
    if get_origin(setting.type) is tuple:
        return listed(raw) if setting.option.splits else raw
    return _pairs(setting, raw) if get_origin(setting.type) is dict else raw


def listed(values: Sequence[str]) -> list[str]:
    """The words of an option that can be repeated and takes several words with commas between them."""
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _pairs(setting: Setting, values: Sequence[str]) -> dict[str, Any]:
    """The table that `KEY=VALUE`, repeated, stands for; values of one key are gathered where the table has lists."""
    found: dict[str, Any] = {}
    for value in values:
        key, equals, word = value.rpartition("=")
        if not equals or not key.strip() or not word.strip():
            raise ConfigError(f"{setting.flag} is `{value}`; it takes {setting.option.metavar}")
        if get_origin(get_args(setting.type)[1]) is tuple:
            found.setdefault(key.strip(), []).extend(listed([word]))
        else:
            found[key.strip()] = word.strip()
    return found

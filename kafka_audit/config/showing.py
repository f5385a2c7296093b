"""How are settings shown: those of a run as a file that could be written, and all of them as a JSON Schema?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec

from kafka_audit.settings import Setting, Settings, table


def effective(settings: Settings, origins: Mapping[str, str]) -> str:
    """The settings of a run as TOML, each with where it comes from; `origins` has those that are no default."""
    lines = []
    for setting in table(Settings):
        value = getattr(settings, setting.name)
        if setting.option.in_file:
            row = f"# {setting.key} is not set" if value is None else f"{setting.key} = {_toml(value)}"
            lines.append(f"{row}  # {origins.get(setting.name, 'default')}")
    return "\n".join(lines) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `kafka-audit.toml`, which is also that of the table `tool.kafka-audit`."""
    settings = [setting for setting in table(Settings) if setting.option.in_file]
    kinds, definitions = msgspec.json.schema_components(
        [setting.type for setting in settings], ref_template="#/$defs/{name}"
    )
    properties = {
        setting.key: {**kind, "description": setting.option.help, "default": msgspec.to_builtins(setting.default)}
        for setting, kind in zip(settings, kinds, strict=True)
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kafka-audit configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "$defs": definitions,
    }


def schema_document() -> str:
    """The schema as it is published in `docs/config.schema.json`."""
    return json.dumps(schema(), indent=2) + "\n"


def markdown() -> str:
    """All settings as Markdown tables, one for each thing that settings are about."""
    settings = table(Settings)
    parts = []
    for group in dict.fromkeys(setting.option.group for setting in settings):
        rows = [_row(setting) for setting in settings if setting.option.group == group]
        parts.append("\n".join((f"### {group}", "", *_HEAD, *rows)))
    return "\n\n".join(parts) + "\n"


_HEAD = ("| key | command line | takes | default | what it does |", "| --- | --- | --- | --- | --- |")


def _row(setting: Setting) -> str:
    option = setting.option
    key = f"`{setting.key}`" if option.in_file else "no key"
    flags = ", ".join(f"`{name}`" for name in (setting.flag, option.short) if name) if option.on_line else "in a file"
    default = "not set" if setting.default is None else f"`{_toml(setting.default)}`"
    return f"| {key} | {flags} | {_takes(setting.type)} | {default} | {option.help} |"


def _takes(kind: Any) -> str:
    """What values a type has, in words."""
    if kind in _NOUNS:
        return _NOUNS[kind]
    if get_origin(kind) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(kind))
    if get_origin(kind) is tuple:
        return f"a list: {_takes(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        inner = get_args(kind)[1]
        return "a table of lists" if get_origin(inner) is tuple else f"a table of {_takes(inner)}"
    return "tables, see below" if isinstance(kind, type) else "text"


_NOUNS = {str: "text", int: "a whole number", bool: "`true` or `false`"}


def _toml(value: Any) -> str:
    """The value as TOML: what JSON writes for text, numbers, booleans and lists is TOML, too."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, msgspec.Struct):
        return _toml(msgspec.to_builtins(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)

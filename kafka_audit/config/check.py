"""Is a value one that a setting can have? If not, one sentence says where it stands, what it is, and what it should be.

Files and the command line are checked by the same words, so that every mistake is answered in the same way.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec

from kafka_audit.settings import ConfigError, Setting, Settings, chosen, table

_KINDS = {
    "array": "a list",
    "object": "a table",
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "datetime": "a date",
    "date": "a date",
    "time": "a time of day",
}
_WRONG = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<found>[^`]+)`")
_MISSING = re.compile(r"missing required field `(?P<key>[^`]+)`")
_INSIDE = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`")


def checked(values: Mapping[str, Any], file: str) -> dict[str, Any]:
    """The table of a configuration file by the names of the fields, each value as the field has it.

    Raises `ConfigError` for a key that is none of a file, with the closest that is, and for a value of a wrong type.
    """
    settings = {setting.key: setting for setting in table(Settings) if setting.option.in_file}
    for key in values:
        if key not in settings:
            raise ConfigError(f"{file}: there is no setting `{key}`; {_hint(key, settings)}")
    return {settings[key].name: value_of(settings[key], value, f"`{key}` in {file}") for key, value in values.items()}


def value_of(setting: Setting, value: Any, where: str) -> Any:
    """The value as the setting's field has it; `where` names its place in messages, such as an option."""
    if get_origin(setting.type) is Literal and isinstance(value, str):
        return chosen(where, value, get_args(setting.type))
    _check_words(setting.type, value, where)
    try:
        return msgspec.convert(value, setting.type)
    except msgspec.ValidationError as error:
        raise ConfigError(_wrong(str(error), setting, value, where)) from error


def _check_words(wanted: Any, value: Any, where: str) -> None:
    """Raise for a word in a list or a table that is none of those it takes, and for an unknown key of a row."""
    inner = [each for each in get_args(wanted) if each is not Ellipsis]
    if not inner or not isinstance(value, (list, dict)):
        return
    for at, item in value.items() if isinstance(value, dict) else enumerate(value):
        place = where if isinstance(value, list) and len(value) == 1 else f"{where}, {_nth(at)},"
        if get_origin(inner[-1]) is Literal and isinstance(item, str):
            chosen(place, item, get_args(inner[-1]))
        elif isinstance(inner[-1], type) and issubclass(inner[-1], msgspec.Struct) and isinstance(item, dict):
            _check_row(inner[-1], item, place)


def _check_row(row: type[msgspec.Struct], item: Mapping[str, Any], where: str) -> None:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(row)}
    for key, value in item.items():
        if key not in fields:
            raise ConfigError(f"{where.rstrip(',')}: there is no key `{key}`; {_hint(key, fields)}")
        if get_origin(fields[key]) is Literal and isinstance(value, str):
            chosen(f"`{key}` of {where.rstrip(',')}", value, get_args(fields[key]))


def _nth(at: object) -> str:
    return f"entry {at + 1}" if isinstance(at, int) else f"`{at}`"


def _wrong(error: str, setting: Setting, value: Any, where: str) -> str:
    """What msgspec says of a value, in the words of a person who writes TOML."""
    inside = _INSIDE.search(error)
    place = f"{where}, at `{setting.key}{inside['path'].replace('[...]', '')}`," if inside else where
    missing, wrong = _MISSING.search(error), _WRONG.search(error)
    if missing:
        return f"{place.rstrip(',')} has no `{missing['key']}`; add it"
    if wrong is None:
        return f"{place} is wrong: {error}"
    wanted = " or ".join(_KINDS.get(each, each) for each in wrong["wanted"].split(" | ") if each != "null")
    return f"{place} is {_KINDS.get(wrong['found'], wrong['found'])}; it takes {wanted}"


def _hint(key: str, known: Iterable[str]) -> str:
    """Which key was meant."""
    close = difflib.get_close_matches(key.replace("_", "-").lower(), list(known), n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else "`kafka-audit scan --show-settings` lists all of them"

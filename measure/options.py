"""What do the clients that are installed here accept? Run `python -m measure.options` to write it down.

The answers are merged into `kafka_audit/catalog/options.json` under the versions that are installed: what the file says
of other versions stays. Run it once in an environment for each version that is to be known.
"""

from __future__ import annotations

import ctypes
import importlib
import inspect
import re
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

import msgspec

from kafka_audit.catalog.clients import CLIENTS
from kafka_audit.catalog.options import SHAPES, Accepted, Kind, Property, holds, spans_of

TARGET = Path(__file__).resolve().parent.parent / "kafka_audit" / "catalog" / "options.json"
DISTRIBUTIONS = ("aiokafka", "confluent-kafka", "kafka-python", "kafka-python-ng")

CANDIDATES = (
    "default.topic.config",
    "error_cb",
    "key.deserializer",
    "key.deserializer.builder",
    "key.serializer",
    "key.serializer.builder",
    "logger",
    "oauth_cb",
    "on_commit",
    "on_delivery",
    "stats_cb",
    "throttle_cb",
    "value.deserializer",
    "value.deserializer.builder",
    "value.serializer",
    "value.serializer.builder",
)
"""Keys that confluent-kafka may handle in Python, or hand over to librdkafka by a function of its own."""


def main() -> None:
    """Merge what is installed here into the file, and say which versions that is."""
    known = msgspec.json.decode(TARGET.read_bytes(), type=dict[str, Accepted]) if TARGET.exists() else {}
    for distribution in DISTRIBUTIONS:
        try:
            here = version(distribution)
        except PackageNotFoundError:
            continue
        known[distribution] = merged(known.get(distribution), here, observed(distribution))
        print(f"{distribution} {here}")
    TARGET.write_bytes(written(known))


def written(known: Mapping[str, Accepted]) -> bytes:
    """The file's content: sorted, one name a line."""
    order = dict(sorted(known.items()))
    return msgspec.json.format(msgspec.json.encode(order, order="sorted"), indent=1) + b"\n"


def observed(distribution: str) -> Accepted:
    """What the installed clients of a distribution accept, as of a version of which nothing else is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _of_confluent() if distribution == "confluent-kafka" else _of_arguments(distribution)


def merged(known: Accepted | None, here: str, now: Accepted) -> Accepted:
    """What is known of other versions, and what was observed in version `here`."""
    from packaging.version import Version

    before = known or Accepted(examined=())
    examined = tuple(sorted({*before.examined, here}, key=Version))
    newest = examined[-1] == here

    def spans(old: Mapping[str, str], new: Iterable[str]) -> dict[str, str]:
        names = {name: _present(span, before.examined, here) for name, span in old.items()}
        for name in new:
            names.setdefault(name, set()).add(here)
        return {name: spans_of(present, examined) for name, present in sorted(names.items()) if present}

    properties = spans({name: each.versions for name, each in before.properties.items()}, now.properties)
    described = before.properties | now.properties if newest else now.properties | before.properties
    return Accepted(
        examined=examined,
        arguments={
            name: spans(before.arguments.get(name, {}), now.arguments.get(name, {}))
            for name in sorted({*before.arguments, *now.arguments})
        },
        properties={
            name: msgspec.structs.replace(described[name], versions=versions) for name, versions in properties.items()
        },
        keys={
            name: spans(before.keys.get(name, {}), now.keys.get(name, {})) for name in sorted({*before.keys, *now.keys})
        },
    )


def _present(span: str, examined: Sequence[str], here: str) -> set[str]:
    return {each for each in examined if each != here and holds(span, each, examined)}


def _load(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _of_arguments(distribution: str) -> Accepted:
    """The named arguments of constructors that take no dict: what the signature names, or the library's own table."""
    package = "kafka-python" if distribution == "kafka-python-ng" else distribution
    arguments = {}
    for client in CLIENTS:
        if client.distribution == package and client.role != "framework":
            try:
                kind = _load(client.name)
            except (ImportError, AttributeError):
                continue  # this version does not have the class
            arguments[client.name] = dict.fromkeys(_names(kind), "")
    return Accepted(examined=(), arguments=arguments)


def _names(kind: Any) -> list[str]:
    table = getattr(kind, "DEFAULT_CONFIG", None)
    if table is not None:
        return sorted({*table, *(getattr(kind, "DEPRECATED_CONFIGS", None) or ())})
    parameters = inspect.signature(kind.__init__).parameters.values()
    return [each.name for each in parameters if each.name != "self" and each.kind.name.endswith(("ONLY", "KEYWORD"))]


def _of_confluent() -> Accepted:
    """The properties that librdkafka lists, and the keys that each class takes beside them."""
    properties = _properties()
    keys, arguments = {}, {}
    for name, shape in SHAPES.items():
        try:
            kind = _load(name)
        except (ImportError, AttributeError):
            continue
        plain = _load("confluent_kafka.Consumer" if "Consumer" in name else "confluent_kafka.Producer")
        probed = plain if shape.mapping and ("avro" in name or "aio" in name) else kind
        keys[name] = dict.fromkeys([key for key in CANDIDATES if _takes(probed, key)], "")
        own = inspect.signature(kind.__init__).parameters.values() if shape.mapping else ()
        named = [each.name for each in own if each.kind.name == "POSITIONAL_OR_KEYWORD"]
        arguments[name] = dict.fromkeys([each for each in named if each not in {"self", shape.mapping}], "")
    return Accepted(examined=(), arguments=arguments, properties=properties, keys=keys)


def _takes(kind: Any, key: str) -> bool:
    """Whether a class knows a key: it then complains of the value, or of the next key, and nothing is made."""
    values: dict[str, Any] = {"default.topic.config": {}, "logger": None}
    try:
        kind({"group.id": "g", key: values.get(key, print), "no.such.property": ""})
    except Exception as error:
        return f'"{key}"' not in str(error)
    raise AssertionError(f"{kind} takes anything")


def _properties() -> dict[str, Property]:
    """librdkafka's own list. A property that exists for clients and for topics is described as the clients'."""
    found: dict[str, Property] = {}
    for line in _table().splitlines():
        cells = [cell.strip() for cell in line.split("|", 5)]
        kind = re.search(r"\*Type: ([^*]+)\*", cells[-1])
        if len(cells) == 6 and kind is not None and cells[0] not in found:
            found[cells[0]] = _property(cells[0], cells[1], cells[2], kind[1], cells[5])
    return dict(sorted(found.items()))


def _property(name: str, letters: str, span: str, kind: str, text: str) -> Property:
    alias = re.match(r"Alias for `([^`]+)`", text)
    low, _, high = span.partition(" .. ")
    is_number = kind in {"integer", "float"} and bool(high)
    in_python = name in {"error_cb", "stats_cb", "throttle_cb"}
    return Property(
        kind=kind if kind in get_args(Kind) else "call",  # type: ignore[arg-type]
        low=float(low) if is_number else None,
        high=float(high) if is_number else None,
        words=tuple(span.split(", ")) if kind in {"enum value", "CSV flags"} and span else (),
        role={"P": "producer", "C": "consumer"}.get(letters, ""),  # type: ignore[arg-type]
        alias=alias[1] if alias else "",
        is_settable=kind in get_args(Kind) or in_python,
    )


def _table() -> str:
    """The table that `rd_kafka_conf_properties_show` of the library inside the wheel prints."""
    package = Path(importlib.import_module("confluent_kafka").__file__ or "").parent
    [library] = sorted(package.with_name("confluent_kafka.libs").glob("librdkafka*"))
    show, c = ctypes.CDLL(str(library)), ctypes.CDLL(None)
    c.fopen.restype, c.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
    c.fclose.argtypes = show.rd_kafka_conf_properties_show.argtypes = [ctypes.c_void_p]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "properties"
        file = c.fopen(bytes(path), b"w")
        show.rd_kafka_conf_properties_show(file)
        c.fclose(file)
        return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()

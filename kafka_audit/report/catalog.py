"""What does the audit know of each Kafka client and each framework hook: as text, or as JSON?

The text is written from the catalogue's rows alone, 80 columns wide and without colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal

import msgspec

from kafka_audit.catalog.clients import CLIENTS
from kafka_audit.catalog.hooks import HOOKS
from kafka_audit.catalog.schema import Client, Hook, Note

CatalogFormat = Literal["text", "json"]

_WIDTH = 80
_LABEL = 12
_PHASES = {
    "startup": "at start-up",
    "shutdown": "at shutdown",
    "both": "around the life",
    "request": "during the life",
    "test": "around a test",
    "exit": "at exit",
}


def listing(format: CatalogFormat) -> str:
    """Every client and every hook; the JSON is one object with the arrays `clients` and `hooks` of their records."""
    if format == "json":
        return msgspec.json.format(msgspec.json.encode({"clients": CLIENTS, "hooks": HOOKS}), indent=2).decode() + "\n"
    audited = [client for client in CLIENTS if client.role != "framework"]
    owning = [client for client in CLIENTS if client.role == "framework"]
    lines = [
        *_title("Kafka clients", "What ends each of them, and what to know about the way there."),
        *_clients(audited),
        *_title("Frameworks that own their clients", "Known, so that creating one of these is never an alarm."),
        *_clients(owning),
        *_title("Hooks", "What calls the code that starts and releases clients, and what may keep it from running."),
        *_hooks(HOOKS),
    ]
    return "\n".join(lines).strip() + "\n"


def _title(text: str, explanation: str) -> Iterator[str]:
    yield from ("", text, "=" * len(text), *textwrap.wrap(explanation, _WIDTH))


def _clients(clients: Iterable[Client]) -> Iterator[str]:
    for library, group in groupby(clients, key=lambda client: client.distribution):
        yield from ("", library, "-" * len(library))
        for client in group:
            style = "asyncio" if client.is_async else "synchronous"
            role = "owns its client" if client.role == "framework" else client.role
            yield from ("", f"{client.name.rpartition('.')[2]} ({role}, {style})")
            yield from _facts(client)


def _facts(client: Client) -> Iterator[str]:
    yield from (f"    {name}" for name in client.importable)  # whole lines: the longest names fill them
    yield from _labelled("start", (starts(client),))
    yield from _labelled("release", (releases(client),))
    yield from _labelled("careful", tuple(warnings(client)), separate_lines=True)
    yield from _labelled("blocks", (_blocks(client),))
    for note in client.notes:
        yield from _labelled(_versions(note), (note.text,))


def starts(client: Client) -> str:
    """Return what starts the client."""
    call = "await " if client.is_async else ""
    if client.awaited_constructor:
        return "the constructor, which is awaited"
    if client.start:
        return " or ".join(f"{call}{name}()" for name in client.start)
    return "the constructor" if client.starts_on_construct else "nothing to start"


def releases(client: Client) -> str:
    """Return each way to release the client."""
    call = "await " if client.is_async else ""
    ways = [f"{call}{name}()" for name in client.release]
    ways += [client.managed_by] if client.managed_by else []
    return ", ".join(ways) if ways else "nothing to release"


def warnings(client: Client) -> Iterator[str]:
    """Return what to know before using the client."""
    if client.needs_running_loop:
        yield "the constructor raises without a running event loop"
    if client.blocks_on_construct:
        yield "the constructor waits for a broker and raises when there is none"
    if client.flush_is_release and client.dirtied_by:
        yield f"owes a flush after {_calls(client.dirtied_by)}, nothing before"
    if client.release_once:
        yield "a second release raises"
    if client.closes_at_exit:
        yield "the library closes it when the interpreter exits"
    if client.generic:
        yield "may be subscripted before the call"
    if client.absent:
        yield f"has no {_calls(client.absent)}"


def _blocks(client: Client) -> str:
    always = _calls(client.blocking)
    timed = _calls(client.polls) + (" with a timeout" if client.polls_return_at_once else " unless its timeout is 0")
    return ", ".join([part for part, names in ((always, client.blocking), (timed, client.polls)) if names])


def _calls(names: Iterable[str]) -> str:
    return ", ".join(f"{name}()" for name in names)


def _versions(note: Note) -> str:
    if note.since and note.until:
        return f"{note.since}-{note.until}"
    if note.since:
        return f"since {note.since}"
    return f"until {note.until}" if note.until else "note"


def _hooks(hooks: Iterable[Hook]) -> Iterator[str]:
    """Hooks that differ only in how they are registered share one paragraph."""
    for framework, rows in groupby(hooks, key=lambda hook: hook.framework):
        yield from ("", framework, "-" * len(framework))
        for (scope, awaits, live, note), group in groupby(rows, key=lambda h: (h.scope, h.awaits, h.live, h.note)):
            yield ""
            for hook in group:
                yield from _wrapped(f"{_written(hook)}: {_PHASES[hook.phase]}", "", "    ")
            yield from _labelled("scope", (f"{scope}; {'can' if awaits else 'cannot'} await",))
            yield from _labelled("runs", (live,))
            yield from _labelled("note", (note,))


def _written(hook: Hook) -> str:
    """The hook as it stands in code."""
    last = hook.select.rpartition(".")[2] if "." in hook.select else repr(hook.select)
    if hook.via == "decorator":
        return f"@{hook.target}({last})" if hook.select else f"@{hook.target}"
    if hook.via == "call":
        return f"{hook.target}({last}, ...)" if hook.select else f"{hook.target}(...)"
    if hook.via == "keyword":
        return f"{hook.target}({hook.select}=...)"
    return f"def {hook.select} in {'a class' if hook.target == 'object' else hook.target}"


def _labelled(label: str, values: tuple[str, ...], *, separate_lines: bool = False) -> Iterator[str]:
    blank = " " * (2 + _LABEL + 1)
    for index, value in enumerate(value for value in values if value):
        head = f"  {label:<{_LABEL}} " if index == 0 or not separate_lines else blank
        yield from _wrapped(value, head, blank)


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
    )

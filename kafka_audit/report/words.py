"""How is what is known about one producer said in words? Each function turns one record into one phrase."""

from __future__ import annotations

from collections.abc import Sequence

from kafka_audit.model import Finding, Kind, Producer, Release, Root, Step, Suppressed, Verdict

# Likewise for those about which nothing is wrong.
_FEW_HARMLESS = 2

# How many lines below the constructor a start still counts as part of the same stretch of code.
_NEAR = 10

# How many things of a kind are told one by one: a wrapper class may be created in a hundred places.
_FEW = 6

_WORST: tuple[Verdict, ...] = ("never", "sometimes", "unknown", "delegated", "always")

_VERDICTS: dict[Verdict, str] = {
    "always": "released on every path that the audit follows",
    "sometimes": "there is a release, but not every path gets to it",
    "never": "never released",
    "delegated": "its release is left to another owner",
    "unknown": "whether it is released could not be decided",
}

_UNNAMED: dict[Kind, str] = {
    "global": "kept for as long as the process lives",
    "instance": "instance variable of its owner",
    "pooled": "pooled in a container",
    "local": "not kept in any variable",
    "returned": "returned to the caller",
    "managed": "managed by a with block or an exit stack",
    "delegated": "handed to another owner",
    "fixture": "pytest fixture",
    "unknown": "where it is kept could not be followed",
}

_NAMED: dict[Kind, str] = {
    "instance": "{} instance variable",
    "pooled": "pooled in {}",
    "local": "local variable {}",
    "returned": "returned to the caller, named {} here",
    "managed": "managed by a with block or an exit stack, as {}",
    "delegated": "handed to another owner, named {} here",
    "fixture": "pytest fixture {}",
    "unknown": "{}; who owns it could not be followed",
}


def owner_name(owner: str) -> str:
    """Return `f()` for a function, `C` for a class body, `module level` for a module."""
    if owner == "<module>":
        return "module level"
    return owner if owner.endswith(">") or is_class_body(owner) else f"{owner}()"


def is_class_body(owner: str) -> bool:
    """Return whether `owner` is a class by its name: the report names classes and functions alike."""
    return owner.rpartition(".")[2][:1].isupper()


def noun(producer: Producer) -> str:
    """Return what the client is called by its role."""
    return "admin client" if producer.role == "admin" else producer.role


def heading(producer: Producer) -> str:
    """Return who creates the client: a function of a module with the module, since many are called alike."""
    name = owner_name(producer.owner)
    if producer.owner == "<module>":
        return f"{name} of {producer.path}"
    return name if "." in producer.owner or is_class_body(producer.owner) else f"{_module(producer.path)}.{name}"


def _module(path: str) -> str:
    """Return the last word of the module's name: the file's, or the folder's if the file is its `__init__.py`."""
    folder, _, file = path.rpartition("/")
    stem = file.rpartition(".")[0] or file
    return folder.rpartition("/")[2] or stem if stem == "__init__" else stem


def file_range(producer: Producer) -> str:
    """Return `path:first-last`: from the constructor to its start, if that is close by, else to its closing bracket."""
    start, last = producer.started, producer.end_line
    if start.path == producer.path and start.line is not None and last < start.line <= last + _NEAR:
        last = start.line
    return f"{producer.path}:{span(producer.line, last)}"


def span(first: int, last: int) -> str:
    """Return `7` or `7-9`."""
    return f"{first}-{last}" if last > first else str(first)


def client(producer: Producer) -> str:
    """Return the client's canonical name, its role unless that is producer, and the project classes between."""
    role = "" if producer.role == "producer" else f" ({producer.role})"
    via = f", by way of {', '.join(producer.via)}" if producer.via else ""
    return f"{producer.client}{role}{via}"


def pattern(producer: Producer) -> str:
    """Return where the client is kept."""
    place = producer.place
    if place is None:
        return _UNNAMED[producer.kind]
    if producer.kind == "global":
        return _global_place(producer.owner, place)
    return _NAMED[producer.kind].format(place)


def _global_place(owner: str, place: str) -> str:
    if place.endswith("()") or place in (owner, owner.rpartition(".")[2]):
        return f"cached result of {place.removesuffix('()')}()"
    head, dot, _ = place.partition(".")
    if dot:
        return f"{'class' if head == 'cls' or head[:1].isupper() else 'shared'} attribute {place}"
    if is_class_body(owner):
        return f"class attribute {owner}.{place}"
    # A method may assign a module's variable or, through its class, an attribute: the report does not say which.
    return f"global {place}" if "." in owner else f"module global {place}"


def created(producer: Producer) -> str:
    """Return when the constructor runs."""
    return "at import" if producer.created.when == "import" else "on call"


def started(producer: Producer) -> str:
    """Return when and where the client is started."""
    start = producer.started
    if start.when == "never":
        return "no start found"
    when = {"import": "at import", "call": "on call", "constructor": "by its constructor"}[start.when]
    if start.path is None or start.line is None or start.when == "constructor":
        return when
    return f"{when}, {place(start.path, start.line, near=producer.path)}"


def releases(producer: Producer) -> list[str]:
    """Return each place that releases the client, or the one phrase that there is none."""
    if not producer.released.by and producer.kind == "managed" and producer.released.verdict == "always":
        return ["the end of its with block or exit stack"]
    return few([release(item, producer.path) for item in producer.released.by], "places") or ["none found"]


def release(item: Release, near: str) -> str:
    """Return which function releases the client, where, and by which call."""
    how = f": {item.how}" if item.how else ""
    return f"{owner_name(item.owner)} at {place(item.path, item.line, near=near)}{how}"


def few(told: Sequence[str], nouns: str) -> list[str]:
    """Return the first of many, and how many more there are."""
    more = len(told) - _FEW
    return [*told[:_FEW], f"{more} more {nouns}"] if more > 1 else list(told)


def verdict(producer: Producer, *, has_alarms: bool) -> str:
    """Return whether the client is released; `has_alarms` says that alarms below restrict it."""
    known = producer.released.verdict
    if known == "never" and producer.started.when == "never":
        return "never started and never released"
    return _VERDICTS[known] + (", except as the alarms below say" if known == "always" and has_alarms else "")


def owners(producer: Producer) -> list[str]:
    """Return where each object that keeps the client is made and what becomes of it; many harmless ones in one line."""
    released = [item for item in producer.roots if item.released == "always"]
    idle = [item for item in producer.roots if _is_idle(item)]
    owing = [item for item in producer.roots if item not in released and item not in idle]
    told = [root(item, producer.path) for item in sorted(owing, key=lambda item: _WORST.index(item.released))]
    return [
        *few(told, "objects"),
        *_harmless(idle, producer, "not released, and none of them seen to open the client"),
        *_harmless(released, producer, "all released"),
    ]


def _harmless(found: Sequence[Root], producer: Producer, outcome: str) -> list[str]:
    if len(found) <= _FEW_HARMLESS:
        return [root(item, producer.path) for item in found]
    classes = ", ".join(few(list(dict.fromkeys(item.name for item in found)), "classes"))
    return [f"{len(found)} objects ({classes}): {outcome}"]


def _is_idle(item: Root) -> bool:
    return not item.opens and item.released in ("never", "unknown")


def root(item: Root, near: str | None) -> str:
    """Return where an object that keeps the client is made, and what becomes of it."""
    where = "at" if item.owner == "<module>" else "in"
    made = f"{item.name} made {where} {owner_name(item.owner)}, {place(item.path, item.line, near=near)}"
    return f"{made} ({item.kind}): {_outcome(item)}"


def _outcome(item: Root) -> str:
    if item.released == "always":
        return "released"
    if _is_idle(item):
        return "not released, and not seen to open the client"
    return _VERDICTS[item.released]


def place(path: str, line: int, *, near: str | None) -> str:
    """Return `line 7`, or `path:7` when the line is in another file than `near`."""
    return f"line {line}" if path == near else f"{path}:{line}"


def alarm(finding: Finding, near: Producer | None) -> str:
    """Return an alarm's code, severity, place unless it is the producer's own, confidence below high, and message."""
    doubt = "" if finding.confidence == "high" else f" ({finding.confidence} confidence)"
    is_own = near is not None and (finding.path, finding.line) == (near.path, near.line)
    at = "" if is_own else f" at {finding.path}:{finding.line}"
    return f"{finding.code} {finding.severity}{at}{doubt}: {finding.message}"


def evidence(finding: Finding, near: Producer | None) -> list[str]:
    """Return the steps of an alarm's chain; none if the chain is no more than the alarm's own line."""
    if len(finding.trace) == 1 and (finding.trace[0].path, finding.trace[0].line) == (finding.path, finding.line):
        return []
    return steps(finding.trace, near)


def steps(chain: Sequence[Step], near: Producer | None) -> list[str]:
    """Return each step with its line; with its file, too, unless all of them are in the producer's own."""
    home = near.path if near and {step.path for step in chain} == {near.path} else None
    return [f"{place(step.path, step.line, near=home)}: {step.message}" for step in chain]


def silenced(finding: Suppressed) -> str:
    """Return which alarm was silenced, and by what."""
    return f"{finding.code} {finding.name}, by {finding.suppressed_by}"

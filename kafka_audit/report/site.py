"""What is known about one producer: everything, in words, for `--explain-site`?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kafka_audit.catalog.clients import CLIENTS
from kafka_audit.model import Considered, Context, Dossier, Finding, Kind, Problem, Producer, Step
from kafka_audit.report import catalog, words
from kafka_audit.report.plain import inert_record
from kafka_audit.report.sheet import RULE, Sheet

_CONTEXTS: dict[Context, str] = {
    "app": "the application",
    "test": "a test",
    "example": "an example",
    "script": "a script",
}

_REASONS: dict[Kind, str] = {
    "global": "a variable of a module or a class, or the result of a cached function, outlives every call",
    "instance": "an object keeps it, and no variable of a module or a class does",
    "pooled": "it is put into a container that is kept, and nothing keeps it by itself",
    "local": "nothing but variables of functions holds it",
    "returned": "the function returns it, and nothing that lives longer than a call keeps it",
    "managed": "a with block or an exit stack holds it",
    "delegated": "it is handed to an object of another library, and nothing else keeps it",
    "fixture": "a pytest fixture makes it and hands it out",
    "unknown": "what holds it could not be followed",
}


def explanation(dossier: Dossier) -> str:
    """Return everything known about one producer as plain text, 80 columns wide."""
    safe = inert_record(dossier)
    sheet, producer = Sheet(RULE), safe.producer
    verdict = words.verdict(producer, has_alarms=any(item.category == "lifecycle" for item in safe.findings))
    sheet.title(f"{words.noun(producer).upper()} AT {words.file_range(producer)}")
    _section(sheet, "What it is", _nature(producer), ())
    _section(sheet, "Where it is made", _making(producer), ())
    _section(
        sheet,
        "Who keeps it",
        (f"{words.pattern(producer)}: {_REASONS[producer.kind]}",),
        words.steps(safe.places, producer),
    )
    ways = words.few(words.steps(safe.ways, producer), "ways")
    _section(sheet, "When it is created", (_creation(producer),), ways)
    _section(sheet, "When it is started", (words.started(producer),), words.steps(safe.starts, producer))
    _section(sheet, "What releases it", (verdict,), _releases(safe.releases, producer) or ("no release was found",))
    if producer.roots:
        made = [words.root(item, None) for item in producer.roots]
        _section(sheet, "What becomes of the objects that keep it, the nearest first", (), made)
    _section(sheet, "Which paths lose it", (), words.steps(safe.losses, producer) or ("none that the audit follows",))
    _alarms(sheet, producer, safe.findings)
    _section(
        sheet,
        "What could not be followed",
        (),
        [*words.steps(safe.gaps, producer), *_hidden(safe.problems)] or ("nothing",),
    )
    return sheet.print(color=False)


def _section(sheet: Sheet, title: str, sentences: Iterable[str], items: Iterable[str]) -> None:
    sheet.add("", f"{title}:")
    for sentence in sentences:
        sheet.add("  ", sentence)
    for item in items:
        sheet.add("  - ", item)
    sheet.blank()


def _nature(producer: Producer) -> Iterator[str]:
    style = ""
    row = next((client for client in CLIENTS if client.name == producer.client), None)
    if row is not None:
        style = ", asyncio" if row.is_async else ", synchronous"
    yield f"{words.client(producer)}: {words.noun(producer)}{style}, created by {_CONTEXTS[producer.context]}"
    if row is not None:
        yield f"started by {catalog.starts(row)}; released by {catalog.releases(row)}"
        yield from catalog.warnings(row)


def _making(producer: Producer) -> Iterator[str]:
    yield f"{producer.path}:{words.span(producer.line, producer.end_line)}, in {words.heading(producer)}"


def _creation(producer: Producer) -> str:
    is_call = producer.created.when == "call"
    return f"{words.created(producer)}; control can come from" if is_call else f"{words.created(producer)}, by"


def _releases(releases: Sequence[Considered], producer: Producer) -> list[str]:
    return words.steps([Step(path=item.path, line=item.line, message=_release(item)) for item in releases], producer)


def _release(item: Considered) -> str:
    call = f"`{item.how}` in `{item.owner}`" if item.how else f"`{item.owner}`"
    return f"{call} {'counts' if item.counts else 'does not count'}: {item.why}"


def _alarms(sheet: Sheet, producer: Producer, findings: Sequence[Finding]) -> None:
    sheet.add("", "What is wrong:")
    for finding in findings:
        sheet.add("  - ", words.alarm(finding, producer))
        for index, step in enumerate(words.steps(finding.trace, producer), start=1):
            sheet.add(f"      {index}. ", step)
    if not findings:
        sheet.add("  - ", "no rule that was applied alarms on it")
    sheet.blank()


def _hidden(problems: Iterable[Problem]) -> list[str]:
    return [f"{item.path}:{item.line}: {item.message}; what this hides is not known" for item in problems]

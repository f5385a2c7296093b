"""Which parts of the documentation are written by the program? Run `python docs/generate.py` to refresh them.

The tests compare every generated text with the file that holds it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kafka_audit.catalog.clients import CLIENTS  # noqa: E402
from kafka_audit.config.showing import markdown, schema_document  # noqa: E402
from kafka_audit.pipeline import audit, deliver  # noqa: E402
from kafka_audit.report import FORMATS  # noqa: E402
from kafka_audit.report.impact import schema_document as impact_schema  # noqa: E402
from kafka_audit.report.rules import page, table  # noqa: E402
from kafka_audit.rules import rules  # noqa: E402
from kafka_audit.settings import Settings  # noqa: E402

EXAMPLE = ROOT / "fixtures" / "quick_reference"
EXAMPLE_PATHS = ("parcels/events/carrier_events.py", "parcels/dispatch")

INDEX = """\
# Rules

Generated from the rules' own records; `kafka-audit explain CODE` prints the same in a terminal.
A code never changes its meaning. "On" rules are the default set.

"""


def documents() -> dict[Path, str]:
    """The full text of every document that is generated, or that has a generated part."""
    pages = {ROOT / "docs" / "rules" / f"{rule.code}.md": page(rule) for rule in rules()}
    return {
        ROOT / "README.md": _readme((ROOT / "README.md").read_text(encoding="utf-8")),
        ROOT / "docs" / "rules.md": INDEX + table(rules(), "rules"),
        ROOT / "docs" / "configuration.md": _configuration((ROOT / "docs" / "configuration.md").read_text("utf-8")),
        ROOT / "docs" / "config.schema.json": schema_document(),
        ROOT / "docs" / "impact.schema.json": impact_schema(),
        ROOT / "docs" / "outputs.md": _between(
            (ROOT / "docs" / "outputs.md").read_text("utf-8"), "formats", _formats()
        ),
        **pages,
    }


def stale_pages() -> list[Path]:
    """Pages of rules that no longer exist."""
    return sorted(set((ROOT / "docs" / "rules").glob("*.md")) - set(documents()))


def main() -> None:
    """Write what has changed, remove what is left over, and say so."""
    for path, text in documents().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    for path in stale_pages():
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")


def _readme(text: str) -> str:
    """The README with its generated parts replaced."""
    text = _between(text, "rules", table(rules(), "docs/rules"))
    text = _between(text, "clients", _clients())
    return _between(text, "report", _report())


def _formats() -> str:
    """A table of the formats."""
    rows = [f"| `{name}` | {kind.purpose} | {kind.stability} |" for name, kind in FORMATS.items()]
    return "\n".join(("| format | what it is | stability |", "| --- | --- | --- |", *rows)) + "\n"


def _configuration(text: str) -> str:
    """The page on configuration with its table of settings."""
    return _between(text, "settings", markdown())


def _report() -> str:
    """The command that audits a part of the example project, and all that it prints."""
    settings = Settings(paths=EXAMPLE_PATHS, format="text", color="never", jobs=1)
    here = Path.cwd()
    os.chdir(EXAMPLE)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            deliver(audit(settings), settings)
    finally:
        os.chdir(here)
    folder = EXAMPLE.relative_to(ROOT).as_posix()
    words = f"In `{folder}`, `kafka-audit scan {' '.join(EXAMPLE_PATHS)}` prints:"
    return f"{words}\n\n```text\n{printed.getvalue().rstrip()}\n```\n"


def _clients() -> str:
    """A table of the libraries: their producers, and the classes that are audited on request."""
    rows = ["| library | producers | on request: consumers and admin clients |", "| --- | --- | --- |"]
    for library in dict.fromkeys(client.distribution for client in CLIENTS if client.role != "framework"):
        audited = [client for client in CLIENTS if client.distribution == library and client.role != "framework"]
        cells = (
            ", ".join(
                f"`{client.name.rpartition('.')[2]}`" for client in audited if (client.role == "producer") is wanted
            )
            for wanted in (True, False)
        )
        rows.append(f"| {library} | {' | '.join(cells)} |")
    owners = dict.fromkeys(client.distribution for client in CLIENTS if client.role == "framework")
    rows.append(f"| {', '.join(owners)} | none: these frameworks own their clients | none |")
    return "\n".join(rows) + "\n"


def _between(text: str, name: str, part: str) -> str:
    """`text` with what stands between the two markers called `name` replaced by `part`."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    head, _, rest = text.partition(begin)
    _, found, tail = rest.partition(end)
    assert found, f"the page has lost its `{name}` markers"
    return f"{head}{begin}\n{part}\n{end}{tail}"


if __name__ == "__main__":
    main()

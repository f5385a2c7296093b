"""Where in a notebook does a place of the report stand: in which cell, and on which line of it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kafka_audit.discover.notebooks import Notebook
from kafka_audit.model import Report
from kafka_audit.report.plain import CELL


def in_cells(report: Report, notebooks: Mapping[str, Notebook]) -> Report:
    """The report with every place in a notebook told by its cell: the path gets the cell, the line counts from there.

    `notebooks` are by path.
    """
    if not notebooks:
        return report
    return msgspec.convert(_moved(msgspec.to_builtins(report), notebooks), Report)


def _moved(value: Any, notebooks: Mapping[str, Notebook]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_moved(item, notebooks) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: _moved(item, notebooks) for key, item in value.items()}
    found = notebooks.get(value.get("path", ""))
    if found is None or not isinstance(value.get("line"), int) or not 0 < value["line"] <= len(found.places):
        return value
    place = found.places[value["line"] - 1]
    moved = {"path": f"{value['path']}{CELL}{place.cell}", "line": place.line}
    if "end_line" in value:
        moved["end_line"] = found.places[min(value["end_line"], len(found.places)) - 1].line
    return {**value, **moved}


def cell_lines(path: str, notebooks: Mapping[str, Notebook]) -> list[str] | None:
    """The source of the cell that a path of the report names; `None` when it names none."""
    file, mark, number = path.rpartition(CELL)
    found = notebooks.get(file)
    return found.cell_source(int(number)) if mark and found is not None else None

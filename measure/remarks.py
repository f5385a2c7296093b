"""Why do a label and the report disagree? Somebody looked at the code and wrote down who is wrong, once for each place.

Remarks outlive the figures: they are kept in a file of their own and put beside the disagreement that they explain.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from kafka_audit.model import Record
from measure.labels import MeasureError
from measure.marks import Aspect, Mark

Fault = Literal["audit", "label", "rule", "open"]

FAULTS: dict[Fault, str] = {
    "audit": "the audit is wrong",
    "label": "the label is wrong, or there is none",
    "rule": "both are right by their own rule of what counts",
    "open": "nobody has judged it yet",
}


class Remark(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is wrong at one place, about one or several aspects, and why. `code_base` is as the figures name it."""

    code_base: str
    path: str
    line: int
    aspects: tuple[Aspect, ...]
    fault: Fault
    text: str

    def explains(self, mark: Mark) -> bool:
        """Whether this is about that disagreement."""
        place = (mark.code_base, mark.path, mark.line)
        return place == (self.code_base, self.path, self.line) and mark.aspect in self.aspects


class _File(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    remark: tuple[Remark, ...] = ()


def read_remarks(path: Path) -> tuple[Remark, ...]:
    """The remarks in a TOML file. Raises `MeasureError` when it cannot be read."""
    import tomli

    try:
        return msgspec.convert(tomli.loads(path.read_text(encoding="utf-8")), _File).remark
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MeasureError(f"{path} cannot be read: {error}") from error


def remark_on(mark: Mark, remarks: Iterable[Remark]) -> Remark | None:
    """The remark that explains a disagreement, if there is one."""
    return next((remark for remark in remarks if remark.explains(mark)), None)


def stale(remarks: Iterable[Remark], marks: Iterable[Mark]) -> list[Remark]:
    """The remarks that explain a disagreement there no longer is."""
    disagreements = [mark for mark in marks if not mark.agrees]
    return [remark for remark in remarks if not any(remark.explains(mark) for mark in disagreements)]

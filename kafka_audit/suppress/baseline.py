"""Which alarms were there before: a file that lists them by fingerprint, so that only new ones are told.

A fingerprint has no line number in it: moving and reformatting code leaves it alone, and a baseline file never needs a
new version because of that. The file is JSON, sorted, one alarm a row, so that version control shows what changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable

import msgspec

from kafka_audit.model import Finding, Record
from kafka_audit.settings import ConfigError

BASELINE_VERSION = "1"


class Entry(Record, frozen=True, kw_only=True):
    """One alarm of a baseline. Only the fingerprint counts; the rest says what it is, to a reader of the file."""

    fingerprint: str
    code: str
    path: str
    message: str


class Baseline(Record, frozen=True, kw_only=True):
    """All alarms that were there when the baseline was written, sorted by path, code and message."""

    schema_version: str = BASELINE_VERSION
    alarms: tuple[Entry, ...] = ()


def load(file: str, shown: str) -> Baseline:
    """The baseline in a file. Raises `ConfigError` when there is none or it is not one."""
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except FileNotFoundError as error:
        raise ConfigError(f"--baseline {shown} does not exist; --update-baseline writes it") from error
    except OSError as error:
        raise ConfigError(f"--baseline {shown} cannot be read: {error.strerror}") from error
    try:
        found = msgspec.json.decode(data, type=Baseline)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(f"--baseline {shown} is no baseline ({error}); --update-baseline writes one") from error
    if found.schema_version != BASELINE_VERSION:
        raise ConfigError(
            f"--baseline {shown} has version {found.schema_version}; this program reads {BASELINE_VERSION}"
        )
    return found


def exists(file: str) -> bool:
    """Whether there is a baseline to read."""
    return os.path.exists(file)


def entry(finding: Finding) -> Entry:
    """The row for an alarm."""
    message = finding.message.encode("utf-8", "backslashreplace").decode()  # JSON readers refuse half a surrogate pair
    return Entry(fingerprint=finding.fingerprint, code=finding.code, path=finding.path, message=message)


def updated(old: Baseline, findings: Iterable[Finding], stale: Collection[Entry]) -> Baseline:
    """The baseline with these alarms in it and without the stale rows."""
    rows = {each.fingerprint: each for each in old.alarms if each not in stale}
    rows |= {finding.fingerprint: entry(finding) for finding in findings}
    return Baseline(alarms=tuple(sorted(rows.values(), key=lambda each: (each.path, each.code, each.message))))


def document(baseline: Baseline) -> str:
    """The baseline as it is written: one alarm a row."""
    rows = ["    " + json.dumps(msgspec.to_builtins(each)) for each in baseline.alarms]
    listed = "\n" + ",\n".join(rows) + "\n  " if rows else ""
    return f'{{\n  "schema_version": "{baseline.schema_version}",\n  "alarms": [{listed}]\n}}\n'

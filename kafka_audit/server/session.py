"""What does an editor ask of a project that is open in it?"""

from __future__ import annotations

import os
from typing import NamedTuple

from kafka_audit.config import nearest
from kafka_audit.discover.notebooks import SUFFIX
from kafka_audit.model import Finding
from kafka_audit.pipeline import explain, run
from kafka_audit.pipeline.telling import text_lines
from kafka_audit.settings import ConfigError, Settings


class Looked(NamedTuple):
    """What an audit saw: the alarms by the real path of their file, and the bytes of these files."""

    alarms: dict[str, list[Finding]]
    sources: dict[str, bytes]

    def lines(self, path: str) -> list[str]:
        """The lines of a file with alarms."""
        return text_lines(self.sources.get(path, b""))


class Session:
    """One project folder, with the buffers that are open in it, by real path. Not for several threads at once."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.buffers: dict[str, bytes] = {}

    def look(self) -> Looked:
        """Audit the project as its buffers have it. Raises `ConfigError` when its settings are wrong."""
        done = run(self._settings(), buffers=self.buffers)
        looked = Looked({}, {os.path.realpath(path): data for path, data in done.sources.items()})
        for finding in done.report.findings:
            looked.alarms.setdefault(os.path.realpath(finding.path), []).append(finding)
        return looked

    def explain(self, path: str, line: int) -> str | None:
        """Everything known of the client that is created at a line; `None` when none is."""
        try:
            return explain(self._settings(), f"{path}:{line}", buffers=self.buffers)
        except ConfigError:
            return None

    def repair(self, finding: Finding) -> tuple[str, dict[str, bytes]] | None:
        """What the safe repair of an alarm is called, and the files it changes, by path; `None` when there is none."""
        from kafka_audit.pipeline.fixing import fix

        fixes = fix(
            self._settings(),
            unsafe=False,
            progress=lambda doing, done, of: None,
            buffers=self.buffers,
            only={finding.fingerprint},
        )
        made = [each for each in fixes.outcomes if each.what == "fixed"]
        if not made:
            return None
        return made[0].fix.title, {path: change.after for path, change in fixes.changes.items()}

    def silenced(self, path: str, content: bytes, finding: Finding) -> bytes | None:
        """The file with a comment that suppresses the alarm; `None` for a notebook, into which nothing is written."""
        from kafka_audit.suppress.adding import with_ignores

        return None if path.endswith(SUFFIX) else with_ignores(path, content, [finding], "")

    def _settings(self) -> Settings:
        configuration = nearest([self.root])
        values = {**configuration.values, "jobs": 1, "cache": True}  # a program with threads starts no processes
        values["roles"] = tuple(sorted({"producer", *values.get("roles", ())}))
        return Settings(paths=(self.root,), folder=configuration.folder, **values)

"""Which entries do the settings leave out?"""

from __future__ import annotations

import os
from collections.abc import Sequence

from kafka_audit.discover.ignore import Patterns, compiled


class Exclusion:
    """Patterns, written as in an ignore file and relative to a folder, of what is not to be read.

    What is named by hand is read all the same unless the exclusion is `forced`.
    """

    def __init__(self, patterns: Sequence[str] = (), folder: str = "", *, forced: bool = False) -> None:
        self._patterns = Patterns(folder or os.getcwd(), compiled(list(patterns))) if patterns else None
        self.forced = forced

    def covers(self, location: str, is_folder: bool) -> bool:
        """Whether a pattern matches the location or a folder above it."""
        if self._patterns is None or not location.startswith(os.path.join(self._patterns.folder, "")):
            return False
        return bool(self._patterns.verdict(location, is_folder))

"""Which files does a run write besides its report: a baseline, and comments in the source?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kafka_audit.discover import Discovery
from kafka_audit.discover.notebooks import SUFFIX
from kafka_audit.model import Finding
from kafka_audit.pipeline.replacing import Change, content_of
from kafka_audit.settings import Settings

if TYPE_CHECKING:
    from kafka_audit.pipeline.sifting import Sifted


def edited(
    settings: Settings, sifted: Sifted, found: Discovery, contents: Mapping[str, bytes]
) -> tuple[Sifted, dict[str, Change]]:
    """The alarms as they are told once the files are written, and the new content of these files by place."""
    edits: dict[str, Change] = {}
    if sifted.baseline is not None and settings.baseline is not None:
        from kafka_audit.suppress.baseline import document

        place = settings.located(settings.baseline)
        edits[place] = Change(content_of(place), document(sifted.baseline).encode())
    if settings.add_ignore is None:
        return sifted, edits
    return _commented(settings.add_ignore, sifted, found, contents, edits)


def _commented(
    reason: str, sifted: Sifted, found: Discovery, contents: Mapping[str, bytes], edits: dict[str, Change]
) -> tuple[Sifted, dict[str, Change]]:
    """The same with a comment on every statement that alarms. Notebooks get none, and go on alarming."""
    from kafka_audit.pipeline.sifting import suppressed
    from kafka_audit.suppress.adding import with_ignores

    locations = {file.name: file.location for file in found.files}
    alarms: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in sifted.findings:
        if finding.category != "audit" and not finding.path.endswith(SUFFIX):
            alarms[finding.path].append(finding)
    for name, findings in alarms.items():
        edits[locations[name]] = Change(contents[name], with_ignores(name, contents[name], findings, reason))
    told = tuple(finding for finding in sifted.findings if finding.path not in alarms or finding.category == "audit")
    silenced = tuple(suppressed(each, "comment", reason) for findings in alarms.values() for each in findings)
    return sifted._replace(findings=told, suppressed=(*sifted.suppressed, *silenced)), edits

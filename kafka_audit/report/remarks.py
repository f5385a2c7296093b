"""What is said of a run beside its report, on the error stream: counts by rule, how it came about, what took time?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from kafka_audit.model import Report
from kafka_audit.report.plain import counted, inert


def statistics(report: Report) -> str:
    """Return a line for each rule that alarmed: how often, and how often it was silenced."""
    names = {each.code: each.name for each in (*report.findings, *report.suppressed)}
    told = Counter(each.code for each in report.findings)
    silenced = Counter(each.code for each in report.suppressed)
    rows = sorted(names, key=lambda code: (-told[code], code))
    width = max((len(str(told[code])) for code in rows), default=1)
    lines = (
        f"{told[code]:>{width}}  {code} {names[code]}"
        + (f" ({silenced[code]} more suppressed)" if silenced[code] else "")
        for code in rows
    )
    return "".join(f"{line}\n" for line in lines) or "no alarms\n"


def circumstances(report: Report, file: str) -> str:
    """Return where the settings come from, what was read, and what was left out; `file` is empty without one."""
    summary = report.summary
    left_out = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.skipped.items()) if count)
    silenced = Counter((each.suppressed_by, each.reason) for each in report.suppressed)
    lines = [
        f"settings: {inert(file) if file else 'no configuration file'}",
        f"reported on: {counted(summary.files_seen, 'file')}, {summary.files_analysed} of them analysed",
        f"left out: {left_out or 'nothing'}",
        *(
            f"suppressed by {by}: {counted(count, 'alarm')}{f' ({inert(reason)})' if reason else ''}"
            for (by, reason), count in sorted(silenced.items())
        ),
    ]
    return "".join(f"{line}\n" for line in lines)


def profile(laps: Mapping[str, float]) -> str:
    """Return the seconds of each part of the run, in their order.

    Rules share what they ask of the program: the first that asks pays for all.
    """
    width = max((len(name) for name in laps), default=0)
    rows = [f"{name:<{width}}  {seconds:7.3f} s\n" for name, seconds in laps.items()]
    return "".join((*rows, f"{'all':<{width}}  {sum(laps.values()):7.3f} s\n"))

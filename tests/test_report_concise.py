"""The concise report: one line for each alarm."""

from __future__ import annotations

import io

from kafka_audit.model import Report
from kafka_audit.report import render
from tests import sample_report as sample


def concise_of(report: Report) -> str:
    stream = io.StringIO()
    render(report, "concise", stream=stream)
    return stream.getvalue()


def test_an_alarm_is_one_line_that_editors_can_jump_from() -> None:
    message = "`app.metrics.PRODUCER` is created when `app.metrics` is imported"
    assert f"app/metrics.py:7:9: KA101 error {message}\n" in concise_of(sample.SAMPLE)


def test_the_last_line_counts_what_was_silenced_and_what_was_not_judged() -> None:
    assert concise_of(sample.SAMPLE).splitlines()[-1] == (
        "16 producers, 8 alarms (2 errors, 5 warnings, 1 info), "
        "3 suppressed (1 by baseline, 1 by comment, 1 by config), 2 problems; audit INCOMPLETE"
    )


def test_a_clean_report_is_one_line() -> None:
    assert concise_of(sample.report()) == "0 producers, 0 alarms, 0 suppressed, 0 problems; audit complete\n"

"""A report built by hand in which every kind, verdict, context, role, severity and silencer occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kafka_audit.model import (
    SCHEMA_VERSION,
    Created,
    Finding,
    Fix,
    Problem,
    Producer,
    Release,
    Released,
    Replacement,
    Report,
    Root,
    Started,
    Step,
    Summary,
    Suppressed,
    Tool,
)
from kafka_audit.report import RuleText

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://example.invalid\x07link\x1b]8;;\x07",
    "\x9b2J",
    "two\nlines",
    "back\rwards",
    "form\x0cfeed\x0b",
    "nul\x00bell\x07delete\x7f",
    "line\u2028paragraph\u2029",
    "bidi \u202egnp.exe\u2066",
    "zero\u200bwidth\ufeff",
    "tag \U000e0041",
    "[bold red]markup[/] [link=file:///etc/passwd]x[/link] :boom:",
    "[/]",
    "not utf-8 \udcff\udc80",
    "half a pair \ud800",
    "tab\there",
    "nbsp\u00a0here",
    "::error file=a::boo",
    "%0A::stop-commands::x,y:z",
    "##[error]boo",
    "<script>alert(1)</script>",
    "</code></summary><img src=x onerror=alert(1)>",
    "]]><x a='b\"c'>&amp;&#65;",
    "| a | b |",
    "`code` ``code`` ```",
    "# *a* **b** _c_ ~~d~~ [e](f) ![g](h) @all #1 https://example.invalid",
    '\'; echo "$(id)" `id` && rm -rf / #',
    "\\",
    "{{7*7}} ${7*7}",
    "漢字" * 60,
    "x" * 300,
    "",
    " ",
)

TEXTS = {
    "KA101": RuleText(
        summary="A client is created while its module is imported",
        fix_title="create the client when it is first used",
    ),
    "KA201": RuleText(
        summary="A process-wide client is never released",
        fix_title="release the client in a shutdown hook",
    ),
    "KA202": RuleText(
        summary="A client kept on an object is never released",
        fix_title="add a method that releases the client",
    ),
}


def producer(path: str, line: int, owner: str, **changes: Any) -> Producer:
    values: dict[str, Any] = {
        "id": f"{path}::{owner}",
        "path": path,
        "line": line,
        "column": 9,
        "end_line": line + 3,
        "end_column": 10,
        "client": "aiokafka.AIOKafkaProducer",
        "via": (),
        "role": "producer",
        "context": "app",
        "owner": owner,
        "kind": "instance",
        "place": "self._producer",
        "created": Created(when="call"),
        "started": Started(when="call", path=path, line=line + 4),
        "released": Released(verdict="never"),
    }
    return Producer(**(values | changes))


def finding(code: str, name: str, at: Producer | None, message: str, **changes: Any) -> Finding:
    return Finding(**(_alarm(code, name, at, message) | changes))


def suppressed(code: str, name: str, at: Producer | None, message: str, **changes: Any) -> Suppressed:
    return Suppressed(**(_alarm(code, name, at, message) | changes))


def _alarm(code: str, name: str, at: Producer | None, message: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "category": "lifecycle",
        "severity": "warning",
        "confidence": "high",
        "message": message,
        "path": at.path if at else "setup.py",
        "line": at.line if at else 1,
        "column": at.column if at else 1,
        "end_line": at.end_line if at else 1,
        "end_column": at.end_column if at else 1,
        "producer": at.id if at else None,
        "trace": (),
        "fingerprint": "c0ffee",
    }


def report(
    producers: Sequence[Producer] = (),
    findings: Sequence[Finding] = (),
    silenced: Sequence[Suppressed] = (),
    problems: Sequence[Problem] = (),
    files: tuple[int, int] = (774, 41),
) -> Report:
    return Report(
        schema_version=SCHEMA_VERSION,
        tool=Tool(name="kafka-audit", version="0.1.0"),
        producers=tuple(producers),
        findings=tuple(findings),
        suppressed=tuple(silenced),
        problems=tuple(problems),
        summary=Summary(
            files_seen=files[0],
            files_analysed=files[1],
            producers=len(producers),
            by_kind=dict(Counter(item.kind for item in producers)),
            findings=len(findings),
            by_code=dict(Counter(item.code for item in findings)),
            by_severity=dict(Counter(item.severity for item in findings)),
            suppressed=len(silenced),
            problems=len(problems),
            complete=not problems,
        ),
    )


LAZY = producer(
    "app/events/action.py",
    153,
    "_get_kafka_producer",
    kind="global",
    place="_kafka_producer",
    released=Released(
        verdict="sometimes",
        by=(
            Release(path="app/events/action.py", line=483, owner="close_producer", how="await _kafka_producer.stop()"),
            Release(path="app/main.py", line=12, owner="<module>", how="await close_producer()"),
        ),
    ),
)
EAGER = producer(
    "app/metrics.py",
    7,
    "<module>",
    kind="global",
    place="PRODUCER",
    client="kafka.KafkaProducer",
    end_line=7,
    created=Created(when="import"),
    started=Started(when="constructor", path="app/metrics.py", line=7),
    released=Released(verdict="never"),
)
CLASS_WIDE = producer(
    "app/metrics.py", 30, "Metrics", kind="global", place="Metrics.producer", started=Started(when="never")
)
CACHED = producer("app/cached.py", 11, "get_producer", kind="global", place="get_producer", end_line=11)
ON_SELF = producer(
    "app/events/a/very/long/path/that/does/not/fit/into/eighty/columns/however/hard/one/tries/client.py",
    176,
    "DatabaseEventClient.start",
    via=("app.base.TracingProducer", "app.base.BaseProducer"),
    roots=(
        Root(path="app/main.py", line=40, name="Client", owner="main", kind="local", opens=True, released="always"),
        Root(
            path="app/worker.py", line=8, name="Client", owner="<module>", kind="global", opens=True, released="never"
        ),
    ),
    released=Released(
        verdict="sometimes",
        by=(
            Release(
                path="app/events/a/very/long/path/that/does/not/fit/into/eighty/columns/however/hard/one/tries/client.py",
                line=190,
                owner="DatabaseEventClient.stop",
                how="await self._producer.stop()",
            ),
        ),
    ),
)
POOLED = producer("app/pool.py", 215, "EventOptimizer._get_producer", kind="pooled", place="self._producer_pool")
MANAGED = producer("app/cli.py", 20, "send", kind="managed", place="producer", released=Released(verdict="always"))
LOCAL = producer("app/cli.py", 60, "send_once", kind="local", place=None, started=Started(when="never"))
RETURNED = producer(
    "app/factory.py", 5, "make", kind="returned", place="client", released=Released(verdict="delegated")
)
DELEGATED = producer("app/factory.py", 25, "wire", kind="delegated", place=None, released=Released(verdict="delegated"))
UNKNOWN = producer("app/odd.py", 3, "odd.<locals>.<lambda>", kind="unknown", place=None)
STRANGE = producer("app/odd.py", 9, "odd", kind="unknown", place="x[0]", released=Released(verdict="unknown"))
FIXTURE = producer("tests/conftest.py", 14, "kafka", kind="fixture", place="kafka", context="test")
IN_TEST = producer("tests/test_send.py", 69, "<module>", kind="local", place="producer", context="test")
EXAMPLE = producer(
    "examples/send.py", 4, "main", kind="local", place="p", context="example", client="kafka.KafkaProducer"
)
SCRIPT = producer(
    "scripts/replay.py", 31, "main", kind="local", place="p", context="script", client="confluent_kafka.Producer"
)
CONSUMER = producer("app/read.py", 2, "Reader.start", client="aiokafka.AIOKafkaConsumer", role="consumer")

PRODUCERS = (
    CACHED, MANAGED, LOCAL, ON_SELF, LAZY, RETURNED, DELEGATED, EAGER, CLASS_WIDE, UNKNOWN, STRANGE, POOLED,
    EXAMPLE, SCRIPT, FIXTURE, IN_TEST,
)  # fmt: skip

FINDINGS = (
    finding(
        "KA202",
        "instance-never-released",
        ON_SELF,
        "`DatabaseEventClient._producer` is never released by the object that `app.worker` creates",
        path="app/worker.py",
        line=8,
        end_line=8,
        trace=(
            Step(path=ON_SELF.path, line=176, message="the producer is created"),
            Step(path="app/worker.py", line=8, message="`client = DatabaseEventClient()` runs at import"),
        ),
        fix=Fix(
            safety="safe",
            title="stop the client where the worker ends",
            edits=(
                Replacement(path="app/main.py", line=1, column=1, end_line=1, end_column=1, text="import atexit\n"),
                Replacement(path="app/worker.py", line=9, column=1, end_line=10, end_column=1, text=""),
            ),
        ),
    ),
    finding(
        "KA101",
        "client-created-at-import",
        EAGER,
        "`app.metrics.PRODUCER` is created when `app.metrics` is imported",
        category="import-time",
        severity="error",
        trace=(Step(path=EAGER.path, line=7, message="the constructor runs in the module body"),),
        fix=Fix(safety="unsafe", title="create it on first use", refused="two modules import the name"),
    ),
    finding(
        "KA201",
        "global-never-released",
        EAGER,
        "nothing releases `app.metrics.PRODUCER`",
        severity="error",
        trace=(
            Step(path=EAGER.path, line=7, message="created and started by the constructor"),
            Step(path="app/main.py", line=3, message="imported by the application"),
        ),
    ),
    finding("KA201", "global-never-released", CACHED, "nothing releases the cached result", confidence="medium"),
    finding("KA304", "release-skipped-by-other-release", LAZY, "a failing stop skips this one", severity="info"),
    finding("KA204", "pool-never-drained", POOLED, "elements of `self._producer_pool` are never released"),
    finding("KA701", "fixture-without-teardown", FIXTURE, "fixture `kafka` yields a client and never releases it"),
    finding("KA901", "unparsable-file", None, "the file could not be parsed", path="app/broken.py", line=4, end_line=4),
)

SUPPRESSED = (
    suppressed("KA203", "local-never-released", LOCAL, "dropped", suppressed_by="comment"),
    suppressed("KA203", "local-never-released", SCRIPT, "dropped", suppressed_by="baseline"),
    suppressed("KA203", "local-never-released", EXAMPLE, "dropped", suppressed_by="config"),
)

PROBLEMS = (
    Problem(path="app/broken.py", line=4, kind="syntax", message="invalid syntax: what it creates is not known"),
    Problem(path="app/latin\udce9.py", line=1, kind="encoding", message="not UTF-8 and no encoding is declared"),
)

SAMPLE = report(PRODUCERS, FINDINGS, SUPPRESSED, PROBLEMS)

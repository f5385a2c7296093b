"""A well-behaved program alarms as soon as its only release is broken: deleted, moved, unprotected or unregistered."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import pytest

from kafka_audit.model import Producer
from tests.expectations import alarm_differences, read_expectations
from tests.in_memory import Texts, audited, read_texts
from tests.mutations import Mutation, alarmed, mutations
from tests.test_fixtures import FIXTURES, PROJECTS

FINALLY = ("finally-dropped", "finally-moved-into-try")
FRAMEWORK_YIELD = "a framework throws nothing in at the yield of a lifespan"
ONLY_STARTS = "the body only starts it: starting before the `try` is the documented idiom (KA306 is off)"
WEAK = "nothing in between calls the client without taking its errors: only what may always fail is left"
FLUSH_ONLY = "a flush without a time limit waits and raises nothing (kafka-python 3.0.12, aiokafka 0.14.0, read)"
ONE_PRODUCE = "when the only `produce` raises nothing is buffered"

Reasons: TypeAlias = "dict[tuple[str, int, tuple[str, ...]], str]"

HARMLESS: Reasons = {
    ("instance/released_by_effect/closing.py", 8, FINALLY): FLUSH_ONLY,
    ("unawaited/awaited_later/senders.py", 72, FINALLY): FLUSH_ONLY,
    ("path/exit_that_asks/managers.py", 80, FINALLY): FLUSH_ONLY,
    ("buffer/flushed/senders.py", 49, FINALLY): ONE_PRODUCE,
    ("path/covered_on_error/senders.py", 180, FINALLY): ONE_PRODUCE,
    ("factory/ended_by_the_caller/main.py", 58, FINALLY): ONE_PRODUCE,
    ("failed_start/rolled_back/main.py", 30, ("release-deleted",)): "nothing is ever put into the buffer",
    ("container/closed/other_libraries.py", 36, ("release-deleted",)): "nothing is ever put into the buffer",
    ("release_call/methods_that_exist/senders.py", 52, FINALLY): ONE_PRODUCE,
    ("owner/lent_further/stores.py", 58, FINALLY): ONE_PRODUCE,
    ("global/on_the_application/main.py", 16, FINALLY): FRAMEWORK_YIELD,
    ("global/released_by_lifespan/main.py", 15, FINALLY): FRAMEWORK_YIELD,
    ("exit_handler/before_the_worker_ends/site_app.py", 33, FINALLY): FRAMEWORK_YIELD,
    ("hook/live/fastapi_dependency.py", 28, FINALLY): FRAMEWORK_YIELD,
    ("hook/live/fastapi_nested.py", 28, FINALLY): FRAMEWORK_YIELD,
    ("hook/live/faststream_lifespan.py", 18, FINALLY): FRAMEWORK_YIELD,
    ("hook/live/mounted_and_run.py", 20, FINALLY): FRAMEWORK_YIELD,
    ("hook/live/mounted_and_served.py", 29, FINALLY): FRAMEWORK_YIELD,
    ("hook/live/routers_in_a_list.py", 28, FINALLY): FRAMEWORK_YIELD,
    ("hook/right_scope/lent_by_dependency.py", 20, FINALLY): FRAMEWORK_YIELD,
    ("hook/live/quart_while.py", 16, FINALLY): FRAMEWORK_YIELD,
    ("instance/released_from_outside/main.py", 17, FINALLY): FRAMEWORK_YIELD,
    ("owner/asked/web.py", 17, FINALLY): FRAMEWORK_YIELD,
    ("failed_start/guarded_well/main.py", 23, FINALLY): ONLY_STARTS,
    ("owner/asked/main.py", 58, FINALLY): ONLY_STARTS,
    ("overwritten/after_release/main.py", 18, FINALLY): ONLY_STARTS,
    ("overwritten/while_open/main.py", 20, FINALLY): ONLY_STARTS,
    ("started_twice/once_each/senders.py", 93, FINALLY): ONLY_STARTS,
    ("pool/drained/main.py", 17, FINALLY): ONLY_STARTS,
    ("shared/started_first/stations.py", 67, FINALLY): ONLY_STARTS,
    ("instance/connects_in_constructor/tasks.py", 11, FINALLY): WEAK,
    ("instance/room_for_the_next/main.py", 14, FINALLY): ONLY_STARTS,
    ("overwritten/after_release/failed.py", 28, FINALLY): ONLY_STARTS,
    ("overwritten/after_an_error/main.py", 12, FINALLY): WEAK,
    ("started_twice/until_it_works/main.py", 13, FINALLY): ONLY_STARTS,
    ("local/handed_over/main.py", 16, FINALLY): WEAK,
    ("overwritten/after_release/main.py", 32, FINALLY): WEAK,
    ("quick_reference/parcels/ledger/nightly.py", 25, FINALLY): WEAK,
    ("hook/live/fastapi_nested.py", 32, ("registration-dropped",)): "another lifespan runs this one by hand",
    ("hook/live/mounted_and_run.py", 32, ("registration-dropped",)): "another lifespan runs this one by hand",
    ("overwritten/after_an_error/feeds.py", 85, ("release-deleted",)): "an only release counts, after an error, too",
    ("local/given_to_what_runs_it/ended.py", 48, ("registration-dropped",)): "whatever the thread runs may release it",
    ("hook/right_scope/celery_children.py", 18, ("registration-dropped",)): "the children have a hook of their own",
    ("verdict/earlier_messages/senders.py", 38, FINALLY): WEAK,
    ("verdict/left_to_users/shop_kafka/outboxes.py", 25, ("registration-dropped",)): "its users release it",
    ("verdict/left_to_users/shop_kafka/outboxes.py", 76, ("registration-dropped",)): "its users release it",
    ("instance/released_from_outside/main.py", 20, ("registration-dropped",)): "the lifespan makes the client, too",
}
"""What is no defect, by file, line and kind of mutation, with the reason."""

FAULTS: Reasons = {}
"""Faults of the engine that are known, in the same form."""


class Case(NamedTuple):
    """One mutation of one fixture project."""

    texts: Texts
    file: str
    mutation: Mutation

    def __repr__(self) -> str:
        return f"{self.file}:{self.mutation.line} {self.mutation.what}"


def cases() -> Iterator[Case]:
    for project in PROJECTS:
        texts = sources(project)
        for mutation in mutations(texts, quiet(project)):
            yield Case(texts, f"{project}/{mutation.path}", mutation)


def sources(project: str) -> dict[str, str]:
    return read_texts(FIXTURES / project)


@functools.cache
def quiet(project: str) -> list[Producer]:
    """The producers of application code without an alarm; none in a project that departs from its comments."""
    before = audited(sources(project))
    wanted = read_expectations(FIXTURES / project).alarms
    if alarm_differences(wanted, before.findings):
        return []
    loud = {(alarm.path, alarm.line) for alarm in wanted}
    return [
        producer
        for producer in before.producers
        if producer.context == "app" and (producer.path, producer.line) not in loud and not alarmed(before, producer.id)
    ]


def listed(case: Case, reasons: Reasons) -> str:
    """The reason that a list has for a case; empty for none."""
    for (file, line, kinds), reason in reasons.items():
        if (file, line) == (case.file, case.mutation.line) and case.mutation.what in kinds:
            return reason
    return ""


def missed(case: Case) -> list[str]:
    after = audited({**case.texts, **case.mutation.changed})
    return [producer for producer in case.mutation.producers if not alarmed(after, producer)]


def as_parameter(case: Case):
    reason = listed(case, FAULTS)
    marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    producers = ",".join(producer.partition("::")[2] for producer in case.mutation.producers)
    return pytest.param(case, id=f"{case.file}:{case.mutation.line}-{case.mutation.what}-{producers}", marks=marks)


CASES = list(cases())
DEFECTS = [case for case in CASES if not listed(case, HARMLESS)]


@pytest.mark.parametrize("case", [as_parameter(case) for case in DEFECTS])
def test_a_broken_release_alarms(case: Case):
    assert not missed(case)


@pytest.mark.parametrize("project", PROJECTS)
def test_a_release_that_is_put_back_is_silent(project: str):
    texts = sources(project)
    after = audited({path: ast.unparse(ast.parse(text)) for path, text in texts.items()})
    assert not [producer.id for producer in quiet(project) if alarmed(after, producer.id)]


def test_what_is_harmless_is_silent_indeed():
    loud = [case for case in CASES if listed(case, HARMLESS) and not missed(case)]
    assert not [(case.file, *case.mutation[:3]) for case in loud]


def test_no_reason_is_left_over():
    for reasons in (HARMLESS, FAULTS):
        used = {key for key in reasons for case in CASES if listed(case, {key: reasons[key]})}
        assert not reasons.keys() - used


def test_the_mutations_are_many_and_of_every_kind():
    kinds = {case.mutation.what for case in DEFECTS}
    assert kinds == {"release-deleted", "with-made-plain", "flush-moved-up", *FINALLY, "registration-dropped"}
    assert len(DEFECTS) >= 300

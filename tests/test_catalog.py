"""The catalogue is consistent with itself, and its listing shows all of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_audit.catalog.clients import CLIENTS, FRAMEWORK_LIBRARIES, LIBRARIES, Client, import_severity
from kafka_audit.catalog.hooks import HOOKS, INHERITS, Hook, hooks_for
from kafka_audit.catalog.known import KNOWN
from kafka_audit.report.catalog import listing

each_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
LISTED = listing("text")


def named(dotted: str) -> Client:
    client = KNOWN.client_named(dotted)
    assert client is not None
    return client


def test_a_name_belongs_to_one_client():
    counts = Counter(name for client in CLIENTS for name in client.importable)
    assert [name for name, count in counts.items() if count > 1] == []


@each_client
def test_a_client_is_found_by_each_of_its_names_the_canonical_one_first(client: Client):
    assert client.importable[0] == client.name
    assert [KNOWN.client_named(name) for name in client.importable] == [client] * len(client.importable)


@each_client
def test_the_screened_packages_are_those_of_the_clients(client: Client):
    roots = FRAMEWORK_LIBRARIES if client.role == "framework" else LIBRARIES
    assert {name.partition(".")[0] for name in client.importable} <= {*roots}


def test_every_screened_package_has_a_client():
    assert {client.name.partition(".")[0] for client in CLIENTS} == {*LIBRARIES, *FRAMEWORK_LIBRARIES}


@each_client
def test_the_traits_of_a_client_do_not_contradict_each_other(client: Client):
    assert not {*client.release} & {*client.absent}
    assert not (client.start and client.starts_on_construct and client.role != "framework")
    assert not client.flush_is_release or (client.dirtied_by and "flush" in client.release)
    assert not client.awaited_constructor or client.is_async
    assert client.managed_by != "async with" or client.is_async
    assert client.managed_by != "with" or not client.is_async


@pytest.mark.parametrize(
    "dotted",
    [
        "confluent_kafka.AdminClient",
        "aiokafka.AIOKafkaAdminClient",
        "confluent_kafka.schema_registry.SchemaRegistryClient",
        "kombu.Producer",
        "KafkaProducer",
        "",
    ],
)
def test_what_is_no_client_has_no_row(dotted: str):
    assert KNOWN.client_named(dotted) is None


@given(st.text(alphabet="abk._AP", max_size=30))
def test_only_listed_names_are_clients(dotted: str):
    assert KNOWN.client_named(dotted) is None


@pytest.mark.parametrize(
    ("dotted", "severity"),
    [
        ("aiokafka.AIOKafkaProducer", "error"),
        ("confluent_kafka.experimental.aio.AIOProducer", "error"),
        ("kafka.KafkaProducer", "error"),
        ("confluent_kafka.cimpl.Producer", "warning"),
        ("confluent_kafka.admin.AdminClient", "warning"),
    ],
)
def test_creating_a_client_at_import_is_as_bad_as_its_constructor(dotted: str, severity: str):
    assert import_severity(named(dotted)) == severity


def test_nothing_is_demanded_of_a_client_without_a_release():
    without = {client.name for client in CLIENTS if not client.release and client.role != "framework"}
    assert without == {"confluent_kafka.admin.AdminClient"}


def test_versions_are_written_with_three_numbers():
    versions = [version for client in CLIENTS for note in client.notes for version in (note.since, note.until)]
    assert {version.count(".") for version in versions if version} == {2}
    assert all(part.isdigit() for version in versions if version for part in version.split("."))


@pytest.mark.parametrize("target", sorted({hook.target for hook in HOOKS if hook.via != "named"}))
def test_a_hook_is_found_by_its_target(target: str):
    assert {hook for hook in HOOKS if hook.target == target and hook.via != "named"} <= {*hooks_for(target)}


def test_a_target_registers_an_event_in_one_way_only():
    counts = Counter((hook.target, hook.via, hook.select) for hook in HOOKS)
    assert [key for key, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(("name", "origin"), sorted(INHERITS.items()))
def test_a_name_has_all_the_hooks_of_the_name_that_it_inherits_from(name: str, origin: str):
    below = [hook for hook in HOOKS if hook.target == origin or hook.target.startswith((f"{origin}.", f"{origin}()"))]
    assert below
    assert [hook for hook in below if hook not in hooks_for(name + hook.target[len(origin) :])] == []


@pytest.mark.parametrize(
    ("target", "selected"),
    [
        ("fastapi.applications.FastAPI().on_event", {"startup", "shutdown"}),
        ("quart.app.Quart().after_serving", {""}),
        ("asyncio.get_running_loop().add_signal_handler", {""}),
        ("django.test.TestCase().addCleanup", {""}),
        ("taskiq_redis.ListQueueBroker().add_event_handler", {
            "taskiq.TaskiqEvents.WORKER_STARTUP",
            "taskiq.TaskiqEvents.WORKER_SHUTDOWN",
            "taskiq.TaskiqEvents.CLIENT_STARTUP",
            "taskiq.TaskiqEvents.CLIENT_SHUTDOWN",
        }),
    ],
)  # fmt: skip
def test_hooks_are_found_by_other_names_of_the_same_thing(target: str, selected: set[str]):
    assert {hook.select for hook in hooks_for(target)} == selected


def test_a_subclass_has_its_own_hooks_and_those_of_its_base():
    selected = {hook.select for hook in hooks_for("unittest.async_case.IsolatedAsyncioTestCase")}
    assert selected == {"asyncSetUp", "asyncTearDown", "setUp", "tearDown", "setUpClass", "tearDownClass"}


@pytest.mark.parametrize("target", ["", "()", "fastapi", "fastapi.FastAPI().get", "conftest", "app.on_event"])
def test_what_registers_nothing_has_no_hooks(target: str):
    assert hooks_for(target) == ()


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: f"{hook.target}-{hook.via}-{hook.select}")
def test_a_hook_says_where_its_fact_comes_from(hook: Hook):
    assert hook.note.endswith(".")
    assert any(word in hook.note for word in (" run", " read"))
    assert not hook.live.endswith(".")


def test_nothing_that_runs_at_exit_can_await():
    assert {hook.awaits for hook in HOOKS if hook.phase == "exit"} == {False}


@pytest.mark.parametrize(
    "framework",
    [
        *("fastapi", "starlette", "aiohttp", "quart", "sanic", "litestar", "flask", "django", "celery", "arq"),
        *("taskiq", "faststream", "scrapy", "airflow", "gunicorn", "pytest", "unittest", "dependency-injector"),
        *("dishka", "punq", "atexit", "signal", "asyncio", "weakref", "contextlib", "python"),
    ],
)
def test_a_framework_that_the_audit_claims_to_know_has_rows(framework: str):
    assert [hook for hook in HOOKS if hook.framework == framework]


def test_the_listing_fits_80_columns_and_holds_no_control_characters():
    assert max(map(len, LISTED.splitlines())) <= 80
    assert [char for char in LISTED if not (char.isprintable() or char == "\n")] == []


def test_the_listing_names_every_client_and_every_hook():
    words = {*LISTED.split()}
    assert {name for client in CLIENTS for name in client.importable} <= words
    assert [hook.target for hook in HOOKS if hook.target not in LISTED and hook.target != "object"] == []


def entry(name: str) -> str:
    (found,) = [block for block in LISTED.split("\n\n") if block.startswith(f"{name} (")]
    return " ".join(found.split())


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("AIOKafkaProducer", ["await start()", "await stop(), async with", "without a running event loop"]),
        ("AdminClient", ["start the constructor", "release with", "has no close()"]),
        ("AIOProducer", ["a second release raises", "since 2.14.0", "2.12.0-2.13.0"]),
        ("AsyncSerializingProducer", ["the constructor, which is awaited", "may be subscripted"]),
        ("KafkaProducer", ["waits for a broker", "closes it when the interpreter exits", "blocks flush(), close()"]),
        ("KafkaConsumer", ["poll() with a timeout"]),
        ("SerializingProducer", ["owes a flush after produce()", "poll() unless its timeout is 0"]),
    ],
)
def test_the_listing_tells_what_matters_about_a_client(name: str, facts: list[str]):
    assert [fact for fact in facts if fact not in entry(name)] == []


def test_the_json_listing_holds_the_records_themselves():
    decoded: dict[str, Any] = msgspec.json.decode(listing("json"))
    assert msgspec.convert(decoded["clients"], tuple[Client, ...]) == CLIENTS
    assert msgspec.convert(decoded["hooks"], tuple[Hook, ...]) == HOOKS

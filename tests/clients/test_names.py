"""The catalogue's names are those of the installed releases."""

from __future__ import annotations

import inspect

import pytest

from kafka_audit.catalog.clients import ERRORS, Client
from tests.clients.installed import AUDITED, GONE, PRESENT, load

each_client = pytest.mark.parametrize("client", PRESENT, ids=lambda client: client.name)


def importable_now(dotted: str) -> bool:
    try:
        load(dotted)
    except (ImportError, AttributeError):
        return False
    return True


def test_only_names_of_older_releases_cannot_be_imported():
    absent = {name for client in AUDITED for name in client.importable if not importable_now(name)}
    older = {name for name in absent if name.startswith("confluent_kafka.experimental.aio.")}
    assert len(older) == 5
    assert absent - older == {name for client in AUDITED if client.name in GONE for name in client.importable}


@each_client
def test_every_name_of_a_client_is_the_same_class(client: Client):
    found = {load(name) for name in client.importable if importable_now(name)}
    assert len(found) == 1
    assert inspect.isclass(found.pop())


@each_client
def test_methods_exist_and_are_coroutines_exactly_when_the_row_says_so(client: Client):
    kind = load(client.name)
    methods = {name: getattr(kind, name) for name in (*client.start, *client.release, *client.dirtied_by)}
    assert {name: inspect.iscoroutinefunction(method) for name, method in methods.items()} == dict.fromkeys(
        methods, client.is_async
    )


@each_client
def test_methods_that_block_or_poll_exist_and_only_synchronous_clients_have_them(client: Client):
    kind = load(client.name)
    missing = [name for name in (*client.blocking, *client.polls, *client.futures) if not hasattr(kind, name)]
    assert not missing
    assert not (client.is_async and (client.blocking or client.polls))


@each_client
def test_absent_methods_are_absent(client: Client):
    kind = load(client.name)
    assert client.absent
    assert [name for name in client.absent if hasattr(kind, name)] == []


@each_client
def test_what_ends_lives_by_name_is_either_a_release_or_absent(client: Client):
    kind = load(client.name)
    words = {"close", "stop", "aclose", "shutdown", "disconnect"}
    assert {word for word in words if hasattr(kind, word)} == words & {*client.release}
    assert words - {*client.release} <= {*client.absent}


@each_client
def test_fields_that_a_release_ends_are_assigned_by_the_constructor(client: Client):
    source = inspect.getsource(load(client.name).__init__) if client.ends else ""
    assert [name for name in client.ends if f"self.{name} = " not in source] == []


@each_client
def test_the_context_manager_is_the_one_the_row_names(client: Client):
    kind = load(client.name)
    protocols = {"with": hasattr(kind, "__exit__"), "async with": hasattr(kind, "__aexit__")}
    assert [name for name, present in protocols.items() if present] == [client.managed_by] * bool(client.managed_by)


@each_client
def test_a_client_can_be_subscripted_exactly_when_the_row_says_so(client: Client):
    assert hasattr(load(client.name), "__class_getitem__") is client.generic


@pytest.mark.parametrize("distribution", sorted(ERRORS))
def test_the_errors_of_a_library_are_all_caught_by_its_base_class(distribution: str):
    base, *wider = ERRORS[distribution]
    module = {"aiokafka": "aiokafka.errors", "confluent-kafka": "confluent_kafka", "kafka-python": "kafka.errors"}
    kind = load(f"{module[distribution]}.{base}")
    assert {each.__name__ for each in kind.__mro__[1:]} == {*wider, "Exception", "BaseException", "object"}

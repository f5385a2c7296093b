"""What ends the objects that dependency containers made: dishka's and dependency-injector's, run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web
from dependency_injector import containers, providers
from dishka import AsyncContainer, Provider, Scope, make_async_container, make_container
from dishka.integrations.aiohttp import setup_dishka as setup_in_aiohttp
from dishka.integrations.fastapi import setup_dishka as setup_in_fastapi
from fastapi import FastAPI

from kafka_audit.catalog.containers import CONTAINERS
from tests.hooks.rows import condition
from tests.hooks.server import serve

DISHKA = next(row for row in CONTAINERS if row.framework == "dishka")


class Resource:
    """What the containers make."""


def container(calls: list[str], scope: Scope = Scope.APP) -> AsyncContainer:
    async def resource() -> AsyncIterator[Resource]:
        calls.append("made")
        yield Resource()
        calls.append("released")

    provider = Provider(scope=scope)
    provider.provide(resource)
    return make_async_container(provider)


def test_a_dishka_provider_is_resumed_when_its_container_is_closed():
    calls: list[str] = []

    async def life() -> None:
        made = container(calls)
        await made.get(Resource)
        assert calls == ["made"]
        await made.close()

    asyncio.run(life())
    assert calls == ["made", "released"]
    assert "only when the container is closed" in condition("dishka.provide")


def test_an_unclosed_dishka_container_resumes_nothing_by_the_end_of_the_loop():
    calls: list[str] = []

    async def life() -> None:
        await container(calls).get(Resource)

    asyncio.run(life())
    assert calls == ["made"]


def test_a_with_closes_a_dishka_container():
    calls: list[str] = []

    async def life() -> None:
        async with container(calls) as made:
            await made.get(Resource)

    asyncio.run(life())
    assert calls == ["made", "released"]
    assert DISHKA.is_managed


def test_a_dishka_container_inside_another_ends_only_what_is_its_own():
    calls: list[str] = []

    async def life(scope: Scope) -> None:
        made = container(calls, scope)
        async with made() as request:
            await request.get(Resource)

    asyncio.run(life(Scope.APP))
    assert calls == ["made"]
    calls.clear()
    asyncio.run(life(Scope.REQUEST))
    assert calls == ["made", "released"]


def test_a_synchronous_dishka_container_is_closed_likewise():
    calls: list[str] = []

    def resource() -> Iterator[Resource]:
        yield Resource()
        calls.append("released")

    provider = Provider(scope=Scope.APP)
    provider.provide(resource)
    made = make_container(provider)
    made.get(Resource)
    assert calls == []
    made.close()
    assert calls == ["released"]


def test_the_integration_of_fastapi_does_not_close_the_container():
    calls: list[str] = []
    app = FastAPI()
    made = container(calls)
    setup_in_fastapi(made, app)

    async def page() -> None:
        await made.get(Resource)

    app.get("/path")(page)
    serve(app, "/path")
    assert calls == ["made"]
    assert app.state.dishka_container is made
    assert "dishka.integrations.fastapi.setup_dishka" not in DISHKA.closed_by


def test_the_integration_of_aiohttp_closes_the_container():
    calls: list[str] = []

    async def life() -> None:
        app = web.Application()
        made = container(calls)
        setup_in_aiohttp(made, app)
        runner = web.AppRunner(app)
        await runner.setup()
        await made.get(Resource)
        await runner.cleanup()

    asyncio.run(life())
    assert calls == ["made", "released"]
    assert "dishka.integrations.aiohttp.setup_dishka" in DISHKA.closed_by


def resources(calls: list[str]) -> tuple[Any, Any]:
    """A container with a resource, inside a container with another one."""

    def resource(name: str) -> Iterator[Resource]:
        yield Resource()
        calls.append(f"{name} released")

    class Inner(containers.DeclarativeContainer):
        resource_ = providers.Resource(resource, "inner")

    class Outer(containers.DeclarativeContainer):
        inner = providers.Container(Inner)
        resource_ = providers.Resource(resource, "outer")
        singleton = providers.Singleton(Resource)

    return Inner, Outer


def test_shutting_a_container_down_ends_its_resources_and_those_inside():
    calls: list[str] = []
    made = resources(calls)[1]()
    made.init_resources()
    made.inner().init_resources()
    assert calls == []
    made.shutdown_resources()
    assert sorted(calls) == ["inner released", "outer released"]
    assert "shutdown_resources()" in condition("dependency_injector.providers.Resource")


def test_one_resource_is_shut_down_by_itself():
    calls: list[str] = []
    made = resources(calls)[0]()
    made.resource_()
    made.resource_.shutdown()
    assert calls == ["inner released"]


@pytest.mark.parametrize("method", ["close", "aclose", "shutdown", "tear_down"])
def test_a_singleton_has_no_end(method: str):
    made = resources([])[1]()
    assert made.singleton() is made.singleton()
    assert not hasattr(made.singleton, method)
    assert condition("dependency_injector.providers.Singleton") == ""

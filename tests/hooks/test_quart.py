"""When Quart calls the hooks of an application and of a blueprint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from quart import Blueprint, Quart

from tests.hooks.rows import condition, scope


def served(app: Quart, requests: int = 0) -> None:
    async def life() -> None:
        async with app.test_app() as running:
            for _ in range(requests):
                await running.test_client().get("/")

    asyncio.run(life())


@pytest.mark.parametrize(("registered", "called"), [(True, ["begins", "ends", "after"]), (False, [])])
def test_the_hooks_of_a_blueprint_run_once_it_is_registered(registered: bool, called: list[str]):
    app, blueprint, calls = Quart("app"), Blueprint("part", "part"), list[str]()

    @blueprint.while_app_serving
    async def around() -> AsyncIterator[None]:
        calls.append("begins")
        yield
        calls.append("ends")

    @blueprint.after_app_serving
    async def after() -> None:
        calls.append("after")

    if registered:
        app.register_blueprint(blueprint)
    served(app)
    assert calls == called
    assert "only when the blueprint is registered" in condition("quart.Blueprint().after_app_serving")


def test_a_teardown_runs_after_every_request():
    app, calls = Quart("app"), list[str]()

    @app.get("/")
    async def page() -> str:
        calls.append("request")
        return ""

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        calls.append("teardown")

    served(app, requests=2)
    assert calls == ["request", "teardown"] * 2
    assert scope("quart.Quart().teardown_request") == "request"


def test_a_test_client_alone_runs_no_hooks_of_the_application():
    app, calls = Quart("app"), list[str]()

    @app.after_serving
    async def after() -> None:
        calls.append("after")

    asyncio.run(app.test_client().get("/"))
    assert calls == []
    served(app)
    assert calls == ["after"]

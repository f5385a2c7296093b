"""Which of FastAPI's and Starlette's hooks really run: what the catalogue says, against the installed releases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.routing import Mount, Router

from kafka_audit.catalog.hooks import hooks_for
from tests.hooks.rows import condition, scope
from tests.hooks.server import serve

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Calls(list[str]):
    """What was called, in order."""

    def hook(self, name: str) -> Callable[[], Any]:
        async def called() -> None:
            self.append(name)

        return called

    def lifespan(self, name: str) -> Callable[[Any], Any]:
        @asynccontextmanager
        async def around(app: object) -> AsyncIterator[None]:
            self.append(f"{name} begins")
            yield
            self.append(f"{name} ends")

        return around


@pytest.fixture
def calls() -> Calls:
    return Calls()


def by_decorator(app: FastAPI, function: Callable[[], Any]) -> None:
    app.on_event("shutdown")(function)


def by_call(app: FastAPI, function: Callable[[], Any]) -> None:
    app.router.add_event_handler("shutdown", function)


def by_list(app: FastAPI, function: Callable[[], Any]) -> None:
    app.router.on_shutdown.append(function)


@pytest.mark.parametrize("register", [by_decorator, by_call, by_list])
def test_a_shutdown_handler_runs_without_a_lifespan(register: Callable[..., None], calls: Calls):
    app = FastAPI()
    register(app, calls.hook("handler"))
    serve(app)
    assert calls == ["handler"]


@pytest.mark.parametrize(
    ("register", "target"),
    [
        (by_decorator, "fastapi.FastAPI().on_event"),
        (by_call, "fastapi.FastAPI().router.add_event_handler"),
        (by_list, "fastapi.FastAPI().router.on_shutdown.append"),
    ],
)
def test_a_shutdown_handler_is_dead_beside_a_lifespan(register: Callable[..., None], target: str, calls: Calls):
    app = FastAPI(lifespan=calls.lifespan("app"))
    register(app, calls.hook("handler"))
    serve(app)
    assert calls == ["app begins", "app ends"]
    assert "not when the application has an explicit lifespan" in condition(target)


def test_the_on_shutdown_keyword_is_dead_beside_a_lifespan(calls: Calls):
    serve(FastAPI(on_shutdown=[calls.hook("handler")]))
    assert calls == ["handler"]
    serve(FastAPI(on_shutdown=[calls.hook("handler")], lifespan=calls.lifespan("app")))
    assert calls == ["handler", "app begins", "app ends"]


def test_a_lifespan_that_is_assigned_later_silences_handlers_too(calls: Calls):
    app = FastAPI()
    app.on_event("shutdown")(calls.hook("handler"))
    app.router.lifespan_context = calls.lifespan("assigned")
    serve(app)
    assert calls == ["assigned begins", "assigned ends"]


def test_an_included_routers_lifespan_runs_inside_the_applications(calls: Calls):
    app = FastAPI(lifespan=calls.lifespan("app"))
    app.include_router(APIRouter(lifespan=calls.lifespan("router")))
    serve(app)
    assert calls == ["app begins", "router begins", "router ends", "app ends"]


@pytest.mark.parametrize(("explicit", "times"), [(True, 1), (False, 2)])
def test_an_included_routers_handler_runs_beside_a_lifespan_and_twice_without(explicit: bool, times: int, calls: Calls):
    router = APIRouter()
    router.on_event("shutdown")(calls.hook("handler"))
    app = FastAPI(lifespan=calls.lifespan("app")) if explicit else FastAPI()
    app.include_router(router)
    serve(app)
    assert calls.count("handler") == times


def test_a_mounted_fastapi_application_gets_requests_but_no_lifespan_and_no_handlers(calls: Calls):
    mounted = FastAPI(lifespan=calls.lifespan("mounted"))
    mounted.on_event("shutdown")(calls.hook("handler"))
    mounted.get("/path")(calls.hook("request"))
    app = FastAPI(lifespan=calls.lifespan("app"))
    app.mount("/mounted", mounted)
    serve(app, "/mounted/path")
    assert calls == ["app begins", "request", "app ends"]


def test_a_mounted_starlette_application_gets_no_lifespan(calls: Calls):
    mounted = Starlette(lifespan=calls.lifespan("mounted"))
    serve(Starlette(lifespan=calls.lifespan("app"), routes=[Mount("/mounted", app=mounted)]), "/mounted/path")
    assert calls == ["app begins", "app ends"]


def test_a_yield_dependency_ends_with_each_request(calls: Calls):
    async def resource() -> AsyncIterator[None]:
        calls.append("made")
        yield
        calls.append("released")

    app = FastAPI()
    app.get("/path", dependencies=[Depends(resource)])(calls.hook("request"))
    serve(app, "/path", "/path")
    assert calls == ["made", "request", "released"] * 2
    assert scope("fastapi.Depends") == "request"


def test_an_error_of_the_handler_is_raised_at_the_yield_of_a_dependency(calls: Calls):
    async def resource() -> AsyncIterator[None]:
        calls.append("made")
        yield
        calls.append("released")

    def fail() -> None:
        raise HTTPException(400)

    app = FastAPI()
    app.get("/path", dependencies=[Depends(resource)])(fail)
    serve(app, "/path")
    assert calls == ["made"]
    assert {hook.throws for hook in hooks_for("fastapi.Depends")} == {True}


def test_a_handler_that_fails_at_startup_keeps_shutdown_handlers_from_running(calls: Calls):
    def fail() -> None:
        raise RuntimeError("no broker")

    app = FastAPI()
    app.on_event("startup")(fail)
    app.on_event("shutdown")(calls.hook("handler"))
    with pytest.raises(AssertionError, match=r"startup\.failed"):
        serve(app)
    assert calls == []


@pytest.mark.parametrize("kind", [Starlette, Router])
def test_starlette_has_lost_the_handlers_that_the_catalogue_calls_old(kind: type):
    assert not hasattr(kind, "on_event")
    assert not hasattr(kind, "add_event_handler")
    with pytest.raises(TypeError):
        kind(on_shutdown=[print])
    assert "only before Starlette 1.0" in condition("starlette.applications.Starlette().on_event")


def test_fastapi_has_lost_add_event_handler_but_its_router_has_it():
    assert not hasattr(FastAPI(), "add_event_handler")
    assert hasattr(FastAPI().router, "add_event_handler")
    assert "only before Starlette 1.0" in condition("fastapi.FastAPI().add_event_handler")

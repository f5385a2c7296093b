"""What runs an application inside a test, and how much of it: its handlers, its lifespan, or both?

Run on FastAPI 0.165, Starlette 1.10, httpx 0.28, asgi-lifespan 2.1, aiohttp 3.14, Flask 3.1, Quart 0.22, Sanic 25.12,
Litestar 2.25, FastStream 0.7.8 and kstreams 0.34.6.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Driver

DRIVERS: Final[tuple[Driver, ...]] = (
    Driver(
        names=("starlette.testclient.TestClient", "fastapi.testclient.TestClient"),
        lifespan="entered",
        note="Starlette 1.10, run: the lifespan runs inside `with TestClient(app)` alone.",
    ),
    Driver(
        names=(
            "fastapi.FastAPI().router.lifespan_context",
            "starlette.applications.Starlette().router.lifespan_context",
        ),
        lifespan="entered",
        serves=False,
        note="Starlette 1.10, read: the lifespan itself, to be entered by hand.",
    ),
    Driver(
        names=(
            "httpx.ASGITransport",
            "httpx.WSGITransport",
            "httpx.AsyncClient",
            "httpx.Client",
            "httpx2.ASGITransport",
            "httpx2.WSGITransport",
            "httpx2.AsyncClient",
            "httpx2.Client",
        ),
        lifespan="never",
        note="httpx 0.28, run: a transport passes on requests and knows no lifespan.",
    ),
    Driver(
        names=("asgi_lifespan.LifespanManager",),
        lifespan="entered",
        serves=False,
        note="asgi-lifespan 2.1, run: the lifespan runs around the block; requests need a client of their own.",
    ),
    Driver(
        names=("async_asgi_testclient.TestClient",),
        lifespan="entered",
        note="async-asgi-testclient 1.4, read: entering it sends the lifespan events.",
    ),
    Driver(
        names=("aiohttp.test_utils.TestServer", "aiohttp.test_utils.TestClient"),
        lifespan="entered",
        note="aiohttp 3.14, run: `async with` and `start_server()` both start the application.",
    ),
    Driver(
        names=("aiohttp_client", "aiohttp_server", "aiohttp_raw_server"),
        lifespan="made",
        note="pytest-aiohttp 1.1, read: what the fixture makes is started, and closed after the test.",
    ),
    Driver(
        names=("flask.Flask().test_client", "flask.Flask().test_cli_runner"),
        lifespan="never",
        note="Flask 3.1, run: an application has no hooks that a server calls.",
    ),
    Driver(
        names=("quart.Quart().test_client", "quart.Quart().test_app().test_client"),
        lifespan="never",
        note="Quart 0.22, run: a test client serves requests without before_serving.",
    ),
    Driver(
        names=("quart.Quart().test_app",),
        lifespan="entered",
        note="Quart 0.22, run: before_serving, while_serving and after_serving run around the block.",
    ),
    Driver(
        names=("sanic.Sanic().test_client", "sanic.Sanic().asgi_client", "sanic_testing.testing.SanicTestClient"),
        lifespan="request",
        note="Sanic 25.12 with sanic-testing 24.6, run: each request starts the application and stops it.",
    ),
    Driver(
        names=("litestar.testing.TestClient", "litestar.testing.AsyncTestClient"),
        lifespan="entered",
        note="Litestar 2.25, run: the lifespan runs around the block alone.",
    ),
    Driver(
        names=("faststream.TestApp", "faststream.testing.app.TestApp"),
        lifespan="entered",
        serves=False,
        note="FastStream 0.7.8, run: the hooks of the application run around the block.",
    ),
    Driver(
        names=("kstreams.test_utils.TestStreamClient", "kstreams.test_utils.test_utils.TestStreamClient"),
        lifespan="entered",
        serves=False,
        note="kstreams 0.34.6, run: the hooks of the engine run around the block, its clients are in memory.",
    ),
)

REQUESTS: Final = frozenset(
    {"delete", "get", "head", "open", "options", "patch", "post", "put", "request", "stream"}
    | {"websocket", "websocket_connect", "ws_connect"}
)
"""Methods of drivers that send a request."""

STARTS: Final = frozenset({"__aenter__", "__enter__", "start_server", "startup"})
"""Methods by which a driver with a lifespan is entered without a `with`."""

ENTERS: Final = frozenset({"enter_async_context", "enter_context", "enterAsyncContext", "enterContext"})
"""Methods that enter something until the object that they are methods of is left, or the test is over."""

ROUTES: Final = frozenset(
    {"delete", "get", "head", "options", "patch", "post", "put", "trace"}
    | {"add_delete", "add_get", "add_head", "add_patch", "add_post", "add_put", "add_options", "add_view", "view"}
    | {"add_api_route", "add_route", "add_url_rule", "add_websocket_route", "api_route", "endpoint", "route"}
    | {"Route", "WebSocketRoute", "websocket", "websocket_route", "websocket_listener"}
)
"""Last names of what gives a handler to an application or router, whatever the library."""

ROUTING: Final = frozenset({"aiohttp", "django", "fastapi", "flask", "litestar", "quart", "sanic", "starlette"})
"""Libraries that call what they are given under such a name, or under one of `VIEWS`, for every request."""

VIEWS: Final = frozenset({"django.urls.path", "django.urls.re_path", "django.conf.urls.url"})
"""Django's names for the same: Django 5.2, read; the last one was there before 4.0."""

MIDDLEWARE: Final = frozenset({"middleware"})
"""Last names of what is given a function that every request passes through."""

FAMILIES: Final = {"fastapi": "starlette"}
"""Libraries that are built on another one, and whose applications take its routes."""

PREFIXES: Final = ("prefix", "url_prefix")
"""Keywords under which a router, or its inclusion, is given what stands before its paths."""

_BY_NAME: Final = {name: driver for driver in DRIVERS for name in driver.names}


def driver_named(dotted: str) -> Driver | None:
    """The driver that calling this name makes; for one that is an attribute, that the attribute is."""
    return _BY_NAME.get(dotted)


def driven_by(dotted: str) -> Driver | None:
    """The driver that a method of this dotted name belongs to: `flask.Flask().test_client().get`."""
    head = dotted.rpartition(".")[0]
    return _BY_NAME.get(head.removesuffix("()"))

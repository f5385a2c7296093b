"""Which functions do web frameworks call when an application starts or stops, or when a request ends?

Run on FastAPI 0.110 to 0.165, Starlette 0.36 to 1.10, aiohttp 3.14, Quart 0.22, Sanic 25.12, Litestar 2.25, Flask 3.1
and gunicorn 27.0; Django 5.2 was read. `tests/hooks` repeats the FastAPI, Starlette and Flask claims.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Hook, same_hooks

_NOT_MOUNTED = "not when the application is only mounted in another one"
_NO_LIFESPAN = "not when the application has an explicit lifespan, nor when it is only mounted in another one"
_INCLUDED = "only when the router is included; before FastAPI 0.112.2 not when the application has an explicit lifespan"
_STARLETTE_OLD = "only before Starlette 1.0, and not when the application has an explicit lifespan or is only mounted"
_SILENCED = "FastAPI 0.110 to 0.165, run: an explicit lifespan silences it without a word."
_REQUEST_END = "code after a generator's yield runs when each request ends"

FASTAPI: Final = (
    Hook(
        framework="fastapi",
        target="fastapi.FastAPI",
        via="keyword",
        select="lifespan",
        phase="both",
        scope="app",
        awaits=True,
        live=_NOT_MOUNTED,
        note="FastAPI 0.165, run: code after the yield runs at shutdown; TestClient runs it only as a context manager.",
    ),
    Hook(
        framework="fastapi",
        target="fastapi.APIRouter",
        via="keyword",
        select="lifespan",
        phase="both",
        scope="app",
        awaits=True,
        live="only when the router is included, and only since FastAPI 0.112.2",
        note="FastAPI 0.112.1 ignores it, 0.112.2 nests it inside the application's lifespan, run.",
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.FastAPI().on_event", "startup", "startup"),
        ("fastapi.FastAPI().on_event", "shutdown", "shutdown"),
        via="decorator",
        scope="app",
        awaits=True,
        live=_NO_LIFESPAN,
        note=_SILENCED,
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.APIRouter().on_event", "startup", "startup"),
        ("fastapi.APIRouter().on_event", "shutdown", "shutdown"),
        via="decorator",
        scope="app",
        awaits=True,
        live=_INCLUDED,
        note="FastAPI 0.112.2 and later, run: without an explicit application lifespan it is called twice.",
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.FastAPI().add_event_handler", "startup", "startup"),
        ("fastapi.FastAPI().add_event_handler", "shutdown", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        live=f"only before Starlette 1.0; {_NO_LIFESPAN}",
        note="FastAPI 0.165 with Starlette 1.10, run: AttributeError, the method is gone.",
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.FastAPI().router.add_event_handler", "startup", "startup"),
        ("fastapi.FastAPI().router.add_event_handler", "shutdown", "shutdown"),
        ("fastapi.FastAPI().router.on_startup.append", "", "startup"),
        ("fastapi.FastAPI().router.on_shutdown.append", "", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        live=_NO_LIFESPAN,
        note=_SILENCED,
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.APIRouter().add_event_handler", "startup", "startup"),
        ("fastapi.APIRouter().add_event_handler", "shutdown", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        live=_INCLUDED,
        note="FastAPI 0.165, read: the same lists as on_event.",
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.FastAPI", "on_startup", "startup"),
        ("fastapi.FastAPI", "on_shutdown", "shutdown"),
        via="keyword",
        scope="app",
        awaits=True,
        live=_NO_LIFESPAN,
        note=_SILENCED,
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.APIRouter", "on_startup", "startup"),
        ("fastapi.APIRouter", "on_shutdown", "shutdown"),
        via="keyword",
        scope="app",
        awaits=True,
        live=_INCLUDED,
        note="FastAPI 0.165, read: the same lists as on_event.",
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.Depends", "", "both"),
        ("fastapi.Security", "", "both"),
        via="call",
        scope="request",
        awaits=True,
        note=f"FastAPI 0.165, run: {_REQUEST_END}.",
    ),
)

STARLETTE: Final = (
    *same_hooks(
        "starlette",
        ("starlette.applications.Starlette", "lifespan", "both"),
        ("starlette.routing.Router", "lifespan", "both"),
        via="keyword",
        scope="app",
        awaits=True,
        live=_NOT_MOUNTED,
        note="Starlette 1.10, run: the parent of a mounted application never runs the child's lifespan.",
    ),
    *same_hooks(
        "starlette",
        ("starlette.applications.Starlette", "on_startup", "startup"),
        ("starlette.applications.Starlette", "on_shutdown", "shutdown"),
        via="keyword",
        scope="app",
        awaits=True,
        live=_STARLETTE_OLD,
        note="Starlette 1.10, run: TypeError, the keyword is gone.",
    ),
    *same_hooks(
        "starlette",
        ("starlette.applications.Starlette().on_event", "startup", "startup"),
        ("starlette.applications.Starlette().on_event", "shutdown", "shutdown"),
        via="decorator",
        scope="app",
        awaits=True,
        live=_STARLETTE_OLD,
        note="Starlette 1.10, run: AttributeError, the method is gone.",
    ),
    *same_hooks(
        "starlette",
        ("starlette.applications.Starlette().add_event_handler", "startup", "startup"),
        ("starlette.applications.Starlette().add_event_handler", "shutdown", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        live=_STARLETTE_OLD,
        note="Starlette 1.10, run: AttributeError, the method is gone.",
    ),
)

AIOHTTP: Final = (
    *same_hooks(
        "aiohttp",
        ("aiohttp.web.Application().on_startup.append", "", "startup"),
        ("aiohttp.web.Application().on_shutdown.append", "", "shutdown"),
        ("aiohttp.web.Application().on_cleanup.append", "", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        note="aiohttp 3.14, run: called in the application's loop, for sub-applications too.",
    ),
    *same_hooks(
        "aiohttp",
        ("aiohttp.web.Application().cleanup_ctx.append", "", "both"),
        ("aiohttp.web.Application().cleanup_ctx.extend", "", "both"),
        via="call",
        scope="app",
        awaits=True,
        note="aiohttp 3.14, run: code after the yield runs after on_shutdown and before on_cleanup.",
    ),
)

QUART: Final = (
    *same_hooks(
        "quart",
        ("quart.Quart().before_serving", "", "startup"),
        ("quart.Quart().after_serving", "", "shutdown"),
        ("quart.Quart().while_serving", "", "both"),
        ("quart.Blueprint().before_app_serving", "", "startup"),
        ("quart.Blueprint().after_app_serving", "", "shutdown"),
        ("quart.Blueprint().while_app_serving", "", "both"),
        via="decorator",
        scope="app",
        awaits=True,
        note="Quart 0.22, run: once per server; a test client runs it only inside `async with app.test_app()`.",
    ),
    *same_hooks(
        "quart",
        ("quart.Quart().teardown_appcontext", "", "request"),
        ("quart.Quart().teardown_request", "", "request"),
        ("quart.Quart().teardown_websocket", "", "request"),
        ("quart.Quart().after_request", "", "request"),
        ("quart.Blueprint().teardown_request", "", "request"),
        ("quart.Blueprint().teardown_app_request", "", "request"),
        via="decorator",
        scope="request",
        awaits=True,
        note="Quart 0.22, run: called at the end of every request, and of every application context.",
    ),
)

_SANIC_WORKER = "Sanic 25.12, run: it happens in each worker's loop."
_SANIC_MAIN = "Sanic 25.12, run: it happens in the parent process, not in the workers that serve requests."

SANIC: Final = (
    *same_hooks(
        "sanic",
        ("sanic.Sanic().before_server_start", "", "startup"),
        ("sanic.Sanic().after_server_start", "", "startup"),
        ("sanic.Sanic().before_server_stop", "", "shutdown"),
        ("sanic.Sanic().after_server_stop", "", "shutdown"),
        ("sanic.Sanic().listener", "before_server_start", "startup"),
        ("sanic.Sanic().listener", "after_server_start", "startup"),
        ("sanic.Sanic().listener", "before_server_stop", "shutdown"),
        ("sanic.Sanic().listener", "after_server_stop", "shutdown"),
        ("sanic.Blueprint().before_server_start", "", "startup"),
        ("sanic.Blueprint().after_server_start", "", "startup"),
        ("sanic.Blueprint().before_server_stop", "", "shutdown"),
        ("sanic.Blueprint().after_server_stop", "", "shutdown"),
        ("sanic.Blueprint().listener", "before_server_start", "startup"),
        ("sanic.Blueprint().listener", "after_server_start", "startup"),
        ("sanic.Blueprint().listener", "before_server_stop", "shutdown"),
        ("sanic.Blueprint().listener", "after_server_stop", "shutdown"),
        via="decorator",
        scope="worker",
        awaits=True,
        note=_SANIC_WORKER,
    ),
    *same_hooks(
        "sanic",
        ("sanic.Sanic().register_listener", "before_server_start", "startup"),
        ("sanic.Sanic().register_listener", "after_server_start", "startup"),
        ("sanic.Sanic().register_listener", "before_server_stop", "shutdown"),
        ("sanic.Sanic().register_listener", "after_server_stop", "shutdown"),
        via="call",
        scope="worker",
        awaits=True,
        note=_SANIC_WORKER,
    ),
    *same_hooks(
        "sanic",
        ("sanic.Sanic().main_process_start", "", "startup"),
        ("sanic.Sanic().main_process_ready", "", "startup"),
        ("sanic.Sanic().main_process_stop", "", "shutdown"),
        ("sanic.Sanic().listener", "main_process_start", "startup"),
        ("sanic.Sanic().listener", "main_process_ready", "startup"),
        ("sanic.Sanic().listener", "main_process_stop", "shutdown"),
        via="decorator",
        scope="process",
        note=_SANIC_MAIN,
    ),
)

LITESTAR: Final = (
    *same_hooks(
        "litestar",
        ("litestar.Litestar", "lifespan", "both"),
        ("litestar.Litestar", "on_startup", "startup"),
        ("litestar.Litestar", "on_shutdown", "shutdown"),
        via="keyword",
        scope="app",
        awaits=True,
        note="Litestar 2.25, run: lifespans and on_startup or on_shutdown handlers all run, side by side.",
    ),
    *same_hooks(
        "litestar",
        ("litestar.Litestar().on_startup.append", "", "startup"),
        ("litestar.Litestar().on_shutdown.append", "", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        note="Litestar 2.25, read: the list is walked when the event happens.",
    ),
    Hook(
        framework="litestar",
        target="litestar.di.Provide",
        via="call",
        phase="both",
        scope="request",
        awaits=True,
        note=f"Litestar 2.25, run: {_REQUEST_END}.",
    ),
)

FLASK: Final = same_hooks(
    "flask",
    ("flask.Flask().teardown_appcontext", "", "request"),
    ("flask.Flask().teardown_request", "", "request"),
    ("flask.Flask().after_request", "", "request"),
    ("flask.Blueprint().teardown_request", "", "request"),
    ("flask.Blueprint().teardown_app_request", "", "request"),
    ("flask.Blueprint().after_request", "", "request"),
    via="decorator",
    scope="request",
    note="Flask 3.1, run: called at the end of every request; Flask has no hook for the end of the process.",
)

DJANGO: Final = (
    Hook(
        framework="django",
        target="django.apps.AppConfig",
        via="method",
        select="ready",
        phase="startup",
        scope="process",
        note="Django 5.2, read: called once per process; nothing is called at its end.",
    ),
    *same_hooks(
        "django",
        ("django.core.signals.request_started.connect", "", "request"),
        ("django.core.signals.request_finished.connect", "", "request"),
        via="call",
        scope="request",
        awaits=True,
        note="Django 5.2, read: sent once per request.",
    ),
)

_GUNICORN_LIVE = "only in the server's configuration file"

GUNICORN: Final = (
    *same_hooks(
        "gunicorn",
        ("gunicorn.conf", "post_fork", "startup"),
        ("gunicorn.conf", "post_worker_init", "startup"),
        ("gunicorn.conf", "worker_exit", "shutdown"),
        via="named",
        scope="worker",
        live=_GUNICORN_LIVE,
        note="gunicorn 27.0, run: it happens in each worker; worker_exit comes after the worker's loop has ended.",
    ),
    *same_hooks(
        "gunicorn",
        ("gunicorn.conf", "on_starting", "startup"),
        ("gunicorn.conf", "when_ready", "startup"),
        ("gunicorn.conf", "child_exit", "shutdown"),
        ("gunicorn.conf", "on_exit", "shutdown"),
        via="named",
        scope="process",
        live=_GUNICORN_LIVE,
        note="gunicorn 27.0, run: it happens in the parent process, not in the workers that serve requests.",
    ),
)

WEB_HOOKS: Final[tuple[Hook, ...]] = (
    *FASTAPI,
    *STARLETTE,
    *AIOHTTP,
    *QUART,
    *SANIC,
    *LITESTAR,
    *FLASK,
    *DJANGO,
    *GUNICORN,
)

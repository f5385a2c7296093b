"""Which functions do web frameworks other than FastAPI call when an application starts or stops, or a request ends?

Run on aiohttp 3.14, Quart 0.22, Sanic 25.12, Litestar 2.25, Flask 3.1 and gunicorn 27.0; Django 5.2 was read.
`tests/hooks` repeats the most surprising claims on the installed releases.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Autoload, Hook, same_hooks

_REGISTERED = "only when the blueprint is registered with an application"

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
        via="decorator",
        scope="app",
        awaits=True,
        note="Quart 0.22, run: once per server; a test client runs it only inside `async with app.test_app()`.",
    ),
    *same_hooks(
        "quart",
        ("quart.Blueprint().before_app_serving", "", "startup"),
        ("quart.Blueprint().after_app_serving", "", "shutdown"),
        ("quart.Blueprint().while_app_serving", "", "both"),
        via="decorator",
        scope="app",
        awaits=True,
        live=_REGISTERED,
        needs=("included",),
        note="Quart 0.22, run: as the application's own, once the blueprint is registered.",
    ),
    *same_hooks(
        "quart",
        ("quart.Quart().before_request", "", "startup"),
        ("quart.Blueprint().before_request", "", "startup"),
        ("quart.Blueprint().before_app_request", "", "startup"),
        via="decorator",
        scope="request",
        awaits=True,
        note="Quart 0.22, run: called at the start of every request.",
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
_SANIC_MAIN = (
    "Sanic 25.12, run: it happens in the parent process, not in a worker; with single_process=True not at all."
)

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
        via="decorator",
        scope="worker",
        awaits=True,
        note=_SANIC_WORKER,
    ),
    *same_hooks(
        "sanic",
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
        live=_REGISTERED,
        needs=("included",),
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
        note="Litestar 2.25, run: code after a generator's yield runs when each request ends.",
    ),
)

FLASK: Final = (
    *same_hooks(
        "flask",
        ("flask.Flask().before_request", "", "startup"),
        ("flask.Blueprint().before_request", "", "startup"),
        ("flask.Blueprint().before_app_request", "", "startup"),
        via="decorator",
        scope="request",
        note="Flask 3.1, run: called at the start of every request.",
    ),
    *same_hooks(
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
    ),
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
        ("gunicorn*", "post_fork", "startup"),
        ("gunicorn*", "post_worker_init", "startup"),
        ("gunicorn*", "worker_exit", "exit"),
        via="named",
        scope="worker",
        live=_GUNICORN_LIVE,
        note="gunicorn 27.0, run: it happens in each worker; worker_exit comes after the worker's loop has ended.",
    ),
    *same_hooks(
        "gunicorn",
        ("gunicorn*", "on_starting", "startup"),
        ("gunicorn*", "when_ready", "startup"),
        ("gunicorn*", "child_exit", "exit"),
        ("gunicorn*", "on_exit", "exit"),
        via="named",
        scope="process",
        live=_GUNICORN_LIVE,
        note="gunicorn 27.0, run: it happens in the parent process, not in the workers that serve requests.",
    ),
)

DJANGO_APPS: Final = Autoload(
    setup="django.setup",
    variable="DJANGO_SETTINGS_MODULE",
    setting="INSTALLED_APPS",
    configuration="apps",
    models="models",
    base="django.apps.AppConfig",
    ready="ready",
    note="Django 5.2, run: apps.py of all applications, then models.py of all, then ready() of each.",
)

WEB_HOOKS: Final[tuple[Hook, ...]] = (
    *AIOHTTP,
    *QUART,
    *SANIC,
    *LITESTAR,
    *FLASK,
    *DJANGO,
    *GUNICORN,
)

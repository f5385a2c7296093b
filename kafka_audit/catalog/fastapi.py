"""Which functions do FastAPI and Starlette call when an application starts or stops, or when a request ends?

Run on FastAPI 0.110 to 0.165 and Starlette 0.36 to 1.10; `tests/hooks` repeats the claims on the installed releases.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import Hook, same_hooks

_NOT_MOUNTED = "not when the application is only mounted in another one"
_NO_LIFESPAN = "not when the application has an explicit lifespan, nor when it is only mounted in another one"
_INCLUDED = "only when the router is included; before FastAPI 0.112.2 not when the application has an explicit lifespan"
_STARLETTE_OLD = "only before Starlette 1.0, and not when the application has an explicit lifespan or is only mounted"
_SILENCED = "FastAPI 0.110 to 0.165, run: an explicit lifespan silences it without a word."

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
        needs=("unmounted",),
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
        needs=("included",),
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
        needs=("no lifespan", "unmounted"),
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
        needs=("included",),
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
        needs=("no lifespan", "unmounted"),
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
        needs=("no lifespan", "unmounted"),
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
        needs=("included",),
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
        needs=("no lifespan", "unmounted"),
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
        needs=("included",),
        note="FastAPI 0.165, read: the same lists as on_event.",
    ),
    *same_hooks(
        "fastapi",
        ("fastapi.Depends", "", "both"),
        ("fastapi.Security", "", "both"),
        via="call",
        scope="request",
        awaits=True,
        throws=True,
        note="FastAPI 0.165, run: code after a generator's yield runs when each request ends; errors are raised there.",
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
        needs=("unmounted",),
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
        needs=("no lifespan", "unmounted"),
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
        needs=("no lifespan", "unmounted"),
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
        needs=("no lifespan", "unmounted"),
        note="Starlette 1.10, run: AttributeError, the method is gone.",
    ),
)

FASTAPI_HOOKS: Final[tuple[Hook, ...]] = (*FASTAPI, *STARLETTE)

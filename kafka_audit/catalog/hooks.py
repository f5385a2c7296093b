"""What is called when a program, a worker, a request or a test ends, and what does a dotted name register?

The rows stand in one module per family. A hook counts only while its `live` condition holds; `tests/hooks` repeats the
most surprising claims on the installed frameworks.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Final

from kafka_audit.catalog.containers import CONTAINER_HOOKS, CONTAINERS
from kafka_audit.catalog.fastapi import FASTAPI_HOOKS
from kafka_audit.catalog.language import LANGUAGE_HOOKS
from kafka_audit.catalog.schema import DependencyContainer, Hook
from kafka_audit.catalog.testing import TEST_HOOKS
from kafka_audit.catalog.web import WEB_HOOKS
from kafka_audit.catalog.workers import WORKER_HOOKS

__all__ = ["HOOKS", "INHERITS", "Hook", "hooks_for", "host_named", "registered"]

HOOKS: Final[tuple[Hook, ...]] = (
    *FASTAPI_HOOKS,
    *WEB_HOOKS,
    *WORKER_HOOKS,
    *CONTAINER_HOOKS,
    *TEST_HOOKS,
    *LANGUAGE_HOOKS,
)

HOOK_LIBRARIES: Final = tuple(
    sorted({hook.target.partition(".")[0] for hook in HOOKS if hook.via != "named" and "." in hook.target})
)
"""Root packages of the libraries that have hooks."""

INHERITS: Final = {
    # the same object under the name of the module that defines it
    "fastapi.applications.FastAPI": "fastapi.FastAPI",
    "fastapi.routing.APIRouter": "fastapi.APIRouter",
    "fastapi.param_functions.Depends": "fastapi.Depends",
    "fastapi.param_functions.Security": "fastapi.Security",
    "aiohttp.web_app.Application": "aiohttp.web.Application",
    "quart.app.Quart": "quart.Quart",
    "quart.blueprints.Blueprint": "quart.Blueprint",
    "sanic.app.Sanic": "sanic.Sanic",
    "sanic.blueprints.Blueprint": "sanic.Blueprint",
    "litestar.app.Litestar": "litestar.Litestar",
    "flask.app.Flask": "flask.Flask",
    "flask.blueprints.Blueprint": "flask.Blueprint",
    "django.apps.config.AppConfig": "django.apps.AppConfig",
    "arq.worker.Worker": "arq.Worker",
    "celery.app.task.Task": "celery.Task",
    "faststream.app.FastStream": "faststream.FastStream",
    "taskiq.abc.broker.AsyncBroker": "taskiq.AsyncBroker",
    "taskiq.abc.middleware.TaskiqMiddleware": "taskiq.TaskiqMiddleware",
    "airflow.models.BaseOperator": "airflow.sdk.BaseOperator",
    "airflow.models.baseoperator.BaseOperator": "airflow.sdk.BaseOperator",
    "airflow.sdk.bases.operator.BaseOperator": "airflow.sdk.BaseOperator",
    "dramatiq.middleware.Middleware": "dramatiq.Middleware",
    "faust.Service": "mode.Service",
    "mode.services.Service": "mode.Service",
    "dishka.provider.Provider": "dishka.Provider",
    "unittest.case.TestCase": "unittest.TestCase",
    "unittest.async_case.IsolatedAsyncioTestCase": "unittest.IsolatedAsyncioTestCase",
    # another callable to the same effect
    "asyncio.get_event_loop()": "asyncio.AbstractEventLoop()",
    "asyncio.get_running_loop()": "asyncio.AbstractEventLoop()",
    "asyncio.new_event_loop()": "asyncio.AbstractEventLoop()",
    "fastapi.params.Depends": "fastapi.Depends",
    "fastapi.params.Security": "fastapi.Security",
    "faststream.asgi.AsgiFastStream": "faststream.FastStream",
    "scrapy.signalmanager.SignalManager().connect": "scrapy.crawler.Crawler().signals.connect",
    # a subclass, which has the hooks of its base besides its own
    "taskiq.InMemoryBroker": "taskiq.AsyncBroker",
    "taskiq.ZeroMQBroker": "taskiq.AsyncBroker",
    "taskiq_aio_kafka.AioKafkaBroker": "taskiq.AsyncBroker",
    "taskiq_aio_pika.AioPikaBroker": "taskiq.AsyncBroker",
    "taskiq_nats.NatsBroker": "taskiq.AsyncBroker",
    "taskiq_nats.PullBasedJetStreamBroker": "taskiq.AsyncBroker",
    "taskiq_nats.PushBasedJetStreamBroker": "taskiq.AsyncBroker",
    "taskiq_redis.ListQueueBroker": "taskiq.AsyncBroker",
    "taskiq_redis.PubSubBroker": "taskiq.AsyncBroker",
    "taskiq_redis.RedisStreamBroker": "taskiq.AsyncBroker",
    "unittest.IsolatedAsyncioTestCase": "unittest.TestCase",
    "django.test.SimpleTestCase": "unittest.TestCase",
    "django.test.TransactionTestCase": "unittest.TestCase",
    "django.test.TestCase": "unittest.TestCase",
    "django.test.LiveServerTestCase": "unittest.TestCase",
}
"""Names whose hooks are those of another name; a name with a trailing `()` is what the callable returns."""


def _by_target() -> dict[str, tuple[Hook, ...]]:
    rows: dict[str, list[Hook]] = defaultdict(list)
    for hook in HOOKS:
        if hook.via != "named":  # a pattern, not a name that code could mention
            rows[hook.target].append(hook)
    return {target: tuple(hooks) for target, hooks in rows.items()}


_BY_TARGET: Final = _by_target()


def hooks_for(target: str) -> tuple[Hook, ...]:
    """List the hooks that this dotted name registers, those of the name it stands for or derives from included.

    Hooks that are found by a function's name alone (`via="named"`) have no target that code mentions: see `HOOKS`.
    """
    found = _BY_TARGET.get(target, ())
    inherited = _inherited(target)
    return found if inherited is None else found + hooks_for(inherited)


APPLICATIONS: Final = frozenset(
    {"fastapi.FastAPI", "flask.Flask", "quart.Quart", "sanic.Sanic", "starlette.applications.Starlette"}
)
"""Hosts that a server runs, and that may include others."""

WITH_LIFESPAN: Final = frozenset({"fastapi.FastAPI", "starlette.applications.Starlette"})
"""Applications that are given a lifespan, which silences their other hooks."""

HOSTS: Final = (
    APPLICATIONS
    | {
        hook.target.partition("()")[0]
        for hook in HOOKS
        if hook.needs and ("()" in hook.target or hook.via == "keyword")
    }
    | {maker for row in CONTAINERS for maker in row.makers}
)
"""What hooks hang on, told apart object by object because not all of their hooks run: applications, routers, and
containers of dependencies."""

_CONTAINERS: Final = {name: row for row in CONTAINERS for name in (*row.makers, *row.types)}

CLOSINGS: Final = frozenset(f"{name}().{method}" for name, row in _CONTAINERS.items() for method in row.closes)
"""Methods that close a container."""

GIVINGS: Final = frozenset(f"{name}().{method}" for name, row in _CONTAINERS.items() for method in row.gives)
"""Methods that give an object of the class that a container is asked for."""

_KEPT_CLOSINGS: Final = tuple(f".{row.kept_as}.{method}" for row in CONTAINERS if row.kept_as for method in row.closes)

MANAGED: Final = frozenset(f"{name}()" for name, row in _CONTAINERS.items() if row.is_managed)
"""Containers that the end of a `with` closes."""

SETUPS: Final = {setup: row.kept_as for row in CONTAINERS for setup in row.setups if row.kept_as}
"""Functions that hang a container on an application, with the attribute's name."""

SUPPLIERS: Final = {
    hook.target: "factory" if hook.scope == "request" or hook.target.endswith((".Factory", ".Callable")) else "supplier"
    for hook in CONTAINER_HOOKS
    if hook.via == "call" and ".providers." in hook.target
}
"""Classes whose objects are the providers of a container: calling one gives what its function made, the same each time
(`supplier`) or something new (`factory`)."""

INJECTED: Final = frozenset(
    {"dependency_injector.wiring.Provide", "dependency_injector.wiring.Closing", "that_depends.Provide"}
)
"""What marks a parameter as given by the provider in its subscript: `Provide[Container.producer]`."""

PROXIES: Final = frozenset({"flask.g", "flask.current_app", "quart.g", "quart.current_app"})
"""Objects that stand for the application or the request that is served, and keep what is set on them."""

INCLUDES: Final = frozenset({"include_router", "register_blueprint", "blueprint"})
"""Methods by which an application includes a router."""

MOUNTS: Final = frozenset(
    {
        "starlette.routing.Mount",
        "starlette.routing.Host",
        *(
            f"{application}(){inner}.{method}"
            for application in ("fastapi.FastAPI", "starlette.applications.Starlette")
            for inner in ("", ".router")
            for method in ("mount", "host")
        ),
    }
)
"""What makes an application a part of another one, which passes requests on to it and runs none of its hooks."""


GIVEN: Final = frozenset(
    hook.target.rpartition(".")[2] for hook in HOOKS if hook.needs and "()." in hook.target
) - frozenset({"append"})
"""Methods by which a host is given a function: the host's name then stands for what the function does, too."""


def container_of(name: str) -> DependencyContainer | None:
    """The row of the dependency container that this name makes, or is the class of."""
    return _CONTAINERS.get(name)


def closes(dotted: str) -> bool:
    """Whether a method closes a dependency container: its own, or that of the one which an application keeps."""
    return dotted in CLOSINGS or dotted.endswith(_KEPT_CLOSINGS)


@lru_cache(maxsize=10_000)
def host_named(dotted: str) -> str:
    """The host that calling this name makes, under the name that the rows have for it; empty when it makes none."""
    if "()" in dotted:
        return ""
    return dotted if dotted in HOSTS else host_named(INHERITS[dotted]) if dotted in INHERITS else ""


@lru_cache(maxsize=10_000)
def registered(target: str, select: str) -> tuple[Hook, ...]:
    """The hooks that giving a function to this name registers; `select` is the keyword or the string beside it."""
    found = [hook for hook in hooks_for(target) if hook.via in {"decorator", "call", "keyword"}]
    return tuple(hook for hook in found if hook.select == select or (hook.via != "keyword" and "." in hook.select)) or (
        tuple(hook for hook in found if not hook.select)
    )


def _inherited(target: str) -> str | None:
    """Swap the longest known head of the name: `quart.app.Quart().after_serving` is `quart.Quart().after_serving`."""
    head = target
    while head:
        if head in INHERITS:
            return INHERITS[head] + target[len(head) :]
        head = head[:-2] if head.endswith("()") else head.rpartition(".")[0]
    return None

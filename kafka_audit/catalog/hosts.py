"""Which objects of libraries do hooks hang on, and what becomes of them: included, mounted, closed?

All of this is read off the rows, but for what no row says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from kafka_audit.catalog.containers import CONTAINER_HOOKS, CONTAINERS
from kafka_audit.catalog.hooks import HOOKS, INHERITS, registered
from kafka_audit.catalog.schema import DependencyContainer

APPLICATIONS: Final = frozenset(
    {"fastapi.FastAPI", "flask.Flask", "quart.Quart", "sanic.Sanic", "starlette.applications.Starlette"}
)
"""Hosts that a server runs, and that may include others."""

DEPENDENCIES: Final = frozenset({"Depends", "Security"})
"""Last names of what says of a parameter of FastAPI that a function provides it."""

SPAWNING: Final = frozenset({"fastapi", "faststream", "litestar", "quart", "starlette"})
"""Root packages of frameworks whose servers import the application anew in each worker."""

FORKING: Final = frozenset(
    {"airflow", "billiard", "celery", "django", "dramatiq", "flask", "gunicorn", "huey", "multiprocessing", "rq"}
    | {"sanic", "uwsgi", "uwsgidecorators"}
)
"""Root packages of what forks, or is served by what may fork, after the application has been imported."""

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
    | {"aiohttp.web.Application", "aiohttp.web.RouteTableDef", "faststream.FastStream", "flask.Blueprint"}
    | {"litestar.Litestar", "litestar.Router", "starlette.routing.Router"}
)
"""What hooks hang on, told apart object by object because not all of their hooks run, or not in every test:
applications, routers, and containers of dependencies."""

_CONTAINERS: Final = {name: row for row in CONTAINERS for name in (*row.makers, *row.types)}

CLOSINGS: Final = frozenset(f"{name}().{method}" for name, row in _CONTAINERS.items() for method in row.closes)
"""Methods that close a container."""

GIVINGS: Final = frozenset(f"{name}().{method}" for name, row in _CONTAINERS.items() for method in row.gives)
"""Methods that give an object of the class that a container is asked for."""

REGISTER: Final = "punq.Container().register"
"""The method that gives a container an object to keep, or a function that makes it (punq 0.9, read)."""

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

MARKERS: Final = frozenset(marker for row in CONTAINERS for marker in row.markers)
"""Marks of parameters whose function ends what it is given."""

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


def provides(target: str, select: str) -> bool:
    """Whether what is registered so is given to a dependency container, to make something."""
    return any(hook in CONTAINER_HOOKS and hook.via != "keyword" for hook in registered(target, select))


def closes(dotted: str) -> bool:
    """Whether a method closes a dependency container: its own, or that of the one which an application keeps."""
    return dotted in CLOSINGS or dotted.endswith(_KEPT_CLOSINGS)


@lru_cache(maxsize=10_000)
def host_named(dotted: str) -> str:
    """The host that calling this name makes, under the name that the rows have for it; empty when it makes none."""
    if "()" in dotted:
        return ""
    return dotted if dotted in HOSTS else host_named(INHERITS[dotted]) if dotted in INHERITS else ""

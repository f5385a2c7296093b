"""What do dependency containers call when they are closed, and who closes them?

Run on dependency-injector 4.49, dishka 1.10, svcs 26.2, that-depends 4.2 and wireup 2.13; punq 0.9, lagom 2.7 and
injector 0.24 were read: they build objects and have nothing that ends them. `tests/hooks` repeats what is said of
dishka and dependency-injector.
"""

from __future__ import annotations

from typing import Final

from kafka_audit.catalog.schema import DependencyContainer, Hook, same_hooks

DEPENDENCY_INJECTOR: Final = (
    Hook(
        framework="dependency-injector",
        target="dependency_injector.providers.Resource",
        via="call",
        phase="both",
        scope="app",
        awaits=True,
        live="only when the container's shutdown_resources() is called, or the resource's shutdown()",
        needs=("closed",),
        note="dependency-injector 4.49, run: code after the yield; shutdown_resources() is awaitable if a resource is.",
    ),
    *same_hooks(
        "dependency-injector",
        ("dependency_injector.resources.Resource", "shutdown", "shutdown"),
        ("dependency_injector.resources.AsyncResource", "shutdown", "shutdown"),
        via="method",
        scope="app",
        awaits=True,
        live="only when the container's shutdown_resources() is called",
        needs=("closed",),
        note="dependency-injector 4.49, read: the class form of a resource.",
    ),
    *same_hooks(
        "dependency-injector",
        ("dependency_injector.providers.Singleton", "", "startup"),
        ("dependency_injector.providers.ThreadLocalSingleton", "", "startup"),
        ("dependency_injector.providers.ThreadSafeSingleton", "", "startup"),
        ("dependency_injector.providers.Factory", "", "startup"),
        ("dependency_injector.providers.Callable", "", "startup"),
        via="call",
        scope="app",
        note="dependency-injector 4.49, run: it builds the object when asked and has nothing that ends it.",
    ),
)

DISHKA: Final = same_hooks(
    "dishka",
    ("dishka.provide", "", "both"),
    ("dishka.Provider().provide", "", "both"),
    via="decorator",
    scope="app",
    awaits=True,
    live="only when the container is closed: close(), its context manager, or a framework integration",
    needs=("closed",),
    note="dishka 1.10, run: code after a generator's yield; with scope=Scope.REQUEST at the end of each request.",
)

SVCS: Final = (
    Hook(
        framework="svcs",
        target="svcs.Registry().register_factory",
        via="call",
        phase="both",
        scope="request",
        awaits=True,
        live="only when the container is closed: close() or aclose(), its context manager, or a framework integration",
        note="svcs 26.2, run: code after a generator's yield; containers live as long as a request.",
    ),
    *same_hooks(
        "svcs",
        ("svcs.Registry().register_value", "on_registry_close", "shutdown"),
        ("svcs.Registry().register_factory", "on_registry_close", "shutdown"),
        via="keyword",
        scope="app",
        awaits=True,
        live="only when the registry is closed: close() or aclose()",
        note="svcs 26.2, run: called once, by the registry.",
    ),
)

THAT_DEPENDS: Final = (
    Hook(
        framework="that-depends",
        target="that_depends.providers.Resource",
        via="call",
        phase="both",
        scope="app",
        awaits=True,
        live="only when the container's tear_down() is called",
        needs=("closed",),
        note="that-depends 4.2, run: code after the yield.",
    ),
    *same_hooks(
        "that-depends",
        ("that_depends.providers.Singleton", "", "startup"),
        ("that_depends.providers.AsyncSingleton", "", "startup"),
        ("that_depends.providers.Factory", "", "startup"),
        ("that_depends.providers.AsyncFactory", "", "startup"),
        via="call",
        scope="app",
        note="that-depends 4.2, read: it builds the object when asked and has nothing that ends it.",
    ),
    Hook(
        framework="that-depends",
        target="that_depends.providers.ContextResource",
        via="call",
        phase="both",
        scope="request",
        awaits=True,
        note="that-depends 4.2, read: code after the yield runs when the context is left.",
    ),
)

WIREUP: Final = same_hooks(
    "wireup",
    ("wireup.injectable", "", "both"),
    ("wireup.service", "", "both"),
    via="decorator",
    scope="app",
    awaits=True,
    live="only when the container is closed: close(), or a framework integration",
    needs=("closed",),
    note='wireup 2.13, run: code after a generator\'s yield; with lifetime="scoped" at the end of each scope.',
)

WITHOUT_AN_END: Final = (
    Hook(
        framework="punq",
        target="punq.Container().register",
        via="call",
        phase="startup",
        scope="app",
        note="punq 0.9, read: it builds the object when asked and has nothing that ends it.",
    ),
    Hook(
        framework="lagom",
        target="lagom.Container().define",
        via="call",
        phase="startup",
        scope="app",
        note="lagom 2.7, read: it builds the object when asked and has nothing that ends it.",
    ),
    *same_hooks(
        "injector",
        ("injector.provider", "", "startup"),
        ("injector.singleton", "", "startup"),
        via="decorator",
        scope="app",
        note="injector 0.24, read: it builds the object when asked and has nothing that ends it.",
    ),
)

CONTAINER_HOOKS: Final[tuple[Hook, ...]] = (
    *DEPENDENCY_INJECTOR,
    *DISHKA,
    *SVCS,
    *THAT_DEPENDS,
    *WIREUP,
    *WITHOUT_AN_END,
)

_SETUP: Final = "dishka.integrations.{}.setup_dishka"
_WIREUP_SETUP: Final = "wireup.integration.{}.setup"

CONTAINERS: Final[tuple[DependencyContainer, ...]] = (
    DependencyContainer(
        framework="dishka",
        makers=("dishka.make_async_container", "dishka.make_container"),
        types=("dishka.AsyncContainer", "dishka.Container"),
        closes=("close",),
        awaited=("dishka.make_async_container",),
        is_managed=True,
        gives=("get", "get_sync"),
        kept_as="dishka_container",
        setups=tuple(
            _SETUP.format(each)
            for each in ("aiohttp", "click", "fastapi", "faststream", "flask", "litestar", "sanic", "starlette")
        ),
        closed_by=tuple(_SETUP.format(each) for each in ("aiohttp", "click", "faststream")),
        note="dishka 1.10, run: a container() inside another ends only what it made itself; of the integrations, "
        "aiohttp's and click's close the container, those of FastAPI, Flask, Litestar, Sanic and Starlette do not.",
    ),
    DependencyContainer(
        framework="dependency-injector",
        makers=(
            "dependency_injector.containers.DeclarativeContainer",
            "dependency_injector.containers.DynamicContainer",
        ),
        closes=("shutdown_resources",),
        markers=("dependency_injector.wiring.Closing",),
        note="dependency-injector 4.49, run: shutdown_resources() reaches the resources of inner containers, too.",
    ),
    DependencyContainer(
        framework="that-depends",
        makers=("that_depends.BaseContainer",),
        closes=("tear_down", "tear_down_sync"),
        note="that-depends 4.2, run: tear_down() is called on the class.",
    ),
    DependencyContainer(
        framework="wireup",
        makers=("wireup.create_async_container", "wireup.create_sync_container"),
        types=("wireup.AsyncContainer", "wireup.SyncContainer"),
        closes=("close",),
        awaited=("wireup.create_async_container",),
        gives=("get",),
        setups=tuple(_WIREUP_SETUP.format(each) for each in ("aiohttp", "celery", "fastapi", "flask", "starlette")),
        closed_by=tuple(_WIREUP_SETUP.format(each) for each in ("aiohttp", "celery", "fastapi", "starlette")),
        note="wireup 2.13, run and read: of the integrations, Flask's does not close the container.",
    ),
)
"""Containers whose providers end only with them. Those of svcs live as long as a request, and end with it."""

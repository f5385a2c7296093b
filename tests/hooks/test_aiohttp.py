"""In which order aiohttp calls the hooks of an application and of those inside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from tests.hooks.rows import condition, scope

Hook = Callable[[web.Application], Awaitable[None]]


def lived(app: web.Application) -> None:
    async def life() -> None:
        runner = web.AppRunner(app)
        await runner.setup()
        await runner.cleanup()

    asyncio.run(life())


def application(name: str, calls: list[str]) -> web.Application:
    def hook(event: str) -> Hook:
        async def called(app: web.Application) -> None:
            calls.append(f"{name} {event}")

        return called

    async def around(app: web.Application) -> AsyncIterator[None]:
        calls.append(f"{name} begins")
        yield
        calls.append(f"{name} ends")

    app = web.Application()
    app.cleanup_ctx.append(around)
    app.on_shutdown.append(hook("shutdown"))
    app.on_cleanup.append(hook("cleanup"))
    return app


def test_code_behind_the_yield_runs_between_shutdown_and_cleanup():
    calls: list[str] = []
    lived(application("app", calls))
    assert calls == ["app begins", "app shutdown", "app ends", "app cleanup"]


def test_an_application_inside_another_has_its_hooks_run():
    calls: list[str] = []
    app = application("outer", calls)
    app.add_subapp("/inner", application("inner", calls))
    lived(app)
    assert {"inner begins", "inner shutdown", "inner ends", "inner cleanup"} <= {*calls}
    assert condition("aiohttp.web.Application().on_cleanup.append") == ""
    assert scope("aiohttp.web.Application().cleanup_ctx.append") == "app"

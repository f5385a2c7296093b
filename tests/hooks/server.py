"""A web server of one page: it starts an ASGI application, sends it requests, and shuts it down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Message = MutableMapping[str, Any]
Application = Callable[..., Awaitable[None]]


async def _life(application: Application, requests: Sequence[str]) -> None:
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    life = asyncio.ensure_future(application(scope, inbox.get, outbox.put))
    try:
        for phase in ("startup", "shutdown"):
            await inbox.put({"type": f"lifespan.{phase}"})
            answer = await outbox.get()
            assert answer["type"] == f"lifespan.{phase}.complete", answer
            for path in requests if phase == "startup" else ():
                await _request(application, path)
        await life
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


async def _request(application: Application, path: str) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        pass

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [], "state": {}}
    await application(scope | {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}, receive, send)


def serve(application: Application, *requests: str) -> None:
    """Run the application's whole life; raises AssertionError if it refuses to start or to end."""
    asyncio.run(asyncio.wait_for(_life(application, requests), 10))

"""What is called when a program, a worker, a request or a test ends, and what does a dotted name register?

The rows stand in one module per family. A hook counts only while its `live` condition holds; `tests/hooks` repeats the
most surprising claims on the installed frameworks.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Final

from kafka_audit.catalog.containers import CONTAINER_HOOKS
from kafka_audit.catalog.fastapi import FASTAPI_HOOKS
from kafka_audit.catalog.language import LANGUAGE_HOOKS
from kafka_audit.catalog.schema import Hook
from kafka_audit.catalog.testing import TEST_HOOKS
from kafka_audit.catalog.web import WEB_HOOKS
from kafka_audit.catalog.workers import WORKER_HOOKS

__all__ = ["HOOKS", "INHERITS", "Hook", "hooks_for", "registered"]

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

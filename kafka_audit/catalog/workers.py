"""Which functions do task queues, stream processors and crawlers call when a worker or a task starts or ends?

Run on Celery 5.7, taskiq 0.13, FastStream 0.7.8 and Scrapy 2.19; arq 0.28, dramatiq 2, mode (of faust-streaming 0.15),
kstreams and Airflow 3.3 were read.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from kafka_audit.catalog.schema import Component, Hook, same_hooks

CELERY: Final = (
    *same_hooks(
        "celery",
        ("celery.signals.worker_process_init.connect", "", "startup"),
        ("celery.signals.worker_process_shutdown.connect", "", "shutdown"),
        via="decorator",
        scope="worker",
        live="worker_process_shutdown only in the prefork pool; worker_process_init in the prefork and solo pools",
        note="Celery 5.7, run: sent in each child of the prefork pool; nothing of the two in the threads pool.",
    ),
    *same_hooks(
        "celery",
        ("celery.signals.worker_init.connect", "", "startup"),
        ("celery.signals.worker_ready.connect", "", "startup"),
        ("celery.signals.worker_shutting_down.connect", "", "shutdown"),
        ("celery.signals.worker_shutdown.connect", "", "shutdown"),
        via="decorator",
        scope="process",
        note="Celery 5.7, run: sent in the parent process; the tasks of a prefork pool run in its children.",
    ),
    *same_hooks(
        "celery",
        ("celery.signals.task_prerun.connect", "", "request"),
        ("celery.signals.task_postrun.connect", "", "request"),
        ("celery.signals.task_success.connect", "", "request"),
        ("celery.signals.task_failure.connect", "", "request"),
        via="decorator",
        scope="task",
        note="Celery 5.7, read: sent for every task.",
    ),
    *same_hooks(
        "celery",
        ("celery.Task", "before_start", "request"),
        ("celery.Task", "after_return", "request"),
        ("celery.Task", "on_success", "request"),
        ("celery.Task", "on_failure", "request"),
        via="method",
        scope="task",
        note="Celery 5.7, read: called for every task; the Task object itself lives as long as the process.",
    ),
    *same_hooks(
        "celery",
        ("celery.bootsteps.StartStopStep", "start", "startup"),
        ("celery.bootsteps.StartStopStep", "stop", "shutdown"),
        via="method",
        scope="process",
        live="only when the step is added to `app.steps`",
        note="Celery 5.7, read: called in the parent process.",
    ),
)

ARQ: Final = (
    *same_hooks(
        "arq",
        ("arq.Worker", "on_startup", "startup"),
        ("arq.Worker", "on_shutdown", "shutdown"),
        via="keyword",
        scope="worker",
        awaits=True,
        note="arq 0.28, read: awaited in the worker's loop; on_shutdown when the worker closes.",
    ),
    *same_hooks(
        "arq",
        ("*Settings", "on_startup", "startup"),
        ("*Settings", "on_shutdown", "shutdown"),
        via="named",
        scope="worker",
        awaits=True,
        live="only in the class that is given to the arq command or to run_worker",
        note="arq 0.28, read: a class attribute or a static method.",
    ),
    *same_hooks(
        "arq",
        ("arq.Worker", "on_job_start", "request"),
        ("arq.Worker", "on_job_end", "request"),
        ("arq.Worker", "after_job_end", "request"),
        via="keyword",
        scope="task",
        awaits=True,
        note="arq 0.28, read: awaited for every job.",
    ),
)

_TASKIQ_WORKER = "taskiq 0.13, run: awaited by broker.shutdown() or startup() in a worker process."
_TASKIQ_CLIENT = "taskiq 0.13, run: awaited by broker.shutdown() or startup() outside a worker process."

TASKIQ: Final = (
    *same_hooks(
        "taskiq",
        ("taskiq.AsyncBroker().on_event", "taskiq.TaskiqEvents.WORKER_STARTUP", "startup"),
        ("taskiq.AsyncBroker().on_event", "taskiq.TaskiqEvents.WORKER_SHUTDOWN", "shutdown"),
        via="decorator",
        scope="worker",
        awaits=True,
        note=_TASKIQ_WORKER,
    ),
    *same_hooks(
        "taskiq",
        ("taskiq.AsyncBroker().add_event_handler", "taskiq.TaskiqEvents.WORKER_STARTUP", "startup"),
        ("taskiq.AsyncBroker().add_event_handler", "taskiq.TaskiqEvents.WORKER_SHUTDOWN", "shutdown"),
        via="call",
        scope="worker",
        awaits=True,
        note=_TASKIQ_WORKER,
    ),
    *same_hooks(
        "taskiq",
        ("taskiq.AsyncBroker().on_event", "taskiq.TaskiqEvents.CLIENT_STARTUP", "startup"),
        ("taskiq.AsyncBroker().on_event", "taskiq.TaskiqEvents.CLIENT_SHUTDOWN", "shutdown"),
        via="decorator",
        scope="app",
        awaits=True,
        live="only when the client process calls broker.startup() and broker.shutdown()",
        note=_TASKIQ_CLIENT,
    ),
    *same_hooks(
        "taskiq",
        ("taskiq.AsyncBroker().add_event_handler", "taskiq.TaskiqEvents.CLIENT_STARTUP", "startup"),
        ("taskiq.AsyncBroker().add_event_handler", "taskiq.TaskiqEvents.CLIENT_SHUTDOWN", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        live="only when the client process calls broker.startup() and broker.shutdown()",
        note=_TASKIQ_CLIENT,
    ),
    *same_hooks(
        "taskiq",
        ("taskiq.TaskiqMiddleware", "startup", "startup"),
        ("taskiq.TaskiqMiddleware", "shutdown", "shutdown"),
        via="method",
        scope="app",
        awaits=True,
        live="only when the middleware is added to a broker that is started and shut down",
        note="taskiq 0.13, run: awaited by broker.shutdown(), in workers and in clients.",
    ),
    Hook(
        framework="taskiq",
        target="taskiq.TaskiqDepends",
        via="call",
        phase="both",
        scope="task",
        awaits=True,
        note="taskiq 0.13, read: code after a generator's yield runs when each task ends.",
    ),
)

_FASTSTREAM_NOTE = "FastStream 0.7.8, run: the brokers stop between on_shutdown and after_shutdown."

FASTSTREAM: Final = (
    *same_hooks(
        "faststream",
        ("faststream.FastStream().on_startup", "", "startup"),
        ("faststream.FastStream().after_startup", "", "startup"),
        ("faststream.FastStream().on_shutdown", "", "shutdown"),
        ("faststream.FastStream().after_shutdown", "", "shutdown"),
        via="decorator",
        scope="app",
        awaits=True,
        note=_FASTSTREAM_NOTE,
    ),
    *same_hooks(
        "faststream",
        ("faststream.FastStream", "lifespan", "both"),
        ("faststream.FastStream", "on_startup", "startup"),
        ("faststream.FastStream", "after_startup", "startup"),
        ("faststream.FastStream", "on_shutdown", "shutdown"),
        ("faststream.FastStream", "after_shutdown", "shutdown"),
        via="keyword",
        scope="app",
        awaits=True,
        note=_FASTSTREAM_NOTE,
    ),
    Hook(
        framework="faststream",
        target="faststream.Depends",
        via="call",
        phase="both",
        scope="task",
        awaits=True,
        note="FastStream 0.7.8, read: code after a generator's yield runs when each message is handled.",
    ),
)

SCRAPY: Final = (
    *same_hooks(
        "scrapy",
        ("object", "open_spider", "startup"),
        ("object", "close_spider", "shutdown"),
        via="method",
        scope="app",
        awaits=True,
        live="only in a class that the ITEM_PIPELINES setting names",
        note="Scrapy 2.19, run: may be a coroutine; an item pipeline needs no base class.",
    ),
    Hook(
        framework="scrapy",
        target="scrapy.Spider",
        via="method",
        select="closed",
        phase="shutdown",
        scope="app",
        note="Scrapy 2.19, run: called when the spider is closed.",
    ),
    *same_hooks(
        "scrapy",
        ("scrapy.crawler.Crawler().signals.connect", "scrapy.signals.spider_opened", "startup"),
        ("scrapy.crawler.Crawler().signals.connect", "scrapy.signals.spider_closed", "shutdown"),
        ("scrapy.crawler.Crawler().signals.connect", "scrapy.signals.engine_stopped", "shutdown"),
        via="call",
        scope="app",
        awaits=True,
        note="Scrapy 2.19, run: the handler may be a coroutine; the signal is an argument of connect().",
    ),
)

COMPONENTS: Final = (
    Component(
        framework="scrapy",
        method="process_item",
        beside=("from_crawler", "from_settings", "open_spider", "close_spider"),
        note="Scrapy 2.19, read: ItemPipelineManager makes it, and calls open_spider, process_item and close_spider.",
    ),
)


def component(methods: Container[str]) -> Component | None:
    """The component that a class with these methods is."""
    return next(
        (each for each in COMPONENTS if each.method in methods and any(other in methods for other in each.beside)), None
    )


AIRFLOW: Final = (
    Hook(
        framework="airflow",
        target="airflow.sdk.BaseOperator",
        via="method",
        select="on_kill",
        phase="exit",
        scope="task",
        live="only when the task is terminated, never when it ends by itself",
        note="Airflow 3.3 (task SDK 1.3), read: called by the SIGTERM handler of the task's process.",
    ),
    Hook(
        framework="airflow",
        target="airflow.sdk.BaseOperator",
        via="method",
        select="post_execute",
        phase="shutdown",
        scope="task",
        live="only when execute() returned without an error",
        note="Airflow 3.3 (task SDK 1.3), read: called right after execute().",
    ),
    Hook(
        framework="airflow",
        target="airflow.sdk.BaseOperator",
        via="method",
        select="execute",
        phase="request",
        scope="task",
        note="Airflow 3.3 (task SDK 1.3), read: the body of the task; each task runs in a process of its own.",
    ),
    *same_hooks(
        "airflow",
        ("*", "on_starting", "startup"),
        ("*", "before_stopping", "shutdown"),
        via="named",
        scope="process",
        live="only with the hookimpl decorator, in a listener that an AirflowPlugin names",
        note="Airflow 3.3, read: called by the scheduler, the triggerer and each task's process.",
    ),
)

DRAMATIQ: Final = same_hooks(
    "dramatiq",
    ("dramatiq.Middleware", "after_process_boot", "startup"),
    ("dramatiq.Middleware", "before_worker_boot", "startup"),
    ("dramatiq.Middleware", "after_worker_boot", "startup"),
    ("dramatiq.Middleware", "before_worker_shutdown", "shutdown"),
    ("dramatiq.Middleware", "after_worker_shutdown", "shutdown"),
    via="method",
    scope="worker",
    live="only when the middleware is added to the broker",
    note="dramatiq 2, read: called in each worker process.",
)

FAUST: Final = (
    *same_hooks(
        "faust",
        ("mode.Service", "on_start", "startup"),
        ("mode.Service", "on_started", "startup"),
        ("mode.Service", "on_stop", "shutdown"),
        ("mode.Service", "on_shutdown", "shutdown"),
        via="method",
        scope="app",
        awaits=True,
        live="only when the service is added to an application or worker that runs",
        note="faust-streaming 0.15, read: awaited in the worker's loop.",
    ),
    Hook(
        framework="faust",
        target="faust.App().on_before_shutdown.connect",
        via="decorator",
        phase="shutdown",
        scope="app",
        awaits=True,
        note="faust-streaming 0.15, read: sent before the application stops its services.",
    ),
)

KSTREAMS: Final = same_hooks(
    "kstreams",
    ("kstreams.create_engine", "on_startup", "startup"),
    ("kstreams.create_engine", "after_startup", "startup"),
    ("kstreams.create_engine", "on_stop", "shutdown"),
    ("kstreams.create_engine", "after_stop", "shutdown"),
    via="keyword",
    scope="app",
    awaits=True,
    live="only when engine.start() and engine.stop() are called",
    note="kstreams, read: awaited by engine.start() and engine.stop().",
)

WORKER_HOOKS: Final[tuple[Hook, ...]] = (
    *CELERY,
    *ARQ,
    *TASKIQ,
    *FASTSTREAM,
    *SCRAPY,
    *AIRFLOW,
    *DRAMATIQ,
    *FAUST,
    *KSTREAMS,
)

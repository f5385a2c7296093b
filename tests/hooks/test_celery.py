"""In which process Celery's worker sends its signals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hooks.rows import scope

WORKER = """
import os
from celery import Celery, signals
from celery.worker import state

app = Celery("trams", broker="memory://", backend="cache+memory://")
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)
PARENT = os.getpid()


def told(name):
    def handler(**kwargs):
        where = "parent" if os.getpid() == PARENT else "child"
        os.write(1, f"{name} {where}\\n".encode())

    return handler


handlers = {name: told(name) for name in ("worker_process_init", "worker_process_shutdown", "worker_shutdown")}
for name, handler in handlers.items():
    getattr(signals, name).connect(handler)


@signals.worker_ready.connect
def stop(**kwargs):
    state.should_stop = 0


app.worker_main(["worker", "--pool", POOL, "--concurrency", "1", "--without-gossip", "--without-mingle"])
"""


def sent(pool: str, folder: Path) -> set[str]:
    script = folder / "trams.py"
    script.write_text(WORKER.replace("POOL", repr(pool)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        check=True, capture_output=True, text=True, timeout=60, cwd=folder, env={**os.environ, "C_FORCE_ROOT": "1"},
    )  # fmt: skip
    return {line for line in done.stdout.splitlines() if line.startswith("worker_")}


@pytest.mark.parametrize(
    ("pool", "signals"),
    [
        (
            "prefork",
            {"worker_process_init child", "worker_process_shutdown child", "worker_shutdown parent"},
        ),
        ("solo", {"worker_process_init parent", "worker_shutdown parent"}),
    ],
)
def test_the_signals_of_a_worker_are_sent_in_these_processes(pool: str, signals: set[str], tmp_path: Path):
    assert sent(pool, tmp_path) == signals
    assert scope("celery.signals.worker_shutdown.connect") == "process"
    assert scope("celery.signals.worker_process_shutdown.connect") == "worker"

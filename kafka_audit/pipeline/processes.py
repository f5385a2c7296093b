"""Which processes do the tasks, and what if one dies?

A worker can die, because parsers are native code, memory ends or the time that a file gets is over: what it left undone
is done again file by file, each in its own process, and a file that ends its process twice has a flaw that says why.
What takes all that the first process knows is done by copies of it.

This is apart from `workers`, because importing what is needed for it costs more than a small audit.
"""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from kafka_audit.pipeline import limits
from kafka_audit.pipeline.limits import Task
from kafka_audit.pipeline.workers import flawed

_BATCHES = 4
"""For each process: enough that none waits long for the others at the end."""

_BATCH = 400_000
"""Bytes. More at once would let the progress stand still."""


class Pool:
    """Processes that have the parser loaded. When one dies, the next task gets new ones."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._executor: ProcessPoolExecutor | None = None

    def start(self, task: Task, contents: Mapping[str, bytes], *, aside: bool) -> Iterator[tuple[str, bytes]]:
        """Begin a task for these files at once, `aside` if the first process goes on; the results as they come."""
        executor = self._executor = self._executor or _executor(self._jobs)
        futures: dict[Future[list[bytes]], list[str]] = {}
        with contextlib.suppress(BrokenProcessPool):  # what could not be handed out is left undone
            for names in _batches(contents, self._jobs):
                futures[executor.submit(_all, task, [contents[name] for name in names], aside)] = names
        return self._results(task, contents, futures)

    def end(self, at_once: bool) -> None:
        """End the processes; those at work are waited for, unless it has to be done at once."""
        if at_once:  # whoever interrupts this process alone does not want to wait for the others' files
            for process in multiprocessing.active_children():
                process.terminate()
        if self._executor is not None:
            self._executor.shutdown(wait=not at_once, cancel_futures=True)

    def _results(
        self, task: Task, contents: Mapping[str, bytes], futures: Mapping[Future[list[bytes]], list[str]]
    ) -> Iterator[tuple[str, bytes]]:
        undone = dict(contents)
        with contextlib.suppress(BrokenProcessPool):
            for future in as_completed(futures):
                for name, result in zip(futures[future], future.result(), strict=True):
                    del undone[name]
                    yield name, result
        if undone:
            self._executor = None
            yield from _one_by_one(task, undone)


def _batches(contents: Mapping[str, bytes], jobs: int) -> list[list[str]]:
    """The names in groups of about the same size, the largest files first: none is left to the end.

    Each file alone would cost more to hand over than many take to read.
    """
    order = sorted(contents, key=lambda name: (-len(contents[name]), name))
    count = max(jobs * _BATCHES, sum(map(len, contents.values())) // _BATCH)
    return [names for start in range(count) if (names := order[start::count])]


def _executor(jobs: int) -> ProcessPoolExecutor:
    import kafka_audit.facts.extract  # noqa: F401  # so that forked processes need not import it again

    return ProcessPoolExecutor(jobs, mp_context=_context(), initializer=_begin)


def _all(task: Task, contents: Sequence[bytes], aside: bool) -> list[bytes]:
    if aside and sys.platform != "win32":
        os.nice(19)  # all processors would be taken, and what the first process does takes longer
    return [limits.run_or_end(task, content) for content in contents]


def _one_by_one(task: Task, contents: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Results from a process for each file, so that it is known which file ends its process, and how."""
    for name, content in contents.items():
        receiver, sender = _context().Pipe(duplex=False)
        process = _context().Process(target=_send, args=(sender, task, content), daemon=True)  # type: ignore[attr-defined]
        process.start()
        sender.close()
        result = _received(receiver)
        process.join()
        yield name, result or flawed(f"the process that parsed the file {_ended(process.exitcode)}")


def _send(sender: Connection, task: Task, content: bytes) -> None:
    _begin()
    sender.send_bytes(limits.run_or_end(task, content))


CAN_COPY = sys.platform == "linux"
"""Whether a process can be a copy of the first one: only a fork is, and only on Linux is it safe."""


def apart(calls: Sequence[Callable[[], bytes]], jobs: int) -> Iterator[tuple[int, bytes]]:
    """Run each call in a process of its own, so many at once: its number, and what it gives, nothing if it failed.

    The process starts as a copy of this one and takes with it, when it ends, all that it made. This one must have no
    threads when the first result is asked for.
    """
    waiting = collections.deque(enumerate(calls))
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, call = waiting.popleft()
                receiver, sender = _context().Pipe(duplex=False)
                process = _context().Process(target=_give, args=(sender, call), daemon=True)  # type: ignore[attr-defined]
                process.start()
                sender.close()
                running[receiver] = number, process
            ready = connection.wait(list(running))
            for receiver in [each for each in running if each in ready]:
                number, process = running.pop(receiver)
                yield number, _received(receiver)
                process.join()
    finally:
        for _, process in running.values():
            process.terminate()


def _give(sender: Connection, call: Callable[[], bytes]) -> None:
    _begin()
    with contextlib.suppress(Exception):  # the first process does it again, and says what is wrong
        sender.send_bytes(call())


def _received(receiver: Connection) -> bytes:
    with receiver:
        try:
            return receiver.recv_bytes()
        except EOFError:
            return b""


def _ended(code: int | None) -> str:
    """How a process ended that was to give a result."""
    if sys.platform != "win32" and code == -signal.SIGPROF:
        return f"was ended after {limits.MOST_SECONDS} seconds"
    return "died: it is too deep or too large to parse"


def _context() -> BaseContext:
    """Forking: the quickest, and safe on Linux while this program has no threads. The default elsewhere."""
    return multiprocessing.get_context("fork" if sys.platform == "linux" else None)


def _begin() -> None:
    """Let a worker end with the first process, however that ends, and on Ctrl-C at once and without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the first process: killed, it cannot tell its workers, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

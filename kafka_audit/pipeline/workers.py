"""How is parsing spread over processes, so that the answer is the same with one and with many?

Both ways run the same tasks, bytes in and encoded facts out. A worker can die, because parsers are native code, memory
ends or the time that a file gets is over: what it left undone is done again file by file, each in its own process,
and a file that ends its process twice has a flaw that says why.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from types import TracebackType

from kafka_audit.facts.schema import FileFacts, Flaw, decode, encode
from kafka_audit.pipeline.remembering import Memory

Task = Callable[[bytes], bytes]
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done, and of how many."""

WORTH_A_POOL = 400_000
"""Bytes to parse, about ten thousand lines or half a second: below it, starting processes costs more than it saves."""

FOLLOWING = 7
"""How many times faster a file is followed than extracted."""

CHECKING = 15
"""How many times faster a file is checked than extracted."""

MOST_SECONDS = 30
"""Of a processor, for one file: three times what the largest file takes that is parsed at all."""


class Workers:
    """Runs tasks over the contents of files: here when there is little to do or `jobs` is 1, else in processes.

    What `memory` knows of the files, by the digests of their bytes, is not done again. A context manager: the processes
    end with it.
    """

    def __init__(
        self,
        jobs: int,
        progress: Progress,
        memory: Memory | None = None,
        digests: Mapping[str, bytes] | None = None,
    ) -> None:
        self._jobs = jobs or _processors()
        self._progress = progress
        self._memory = memory or Memory(None)
        self._digests = digests or {}
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:  # whoever interrupts this process alone does not want to wait for the others' files
            for process in multiprocessing.active_children():
                process.terminate()
        if self._pool is not None:
            self._pool.shutdown(wait=error is None, cancel_futures=True)

    def extract(self, contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
        """The facts of each file, flawed ones included."""
        return self._run("parsing files", extracted, contents, weight=1)

    def follow(self, contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
        """The same for files that name no client."""
        return self._run("following files", followed, contents, weight=FOLLOWING)

    def check(self, contents: Mapping[str, bytes]) -> Callable[[], dict[str, tuple[Flaw, ...]]]:
        """Start a check of the syntax; the answer, when called, gives the flaws of each file that does not parse."""
        collect = self._begun("checking the syntax of files", checked, contents, weight=CHECKING)
        return lambda: {name: facts.flaws for name, facts in collect().items() if facts.flaws}

    def _run(self, doing: str, task: Task, contents: Mapping[str, bytes], weight: int) -> dict[str, FileFacts]:
        """The task's result for each file, in the order of the names."""
        return self._begun(doing, task, contents, weight)()

    def _begun(
        self, doing: str, task: Task, contents: Mapping[str, bytes], weight: int
    ) -> Callable[[], dict[str, FileFacts]]:
        """Begin a task for the files of which nothing is known; the answer, when called, waits for the results."""
        known = {name: facts for name in contents if (facts := self._recalled(task, name)) is not None}
        results = self._start(task, {name: contents[name] for name in contents if name not in known}, weight)

        def collected() -> dict[str, FileFacts]:
            done = dict(known)
            for name, result in results:
                done[name] = decode(result)
                self._progress(doing, len(done), len(contents))
                self._keep(task, name, result, done[name])
            return {name: done[name] for name in sorted(done)}

        return collected

    def _recalled(self, task: Task, name: str) -> FileFacts | None:
        result = self._memory.facts(task.__name__, self._digests[name]) if name in self._digests else None
        with contextlib.suppress(ValueError):  # msgspec's; nothing is lost but time
            return decode(result) if result is not None else None
        return None

    def _keep(self, task: Task, name: str, result: bytes, facts: FileFacts) -> None:
        """Remember a result, unless it says more about this run than about the file."""
        if name in self._digests and not any(flaw.kind == "internal" for flaw in facts.flaws):
            self._memory.keep_facts(task.__name__, self._digests[name], result)

    def _start(self, task: Task, contents: Mapping[str, bytes], weight: int) -> Iterator[tuple[str, bytes]]:
        """The results as they come. Processes, if there are any, begin at once; else the work waits to be asked for."""
        load = sum(map(len, contents.values())) // weight
        if self._jobs == 1 or (self._pool is None and load < WORTH_A_POOL):
            return ((name, task(content)) for name, content in contents.items())
        self._pool = self._pool or _pool(self._jobs)
        order = sorted(contents, key=lambda name: (-len(contents[name]), name))  # no large file is left to the end
        futures: dict[Future[bytes], str] = {}
        with contextlib.suppress(BrokenProcessPool):  # what could not be handed out is left undone
            for name in order:
                futures[self._pool.submit(_limited, task, contents[name])] = name
        return self._from_pool(task, contents, futures, dict.fromkeys(order))

    def _from_pool(
        self, task: Task, contents: Mapping[str, bytes], futures: Mapping[Future[bytes], str], undone: dict[str, None]
    ) -> Iterator[tuple[str, bytes]]:
        with contextlib.suppress(BrokenProcessPool):
            for future in as_completed(futures):
                result = future.result()
                del undone[futures[future]]
                yield futures[future], result
        if undone:
            self._pool = None
            yield from _one_by_one(task, {name: contents[name] for name in undone})


# --- tasks -----------------------------------------------------------------------------------------------------------


def extracted(content: bytes) -> bytes:
    """The encoded facts of a file. What the extractor does not expect becomes a flaw: one file never ends the audit."""
    from kafka_audit.facts.extract import extract

    return _encoded(extract, content)


def followed(content: bytes) -> bytes:
    """The encoded facts of a file that names no client."""
    from kafka_audit.facts.extract import follow

    return _encoded(follow, content)


def _encoded(read: Callable[[bytes], FileFacts], content: bytes) -> bytes:
    try:
        return encode(read(content))
    except Exception as error:
        return _flawed(f"the file could not be analysed: {type(error).__name__}: {error}")


def checked(content: bytes) -> bytes:
    """The encoded flaws of a file whose facts nobody needs."""
    from kafka_audit.facts.extract import flaws

    found = flaws(content)
    return encode(FileFacts(body=(), symbols=(), flaws=found)) if found else _sound()


@functools.cache
def _sound() -> bytes:
    return encode(FileFacts(body=(), symbols=(), flaws=()))


def _flawed(message: str) -> bytes:
    return encode(FileFacts(body=(), symbols=(), flaws=(Flaw("internal", 1, message),)))


# --- processes -------------------------------------------------------------------------------------------------------


def _limited(task: Task, content: bytes) -> bytes:
    """Run a task, and end this process when that takes too long: nothing else interrupts a parser in native code."""
    if sys.platform == "win32":  # which has no such timer
        return task(content)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        return task(content)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _one_by_one(task: Task, contents: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Results from a process for each file, so that it is known which file ends its process, and how."""
    for name, content in contents.items():
        receiver, sender = _context().Pipe(duplex=False)
        process = _context().Process(target=_send, args=(sender, task, content), daemon=True)  # type: ignore[attr-defined]
        process.start()
        sender.close()
        with receiver:
            try:
                result = receiver.recv_bytes()
            except EOFError:
                result = b""
        process.join()
        yield name, result or _flawed(f"the process that parsed the file {_ended(process.exitcode)}")


def _send(sender: Connection, task: Task, content: bytes) -> None:
    _begin()
    sender.send_bytes(_limited(task, content))


def _ended(code: int | None) -> str:
    """How a process ended that was to give a result."""
    if sys.platform != "win32" and code == -signal.SIGPROF:
        return f"was ended after {MOST_SECONDS} seconds"
    return "died: it is too deep or too large to parse"


def _pool(jobs: int) -> ProcessPoolExecutor:
    """Processes that have the parser loaded."""
    import kafka_audit.facts.extract  # noqa: F401  # so that forked processes need not import it again

    return ProcessPoolExecutor(jobs, mp_context=_context(), initializer=_begin)


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


def _processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # what a container was given; not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1

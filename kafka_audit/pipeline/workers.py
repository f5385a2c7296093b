"""How is parsing spread over processes, so that the answer is the same with one and with many?

Both ways run the same tasks, bytes in and encoded facts out.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from kafka_audit.facts.schema import FileFacts, Flaw, decode, encode, outline
from kafka_audit.pipeline.limits import Task, run_or_raise
from kafka_audit.pipeline.remembering import Memory

if TYPE_CHECKING:
    from kafka_audit.pipeline.processes import Pool

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done, and of how many."""

WORTH_A_POOL = 1_000_000
"""Bytes to parse, a quarter of a second: below it, starting processes costs more than it saves."""

MOST = 8
"""Processes, if nobody says how many. Each takes a hundredth of a second to start."""

CHECKING = 2
"""How many times faster a file is checked than extracted."""


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
        self._pool: Pool | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.end(at_once=error is not None)

    def extract(self, contents: Mapping[str, bytes]) -> dict[str, FileFacts]:
        """The facts of each file, flawed ones included."""
        return {name: self.decoded(data, contents[name]) for name, data in self.begin_extracting(contents)().items()}

    def begin_extracting(self, contents: Mapping[str, bytes]) -> Callable[[], dict[str, bytes]]:
        """Begin to extract; the answer, when called, waits for the encoded facts."""
        return self._begin("parsing files", extracted, contents, weight=1)

    def decoded(self, data: bytes, content: bytes) -> FileFacts:
        """The facts that the extraction of a content gave."""
        try:
            return decode(data)
        except ValueError:  # msgspec's: they were kept by somebody else; nothing is lost but time
            return decode(_here(extracted, content))

    def begin_checking(self, contents: Mapping[str, bytes]) -> Callable[[], dict[str, tuple[Flaw, ...]]]:
        """Begin to check the syntax; the answer, when called, gives the flaws of each file that does not parse."""
        collect = self._begin("checking the syntax of files", checked, contents, weight=CHECKING, aside=True)
        return lambda: {name: flaws for name, data in collect().items() if (flaws := outline(data).flaws)}

    def _begin(
        self, doing: str, task: Task, contents: Mapping[str, bytes], weight: int, *, aside: bool = False
    ) -> Callable[[], dict[str, bytes]]:
        """Begin a task for the files of which nothing is known; the answer, when called, waits for the results.

        They are in the order of the names.
        """
        known = {name: result for name in contents if (result := self._recalled(task, name)) is not None}
        results = self._start(task, {name: contents[name] for name in contents if name not in known}, weight, aside)

        def collected() -> dict[str, bytes]:
            done = dict(known)
            for name, result in results:
                done[name] = result
                self._progress(doing, len(done), len(contents))
                self._keep(task, name, result)
            return {name: done[name] for name in sorted(done)}

        return collected

    @property
    def can_copy(self) -> bool:
        """Whether several copies of this process can work at once."""
        if self._jobs == 1:
            return False
        from kafka_audit.pipeline.processes import CAN_COPY

        return CAN_COPY

    def apart(self, doing: str, calls: Sequence[Callable[[], bytes]]) -> Iterator[tuple[int, bytes]]:
        """Run each call in a copy of this process: its number, and what it gives, nothing if it failed."""
        from kafka_audit.pipeline.processes import apart

        if self._pool is not None:  # it has threads, which a process that is copied must not have
            self._pool.end(at_once=False)
            self._pool = None
        alone = [functools.partial(self._alone, call) for call in calls]
        for done, result in enumerate(apart(alone, self._jobs), start=1):
            self._progress(doing, done, len(calls))
            yield result

    def _alone(self, call: Callable[[], bytes]) -> bytes:
        self._jobs = 1
        return call()

    def remembered(self, digest: bytes) -> FileFacts | None:
        """The facts of the bytes with this digest, if they are still known: a file may have had them before."""
        result = self._known(extracted, digest)
        with contextlib.suppress(ValueError):
            return decode(result) if result is not None else None
        return None

    def _recalled(self, task: Task, name: str) -> bytes | None:
        return self._known(task, self._digests[name]) if name in self._digests else None

    def _known(self, task: Task, digest: bytes) -> bytes | None:
        """What is kept under the digest, if it can be read as far as that is looked at here."""
        result = self._memory.facts(task.__name__, digest)
        with contextlib.suppress(ValueError):
            if result is not None:
                outline(result)
                return result
        return None

    def _keep(self, task: Task, name: str, result: bytes) -> None:
        """Remember a result, unless it says more about this run than about the file."""
        if name in self._digests and not any(flaw.kind == "internal" for flaw in outline(result).flaws):
            self._memory.keep_facts(task.__name__, self._digests[name], result)

    def _start(
        self, task: Task, contents: Mapping[str, bytes], weight: int, aside: bool
    ) -> Iterator[tuple[str, bytes]]:
        """The results as they come. Processes, if there are any, begin at once; else the work waits to be asked for."""
        load = sum(map(len, contents.values())) // weight
        if self._jobs == 1 or (self._pool is None and load < WORTH_A_POOL):
            return ((name, _here(task, content)) for name, content in contents.items())
        if self._pool is None:
            from kafka_audit.pipeline.processes import Pool

            self._pool = Pool(self._jobs)
        return self._pool.start(task, contents, aside=aside)


# --- tasks -----------------------------------------------------------------------------------------------------------


def _here(task: Task, content: bytes) -> bytes:
    """Run a task in this process, if it does not take too long."""
    try:
        return run_or_raise(task, content)
    except TimeoutError as error:
        return flawed(f"the file was given up: {error}")


def extracted(content: bytes) -> bytes:
    """The encoded facts of a file. What the extractor does not expect becomes a flaw: one file never ends the audit."""
    from kafka_audit.facts.extract import extract

    try:
        return encode(extract(content))
    except TimeoutError:
        raise
    except Exception as error:
        return flawed(f"the file could not be analysed: {type(error).__name__}: {error}")


def checked(content: bytes) -> bytes:
    """The encoded flaws of a file whose facts nobody needs."""
    from kafka_audit.facts.syntax import flaws

    found = flaws(content)
    return encode(FileFacts(symbols=(), fixtures=(), flaws=found)) if found else _sound()


@functools.cache
def _sound() -> bytes:
    return encode(FileFacts(symbols=(), fixtures=(), flaws=()))


def flawed(message: str) -> bytes:
    """The encoded facts of a file of which a task could say nothing but this."""
    return encode(FileFacts(symbols=(), fixtures=(), flaws=(Flaw("internal", 1, message),)))


def _processors() -> int:
    """How many processors this process may use, and can: linking takes one, so that many do not end it sooner."""
    affinity = getattr(os, "sched_getaffinity", None)  # what a container was given; not on every system
    return min(MOST, len(affinity(0)) if affinity else os.cpu_count() or 1)

"""When Python itself calls exit handlers, finalizers, test clean-ups and exit stacks."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import unittest
from typing import Any

import pytest

from kafka_audit.catalog.hooks import hooks_for
from tests.hooks.rows import condition

PROGRAM = """
import atexit, os, signal, sys, weakref
class Owner:
    def __del__(self): print("__del__")
owner = Owner()
weakref.finalize(owner, print, "finalize")
atexit.register(print, "atexit")
{last}
"""
WORKER = """
import atexit, multiprocessing, os
def work():
    atexit.register(os.write, 1, b"atexit")
if __name__ == "__main__":
    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    worker.join()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    "last",
    ["", "sys.exit(1)", "raise ValueError", "os.kill(os.getpid(), signal.SIGINT)"],
    ids=lambda last: last or "end",
)
def test_exit_handlers_run_when_the_interpreter_ends(last: str):
    assert run(PROGRAM.format(last=last)).stdout.split() == ["atexit", "finalize", "__del__"]


@pytest.mark.parametrize("last", ["os.kill(os.getpid(), signal.SIGTERM)", "os._exit(1)"])
def test_nothing_runs_after_sigterm_or_a_hard_exit(last: str):
    ended = run(PROGRAM.format(last=last))
    assert ended.stdout == ""
    assert ended.returncode in {-signal.SIGTERM, 1}
    for target in ("atexit.register", "weakref.finalize"):
        assert "SIGTERM" in condition(target) and "os._exit()" in condition(target)


def test_exit_handlers_run_in_a_forked_worker_only_since_python_3_13():
    ended = run(WORKER)
    assert (ended.returncode, ended.stdout) == (0, "atexit" if sys.version_info >= (3, 13) else "")
    assert "before Python 3.13 in a forked multiprocessing child" in condition("atexit.register")


def test_a_signal_handler_of_the_loop_is_a_plain_call_that_can_end_a_wait():
    async def scene() -> None:
        told = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.set)
        signal.raise_signal(signal.SIGUSR1)
        await asyncio.wait_for(told.wait(), 5)

    asyncio.run(scene())
    assert [hook.awaits for hook in hooks_for("asyncio.get_running_loop().add_signal_handler")] == [False]


def outcome(case: type[unittest.TestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return result


def test_cleanups_run_when_set_up_fails_and_tear_down_does_not():
    calls: list[str] = []

    class Case(unittest.TestCase):
        def setUp(self) -> None:
            self.addCleanup(calls.append, "cleanup")
            raise RuntimeError

        def tearDown(self) -> None:
            calls.append("tearDown")

        def test(self) -> None: ...

    assert len(outcome(Case).errors) == 1
    assert calls == ["cleanup"]
    (tear_down,) = [hook for hook in hooks_for("unittest.TestCase") if hook.select == "tearDown"]
    assert tear_down.live == "tearDown not when setUp raised"


def test_async_set_up_tear_down_and_cleanups_share_the_loop_of_the_test():
    loops: list[Any] = []

    class Case(unittest.IsolatedAsyncioTestCase):
        async def remember(self) -> None:
            loops.append(asyncio.get_running_loop())

        async def asyncSetUp(self) -> None:
            self.addAsyncCleanup(self.remember)
            await self.remember()

        async def test(self) -> None:
            await self.remember()

        async def asyncTearDown(self) -> None:
            await self.remember()

    assert outcome(Case).wasSuccessful()
    assert len(loops) == 4
    assert len({id(loop) for loop in loops}) == 1


def test_a_context_manager_without_finally_skips_its_end_after_an_error():
    calls: list[str] = []

    @contextlib.contextmanager
    def around() -> Any:
        yield
        calls.append("end")

    with around():
        pass
    with contextlib.suppress(ValueError), around():
        raise ValueError
    assert calls == ["end"]
    assert "only with try/finally" in condition("contextlib.contextmanager")


def test_an_exit_stack_runs_every_callback_in_reverse_even_when_one_raises():
    calls: list[str] = []

    async def scene() -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(calls.append, "first")
            stack.push_async_callback(asyncio.sleep, 0)
            stack.callback(lambda: 1 / 0)
            stack.callback(calls.append, "last")

    with pytest.raises(ZeroDivisionError):
        asyncio.run(scene())
    assert calls == ["last", "first"]

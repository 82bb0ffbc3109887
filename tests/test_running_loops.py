"""Ctrl-C while a program's loop runs: it cancels between callbacks, never inside one."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
from pathlib import Path

import pytest

from chatroom import interrupts

SOURCE = Path(interrupts.__file__).parent


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


async def answered_while_interrupted(answer: asyncio.Future[str]) -> str:
    """Waits for an answer; the interrupt comes between the look at it and its setting."""

    def deliver() -> None:
        if not answer.done():
            interrupt()
            answer.set_result("an answer")

    asyncio.get_running_loop().call_soon(deliver)
    return await answer


def test_an_interrupt_cancels_between_two_callbacks() -> None:
    """A future that is about to get its result gets it; asyncio's own handler cancels it first."""
    complaints = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, about: complaints.append(about))
        assert "an answer" == await answered_while_interrupted(loop.create_future())
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        interrupts.run(work())
    assert [] == complaints


def test_what_is_interrupted_ends_in_order() -> None:
    """It is cancelled, and then the interrupt is raised; a second one does not wait for it."""
    ends = []

    async def work() -> None:
        try:
            interrupt()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            interrupt()
            ends.append("did not wait")
            raise

    with pytest.raises(KeyboardInterrupt):
        interrupts.run(work())
    assert ["cancelled"] == ends
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_an_interrupt_may_mean_something_else() -> None:
    """Inside `calling` it calls that; after it, it cancels again."""

    async def work() -> None:
        called = asyncio.Event()
        with interrupts.calling(called.set):
            interrupt()
            await called.wait()
        interrupt()
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        interrupts.run(work())


def test_what_is_cancelled_otherwise_is_no_interrupt() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        interrupts.run(work())


def test_an_ignored_interrupt_stays_ignored() -> None:
    """As for a command in the background of a script."""

    async def work() -> str:
        with interrupts.calling(lambda: pytest.fail("it was called")):
            interrupt()
            await asyncio.sleep(0)
        return "done"

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert "done" == interrupts.run(work())
        assert signal.SIG_IGN is signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_every_program_runs_its_loop_by_it() -> None:
    """Nothing in the source starts a loop by asyncio's `run` or `Runner`, whose handler it is."""
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        if path.name != "interrupts.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("run", "Runner")
        and isinstance(node.value, ast.Name)
        and node.value.id == "asyncio"
    ]
    assert [] == found

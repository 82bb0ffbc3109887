"""What an interrupt (Ctrl-C) does to a program of ours: while it starts, and while it runs."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Coroutine, Iterator

Result = TypeVar("Result")

INTERRUPTED = 130
"""The exit code; as shells give it, 128 + SIGINT."""

_calls: ContextVar[list[Callable[[], object]]] = ContextVar("calls")
"""What an interrupt calls under `run`: the last one."""


def end_at_once() -> None:
    """From now on an interrupt ends the program, quietly wherever it comes.

    As an exception it would surface inside whatever is being imported. An interrupt
    that is ignored, as of a command in the background of a script, stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Around a program: most of its start is imports, and Python's own end takes a moment."""
    end_at_once()
    try:
        yield
    finally:
        end_at_once()


def raise_again() -> None:
    """From now on an interrupt is raised, wherever it comes."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run(
    work: Coroutine[Any, Any, Result], loop_factory: Callable[[], AbstractEventLoop] | None = None
) -> Result:
    """What the coroutine returns; an interrupt cancels it and is raised as KeyboardInterrupt.

    The loop is told of the interrupt and cancels between two callbacks. asyncio's own way
    is a handler of SIGINT that cancels between any two instructions: also between a
    future's `done()` and its `set_result()`, which then raises InvalidStateError. A second
    interrupt is raised wherever it comes. One that is ignored stays so.
    """
    import asyncio  # by now the program needs it anyway

    before = signal.getsignal(signal.SIGINT)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        if sys.platform == "win32" or before is signal.SIG_IGN:
            raise_again()
            return runner.run(work)
        signal.signal(signal.SIGINT, _end)  # so that asyncio leaves it alone
        try:
            return runner.run(_interruptible(work))
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def calling(call: Callable[[], object]) -> Iterator[None]:
    """In the block, which is in a coroutine under `run`, an interrupt calls this instead."""
    calls = _calls.get([])  # where interrupts are ignored, there is nobody to call it
    calls.append(call)
    try:
        yield
    finally:
        calls.remove(call)


async def _interruptible(work: Coroutine[Any, Any, Result]) -> Result:
    import asyncio

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    interrupted = False

    def cancel() -> None:
        nonlocal interrupted
        interrupted = True
        loop.remove_signal_handler(signal.SIGINT)  # the next one is raised
        task.cancel()

    calls: list[Callable[[], object]] = [cancel]
    _calls.set(calls)
    loop.add_signal_handler(signal.SIGINT, lambda: calls[-1]())
    try:
        return await work
    except asyncio.CancelledError:
        if interrupted and not task.uncancel():
            raise KeyboardInterrupt from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, _end)


def exit_in_order() -> None:
    """From now on an interrupt is SystemExit: what is under way cleans up, and no word is said."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, _exit)


def _exit(_signal: int, _frame: object) -> None:
    sys.exit(INTERRUPTED)


def _end(_signal: int, _frame: object) -> None:
    os._exit(INTERRUPTED)

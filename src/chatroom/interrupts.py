"""What an interrupt (Ctrl-C) does to a program of ours before it can take care of one itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""The exit code; as shells give it, 128 + SIGINT."""


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
    """From now on an interrupt is raised, for asyncio to make a cancellation of it."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def exit_in_order() -> None:
    """From now on an interrupt is SystemExit: what is under way cleans up, and no word is said."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, _exit)


def _exit(_signal: int, _frame: object) -> None:
    sys.exit(INTERRUPTED)


def _end(_signal: int, _frame: object) -> None:
    os._exit(INTERRUPTED)

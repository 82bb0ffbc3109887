"""Being stopped and going on, by Ctrl-Z and by signals from outside; and being hung up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.application.current import set_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prompt_toolkit.application import Application

HUNG_UP = 129
"""The exit code that a shell knows SIGHUP by."""


def draw_anew(application: Application[Any]) -> None:
    """Draw everything anew, whatever the terminal shows by now.

    On a screen of its own, which the terminal may have left; else where the cursor is.
    """
    renderer, output = application.renderer, application.output
    if application.full_screen:
        output.enter_alternate_screen()
        output.reset_cursor_key_mode()
        output.cursor_goto(0, 0)
        output.erase_screen()
    renderer.reset(leave_alternate_screen=False)
    application.invalidate()


def suspend(application: Application[Any], leave: Callable[[], None]) -> None:
    """Stop the whole job, as Ctrl-Z does with other programs; `leave` comes just before."""
    _stop(application, leave, 0)


@contextmanager
def taking_back(
    application: Application[Any],
    leave: Callable[[], None] = lambda: None,
    come_back: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """In the block, leave the terminal in order at SIGTSTP, and take it back at SIGCONT.

    Of SIGSTOP a program knows only afterwards. By then the shell has given the terminal
    its own modes (no program's keys), and has written on its screen.
    """
    if sys.platform == "win32":
        yield
        return
    import termios

    def taken_back() -> None:
        if not application.is_running:
            return
        # Out of raw mode goes what has entered it first. In the background this stops the
        # program again; without a terminal it fails, and reading from it ends the program.
        with suppress(termios.error):
            application.input.raw_mode().__enter__()
        come_back()
        draw_anew(application)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCONT, taken_back)
    loop.add_signal_handler(signal.SIGTSTP, _stop, application, leave, os.getpid())
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)
        loop.remove_signal_handler(signal.SIGCONT)


def _stop(application: Application[Any], leave: Callable[[], None], whom: int) -> None:
    """Stop this process, or with 0 its group, out of the screen."""
    if sys.platform == "win32":
        return

    def stop() -> None:
        leave()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(whom, signal.SIGTSTP)  # returns when the program goes on
        signal.signal(signal.SIGTSTP, before)

    with set_app(application):  # a signal comes outside of it
        run_in_terminal(stop)


@contextmanager
def stopped_by_hanging_up(stop: Callable[[int], None]) -> Iterator[None]:
    """Inside the block, call `stop` with an exit code when the terminal's window is closed.

    SIGTERM cancels whatever chatter does, here as elsewhere.
    """
    if sys.platform == "win32":
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, stop, HUNG_UP)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)

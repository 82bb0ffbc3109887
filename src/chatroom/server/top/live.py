"""The live screen: it asks every so often, draws, and does what keys and signals say."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import termios
from collections.abc import Callable
from typing import Any

from chatroom.wire.addresses import Address

from .asking import NoFigures
from .figures import Figures
from .frame import View, frame
from .moment import Moment, look
from .sorts import SORTS
from .terminal import Terminal

FIRST_SECONDS = 0.5
"""Until the second look, so that there are rates soon."""
COME_BACK_SECONDS = 0.05
"""After a stop: a signal that ends the program comes first."""
SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
"""What a key sends that is no character (ECMA-48, 5.4): letters in it are no letters."""
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Live:
    """Until `q`, or a signal that ends it."""

    def __init__(self, address: Address, view: View, first: Moment) -> None:
        self._address = address
        self._view = view
        self._terminal = Terminal()
        self._newest = Figures(first)
        """What was said last; while it pauses the view keeps an older one."""
        self._silent = ""
        self._look_now = asyncio.Event()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        """The signal that ended it; 0: a key. Leaves the terminal as it was, whatever happens."""
        loop = asyncio.get_running_loop()
        looking = asyncio.create_task(self._looking(), name="look")
        watched: list[asyncio.Future[Any]] = [looking, self._ended]
        try:
            self._terminal.enter()
            loop.add_reader(self._terminal.keys, self._guarded(self._read))
            for number in ENDING:
                loop.add_signal_handler(number, self._end, int(number))
            loop.add_signal_handler(signal.SIGWINCH, self._guarded(self._draw))
            loop.add_signal_handler(signal.SIGTSTP, self._guarded(self._stop))
            loop.add_signal_handler(signal.SIGCONT, self._come_back_soon)
            self._show()
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                looking.result()
            return self._ended.result()
        finally:
            loop.remove_reader(self._terminal.keys)
            looking.cancel()
            self._terminal.leave()

    # ---- Looking ---------------------------------------------------------------------

    async def _looking(self) -> None:
        wait = min(FIRST_SECONDS, self._view.interval)
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            self._look_now.clear()
            wait = self._view.interval
            await self._look()

    async def _look(self) -> None:
        try:
            now = await look(self._address, self._view.sort)
        except NoFigures as error:
            self._silent = f"{error}; it is tried again"
        else:
            self._silent = ""
            self._newest = Figures.of(now, self._newest.now)
        if not self._ended.done():
            self._guarded(self._show)()

    def _show(self) -> None:
        """Draw what is newest; while it pauses, what is there."""
        if not self._view.paused or self._view.figures is None:
            self._view.figures, self._view.silent = self._newest, self._silent
        self._draw()

    def _draw(self) -> None:
        if self._terminal.entered:
            columns, rows = self._terminal.size
            self._terminal.draw(frame(self._view, rows, columns))

    # ---- Keys and signals ------------------------------------------------------------

    def _guarded(self, do: Callable[[], None]) -> Callable[[], None]:
        """What fails in a callback ends the program as it would elsewhere."""

        def called() -> None:
            try:
                do()
            except (OSError, termios.error):  # the terminal is gone, and SIGHUP comes late
                self._end(int(signal.SIGHUP))
            except Exception as error:  # noqa: BLE001 # raised by `run`
                if not self._ended.done():
                    self._ended.set_exception(error)

        return called

    def _read(self) -> None:
        keys = os.read(self._terminal.keys, 1024)
        if not keys:  # as if it were not there any more: SIGHUP is on its way
            self._end(int(signal.SIGHUP))
        for key in SEQUENCE.sub(b"", keys).decode("latin-1"):
            self._press(key)

    def _press(self, key: str) -> None:
        view = self._view
        if key in "qQ\x03\x04":
            self._end(0)
            return
        if key in "pP ":
            view.paused = not view.paused
        elif key in "sS":
            sorts = list(SORTS)
            step = 1 if key == "s" else -1
            view.sort = sorts[(sorts.index(view.sort) + step) % len(sorts)]
            self._look_now.set()
        elif key in "nN":
            view.names = not view.names
        else:
            return
        self._show()

    def _end(self, number: int) -> None:
        if not self._ended.done():
            self._ended.set_result(number)

    def _stop(self) -> None:
        """As Ctrl-Z is to: the shell has its screen. It goes on here when it is continued."""
        self._terminal.leave()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGTSTP)
        self._come_back_soon()

    def _come_back_soon(self) -> None:
        asyncio.get_running_loop().call_later(COME_BACK_SECONDS, self._guarded(self._come_back))

    def _come_back(self) -> None:
        """Also after a stop that nobody asked it for: another program has had the terminal."""
        if self._ended.done():
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, self._guarded(self._stop))
        self._terminal.enter()
        self._show()

"""The line between people and a server: whole, silent or broken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.client.proxy import Proxy

from .playing import Acts

NOBODY = "127.0.0.1:1"
"""Where nobody listens."""


class Line:
    """Passes bytes to a server, from an address of its own, in a thread."""

    def __init__(self, target: str) -> None:
        self._target = target

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._proxy = Proxy(self._target)
        asyncio.run_coroutine_threadsafe(self._proxy.__aenter__(), self._loop).result()
        self.address = self._proxy.address
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end = self._proxy.__aexit__(kind, error, traceback)
        asyncio.run_coroutine_threadsafe(end, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def acts(self) -> Acts:
        """For a story."""
        return {
            "silence": lambda: self._do(self._proxy.hold),
            "deafen": lambda: self._do(self._proxy.hold_answers),
            "resume": lambda: self._do(self._proxy.release),
            "break": lambda: self._do(self._break),
            "mend": lambda: self._do(lambda: self._proxy.retarget(self._target)),
        }

    def _break(self) -> None:
        """What is held up is lost."""
        self._proxy.retarget(NOBODY)
        self._proxy.cut()
        self._proxy.release()

    def _do(self, change: Callable[[], None]) -> None:
        async def act() -> None:
            change()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result()

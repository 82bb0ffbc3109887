"""A server that is killed, and started again at its address."""

from __future__ import annotations

import signal
from types import TracebackType
from typing import Self

from tests.faults.server_process import ServerProcess, serving

from .playing import Acts


class Mortal:
    """Runs until the block ends; what it has to remember it must keep on disk."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._serving = serving(*arguments)

    def __enter__(self) -> Self:
        self.server: ServerProcess = self._serving.__enter__()
        self.address = self.server.address
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def acts(self) -> Acts:
        """For a story."""
        return {"freeze": self.freeze, "kill": self.kill, "restart": self.restart}

    def freeze(self) -> None:
        """From now on it takes what is said to it, and does nothing."""
        self.server.signal(signal.SIGSTOP)

    def kill(self) -> None:
        """By SIGKILL; nothing of it is left but what is on disk."""
        self.server.process.kill()
        self.server.process.wait()
        self._serving.__exit__(None, None, None)

    def restart(self) -> None:
        """Start it again, once it has been killed."""
        self._serving = serving(*self._arguments, bind=[self.address])
        self.server = self._serving.__enter__()

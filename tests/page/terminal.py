"""A `chatter` that stays in a room: lines go in, what it prints is kept."""

from __future__ import annotations

import subprocess
import threading
from types import TracebackType
from typing import Any, Self

from tests.launch.program import started

from .playing import Acts

SECONDS = 30.0
"""How long a line may take; it never decides a test that passes."""


class Terminal:
    """Somebody at a pipe, from when they join to the end of the block."""

    def __init__(self, address: str, room: str, name: str, *options: str) -> None:
        self._command = ["-m", "chatroom.chatter", "--host", address, "--room", room]
        self._command += ["--name", name, *options]
        self._lines: list[str] = []
        self._more = threading.Condition()

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._program: Any = started(self._command, stdin=pipe, stdout=pipe, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.hear("Joining room")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._program.kill()
        self._program.wait()
        self._reader.join()
        self._program.__exit__(kind, error, traceback)

    @property
    def acts(self) -> Acts:
        """For a story."""
        return {"say": self.say, "hear": self.hear}

    def say(self, text: str) -> None:
        """Type a line."""
        self._program.stdin.write(f"{text}\n")
        self._program.stdin.flush()

    def hear(self, line: str) -> list[str]:
        """Wait until a line was printed; all that were."""
        with self._more:
            assert self._more.wait_for(lambda: line in self._lines, SECONDS), self._lines
            return list(self._lines)

    def _read(self) -> None:
        for line in self._program.stdout:
            with self._more:
                self._lines.append(line.rstrip("\n"))
                self._more.notify_all()

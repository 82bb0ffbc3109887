"""A chatserver in a process of its own, whose data outlives it, and which can be killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.interop.programs import READY, SECONDS
from tests.launch.program import executed, started

CHATSERVER = ("-m", "chatroom.server")
JOURNAL_FILE = "chatroom.db"


class DiskServer:
    """A running server; a context manager that kills it if nothing else has ended it."""

    def __init__(
        self,
        data: Path,
        *options: str,
        program: Sequence[str] = CHATSERVER,
        inside: Sequence[str] = (),
    ) -> None:
        """Return once it listens. `program` is what Python runs.

        `inside` is a command that executes the command which follows it, in the same
        process: so `kill` meets the server.
        """
        self.data = data
        self.said: list[str] = []
        """Its lines on standard error, so far."""
        where = ("--data", str(data), "--bind", "127.0.0.1:0", "--message-rate", "0")
        start, python = (executed, [*inside, sys.executable]) if inside else (started, [])
        self._process = start(
            [*python, *program, *where, *options],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        listens = self._ready.wait(SECONDS)
        address = next((line for line in self.said if line.startswith(READY)), None)
        if not listens or address is None:
            self.kill()
            raise AssertionError(f"the server did not start: {''.join(self.said)}")
        self.port = int(address.rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        if kind is not None:
            sys.stderr.writelines(self.said[-40:])

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; it may be gone already."""
        self._process.kill()
        self._gone()

    def stop(self) -> int:
        """SIGTERM: the exit code."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(SECONDS)
        return self._gone()

    def _gone(self) -> int:
        code = self._process.wait(SECONDS)
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()
        return code

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line)
            if line.startswith(READY):
                self._ready.set()
        self._ready.set()

"""Servers in processes of their own, for the tests of the client and of chatter."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.launch.program import Program, started

READY = "chatserver: listening on "
OURS = ["-m", "chatroom.server", "--bind", "127.0.0.1:0", "--in-memory"]
PLAIN = [str(Path(__file__).with_name("plain_server.py"))]


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[str]:
    """Run Python with these arguments; the address it listens on, once it says so."""
    with process_of(command) as (_, address):
        yield address


@contextlib.contextmanager
def process_of(command: list[str]) -> Iterator[tuple[Program, str]]:
    """The same with its process, which is killed at the end."""
    with started(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if line.startswith(READY):
                    break
            else:
                raise AssertionError(f"the server did not start: {''.join(said)}")
            drain = threading.Thread(target=process.stderr.read, daemon=True)
            drain.start()
            try:
                yield process, said[-1].removeprefix(READY).strip()
            finally:
                process.kill()
                drain.join()
        finally:
            process.kill()
            process.wait()


class Restartable:
    """A server that can be ended and started again at its address, with what it has stored."""

    def __init__(self, *options: str) -> None:
        self.address = "127.0.0.1:0"
        self._options = options
        self._life = contextlib.ExitStack()

    def start(self) -> None:
        command = ["-m", "chatroom.server", "--bind", self.address, *self._options]
        self._process, self.address = self._life.enter_context(process_of(command))

    def kill(self) -> None:
        """SIGKILL."""
        self._life.close()

    def stop(self) -> None:
        """SIGTERM; returns when it has ended."""
        self._process.terminate()
        self._process.wait()
        self._life.close()

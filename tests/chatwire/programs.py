"""`chatwire` as a process."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from tests.launch.program import Program, started

READY = re.compile(r"chatwire: (\S+) -> (\S+)")
SECONDS = 60.0
"""How long it may take to end; it never decides a test that passes."""


@dataclass
class Running:
    """A chatwire that listens on `address`."""

    process: Program
    address: str
    said: list[str]
    drain: threading.Thread

    def stop(self) -> str:
        """Interrupt it; what it printed."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        self.process.wait(SECONDS)
        return out

    @property
    def errors(self) -> str:
        """What it said on standard error, once it has ended."""
        self.process.wait(SECONDS)
        self.drain.join()
        return "".join(self.said)


@contextlib.contextmanager
def chatwire(
    to: str, *options: str, command: tuple[str, ...] = (), stdin: int = subprocess.DEVNULL
) -> Iterator[Running]:
    """Run it before a server until the block ends, if it has not ended by then."""
    with started(
        ["-m", "chatroom.chatwire", *command, "--listen", "127.0.0.1:0", "--to", to,
         *options],
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        stderr = process.stderr
        assert stderr is not None
        try:
            first = stderr.readline()
            ready = READY.fullmatch(first.strip())
            assert ready, first + stderr.read()
            said = [first]
            drain = threading.Thread(target=lambda: said.extend(stderr), daemon=True)
            drain.start()
            yield Running(process, ready[1], said, drain)
        finally:
            process.kill()
            process.wait()

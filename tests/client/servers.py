"""Servers in processes of their own, for the tests of the client and of chatter."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

READY = "chatserver: listening on "
OURS = ["-m", "chatroom.server", "--bind", "127.0.0.1:0", "--in-memory"]
PLAIN = [str(Path(__file__).with_name("plain_server.py"))]


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[str]:
    """Run Python with these arguments; the address it listens on, once it says so."""
    with subprocess.Popen(
        [sys.executable, *command],
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
                yield said[-1].removeprefix(READY).strip()
            finally:
                process.kill()
                drain.join()
        finally:
            process.kill()
            process.wait()

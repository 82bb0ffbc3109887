"""Runs commands one after another, as one who reads a page would: `unshare … python player.py`.

It runs in a network of its own, so that the ports of the page are free, and nothing outside can be
reached. Reads from standard input, in JSON: the commands, each with the words of its output by
which one sees that it is ready, if it is one that goes on. Writes how each has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO

SECONDS = 60
"""For a command that ends, to end; for one that goes on, to be ready, and in the end to stop."""
LISTENS = "listen"
"""In what a server says once it is ready."""
STOPPED = (0, 130, -signal.SIGINT, -signal.SIGTERM)
"""Exit codes of what goes on until it is interrupted."""


class Lasting:
    """A command that goes on: a server, a watch."""

    def __init__(self, command: str, ready: str) -> None:
        self.command = command
        self.said: list[str] = []
        self.ready = ready
        self._process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip
        self._is_ready = threading.Event()
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()
        if not ready:
            self._is_ready.set()
        self._is_ready.wait(SECONDS)

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self.said.append(line)
            if re.search(self.ready, line):
                self._is_ready.set()
        self._is_ready.set()  # it has ended

    def stop(self) -> str:
        """Interrupt it; what was wrong with it, or nothing."""
        early = self._process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)
        try:
            code = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return "it did not stop"
        self._reader.join(SECONDS)
        if early is not None:
            return f"it ended with {early}"
        if not any(re.search(self.ready, line) for line in ["", *self.said]):
            return "it was never ready"
        return "" if code in STOPPED else f"it was stopped, and ended with {code}"


def play(steps: list[tuple[str, str | None]]) -> list[str]:
    """Run all; a sentence for each that did not do what it should."""
    wrong: list[str] = []
    lasting: list[Lasting] = []

    def stop(which: Callable[[Lasting], object]) -> None:
        for each in list(filter(which, reversed(lasting))):  # who is at a server, before it
            lasting.remove(each)
            if fault := each.stop():
                wrong.append(f"{each.command}\n{fault}\n{''.join(each.said)}")

    try:
        for command, ready in steps:
            if ready is not None:
                if LISTENS in ready:  # a page's servers take the same port, one after another
                    stop(lambda each: LISTENS in each.ready)
                lasting.append(Lasting(command, ready))
                continue
            ended = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
            if ended.returncode:
                wrong.append(f"{command}\nit ended with {ended.returncode}\n{ended.stdout}")
    finally:
        stop(lambda _: True)
    return wrong


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(json.dumps(play(json.load(sys.stdin))))

"""Server processes: started fresh, watched, and stopped whatever happens."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import process_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.machine import ProcessCost

ROOT = Path(__file__).resolve().parent.parent
SERVERS = ("chatroom", "naive")
START_SECONDS = 30
STOP_SECONDS = 10
READY = re.compile(r"^\w+: (?:listening on )?127\.0\.0\.1:(\d+)", re.MULTILINE)


class ServerError(Exception):
    """A server did not start, or ended by itself."""


@dataclass(frozen=True, slots=True)
class Journal:
    """How our own server keeps its rooms. The naive one keeps nothing."""

    in_memory: bool = False
    sync: str = "full"
    below: Path | None = None
    """Directory for the journal; the system's temporary directory when None."""
    options: tuple[str, ...] = ()
    """Further options of the server's command line."""

    def describe(self) -> str:
        kept = "in memory" if self.in_memory else f"SQLite, sync {self.sync}"
        return " ".join((kept, *self.options))


@dataclass(frozen=True, slots=True)
class Server:
    """A running server on `port` of the loopback address."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def cost(self) -> ProcessCost:
        """What it has cost; ServerError with the end of its log when it is gone."""
        if self.process.poll() is not None:
            raise ServerError(f"the server ended:\n{_tail(self.log)}")
        return process_cost(self.process.pid)


def _command(name: str, journal: Journal, data: Path) -> list[str]:
    if name == "naive":
        return ["-m", "bench.peers.naive_grpc_aio", "--bind", "127.0.0.1:0"]
    kept = ["--in-memory"] if journal.in_memory else ["--data", str(data), "--sync", journal.sync]
    limits = ["--message-rate", "0"]
    return ["-m", "chatroom.server", "--bind", "127.0.0.1:0", *kept, *limits, *journal.options]


@contextlib.contextmanager
def running(name: str, journal: Journal) -> Iterator[Server]:
    """Run a fresh server with an empty journal; afterwards it and its journal are gone."""
    with tempfile.TemporaryDirectory(prefix="chatroom-bench-", dir=journal.below) as directory:
        command = _command(name, journal, Path(directory, "data"))
        with launched(command, Path(directory)) as server:
            yield server


@contextlib.contextmanager
def launched(command: list[str], directory: Path) -> Iterator[Server]:
    """Run Python with these arguments from when it says that it listens."""
    log = directory / "stderr"
    path = os.pathsep.join((str(ROOT / "src"), os.environ.get("PYTHONPATH", "")))
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            # Ctrl-C goes to the benchmark, which then stops the server.
            start_new_session=True,
        )
    try:
        yield Server(process, _ready(process, log), log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := READY.search(log.read_text(errors="replace")):
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise ServerError(f"the server does not listen:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])

"""Server processes: started fresh, watched, and stopped whatever happens."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.builds import ROOT
from bench.machine import process_cost
from bench.sockets import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.machine import ProcessCost

START_SECONDS = 30
STOP_SECONDS = 10
READY = r"^[\w-]+: (?:listening on )?127\.0\.0\.1:(\d+)"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that ask a benchmark to end."""
PR_SET_PDEATHSIG = 1
"""prctl(2), Linux."""

_libc = ctypes.CDLL(None)


class ServerError(Exception):
    """A server did not start, or ended by itself."""


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


@dataclass(frozen=True, slots=True)
class Program:
    """How a server is run, and how its log tells the port when it listens."""

    command: list[str]
    cwd: Path = ROOT
    source: Path = ROOT / "src"
    """Where its Python packages are, if it is in Python."""
    ready: str = READY
    port: int = 0
    """Where it was told to listen, if its log does not say that it does: it is ready once it
    can be connected to."""


@contextlib.contextmanager
def launched(command: list[str], directory: Path) -> Iterator[Server]:
    """Run Python with these arguments from when it says that it listens."""
    with started(Program([sys.executable, *command]), directory) as server:
        yield server


@contextlib.contextmanager
def temporary(below: Path | None = None) -> Iterator[Path]:
    """A directory for a server's files; afterwards it is gone."""
    with tempfile.TemporaryDirectory(prefix="chatroom-bench-", dir=below) as directory:
        yield Path(directory)


@contextlib.contextmanager
def started(program: Program, directory: Path) -> Iterator[Server]:
    """Run a server from when it says that it listens; afterwards it is gone."""
    log = directory / "log"
    path = os.pathsep.join((str(program.source), os.environ.get("PYTHONPATH", "")))
    with log.open("wb") as output, contextlib.ExitStack() as leaving:
        # Nothing interrupts between the start of the process and the promise to stop it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        leaving.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
        process = subprocess.Popen(
            program.command,
            cwd=program.cwd,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C goes to the benchmark, which then stops the server.
            start_new_session=True,
            preexec_fn=functools.partial(_begin, os.getpid(), mask),
        )
        leaving.callback(_stop, process)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield Server(process, _ready(process, log, program), log)


def _begin(parent: int, mask: set[int | signal.Signals]) -> None:
    """In the server's process: let the kernel kill it when the benchmark itself is killed."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it was killed before the kernel knew


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; kill it when that takes too long, or nobody wants to wait."""
    try:
        process.terminate()
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        process.kill()
        process.wait()


def _ready(process: subprocess.Popen[bytes], log: Path, program: Program) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if program.port:
            if _listens(program.port):
                return program.port
        elif found := re.search(program.ready, log.read_text(errors="replace"), re.MULTILINE):
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise ServerError(f"the server does not listen:\n{_tail(log)}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """One that was free a moment ago, for a server that cannot be told to take any."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])

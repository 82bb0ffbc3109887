"""Storage that fails for real: a full file system, and system calls that return errors."""

from __future__ import annotations

import contextlib
import functools
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chatroom.journal.sqlite import redo
from tests.interop.programs import SECONDS, run, tool

from .server_on_disk import JOURNAL_FILE, DiskServer

LOGS = [JOURNAL_FILE + suffix for suffix in ("-wal", *redo.SUFFIXES)]
"""The redo log, which an append writes to and syncs, and SQLite's write-ahead log."""
FULL_BYTES = 2 * 1024 * 1024
"""Room on the small file system: enough for a few hundred messages."""
TRACEABLE = ("-m", "tests.faults.traceable_server")


class Injection:
    """Errors that a server's system calls get from now on, until `stop`."""

    def __init__(self, server: DiskServer, calls: str, error: str, files: Sequence[str]) -> None:
        """Return once every thread of the server is under it.

        `calls` as in `fsync,write`; `error` as in `EIO`, or `EIO:when=1` for the first one.
        """
        self._record = server.data.with_name("injected")
        options = f"-f -p {server.pid} -e trace={calls} -e inject={calls}:error={error}".split()
        for name in files:
            options += ["-P", str(server.data / name)]
        self._strace = subprocess.Popen(
            [tool("strace"), *options, "-o", str(self._record)], stderr=subprocess.PIPE, text=True
        )
        assert self._strace.stderr is not None
        first = self._strace.stderr.readline()
        # Read on, so that the pipe never fills.
        self._reader = threading.Thread(target=self._strace.stderr.read, daemon=True)
        self._reader.start()
        if "attached" not in first:
            self.stop()
            if "not permitted" in first:
                pytest.skip(f"tracing is not permitted here: {first.strip()}")
            raise AssertionError(first)

    def count(self) -> int:
        """How many calls have failed so far."""
        return self._record.read_text().count("(INJECTED)")

    def stop(self) -> None:
        """Let calls succeed again."""
        self._strace.send_signal(signal.SIGTERM)
        self._strace.wait(SECONDS)
        self._reader.join()
        assert self._strace.stderr is not None
        self._strace.stderr.close()


@contextlib.contextmanager
def failing(
    server: DiskServer, calls: str, error: str, files: Sequence[str] = LOGS
) -> Iterator[Injection]:
    """Let these system calls on these files of the journal fail for the length of the block."""
    injection = Injection(server, calls, error, files)
    try:
        yield injection
    finally:
        injection.stop()
    assert injection.count(), f"no {calls} has failed"


def small_file_system(at: Path) -> list[str]:
    """A command that runs another one with a small file system mounted at `at`.

    Nobody but that other one sees it, and it goes with it.
    """
    mount = f"mount -t tmpfs -o size={FULL_BYTES} none {shlex.quote(str(at))}"
    return [*_own_mounts(), "sh", "-c", f'{mount} && exec "$@"', "sh"]


@functools.cache
def _own_mounts() -> list[str]:
    """A command that runs another one where it may mount, as root or in a user namespace."""
    unshare = tool("unshare")
    for command in ([unshare, "--mount"], [unshare, "--map-root-user", "--mount"]):
        if run(*command, "mount", "-t", "tmpfs", "none", "/tmp").returncode == 0:
            return command
    pytest.skip("mounting a file system is not permitted here")


def inside(server: DiskServer) -> Path:
    """The server's data directory as it sees it: a mount there is not one of ours."""
    return Path(f"/proc/{server.pid}/root{server.data}")


@contextlib.contextmanager
def full(server: DiskServer) -> Iterator[None]:
    """Fill the server's small file system to the last byte for the length of the block."""
    ballast = inside(server) / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink(missing_ok=True)  # it is gone if the server is

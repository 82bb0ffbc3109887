"""The servers that can be compared: how each is run, and what its members speak."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import builds, tokens
from bench.builds import UnavailableError
from bench.grpc_crowd import GrpcCrowd
from bench.peers.registry import OTHERS
from bench.redis_crowd import RedisCrowd
from bench.servers import Program, free_port, started, temporary
from bench.sockets import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.rooms import Crowd
    from bench.servers import Server

OURS = "chatroom"
BEFORE = "before"
TOKENS = "tokens"
"""Ours once more, where everybody shows a token."""
WATCHED = "watched"
"""Ours once more, with `--ops-bind`, whose metrics are read every second."""
FULL = "chatroom-full"
"""Ours, which syncs before anybody is shown a message."""
MEMORY = "chatroom-memory"
"""Ours without a journal on disk."""
PEERS = (OURS, BEFORE, TOKENS, WATCHED, FULL, MEMORY, "grpc-go", "redis", "naive", *OTHERS)
OPS_PORT = 19090
SCRAPER = f"""
import time, urllib.request
while True:
    urllib.request.urlopen("http://{HOST}:{OPS_PORT}/metrics").read()
    time.sleep(1)
"""
BEFORE_REVISION = "609ddbe"
"""The last revision whose HTTP/2 was a dependency's, h2corn's."""


@dataclass(frozen=True, slots=True)
class Journal:
    """How our own servers keep their rooms. The others keep nothing."""

    in_memory: bool = False
    sync: str = "normal"
    below: Path | None = None
    """Directory for the journal; the system's temporary directory when None."""
    options: tuple[str, ...] = ()
    """Further options of the command line of the server here."""

    def describe(self) -> str:
        kept = "in memory" if self.in_memory else f"SQLite, sync {self.sync}"
        return " ".join((kept, *self.options))


@dataclass(frozen=True, slots=True)
class Contest:
    """What the servers are run with."""

    journal: Journal
    before: str = BEFORE_REVISION
    """The revision of this repository that `before` is."""

    def prepare(self, peer: str) -> None:
        """Make what is to be run; UnavailableError where that cannot be."""
        if peer in OTHERS:
            OTHERS[peer].prepare()
        elif peer == "grpc-go":
            builds.grpc_go()
        elif peer == BEFORE:
            builds.revision(self.before)
        elif peer == "redis" and shutil.which("redis-server") is None:
            raise UnavailableError("redis-server is not installed")

    def available(self, peers: list[str]) -> list[str]:
        """Those of the peers that can be run here; says of the others why they cannot."""
        able = []
        for peer in peers:
            try:
                self.prepare(peer)
            except UnavailableError as reason:
                print(f"{peer} is skipped: {reason}", flush=True)
            else:
                able.append(peer)
        return able

    def program(self, peer: str, data: Path) -> Program:
        """How a peer is run that was prepared; its journal, if it has one, is in `data`."""
        if peer in OTHERS:
            return OTHERS[peer].program(data)
        if peer == "grpc-go":
            return Program([str(builds.grpc_go()), "-bind", f"{HOST}:0"])
        if peer == "redis":
            return _redis(data)
        if peer == "naive":
            command = ["-m", "bench.peers.naive_grpc_aio", "--bind", f"{HOST}:0"]
            return Program([sys.executable, *command])
        journal = self.journal
        if peer == FULL:
            journal = dataclasses.replace(journal, in_memory=False, sync="full")
        elif peer == MEMORY:
            journal = dataclasses.replace(journal, in_memory=True)
        kept = (
            ["--in-memory"] if journal.in_memory else ["--data", str(data), "--sync", journal.sync]
        )
        command = ["-m", "chatroom.server", "--bind", f"{HOST}:0", *kept, "--message-rate", "0"]
        if peer == TOKENS:
            command += ["--keys", str(tokens.key_file(data.with_name("keys")))]
        if peer == WATCHED:
            command += ["--ops-bind", f"{HOST}:{OPS_PORT}"]
        if peer in (OURS, TOKENS, WATCHED, FULL, MEMORY):
            return Program([sys.executable, *command, *journal.options])
        clone = builds.revision(self.before)
        python = str(clone / ".venv" / "bin" / "python")
        return Program([python, *command], cwd=clone, source=clone / "src")

    @contextlib.contextmanager
    def running(self, peer: str) -> Iterator[Server]:
        """Run a fresh server with an empty journal; afterwards it and its journal are gone."""
        with (
            temporary(self.journal.below) as directory,
            started(self.program(peer, directory / "data"), directory) as server,
            scraped() if peer == WATCHED else contextlib.nullcontext(),
        ):
            yield server


@contextlib.contextmanager
def scraped() -> Iterator[None]:
    """Read the metrics every second, as a Prometheus in a hurry does. It has to work to the end."""
    scraper = subprocess.Popen([sys.executable, "-c", SCRAPER])
    try:
        yield
        if scraper.poll() is not None:
            raise UnavailableError("the metrics could not be read")
    finally:
        scraper.kill()
        scraper.wait()


def _redis(data: Path) -> Program:
    """redis-server without persistence, on a port that was free a moment ago."""
    data.mkdir()
    options = {
        "--port": str(free_port()),
        "--bind": HOST,
        "--dir": str(data),
        "--save": "",
        "--appendonly": "no",
        "--daemonize": "no",
        "--maxclients": "15000",
    }
    command = ["redis-server", *(word for option in options.items() for word in option)]
    return Program(command, ready=r"port=(\d+)\.[\s\S]*Ready to accept connections")


@contextlib.contextmanager
def crowd(peer: str, port: int) -> Iterator[Crowd[Any]]:
    """Members for a peer's port; afterwards all their connections are closed."""
    shown = tokens.authorization() if peer == TOKENS else b""
    gathered: Crowd[Any]
    if peer in OTHERS:
        gathered = OTHERS[peer].crowd(port)
    else:
        gathered = RedisCrowd(port) if peer == "redis" else GrpcCrowd(port, shown)
    try:
        yield gathered
    finally:
        gathered.loop.close()

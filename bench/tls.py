"""TLS of the port against the event loops' own: memory when idle, bulk and small writes.

python -m bench.tls; all in one run, each round interleaved, the median of five.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from chatroom.server.port.certificates import Certificates
from chatroom.server.port.notices import Notices
from chatroom.server.port.tls import TlsProtocol
from chatroom.server.settings import Tls

MIB = 1024 * 1024
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class Writer(asyncio.Protocol):
    """Writes `total` bytes in pieces of `piece` when told to, pausing as it is told."""

    def __init__(self) -> None:
        self.left = 0
        self.piece = b""
        self.blocked = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=65536, low=16384)

    def data_received(self, data: bytes) -> None:
        size, count = map(int, data.split())
        self.piece, self.left = bytes(size), count
        self.go_on()

    def go_on(self) -> None:
        turn = 64  # small writes come in turns of the loop, as a chat's do
        while self.left and not self.blocked and turn:
            self.transport.write(self.piece)
            self.left -= 1
            turn -= 1
        if self.left and not self.blocked:
            asyncio.get_running_loop().call_soon(self.go_on)
        elif not self.left:
            self.piece = b""  # it is not the transport's

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        self.go_on()


def serve(pipe: Connection, loop: str, ours: bool, tls: Tls) -> None:
    """A server in a process of its own; answers what it is asked about itself."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(_serve(pipe, ours, Certificates(tls)))


async def _serve(pipe: Connection, ours: bool, certificates: Certificates) -> None:
    running = asyncio.get_running_loop()
    if ours:
        notices = Notices(running.time)

        def made() -> TlsProtocol:
            context = certificates.context
            return TlsProtocol(context, lambda *_: Writer(), lambda _: None, notices=notices)

        server = await running.create_server(made, "127.0.0.1", 0, backlog=1024)
    else:
        server = await running.create_server(
            Writer, "127.0.0.1", 0, ssl=certificates.context, backlog=1024
        )
    pipe.send(server.sockets[0].getsockname()[1])
    ended = asyncio.Event()

    def answer() -> None:
        question = pipe.recv()
        if question == "memory":
            gc.collect()
            pipe.send(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
        elif question == "cpu":
            pipe.send(time.process_time())
        else:
            ended.set()

    running.add_reader(pipe.fileno(), answer)
    await ended.wait()
    server.close()


class Server:
    """One of the four, and a client's view of it."""

    def __init__(self, loop: str, ours: bool, tls: Tls) -> None:
        self.name = f"{loop}, {'ours' if ours else 'its own'}"
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(theirs, loop, ours, tls)
        )
        self.process.start()
        self.port: int = self.pipe.recv()
        self.context = ssl.create_default_context(cafile=tls.certificate)

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port))
        return self.context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, what: str) -> float:
        self.pipe.send(what)
        answer: float = self.pipe.recv()
        return answer

    def idle(self, count: int, after: int) -> float:
        """Bytes of resident memory for an idle connection that has sent `after` bytes."""
        with self.connect() as warm:
            self.read(warm, after, 1)
        before = self.ask("memory")
        peers = [self.connect() for _ in range(count)]
        for peer in peers:
            self.read(peer, after, 1)
        used = (self.ask("memory") - before) / count
        for peer in peers:
            peer.close()
        return used

    def write(self, peer: ssl.SSLSocket, size: int, count: int) -> float:
        """The server's CPU, in seconds, for so many writes of this size."""
        begun = self.ask("cpu")
        self.read(peer, size, count)
        return self.ask("cpu") - begun

    def read(self, peer: ssl.SSLSocket, size: int, count: int) -> None:
        """Have the server write, and read it all."""
        peer.sendall(f"{size} {count}".encode())
        left = size * count
        while left:
            left -= len(peer.recv(min(left, 65536)))

    def end(self) -> None:
        self.pipe.send("end")
        self.process.join()


def certificate(directory: Path) -> Tls:
    """One for localhost, signed by itself."""
    tls = Tls(certificate=directory / "certificate.pem", key=directory / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(tls.key), "-out", str(tls.certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return tls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    workloads = {
        "bulk, writes of 1 MiB": (MIB, 32),
        "bulk, writes of 16 KiB": (16384, 2048),
        "small writes of 100 bytes": (100, 10_000),
    }
    with tempfile.TemporaryDirectory() as directory:
        tls = certificate(Path(directory))
        servers = [Server(loop, ours, tls) for loop in LOOPS for ours in (True, False)]
        for what, after in (("1 byte", 1), ("256 KiB", 256 * 1024)):
            for server in servers:
                used = server.idle(options.connections, after)
                print(f"idle, had sent {what}: {server.name}: {used / 1024:.1f} KiB a connection")
                sys.stdout.flush()
        peers = [server.connect() for server in servers]
        for what, (size, count) in workloads.items():
            took: list[list[float]] = [[] for _ in servers]
            for _ in range(options.rounds):
                for times, server, peer in zip(took, servers, peers, strict=True):
                    times.append(server.write(peer, size, count))
            medians = [statistics.median(times) for times in took]
            for server, median in zip(servers, medians, strict=True):
                print(f"{what}: {server.name}: {median / count * 1e6:.2f} µs of CPU a write")
            print(f"{what}: ours against its own: asyncio {medians[0] / medians[1]:.2f}, "
                  f"uvloop {medians[2] / medians[3]:.2f}")  # fmt: skip
            sys.stdout.flush()
        for peer in peers:
            peer.close()
        for server in servers:
            server.end()


if __name__ == "__main__":
    main()

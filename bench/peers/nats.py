"""NATS core: a room is a subject, a member a subscription to it.

The protocol is docs.nats.io, "Client Protocol". With `echo` off a connection's own messages
do not come back to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import builds
from bench.peers.peer import Keeps, Peer, version_in
from bench.peers.plain import PlainConnection, PlainCrowd, PlainMember
from bench.servers import Program, free_port
from bench.sockets import HOST, Poll, WireError
from bench.tally import TEXT_BYTES

if TYPE_CHECKING:
    from pathlib import Path

HELLO = (
    b'CONNECT {"verbose":false,"pedantic":false,"echo":false,"headers":false,'
    b'"lang":"bench","version":"1"}\r\n'
)


class NatsConnection(PlainConnection):
    """One connection."""

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        self.write(HELLO)

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        return b"PUB %b %d\r\n" % (member.place.room_id.encode(), TEXT_BYTES), b"\r\n"

    def ask(self, member: PlainMember) -> None:
        """The answer to PING tells that what was asked before is done."""
        room = member.place.room_id.encode()
        self.write(b"SUB %b %d\r\nPING\r\n" % (room, len(self.members)))

    def answered(self, octets: bytes) -> bytes:
        """Read whole lines, and messages with what follows their line."""
        at = 0
        while (end := octets.find(b"\r\n", at)) >= 0:
            line, after = octets[at:end], end + 2
            if line.startswith(b"MSG "):
                after += int(line.rsplit(b" ", 1)[1]) + 2
                if len(octets) < after:
                    break
                self.message(line, octets[end + 2 : after - 2])
            elif line == b"PONG":
                self.waiting.popleft().entered = True
            elif line == b"PING":
                self.write(b"PONG\r\n")
            elif line.startswith(b"-ERR"):
                raise WireError(f"NATS answers {line!r}")
            at = after
        return octets[at:]

    def message(self, line: bytes, text: bytes) -> None:
        """Take a message that comes while somebody waits."""

    def dropped(self, buffer: bytearray, end: int) -> None:
        if buffer.startswith(b"-ERR"):
            raise WireError(f"NATS answers {bytes(buffer[:end])!r}")


class NatsCrowd(PlainCrowd):
    """Members on the port of nats-server."""

    connection = NatsConnection


class Nats(Peer):
    """nats-server without JetStream."""

    name = "nats"
    title = "NATS core"
    keeps = Keeps.NOTHING
    program_name = "nats-server"
    get = "built by the Go toolchain with --build; see bench/peers/go-servers.txt"

    def prepare(self) -> None:
        builds.go_server(self.program_name)

    def executable(self) -> str:
        return str(builds.go_server(self.program_name))

    def version(self) -> str:
        return version_in([self.executable(), "--version"], r"v([\d.]+)")

    def settings(self, data: Path) -> str:
        """More lines of its configuration."""
        del data
        return ""

    def program(self, data: Path) -> Program:
        data.mkdir(exist_ok=True)
        port = free_port()
        config = data / "nats.conf"
        config.write_text(
            f"listen: {HOST}:{port}\nping_interval: 3600\nwrite_deadline: '60s'\n"
            f"logtime: false\n{self.settings(data)}"
        )
        return Program([self.executable(), "-c", str(config)], port=port)

    def crowd(self, port: int) -> NatsCrowd:
        return NatsCrowd(port)

"""Centrifugo: a room is a channel, a member a subscription to it, in JSON over WebSocket.

The commands are those of centrifugal.dev, "Client protocol"; frames those of RFC 6455. A client
masks its frames, here with zeros, which leave the bytes as they are. A subscriber would be given
its own publications too, so who speaks does not subscribe. Channels have no history.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench import builds
from bench.peers.peer import Keeps, Peer
from bench.peers.plain import PlainConnection, PlainCrowd, PlainMember
from bench.servers import Program, free_port
from bench.sockets import HOST, Poll, WireError
from bench.tally import TEXT_BYTES

if TYPE_CHECKING:
    from pathlib import Path

UPGRADE = (
    b"GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
FINAL_TEXT = b"\x81"
MASKED, TWO_BYTES = 0x80, 126
ROOMS_OF_A_CONNECTION = 1_000


def head(size: int) -> bytes:
    """The header of a text frame of `size` bytes, less than 64 KiB, masked with zeros."""
    if size < TWO_BYTES:
        return FINAL_TEXT + bytes([MASKED | size]) + bytes(4)
    return FINAL_TEXT + bytes([MASKED | TWO_BYTES]) + size.to_bytes(2, "big") + bytes(4)


class CentrifugoConnection(PlainConnection):
    """One connection."""

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        self._upgraded = False
        self.write(UPGRADE)

    def command(self, command: object) -> None:
        octets = json.dumps(command, separators=(",", ":")).encode()
        self.write(head(len(octets)) + octets)

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        room = member.place.room_id.encode()
        before = b'{"id":1,"publish":{"channel":"%b","data":"' % room
        after = b'"}}'
        return head(len(before) + TEXT_BYTES + len(after)) + before, after

    def ask(self, member: PlainMember) -> None:
        if not self._upgraded:
            return
        if member.listens:
            self.command({"id": 2, "subscribe": {"channel": member.place.room_id}})
        else:
            self.waiting.popleft().entered = True

    def answered(self, octets: bytes) -> bytes:
        """Read the answer to the upgrade, then frames, each with answers in lines."""
        if not self._upgraded:
            end = octets.find(b"\r\n\r\n")
            if end < 0:
                return octets
            if not octets.startswith(b"HTTP/1.1 101"):
                raise WireError(f"Centrifugo answers {octets[:200]!r}")
            self._upgraded = True
            octets = octets[end + 4 :]
            self.command({"id": 1, "connect": {}})
            for member in list(self.waiting):
                self.ask(member)
        while len(octets) >= 4:
            size, start = octets[1], 2
            if size == TWO_BYTES:
                size, start = int.from_bytes(octets[2:4], "big"), 4
            if len(octets) < start + size:
                break
            for line in octets[start : start + size].splitlines():
                answer = json.loads(line)
                if "error" in answer or "disconnect" in answer:
                    raise WireError(f"Centrifugo answers {answer}")
                if "subscribe" in answer:
                    self.waiting.popleft().entered = True
            octets = octets[start + size :]
        return octets

    def dropped(self, buffer: bytearray, end: int) -> None:
        if buffer.find(b'"error"', 0, end) >= 0:
            raise WireError(f"Centrifugo answers {bytes(buffer[:end])!r}")


class CentrifugoCrowd(PlainCrowd):
    """Members on the port of Centrifugo."""

    connection = CentrifugoConnection
    deaf_speakers = True


class Centrifugo(Peer):
    """Centrifugo with its engine in memory."""

    name = "centrifugo"
    title = "Centrifugo (JSON)"
    keeps = Keeps.NOTHING
    program_name = "centrifugo"
    get = "built by the Go toolchain with --build; see bench/peers/go-servers.txt"

    def prepare(self) -> None:
        builds.go_server(self.program_name)

    def executable(self) -> str:
        return str(builds.go_server(self.program_name))

    def version(self) -> str:
        """What was asked of the Go toolchain: a program that it has built knows none."""
        return builds.go_version(self.program_name)

    def program(self, data: Path) -> Program:
        data.mkdir(exist_ok=True)
        port = free_port()
        config = data / "centrifugo.json"
        channel = {"allow_subscribe_for_client": True, "allow_publish_for_client": True}
        settings = {
            "http_server": {"address": HOST, "port": str(port)},
            "client": {
                "insecure": True,
                "ping_interval": "3600s",
                "pong_timeout": "600s",
                "channel_limit": ROOMS_OF_A_CONNECTION,
            },
            "channel": {"without_namespace": channel},
            "log": {"level": "error"},
        }
        config.write_text(json.dumps(settings))
        return Program([self.executable(), "--config", str(config)], cwd=data, port=port)

    def crowd(self, port: int) -> CentrifugoCrowd:
        return CentrifugoCrowd(port)

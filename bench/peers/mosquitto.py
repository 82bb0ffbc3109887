"""Mosquitto: a room is a topic, a member a subscription at most once (QoS 0), over MQTT 5.

OASIS, "MQTT Version 5.0". With the option No Local (3.8.3.1) a member's own messages do not
come back to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers.peer import Keeps, Peer, version_in
from bench.peers.plain import PlainConnection, PlainCrowd, PlainMember
from bench.servers import Program, free_port
from bench.sockets import HOST, Poll, WireError
from bench.tally import TEXT_BYTES

if TYPE_CHECKING:
    from pathlib import Path

CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK = 0x10, 0x20, 0x30, 0x82, 0x90
CLEAN_START = 2
NO_LOCAL = 4
FAILED = 0x80
"""Reason codes from here on are failures (2.4)."""


def number(size: int) -> bytes:
    """A variable byte integer (1.5.5)."""
    octets = b""
    while size >= 0x80:
        octets += bytes([size & 0x7F | 0x80])
        size >>= 7
    return octets + bytes([size])


def string(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


class MqttConnection(PlainConnection):
    """One connection, without keep-alive."""

    _opened = 0

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        MqttConnection._opened += 1
        client = string(b"member-%d" % MqttConnection._opened)
        body = string(b"MQTT") + bytes([5, CLEAN_START, 0, 0, 0]) + client
        self.write(bytes([CONNECT]) + number(len(body)) + body)

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        topic = string(member.place.room_id.encode()) + b"\0"
        return bytes([PUBLISH]) + number(len(topic) + TEXT_BYTES) + topic, b""

    def ask(self, member: PlainMember) -> None:
        room = string(member.place.room_id.encode())
        body = len(self.members).to_bytes(2, "big") + b"\0" + room + bytes([NO_LOCAL])
        self.write(bytes([SUBSCRIBE]) + number(len(body)) + body)

    def answered(self, octets: bytes) -> bytes:
        """Read whole packets; those that come here are shorter than 128 bytes."""
        while len(octets) >= 2 and len(octets) >= 2 + octets[1]:
            kind, end = octets[0], 2 + octets[1]
            if kind == CONNACK and octets[3] >= FAILED:
                raise WireError(f"MQTT refuses the connection, reason {octets[3]:#x}")
            if kind == SUBACK:
                if octets[end - 1] >= FAILED:
                    raise WireError(f"MQTT refuses the subscription, reason {octets[end - 1]:#x}")
                self.waiting.popleft().entered = True
            octets = octets[end:]
        return octets


class MqttCrowd(PlainCrowd):
    """Members on the port of an MQTT broker."""

    connection = MqttConnection


class Mosquitto(Peer):
    """mosquitto without persistence."""

    name = "mosquitto"
    title = "Mosquitto (MQTT QoS 0)"
    keeps = Keeps.NOTHING
    program_name = "mosquitto"
    get = "Debian's mosquitto"

    def version(self) -> str:
        return version_in([self.executable(), "-h"], r"version ([\d.]+)")

    def program(self, data: Path) -> Program:
        data.mkdir(exist_ok=True)
        port = free_port()
        config = data / "mosquitto.conf"
        config.write_text(
            f"listener {port} {HOST}\nallow_anonymous true\npersistence false\n"
            "set_tcp_nodelay true\nuser root\nlog_type error\nlog_type warning\n"
        )
        return Program([self.executable(), "-c", str(config)], port=port)

    def crowd(self, port: int) -> MqttCrowd:
        return MqttCrowd(port)

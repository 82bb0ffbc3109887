"""Many members in one thread: on the benchmark's HTTP/2 client, which costs little.

A `Voice` is a member's stream that keeps how it ended; what it does with messages is up
to its subclass. Connections may be closed by the server: that is what faults do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from bench.http2_sink import Connection, Loop
from bench.http2_streams import Stream
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import cut, envelope
from chatroom.wire.grpc import CHAT, binary_octets, request_headers
from chatroom.wire.http2.frames import Kind
from chatroom.wire.http2.headers import encode_cached
from chatroom.wire.http2.reader import Frame

SECONDS = 60.0
"""How long anything may take that is not what a test measures."""


@dataclass(frozen=True)
class End:
    """How a stream ended: with a status, or with what HTTP/2 or TCP did to it."""

    status: int | None = None
    reason: str = ""
    """Of the ErrorInfo among the status's details."""
    cut: str = ""
    """`RST_STREAM <code>` or `closed`, where there is no status."""


class Peer(Connection):
    """A connection that the server may end; its streams' ends say so."""

    def __init__(self, loop: Loop, port: int) -> None:
        super().__init__(loop, port)
        self.at_end = self._ended
        self.going_away: int | None = None
        """The error code of the last GOAWAY frame."""

    def _other(self, frame: Frame) -> None:
        if frame.kind == Kind.GOAWAY:
            self.going_away = frame.code
        else:
            super()._other(frame)

    def _ended(self) -> None:
        for stream in self.streams.values():
            stream.ended({"cut": "closed"})
        self.streams.clear()

    def write(self, octets: bytes) -> None:
        with contextlib.suppress(OSError):  # reading tells
            super().write(octets)


class Voice(Stream):
    """A member. `arrived` once it has its own arrival, `end` once its stream is over."""

    def __init__(self, room: str, name: str, features: Sequence[pb.Feature] = ()) -> None:
        super().__init__()
        self.room = room
        self.name = name
        self.features = features
        self.arrived = False
        self.end: End | None = None
        self._bytes = bytearray()

    def join(self, connection: Connection, **fields: object) -> None:
        """Open the stream; wait for `arrived` or `end`."""
        join = pb.JoinChat(room_id=self.room, name=self.name, features=self.features, **fields)
        headers = encode_cached(request_headers(CHAT, f"127.0.0.1:{connection.port}"))
        connection.open(self, headers, enveloped(pb.ChatMessage(join=join)))

    def say(self, text: str, nonce: str = "") -> None:
        self.send(enveloped(pb.ChatMessage(message=pb.Message(message=text, nonce=nonce))))

    def take(self, message: pb.Message) -> None:
        """A message came."""

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        kept = self._bytes
        kept += buffer[start:stop]
        at = 0
        for _, begin, at in cut(kept):
            message = pb.Message.FromString(bytes(kept[begin:at]))
            if message.HasField("entered") and message.name == self.name:
                self.arrived = True
            self.take(message)
        del kept[:at]

    def ended(self, headers: dict[str, str]) -> None:
        if "grpc-status" in headers:
            self.end = End(int(headers["grpc-status"]), _reason(headers))
        elif "rst_stream" in headers:
            self.end = End(cut=f"RST_STREAM {headers['rst_stream']}")
        else:
            self.end = End(cut=headers.get("cut", "no trailers"))


def _reason(headers: dict[str, str]) -> str:
    value = headers.get("grpc-status-details-bin", "")
    info = ErrorInfo()
    for detail in Status.FromString(binary_octets(value)).details:
        if detail.Unpack(info):
            return info.reason
    return ""


def enveloped(message: pb.ChatMessage) -> bytes:
    return envelope(message.SerializeToString())


def connect(loop: Loop, port: int, count: int) -> list[Peer]:
    """Connections whose server has sent its settings."""
    peers = []
    for _ in range(count):
        peers.append(Peer(loop, port))
        loop.turn(0)
    loop.until(lambda: all(peer.settled for peer in peers), SECONDS, "the server's settings")
    return peers


def join_all(loop: Loop, voices: Sequence[Voice], peers: Sequence[Peer], at_once: int = 64) -> None:
    """Bring all in, the n-th on connection n modulo their number."""
    for first in range(0, len(voices), at_once):
        some = voices[first : first + at_once]
        for number, voice in enumerate(some, first):
            voice.join(peers[number % len(peers)])
        loop.until(lambda some=some: all(v.arrived for v in some), SECONDS, "arrivals")


def members(loop: Loop, peer: Peer, room: str) -> set[str]:
    """The names in a room's roster, page by page."""
    names: set[str] = set()
    token = ""
    while True:
        request = pb.ListMembersRequest(room_id=room, page_token=token)
        answer = loop.call(peer, "/rpc.ChatService/ListMembers", request.SerializeToString())
        page = pb.ListMembersResponse.FromString(answer)
        names |= {member.name for member in page.members}
        token = page.next_page_token
        if not token:
            return names

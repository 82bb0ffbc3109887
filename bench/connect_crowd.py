"""Members over Connect in JSON, as browsers are: `Subscribe`, over HTTP/1.1 or HTTP/2.

They only listen, so whoever speaks in their room is a native member (`grpc_crowd`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.grpc_crowd import ENTERED, GrpcCrowd, GrpcMember
from bench.http2_sink import Connection
from bench.http2_streams import Stream
from bench.sockets import HOST, READ_BYTES, Poll, Socket, WireError
from bench.tally import Tally
from chatroom.wire.envelopes import cut, envelope
from chatroom.wire.grpc import SUBSCRIBE, request_headers
from chatroom.wire.http2.headers import encode_cached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.rooms import Member, Place

JSON = b"application/connect+json"
LAST = 0x02
"""The flag of Connect's last envelope."""
LINE = b"\r\n"


class Subscriber(Stream):
    """A subscription; it has `entered` once its own arrival has come back to it."""

    __slots__ = ("_before", "entered", "place", "tally")

    listens = True

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.entered = False
        self.tally = Tally()
        self._before = bytearray()

    def request(self) -> bytes:
        """The whole body of its request."""
        return envelope(
            json.dumps({"room_id": self.place.room_id, "name": self.place.name}).encode()
        )

    def say(self, _stamp: int, _times: int) -> None:
        raise WireError("a subscription says nothing")

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        if self.entered:
            self.tally.take(buffer, start, stop)
            return
        self._before += buffer[start:stop]
        for flags, begin, end in cut(self._before):
            told = json.loads(self._before[begin:end])
            if flags & LAST:
                raise WireError(f"{self.place.name} in {self.place.room_id}: {told}")
            if told.get("name") == self.place.name and told.get("message") == ENTERED:
                self.entered = self.skims = True
        if self.entered:
            self._before.clear()


class Http1Connection(Socket):
    """One connection over HTTP/1.1, whose one response is a member's stream."""

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        self._member: Subscriber
        self._kept = b""
        """What the last read left: a part of the head, or of the line before a chunk."""
        self._begun = False
        self._left = 0
        """Bytes of the present chunk that are to come."""

    def subscribe(self, member: Subscriber) -> None:
        self._member = member
        body = member.request()
        self.write(
            b"POST %b HTTP/1.1\r\nhost: %b:%d\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (SUBSCRIBE.encode(), HOST.encode(), self.port, JSON, len(body), body)
        )

    def readable(self) -> None:
        """Read once, and hand on what chunks hold (RFC 9112, 7.1)."""
        buffer = self.loop.buffer
        kept = len(self._kept)
        buffer[:kept] = self._kept
        try:
            end = kept + self.socket.recv_into(self.loop.view[kept:], READ_BYTES)
        except ConnectionResetError:
            end = kept
        if end == kept:
            self.closed_by_server()
            return
        at = 0 if self._begun else self._head(buffer, end)
        while at < end:
            if self._left:
                stop = min(end, at + self._left)
                self._left -= stop - at
                self._member.received(buffer, at, stop)
                at = stop
                continue
            # The end of the chunk before, or of the head, stands before each size.
            stop = buffer.find(LINE, at + len(LINE), end)
            if stop < 0:
                break
            self._left = int(buffer[at + len(LINE) : stop], 16)
            at = stop + len(LINE)
            if not self._left:
                raise WireError(f"the server ended the stream of {self._member.place.name}")
        self._kept = bytes(buffer[at:end])

    def _head(self, buffer: bytearray, end: int) -> int:
        """Where the head ends, but for its last line's end; 0 if that has not come."""
        stop = buffer.find(LINE + LINE, 0, end)
        if stop < 0:
            return 0
        status = bytes(buffer[: buffer.find(LINE)])
        if status.split()[1] != b"200":
            raise WireError(f"the server answered {status!r}")
        self._begun = True
        return stop + len(LINE)


class ConnectCrowd:
    """Subscriptions on the port of a server of ours; who speaks is native."""

    shares_connections = False

    def __init__(self, port: int, *, http2: bool) -> None:
        self.port = port
        self._http2 = http2
        self._native = GrpcCrowd(port)
        self.loop = self._native.loop

    def open(self) -> Connection | Http1Connection:
        return self._native.open() if self._http2 else Http1Connection(self.loop, self.port)

    def connect(self, count: int) -> list[Connection | Http1Connection]:
        """The first is for who speaks."""
        if self._http2:
            return list(self._native.connect(count))
        return [*self._native.connect(1), *(self.open() for _ in range(count - 1))]

    def create(self, connection: Connection | Http1Connection, room_ids: Iterable[str]) -> None:
        assert isinstance(connection, Connection), "the first connection is native"
        self._native.create(connection, room_ids)

    def join(self, connection: Connection | Http1Connection, place: Place) -> Member:
        member: GrpcMember | Subscriber
        if place.speaks:
            member = GrpcMember(place)
            assert isinstance(connection, Connection), "who speaks is native"
            member.join(connection)
            return member
        member = Subscriber(place)
        if isinstance(connection, Http1Connection):
            connection.subscribe(member)
        else:
            authority = f"{HOST}:{connection.port}"
            headers = encode_cached(request_headers(SUBSCRIBE, authority, content_type=JSON))
            connection.open(member, headers, member.request(), last=True)
        return member

"""Members over gRPC: plain clients that name no feature, so nothing of their own comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.http2_sink import Connection, Loop
from bench.http2_streams import Stream
from bench.sockets import HOST, WireError
from bench.tally import AFTER_STAMP, BEFORE_STAMP, STAMP, Tally
from chatroom.api.rpc import chat_pb2
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, request_headers
from chatroom.wire.http2.headers import encode_cached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.rooms import Place

Fields = tuple[tuple[bytes, bytes], ...]

ENTERED = "Has entered the chat"
CREATE = "/rpc.ChatService/CreateChatRoom"

_EXAMPLE = chat_pb2.ChatMessage(
    message=chat_pb2.Message(message=(BEFORE_STAMP + b"0" * STAMP + AFTER_STAMP).decode())
)
_BEFORE, _AFTER = envelope(_EXAMPLE.SerializeToString()).split(b"0" * STAMP)


class GrpcMember(Stream):
    """A member's stream; it has `entered` once its own arrival has come back to it."""

    __slots__ = ("_arrival", "_before", "_shown", "entered", "place", "tally")

    listens = True

    def __init__(self, place: Place, shown: Fields = ()) -> None:
        """`shown`: header fields that say who it is."""
        super().__init__()
        self._shown = shown
        self.place = place
        self.entered = False
        self.tally = Tally()
        self._before = bytearray()
        self._arrival = chat_pb2.Message(name=place.name, message=ENTERED).SerializeToString()

    def join(self, connection: Connection) -> None:
        join = chat_pb2.JoinChat(room_id=self.place.room_id, name=self.place.name)
        request = chat_pb2.ChatMessage(join=join)
        headers = encode_cached(request_headers(CHAT, f"{HOST}:{connection.port}", *self._shown))
        connection.open(self, headers, envelope(request.SerializeToString()))

    def say(self, stamp: int, times: int) -> None:
        """Send it in a DATA frame for each time."""
        self.send(b"%b%016x%b" % (_BEFORE, stamp, _AFTER), times)

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        if self.entered:
            self.tally.take(buffer, start, stop)
            return
        self._before += buffer[start:stop]
        if self._arrival in self._before:
            self.entered = self.skims = True
            self._before.clear()

    def ended(self, headers: dict[str, str]) -> None:
        try:
            super().ended(headers)
        except WireError as error:
            raise WireError(f"{self.place.name} in {self.place.room_id}: {error}") from None


class GrpcCrowd:
    """Members on the port of a server of our contract."""

    shares_connections = True

    def __init__(self, port: int, authorization: bytes = b"") -> None:
        """`authorization`: what each shows, if anything."""
        self.port = port
        self.loop = Loop()
        self._shown: Fields = ((b"authorization", authorization),) if authorization else ()

    def open(self) -> Connection:
        return Connection(self.loop, self.port)

    def connect(self, count: int) -> list[Connection]:
        return self.loop.connect(self.port, count)

    def create(self, connection: Connection, room_ids: Iterable[str]) -> None:
        for room_id in room_ids:
            request = chat_pb2.CreateChatRoomRequest(room_id=room_id)
            self.loop.call(connection, CREATE, request.SerializeToString(), *self._shown)

    def join(self, connection: Connection, place: Place) -> GrpcMember:
        member = GrpcMember(place, self._shown)
        member.join(connection)
        return member

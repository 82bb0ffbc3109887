"""Members over gRPC who come for what was said before: all of it, or what they missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.grpc_crowd import GrpcCrowd, GrpcMember
from bench.sockets import HOST
from chatroom.api.rpc import chat_pb2
from chatroom.wire.envelopes import HEAD_BYTES, envelope
from chatroom.wire.grpc import CHAT, request_headers
from chatroom.wire.http2.headers import encode_cached

if TYPE_CHECKING:
    from bench.http2_sink import Connection
    from bench.rooms import Place

EVERYTHING = 10_000
"""Entries that are asked for: as many as a room keeps."""


class ReturningMember(GrpcMember):
    """A member that counts from its first byte on, what is replayed too.

    One that `notes` reads every message, and knows session, epoch and sequence. It has
    entered once the replay is over.
    """

    __slots__ = ("epoch", "notes", "sequence", "session")

    def __init__(self, place: Place, *, notes: bool) -> None:
        super().__init__(place)
        self.notes = notes
        self.session = ""
        self.epoch = ""
        self.sequence = 0
        self.skims = not notes

    def ask(self, connection: Connection, join: chat_pb2.JoinChat) -> None:
        request = envelope(chat_pb2.ChatMessage(join=join).SerializeToString())
        headers = request_headers(CHAT, f"{HOST}:{connection.port}")
        connection.open(self, encode_cached(headers), request)

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        self.tally.take(buffer, start, stop)
        if self.notes:
            self._before += buffer[start:stop]
            self._read()

    def _read(self) -> None:
        """Read the messages that are whole."""
        octets, at = self._before, 0
        while len(octets) >= at + HEAD_BYTES:
            begin = at + HEAD_BYTES
            end = begin + int.from_bytes(octets[at + 1 : begin], "big")
            if len(octets) < end:
                break
            message = chat_pb2.Message.FromString(bytes(octets[begin:end]))
            if message.HasField("joined"):
                self.session, self.epoch = message.joined.session, message.joined.epoch
            elif message.HasField("live"):
                self.entered = True
            self.sequence = max(self.sequence, message.sequence)
            at = end
        del octets[:at]


class ReturningCrowd(GrpcCrowd):
    """Members on the port of a server of our contract that keeps its rooms."""

    def replay(self, connection: Connection, place: Place) -> ReturningMember:
        """Join, and be given everything that is kept of the room."""
        member = ReturningMember(place, notes=False)
        join = chat_pb2.JoinChat(room_id=place.room_id, name=place.name, history=EVERYTHING)
        member.ask(connection, join)
        return member

    def remember(self, connection: Connection, place: Place) -> ReturningMember:
        """Join, and note how far it has read."""
        return self._eventful(connection, ReturningMember(place, notes=True), None)

    def resume(
        self, connection: Connection, earlier: ReturningMember, *, early: bool
    ) -> ReturningMember:
        """Go on from where the earlier member was. Only one that is `early` tells when it is in."""
        after = chat_pb2.Resume(
            session=earlier.session, epoch=earlier.epoch, after=earlier.sequence
        )
        return self._eventful(connection, ReturningMember(earlier.place, notes=early), after)

    def _eventful(
        self, connection: Connection, member: ReturningMember, resume: chat_pb2.Resume | None
    ) -> ReturningMember:
        place = member.place
        features = [chat_pb2.FEATURE_EVENTS]
        join = chat_pb2.JoinChat(
            room_id=place.room_id, name=place.name, features=features, history=0, resume=resume
        )
        member.ask(connection, join)
        return member

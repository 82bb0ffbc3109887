"""A member on a connection of its own, over raw HTTP/2: wherever its socket is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from tests.interop.raw_grpc import LEAVE, MEMBERS, answer, said
from tests.interop.raw_http2 import Connection, Response

SECONDS = 60.0
"""How long anything may take that is not what a test measures."""


class Person:
    """Joined once it is made; `messages` are all that have come so far."""

    def __init__(
        self,
        connection: Connection,
        room: str,
        name: str,
        features: Sequence[pb.Feature] = (),
        resume: pb.Resume | None = None,
    ) -> None:
        self.connection = connection
        self.name = name
        self._stream = connection.call(CHAT)
        join = pb.JoinChat(room_id=room, name=name, features=features, resume=resume)
        request = pb.ChatMessage(join=join)
        connection.data(self._stream, envelope(request.SerializeToString()))
        arrived = self.within(SECONDS, lambda: bool(self.messages) or self.response.over)
        assert arrived, f"{name} waits in vain"
        assert self.messages, self.response.grpc_message
        self.joined = self.messages[0].joined

    @property
    def response(self) -> Response:
        return self.connection.responses[self._stream]

    @property
    def messages(self) -> list[pb.Message]:
        return [pb.Message.FromString(payload) for payload in self.response.payloads]

    def say(self, text: str) -> None:
        self.connection.data(self._stream, said(text))

    def leave(self) -> None:
        """Leave, and wait for the end of the stream."""
        self.connection.data(self._stream, LEAVE)
        self.connection.response(self._stream)

    def within(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Read until `done`, or for so many seconds; whether it is done."""
        deadline = time.monotonic() + seconds
        while not done():
            if not self.connection.read(deadline - time.monotonic()):
                return done()
        return True

    def hears(self, text: str, seconds: float = SECONDS) -> None:
        """Read until somebody has said this."""
        heard = self.within(seconds, lambda: text in [each.message for each in self.messages])
        assert heard, f"{self.name} did not hear {text!r}"

    def left(self) -> dict[str, pb.LeaveReason]:
        """Who has left the room, and why."""
        return {each.name: each.left.reason for each in self.messages if each.HasField("left")}


def roster(connection: Connection, room: str) -> set[str]:
    """The members of a room of at most 100."""
    request = envelope(pb.ListMembersRequest(room_id=room).SerializeToString())
    response = answer(connection, MEMBERS, request)
    listed = pb.ListMembersResponse.FromString(response.payloads[0])
    return {member.name for member in listed.members}

"""Native gRPC on the streams of HTTP/2: resets, pings, many at once.

Before the colon of a docstring stands the section, or the rule of the grammar, of
grpc/grpc, doc/PROTOCOL-HTTP2.md, unless another document is named.
"""

from __future__ import annotations

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, SUBSCRIBE, Code
from chatroom.wire.http2 import frames
from chatroom.wire.http2.limits import Http2Limits

from .raw_grpc import LEAVE, MEMBERS, TRAILERS_ONLY, answer, joining, reason, said
from .raw_http2 import Connection, ConnectionEnded

STREAMS = Limits().connection_streams
CALLS = Http2Limits().streams - STREAMS
"""What a connection has room for beside its streams, all at once."""


@pytest.mark.parametrize("code", [0, 2, 8], ids=["NO_ERROR", "INTERNAL_ERROR", "CANCEL"])
def test_a_reset_makes_the_member_leave(connection: Connection, room: str, code: int) -> None:
    """Errors: RST_STREAM from the client ends the call, so its member leaves at once."""
    listener, leaver = connection.call(CHAT), connection.call(CHAT)
    connection.data(listener, joining(room, "Alice"))
    connection.payload(listener, 0)
    connection.data(leaver, joining(room, "Bob"))
    connection.payload(listener, 1)
    connection.reset(leaver, code)
    left = pb.Message.FromString(connection.payload(listener, 2))
    assert ("Bob", "Has left the chat") == (left.name, left.message)
    connection.reset(listener)


def test_a_reset_after_the_half_close_makes_the_member_leave(
    connection: Connection, room: str
) -> None:
    """Errors: a member that only listens leaves as well when its stream is reset."""
    listener, leaver = connection.call(CHAT), connection.call(CHAT)
    connection.data(listener, joining(room, "Alice"))
    connection.payload(listener, 0)
    connection.data(leaver, joining(room, "Bob"), end=True)
    connection.payload(listener, 1)
    connection.reset(leaver)
    left = pb.Message.FromString(connection.payload(listener, 2))
    assert ("Bob", "Has left the chat") == (left.name, left.message)
    connection.reset(listener)


def test_a_closed_connection_makes_its_members_leave(
    connection: Connection, room: str, address: str
) -> None:
    """Connection Management: all members of a connection leave when it is closed."""
    listener = connection.call(CHAT)
    connection.data(listener, joining(room, "Alice"))
    connection.payload(listener, 0)
    with Connection(address) as other:
        for number, name in enumerate(("Bob", "Carol")):
            other.data(other.call(CHAT), joining(room, name))
            connection.payload(listener, number + 1)
    left = [pb.Message.FromString(connection.payload(listener, number)) for number in (3, 4)]
    assert {"Bob", "Carol"} == {message.name for message in left}
    assert ["Has left the chat"] * 2 == [message.message for message in left]
    connection.reset(listener)


def test_ping_is_answered_within_a_conversation(connection: Connection, room: str) -> None:
    """PING Frame: a keepalive ping is acknowledged, with streams open and without."""
    connection.ping()
    stream = connection.call(CHAT)
    connection.data(stream, joining(room, "Bob"))
    connection.payload(stream, 0)
    connection.ping()
    assert not connection.responses[stream].over
    connection.reset(stream)


def test_many_streams_on_one_connection(connection: Connection, room: str) -> None:
    """Stream Identification: calls on one connection are served side by side."""
    streams = [connection.call(CHAT) for _ in range(30)]
    for number, stream in enumerate(streams):
        connection.data(stream, joining(room, f"member {number}"))
    for stream in streams:
        connection.payload(stream, 0)
    listing = pb.ListMembersRequest(room_id=room).SerializeToString()
    members = answer(connection, MEMBERS, envelope(listing)).payloads[0]
    assert 30 == len(pb.ListMembersResponse.FromString(members).members)
    for stream in reversed(streams):
        connection.data(stream, LEAVE)
    assert {Code.OK} == {connection.response(stream).grpc_status for stream in streams}


@pytest.mark.parametrize("path", [CHAT, SUBSCRIBE])
def test_one_stream_more_than_a_connection_may_have(
    connection: Connection, room: str, path: str
) -> None:
    """Stream Identification: it is refused in words, and calls are answered all the while.

    It is told before its first message, does not join, and a place that is given up is free.
    """
    streams = [connection.call((CHAT, SUBSCRIBE)[number % 2]) for number in range(STREAMS)]
    refused = connection.response(connection.call(path))
    assert TRAILERS_ONLY == refused.shape
    assert (Code.RESOURCE_EXHAUSTED, "STREAMS_EXHAUSTED") == (
        refused.grpc_status, reason(refused),
    )  # fmt: skip
    calls = [connection.call(MEMBERS) for _ in range(CALLS)]
    for call in calls:
        request = pb.ListMembersRequest(room_id=room).SerializeToString()
        connection.data(call, envelope(request), end=True)
    assert {Code.OK} == {connection.response(call).grpc_status for call in calls}
    connection.reset(streams[0])
    connection.ping()
    late = connection.call(CHAT)
    connection.data(late, joining(room, "Bob"))
    assert "Bob" == pb.Message.FromString(connection.payload(late, 0)).name
    for stream in (late, *streams[1:]):
        connection.reset(stream)


def test_wrong_padding_on_a_stream_that_is_over(connection: Connection) -> None:
    """RFC 9113, 6.1: padding as long as its frame ends the connection, on any stream."""
    stream = connection.open(connection.request_headers("/nowhere"))
    connection.response(stream)
    connection.send_bytes(frames.frame(frames.Kind.DATA, frames.PADDED, stream, b"\1"))
    with pytest.raises(ConnectionEnded, match="error 1"):
        connection.ping()


@pytest.mark.parametrize("window", [1, 300, 500])
def test_a_message_longer_than_its_readers_whole_window(
    connection: Connection, room: str, address: str, window: int
) -> None:
    """RFC 9113, 6.9.2: it comes in pieces, and nobody else waits for it."""
    with Connection(address) as other:
        other.send_bytes(frames.settings((frames.Setting.INITIAL_WINDOW_SIZE, window)))
        reader, speaker = other.call(CHAT), connection.call(CHAT)
        other.data(reader, joining(room, "Alice"))
        other.payload(reader, 0)
        connection.data(speaker, joining(room, "Bob"))
        other.payload(reader, 1)
        connection.data(speaker, said("x" * 600))
        assert "x" * 600 == pb.Message.FromString(other.payload(reader, 2)).message
        connection.ping()

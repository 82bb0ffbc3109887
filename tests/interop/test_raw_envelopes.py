"""Messages of native gRPC in their envelopes, whole, cut, compressed and broken.

Before the colon of a docstring stands the section, or the rule of the grammar, of
grpc/grpc, doc/PROTOCOL-HTTP2.md, unless another document is named.
"""

from __future__ import annotations

import gzip

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope, payload
from chatroom.wire.grpc import CHAT, SUBSCRIBE, Code

from .raw_grpc import (
    BROKEN,
    HELLO_GZIP,
    LEAVE,
    LIMIT,
    TRAILERS_ONLY,
    WHOLE_RESPONSE,
    answer,
    joining,
    reason,
    said,
    texts,
)
from .raw_http2 import Connection


def test_an_unknown_encoding_is_unimplemented(connection: Connection) -> None:
    """compression.md: an unknown grpc-encoding is UNIMPLEMENTED, and known ones are named."""
    response = answer(
        connection, CHAT, joining("lobby", "Bob"), headers=[(b"grpc-encoding", b"snappy")]
    )
    assert Code.UNIMPLEMENTED == response.grpc_status
    assert "ENVELOPE_INVALID" == reason(response)
    accepted = {each.strip() for each in response.headers[b"grpc-accept-encoding"].split(b",")}
    assert {b"identity", b"gzip"} == accepted


@pytest.mark.parametrize("headers", [[], [(b"grpc-encoding", b"identity")]])
def test_a_compressed_message_without_an_encoding_is_internal(
    connection: Connection, headers: list[tuple[bytes, bytes]]
) -> None:
    """Compressed-Flag: set although grpc-encoding names no compression is INTERNAL."""
    body = b"\1" + joining("lobby", "Bob")[1:]
    response = answer(connection, CHAT, body, headers=headers)
    assert TRAILERS_ONLY == response.shape
    assert Code.INTERNAL == response.grpc_status
    assert "ENVELOPE_INVALID" == reason(response)


def test_compressed_and_plain_messages_may_alternate(connection: Connection, room: str) -> None:
    """Compressed-Flag: each message of one stream says for itself whether it is compressed."""
    body = envelope(gzip.compress(payload(joining(room, "Bob"))), 1)
    body += said("plain") + envelope(gzip.compress(payload(said("gzip"))), 1) + LEAVE
    response = answer(connection, CHAT, body, headers=[(b"grpc-encoding", b"gzip")])
    assert Code.OK == response.grpc_status
    assert ["Has entered the chat", "plain", "gzip"] == texts(response)


def test_a_gzip_bomb_is_refused(connection: Connection, room: str) -> None:
    """compression.md: a message that grows above the limit is RESOURCE_EXHAUSTED."""
    bomb = gzip.compress(bytes(32 * 1024 * 1024))
    assert len(bomb) < LIMIT
    body = envelope(gzip.compress(payload(joining(room, "Bob"))), 1) + envelope(bomb, 1)
    response = answer(connection, CHAT, body, headers=[(b"grpc-encoding", b"gzip")])
    assert Code.RESOURCE_EXHAUSTED == response.grpc_status
    assert "MESSAGE_TOO_LARGE" == reason(response)


@pytest.mark.parametrize(
    "payload",
    [b"not gzip", HELLO_GZIP[:-4], HELLO_GZIP + b"more", HELLO_GZIP * 99],
    ids=["not gzip", "cut short", "bytes behind it", "99 times"],
)
def test_a_message_that_is_not_gzip_is_refused(
    connection: Connection, room: str, payload: bytes
) -> None:
    """Compressed-Flag: what does not decompress is INVALID_ARGUMENT, and ends the stream."""
    body = joining(room, "Bob") + envelope(payload, 1)
    response = answer(connection, CHAT, body, headers=[(b"grpc-encoding", b"gzip")])
    assert Code.INVALID_ARGUMENT == response.grpc_status
    assert "ENVELOPE_INVALID" == reason(response)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_envelope_first(connection: Connection, broken: bytes) -> None:
    """Length-Prefixed-Message: a broken first message is refused, Trailers-Only."""
    response = answer(connection, CHAT, broken)
    assert TRAILERS_ONLY == response.shape
    assert Code.INVALID_ARGUMENT == response.grpc_status
    assert "ENVELOPE_INVALID" == reason(response)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_envelope_later(connection: Connection, room: str, broken: bytes) -> None:
    """Length-Prefixed-Message: a broken later message ends the conversation with a status."""
    stream = connection.call(CHAT)
    connection.data(stream, joining(room, "Bob"))
    connection.payload(stream, 0)
    connection.data(stream, broken, end=True)
    response = connection.response(stream)
    assert WHOLE_RESPONSE == response.shape
    assert Code.INVALID_ARGUMENT == response.grpc_status
    assert "ENVELOPE_INVALID" == reason(response)


@pytest.mark.parametrize("size", [LIMIT + 1, 2**32 - 1])
def test_a_message_is_too_large_by_its_length_alone(connection: Connection, size: int) -> None:
    """Message-Length: above 64 KiB it is refused before a byte of the message has come."""
    response = answer(connection, CHAT, b"\0" + size.to_bytes(4, "big"), end=False)
    assert TRAILERS_ONLY == response.shape
    assert Code.RESOURCE_EXHAUSTED == response.grpc_status
    assert "MESSAGE_TOO_LARGE" == reason(response)


def test_a_message_of_just_the_limit_is_taken(connection: Connection, room: str) -> None:
    """Message-Length: exactly 64 KiB is taken; an unknown field pads the message."""
    message = pb.ChatMessage(join=pb.JoinChat(room_id=room, name="Bob")).SerializeToString()
    padding = LIMIT - len(message) - 5
    message += b"\xfa\x7f" + bytes(
        [padding & 0x7F | 0x80, padding >> 7 & 0x7F | 0x80, padding >> 14]
    )
    message += bytes(padding)
    assert LIMIT == len(message)
    response = answer(connection, CHAT, envelope(message) + LEAVE)
    assert Code.OK == response.grpc_status


def test_a_message_in_many_data_frames(connection: Connection, room: str) -> None:
    """Data Frames: their borders mean nothing; here each byte has a frame of its own."""
    stream = connection.call(CHAT)
    body = joining(room, "Bob") + said("Hello") + LEAVE
    connection.data(stream, body, end=True, frame_bytes=1)
    response = connection.response(stream)
    assert Code.OK == response.grpc_status
    assert ["Has entered the chat", "Hello"] == texts(response)


def test_many_messages_in_one_data_frame(connection: Connection, room: str) -> None:
    """Data Frames: one frame may carry many messages, which keep their order."""
    lines = [f"line {number}" for number in range(15)]
    body = joining(room, "Bob") + b"".join(map(said, lines)) + LEAVE
    response = answer(connection, CHAT, body)
    assert Code.OK == response.grpc_status
    assert ["Has entered the chat", *lines] == texts(response)


def test_the_end_may_come_in_an_empty_data_frame(connection: Connection, room: str) -> None:
    """EOS: END_STREAM on an empty DATA frame half-closes, and the member listens on."""
    stream = connection.call(CHAT)
    connection.data(stream, joining(room, "Bob"))
    connection.data(stream, b"", end=True)
    connection.payload(stream, 0)
    other = answer(connection, CHAT, joining(room, "Alice") + said("Hello Bob") + LEAVE)
    assert Code.OK == other.grpc_status
    connection.payload(stream, 3)
    heard = ["Has entered the chat", "Has entered the chat", "Hello Bob", "Has left the chat"]
    assert heard == texts(connection.responses[stream])
    connection.reset(stream)


@pytest.mark.parametrize("body", [b"", envelope(b""), said("Hello")])
def test_a_stream_begins_with_a_join(connection: Connection, body: bytes) -> None:
    """EOS: a half-close, an empty message or a text before any join is JOIN_REQUIRED."""
    response = answer(connection, CHAT, body)
    assert TRAILERS_ONLY == response.shape
    assert Code.INVALID_ARGUMENT == response.grpc_status
    assert "JOIN_REQUIRED" == reason(response)


@pytest.mark.parametrize("count", [0, 2])
def test_a_subscription_has_one_request(connection: Connection, count: int) -> None:
    """Requests: a method of one request message refuses none and two as UNIMPLEMENTED."""
    body = envelope(pb.JoinChat(room_id="lobby", name="Bob").SerializeToString()) * count
    response = answer(connection, SUBSCRIBE, body)
    assert TRAILERS_ONLY == response.shape
    assert Code.UNIMPLEMENTED == response.grpc_status

"""gRPC-Web's text form (PROTOCOL-WEB.md), over HTTP/1.1 and HTTP/2, byte for byte."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import cut, envelope
from chatroom.wire.grpc import CHAT, SUBSCRIBE, UNARY

from .raw_grpc import LEAVE, joining
from .raw_http2 import Connection

LIST, TEXT = UNARY[1], b"application/grpc-web-text"
TEXT_PROTO = b"application/grpc-web-text+proto"
TRAILERS = 0x80
OK = b"gAAAABBncnBjLXN0YXR1czogMA0K"
"""The last envelope of a call that ended well: 0x80, 16 bytes, `grpc-status: 0`, CR, LF."""


def plain(text: bytes) -> bytes:
    """What text stands for that is padded between chunks: each group by itself."""
    return b"".join(b64decode(text[at : at + 4], validate=True) for at in range(0, len(text), 4))


def parts(text: bytes) -> list[tuple[int, bytes]]:
    """Flags and message of each envelope."""
    octets = plain(text)
    return [(flags, octets[begin:end]) for flags, begin, end in cut(octets)]


class OverHttp2:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, path: str, body: bytes, media: bytes) -> tuple[bytes, bytes]:
        """Content type and body of the response."""
        fields = [
            field for field in self._connection.request_headers(path, media) if field[0] != b"te"
        ]
        stream = self._connection.open(fields)
        self._connection.data(stream, body, end=True, frame_bytes=3)
        response = self._connection.response(stream)
        return response.headers[b"content-type"], response.data


class OverHttp1:
    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def answer(self, path: str, body: bytes, media: bytes) -> tuple[bytes, bytes]:
        self._connection.request("POST", path, body, {"content-type": media.decode()})
        response = self._connection.getresponse()
        return response.headers["content-type"].encode(), response.read()


@pytest.fixture(params=["HTTP/2", "HTTP/1.1"])
def carrier(
    request: pytest.FixtureRequest, connection: Connection, address: str
) -> Iterator[OverHttp2 | OverHttp1]:
    if request.param == "HTTP/2":
        yield OverHttp2(connection)
        return
    http = HTTPConnection(address, timeout=10)
    yield OverHttp1(http)
    http.close()


@pytest.mark.parametrize("media", [TEXT, TEXT_PROTO])
def test_a_method_is_answered_as_text(carrier: OverHttp2 | OverHttp1, media: bytes) -> None:
    """The very bytes that protoc-gen-grpc-web sends for an empty request."""
    content_type, body = carrier.answer(LIST, b"AAAAAAA=", media)
    assert TEXT_PROTO == content_type
    (flags, message), last = parts(body)
    assert 0 == flags
    assert "lobby" in [room.room_id for room in _rooms(message)]
    assert TRAILERS == last[0]
    assert body.endswith(OK) or b"grpc-status: 0" in last[1]


def _rooms(message: bytes) -> list[pb.ChatRoom]:
    return list(pb.ListChatRoomsResponse.FromString(message).chat_rooms)


PADDED = {
    "by each message": lambda octets: b64encode(octets),
    "behind the envelope's head": lambda octets: b64encode(octets[:5]) + b64encode(octets[5:]),
    "behind each byte": lambda octets: b"".join(
        b64encode(octets[at : at + 1]) for at in range(len(octets))
    ),
}


@pytest.mark.parametrize("padded", PADDED.values(), ids=PADDED)
@pytest.mark.parametrize("path", ["/rpc.ChatService/ListMembers", SUBSCRIBE])
def test_padding_in_the_middle(carrier: OverHttp2 | OverHttp1, path: str, padded) -> None:
    """A sender pads wherever it flushes; the request is read all the same, and understood."""
    request = pb.JoinChat(room_id="no-such-room", name="Bob")
    if path != SUBSCRIBE:
        request = pb.ListMembersRequest(room_id="no-such-room")
    body = padded(envelope(request.SerializeToString()))
    content_type, text = carrier.answer(path, body, TEXT)
    assert TEXT_PROTO == content_type
    assert b"grpc-status: 5\r\n" in parts(text)[-1][1]


@pytest.mark.parametrize("path", [LIST, SUBSCRIBE])
@pytest.mark.parametrize("body", [b"????", b"AAAAAA", b"AAAA\nAA="])
def test_what_is_not_base64_is_refused(
    carrier: OverHttp2 | OverHttp1, path: str, body: bytes
) -> None:
    """INVALID_ARGUMENT, as text."""
    content_type, text = carrier.answer(path, body, TEXT)
    assert TEXT_PROTO == content_type
    assert b"grpc-status: 3\r\n" in parts(text)[-1][1]


def test_a_stream_is_text_in_both_directions(connection: Connection, room: str) -> None:
    """Each write is padded by itself, so that what has come can be read at once."""
    stream = connection.open(connection.request_headers(CHAT, TEXT))
    connection.data(stream, b64encode(joining(room, "Bob")))
    _until(connection, stream, 1)
    said = pb.ChatMessage(message=pb.Message(message="Hi"))
    connection.data(stream, b64encode(envelope(said.SerializeToString())), frame_bytes=1)
    _until(connection, stream, 2)
    connection.data(stream, b64encode(LEAVE), end=True)
    response = connection.response(stream)
    assert TEXT_PROTO == response.headers[b"content-type"]
    entered, hi, last = parts(response.data)
    assert "Has entered the chat" == pb.Message.FromString(entered[1]).message
    assert "Hi" == pb.Message.FromString(hi[1]).message
    assert (TRAILERS, b"grpc-status: 0\r\n") == last
    assert response.data.endswith(OK)


def test_many_hear_the_same(connection: Connection, room: str) -> None:
    """Members in the text form and others hear of the same arrivals."""
    medias = (TEXT, TEXT_PROTO, b"application/grpc-web+proto")
    streams: list[int] = []
    for number, media in enumerate(medias):
        streams.append(connection.open(connection.request_headers(SUBSCRIBE, media)))
        join = pb.JoinChat(room_id=room, name=f"member {number}", history=0)
        body = envelope(join.SerializeToString())
        connection.data(streams[-1], b64encode(body) if number < 2 else body, end=True)
        _until(connection, streams[-1], 1, text=number < 2)
    _until(connection, streams[0], 3)
    _until(connection, streams[1], 2)
    names = [
        [pb.Message.FromString(message).name for _, message in parts(response.data)]
        for response in (connection.responses[stream] for stream in streams[:2])
    ]
    assert [["member 0", "member 1", "member 2"], ["member 1", "member 2"]] == names
    for stream in streams:
        connection.reset(stream)


def _until(connection: Connection, stream: int, count: int, *, text: bool = True) -> None:
    """Return once so many whole messages have come; all of what has come can be read."""
    response = connection.responses[stream]
    while len(parts(response.data) if text else response.payloads) < count:
        assert connection.read(10.0)


def test_a_long_message_is_acknowledged(connection: Connection, room: str) -> None:
    """Flow control counts characters: more than a window's worth goes through."""
    stream = connection.open(connection.request_headers(CHAT, TEXT))
    connection.data(stream, b64encode(joining(room, "Bob")))
    _until(connection, stream, 1)
    for number in range(12):
        text = envelope(pb.ChatMessage(message=pb.Message(message="x" * 4000)).SerializeToString())
        connection.data(stream, b64encode(text))
        _until(connection, stream, number + 2)
    connection.reset(stream)

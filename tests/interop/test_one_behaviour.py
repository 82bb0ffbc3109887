"""What the protocols' documents leave to nobody: one behaviour, whatever carries a call.

Streams of rooms and reflection are served by ourselves, all else by a library, and each in
three protocols. A request that is odd is answered by all of them in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from google.protobuf.message import Message
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import COMPRESSED, cut, envelope, gzip
from chatroom.wire.grpc import REFLECTION, SUBSCRIBE, Code, percent_decoded

from .raw_grpc import LIMIT, MEMBERS
from .raw_http2 import Connection, Headers, Response

NATIVE, WEB = b"application/grpc", b"application/grpc-web+proto"
CONNECT, CONNECT_STREAM = b"application/proto", b"application/connect+proto"
ENDS = 0x80 | 0x02
"""Flags of the envelopes that end a response, of gRPC-Web and Connect."""

CHECK = "/grpc.health.v1.Health/Check"
METHODS: dict[str, tuple[str, Message, bool]] = {
    "unary": (MEMBERS, pb.ListMembersRequest(room_id="lobby"), False),
    "health": (CHECK, HealthCheckRequest(), False),
    "stream": (SUBSCRIBE, pb.JoinChat(room_id="no-such-room", name="Bob"), True),
    "reflection": (REFLECTION[0], ServerReflectionRequest(list_services=""), True),
}
"""Of each part that serves calls one: its path, a request, whether it is a stream."""


@dataclass(frozen=True)
class Way:
    """One part of the server in one protocol."""

    path: str
    request: bytes
    media_type: bytes

    @property
    def timeout(self) -> bytes:
        return b"connect-timeout-ms" if self._connect else b"grpc-timeout"

    @property
    def encoding(self) -> bytes:
        if self.media_type == CONNECT:
            return b"content-encoding"
        return b"connect-content-encoding" if self._connect else b"grpc-encoding"

    @property
    def accepted(self) -> bytes:
        """The field that names the encodings that a request may have."""
        if self.media_type == CONNECT:
            return b"accept-encoding"
        return b"connect-accept-encoding" if self._connect else b"grpc-accept-encoding"

    @property
    def _connect(self) -> bool:
        return self.media_type in (CONNECT, CONNECT_STREAM)

    def answer(self, connection: Connection, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
        """What is answered to a body that is whole."""
        fields: Headers = connection.request_headers(self.path, self.media_type)
        stream = connection.open([*fields, *headers])
        connection.data(stream, body, end=True)
        return Answer(connection.response(stream), self.media_type)

    def plain(self, connection: Connection, *headers: tuple[bytes, bytes]) -> Answer:
        enveloped = self.media_type != CONNECT
        body = envelope(self.request) if enveloped else self.request
        return self.answer(connection, body, *headers)

    def compressed(self, connection: Connection, compressed: bytes, by: bytes) -> Answer:
        enveloped = self.media_type != CONNECT
        body = envelope(compressed, COMPRESSED) if enveloped else compressed
        return self.answer(connection, body, (self.encoding, by))


@dataclass(frozen=True)
class Answer:
    """A response, in whatever protocol."""

    response: Response
    media_type: bytes

    @property
    def status(self) -> tuple[Code, str]:
        """The status and its sentence, wherever the protocol has them."""
        response = self.response
        if self.media_type == NATIVE:
            return Code(response.grpc_status or 0), response.grpc_message
        if response.headers[b"content-type"] == b"application/json":  # of Connect, a whole error
            return _of_json(json.loads(response.data))
        if self.media_type == CONNECT:
            return Code.OK, ""
        ends = [response.data[at:end] for flags, at, end in cut(response.data) if flags & ENDS]
        if self.media_type == CONNECT_STREAM:
            return _of_json(json.loads(ends[0]).get("error"))
        fields = {**response.headers}
        for line in ends[0].splitlines() if ends else ():
            name, _, value = line.partition(b":")
            fields[name] = value.strip()
        message = percent_decoded(fields.get(b"grpc-message", b"").decode())
        return Code(int(fields[b"grpc-status"])), message

    @property
    def code(self) -> Code:
        return self.status[0]

    def names(self, field: bytes) -> set[bytes]:
        """The values of a field of the response's head that is a list."""
        return set(self.response.headers.get(field, b"").replace(b" ", b"").split(b","))


def _of_json(error: dict[str, str] | None) -> tuple[Code, str]:
    if error is None:
        return Code.OK, ""
    return Code[error["code"].upper()], error["message"]


WAYS = {
    f"{name} {media.decode().removeprefix('application/')}": Way(
        path, request.SerializeToString(), media
    )
    for name, (path, request, stream) in METHODS.items()
    for media in (NATIVE, WEB, CONNECT_STREAM if stream else CONNECT)
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture
def sound(connection: Connection, way: Way) -> tuple[Code, str]:
    """What the request is answered when nothing is wrong with its form."""
    return way.plain(connection).status


TIMEOUTS = {
    "it has passed": (b"0", Code.DEADLINE_EXCEEDED),
    "it is empty": (b"", Code.INVALID_ARGUMENT),
    "it is no number": (b"x", Code.INVALID_ARGUMENT),
    "it is negative": (b"-1", Code.INVALID_ARGUMENT),
    "it has too many digits": (b"1" * 11, Code.INVALID_ARGUMENT),
}
"""Values of the time-out, in gRPC with its unit, and what they are answered."""


@pytest.mark.parametrize(("value", "code"), TIMEOUTS.values(), ids=TIMEOUTS)
def test_timeouts(connection: Connection, way: Way, value: bytes, code: Code) -> None:
    """PROTOCOL-HTTP2, Timeout; Connect, Timeout-Milliseconds."""
    unit = b"S" if value and way.timeout == b"grpc-timeout" else b""
    assert code == way.plain(connection, (way.timeout, value + unit)).code


def test_a_timeout_that_is_long_enough(
    connection: Connection, way: Way, sound: tuple[Code, str]
) -> None:
    """What is answered within it is answered as without."""
    value = b"10S" if way.timeout == b"grpc-timeout" else b"10000"
    assert sound == way.plain(connection, (way.timeout, value)).status


FORMS: dict[str, tuple[Callable[[bytes], bytes], Code | None]] = {
    "one member": (gzip, None),
    "two members": (lambda request: gzip(request[:1]) + gzip(request[1:]), None),
    "a member of nothing": (lambda request: gzip(b"") + gzip(request), None),
    "cut short": (lambda request: gzip(request)[:-3], Code.INVALID_ARGUMENT),
    "something behind it": (lambda request: gzip(request) + b"junk", Code.INVALID_ARGUMENT),
    "zeros behind it": (lambda request: gzip(request) + bytes(4), Code.INVALID_ARGUMENT),
    "second member cut short": (
        lambda request: gzip(request) + gzip(b"")[:-3], Code.INVALID_ARGUMENT,
    ),
    "too many members": (lambda request: gzip(b"") * 99 + gzip(request), Code.INVALID_ARGUMENT),
    "no gzip": (lambda request: b"x" + request, Code.INVALID_ARGUMENT),
    "a bomb": (lambda _: gzip(bytes(LIMIT + 1)), Code.RESOURCE_EXHAUSTED),
    "a bomb in two members": (lambda _: gzip(bytes(LIMIT)) * 2, Code.RESOURCE_EXHAUSTED),
}  # fmt: skip
"""Compressed forms of a request, and what they are answered; None: as the request itself."""


@pytest.mark.parametrize(("form", "code"), FORMS.values(), ids=FORMS)
def test_compressed_messages(
    connection: Connection,
    way: Way,
    sound: tuple[Code, str],
    form: Callable[[bytes], bytes],
    code: Code | None,
) -> None:
    """RFC 1952, section 2.2; gRPC compression."""
    answered = way.compressed(connection, form(way.request), b"gzip")
    assert (sound if code is None else code) == (
        answered.status if code is None else answered.code
    )  # fmt: skip


def test_an_empty_message_marked_as_compressed(connection: Connection, way: Way) -> None:
    """Connect, Unary-Request: what is empty is not decompressed; it is an empty message."""
    plain = Way(way.path, b"", way.media_type).plain(connection)
    assert plain.status == way.compressed(connection, b"", b"gzip").status


@pytest.mark.parametrize("encoding", [b"br", b"GZIP", b"gzip,gzip"])
def test_unknown_encodings(connection: Connection, way: Way, encoding: bytes) -> None:
    """gRPC compression: UNIMPLEMENTED says which encodings are known; so does Connect."""
    answered = way.compressed(connection, gzip(way.request), encoding)
    assert Code.UNIMPLEMENTED == answered.code
    assert {b"identity", b"gzip"} == answered.names(way.accepted)

"""Responses and metadata of native gRPC, frame by frame.

Before the colon of a docstring stands the section, or the rule of the grammar, of
grpc/grpc, doc/PROTOCOL-HTTP2.md, unless another document is named.
"""

from __future__ import annotations

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, SUBSCRIBE, Code

from .raw_grpc import (
    CREATE,
    LEAVE,
    PROTOCOL_ERROR,
    TRAILERS_ONLY,
    UNKNOWN,
    WHOLE_RESPONSE,
    answer,
    joining,
    reason,
    said,
    texts,
)
from .raw_http2 import Connection


def test_a_refusal_before_the_first_message_is_one_headers_frame(connection: Connection) -> None:
    """Trailers-Only: a refused join is answered by one HEADERS frame with END_STREAM."""
    response = answer(connection, CHAT, joining("no-such-room", "Bob"))
    assert TRAILERS_ONLY == response.shape
    assert b"200" == response.headers[b":status"]
    assert b"application/grpc" == response.headers[b"content-type"]
    assert Code.NOT_FOUND == response.grpc_status
    assert "ROOM_NOT_FOUND" == reason(response)


def test_a_served_call_is_headers_messages_and_trailers(connection: Connection, room: str) -> None:
    """Responses: Response-Headers, then messages, then Trailers, which alone end the stream."""
    response = answer(connection, CHAT, joining(room, "Bob") + said("Hello") + LEAVE, end=False)
    assert WHOLE_RESPONSE == response.shape
    assert b"200" == response.headers[b":status"]
    assert b"application/grpc" == response.headers[b"content-type"]
    assert b"grpc-status" not in response.headers
    assert {b"grpc-status": b"0"} == response.trailers
    assert ["Has entered the chat", "Hello"] == texts(response)


def test_a_served_subscription_is_headers_messages_and_trailers(
    connection: Connection, room: str
) -> None:
    """Responses: Subscribe answers as Chat does, here until its room is deleted."""
    stream = connection.call(SUBSCRIBE)
    request = pb.JoinChat(room_id=room, name="Bob").SerializeToString()
    connection.data(stream, envelope(request), end=True)
    connection.payload(stream, 0)
    delete = pb.DeleteChatRoomRequest(room_id=room).SerializeToString()
    deleted = answer(connection, "/rpc.ChatService/DeleteChatRoom", envelope(delete))
    assert Code.OK == deleted.grpc_status
    response = connection.response(stream)
    assert WHOLE_RESPONSE == response.shape
    assert Code.NOT_FOUND == response.grpc_status
    assert "ROOM_CLOSED" == reason(response)
    assert ["Has entered the chat", "chat room is closing"] == texts(response)


@pytest.mark.parametrize("path", [UNKNOWN, "/rpc.Nothing/Chat", "/Chat", "/"])
def test_an_unknown_method_is_unimplemented(connection: Connection, path: str) -> None:
    """Responses, Trailers-Only: an unknown method is UNIMPLEMENTED, in one HEADERS frame."""
    response = connection.response(connection.call(path, end=True))
    assert TRAILERS_ONLY == response.shape
    assert Code.UNIMPLEMENTED == response.grpc_status


def test_a_refusal_of_a_unary_method_is_one_headers_frame(connection: Connection) -> None:
    """Trailers-Only: a refused unary call sends no Response-Headers, so that it is retried."""
    body = pb.DeleteChatRoomRequest(room_id="no-such-room").SerializeToString()
    response = answer(connection, "/rpc.ChatService/DeleteChatRoom", envelope(body))
    assert Code.NOT_FOUND == response.grpc_status
    assert "ROOM_NOT_FOUND" == reason(response)
    assert TRAILERS_ONLY == response.shape


@pytest.mark.parametrize(
    ("name", "encoded"),
    [("100%", b"100%25"), ("Zürich", b"Z%C3%BCrich"), ("ひろ子", b"%E3%81%B2%E3%82%8D%E5%AD%90")],
)
def test_grpc_message_is_percent_encoded(
    connection: Connection, room: str, name: str, encoded: bytes
) -> None:
    """Status-Message: UTF-8, with all but printable ASCII, and `%`, percent-encoded."""
    stream = connection.call(CHAT)
    connection.data(stream, joining(room, name))
    connection.payload(stream, 0)
    response = answer(connection, CHAT, joining(room, name))
    assert TRAILERS_ONLY == response.shape
    assert "NAME_TAKEN" == reason(response)
    assert encoded in response.headers[b"grpc-message"]
    assert name in response.grpc_message
    connection.reset(stream)


@pytest.mark.parametrize("path", [b"/rpc.ChatService/100\xc3\xbc", b"rpc", b""])
def test_a_path_that_is_no_uri_is_reset(connection: Connection, path: bytes) -> None:
    """RFC 9113, 8.3.1: a `:path` that is no URI's ends the stream with PROTOCOL_ERROR."""
    headers = [(k, path if k == b":path" else v) for k, v in connection.request_headers(CHAT)]
    assert PROTOCOL_ERROR == connection.response(connection.open(headers, end=True)).reset


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/grpc",
        b"application/grpc+proto",
        b"application/grpc; charset=utf-8",
        b"application/grpc+proto;x=y",
    ],
)
def test_content_types_of_protobuf_are_served(
    connection: Connection, room: str, content_type: bytes
) -> None:
    """Content-Type: application/grpc, with or without +proto and parameters, is protobuf."""
    stream = connection.open(connection.request_headers(CHAT, content_type))
    connection.data(stream, joining(room, "Bob") + LEAVE, end=True)
    response = connection.response(stream)
    assert WHOLE_RESPONSE == response.shape
    assert Code.OK == response.grpc_status
    assert response.headers[b"content-type"].startswith(b"application/grpc")


@pytest.mark.parametrize(
    "content_type", [b"text/plain", b"application/grpcx", b"application/grpc+thrift"]
)
def test_other_content_types_are_415(connection: Connection, content_type: bytes) -> None:
    """Content-Type: what is not gRPC of a known format gets HTTP status 415, no gRPC status."""
    stream = connection.open(connection.request_headers(CHAT, content_type), end=True)
    response = connection.response(stream)
    assert 415 == response.http_status
    assert response.grpc_status is None


WITHOUT_TE = {
    "chat": (CHAT, joining("lobby", "Cat") + LEAVE, Code.OK),
    "subscribe": (
        SUBSCRIBE,
        envelope(pb.JoinChat(room_id="none").SerializeToString()),
        Code.NOT_FOUND,
    ),
    "create": (CREATE, envelope(b""), Code.OK),
    "health": ("/grpc.health.v1.Health/Check", envelope(b""), Code.OK),
    "unknown method": (UNKNOWN, envelope(b""), Code.UNIMPLEMENTED),
    "unknown service": ("/AWS.ALB/healthcheck", envelope(b""), Code.UNIMPLEMENTED),
}


@pytest.mark.parametrize(("path", "body", "code"), WITHOUT_TE.values(), ids=WITHOUT_TE)
def test_a_request_without_te_is_answered_as_any_other(
    connection: Connection, path: str, body: bytes, code: Code
) -> None:
    """TE: it says that trailers are understood. Load balancers leave it out, and grpc-go,
    Java and C++ do not ask for it; what checks health by an unknown path expects 12."""
    headers = [field for field in connection.request_headers(path) if field[0] != b"te"]
    stream = connection.open(headers)
    connection.data(stream, body, end=True)
    response = connection.response(stream)
    assert (200, code) == (response.http_status, response.grpc_status)


def test_reserved_and_binary_metadata_are_let_through(connection: Connection, room: str) -> None:
    """Custom-Metadata: a call may carry any, `-bin` values too, twice the same name too."""
    headers = [
        (b"user-agent", b"grpc-by-hand/1"),
        (b"grpc-unheard-of", b"1"),
        (b"trace-bin", b"AAEC"),
        (b"trace-bin", b"AwQF,BgcI"),
    ]
    response = answer(connection, CHAT, joining(room, "Bob") + LEAVE, headers=headers)
    assert Code.OK == response.grpc_status


@pytest.mark.parametrize("path", [CHAT, SUBSCRIBE])
def test_get_is_not_allowed(connection: Connection, path: str) -> None:
    """Method: a gRPC call is a POST; GET is refused with 405 and `allow: POST`."""
    headers = [(k, b"GET" if k == b":method" else v) for k, v in connection.request_headers(path)]
    response = connection.response(connection.open(headers, end=True))
    assert 405 == response.http_status
    assert b"POST" == response.headers[b"allow"]


def test_get_without_content_type_is_not_allowed(connection: Connection) -> None:
    """Method: what a browser's address bar sends to a method's path gets 405."""
    headers = [field for field in connection.request_headers(CHAT)[1:] if field[0].startswith(b":")]
    response = connection.response(connection.open([(b":method", b"GET"), *headers], end=True))
    assert 405 == response.http_status


def test_an_elapsed_timeout_before_the_first_message(connection: Connection) -> None:
    """Timeout: a stream on which nothing has come is DEADLINE_EXCEEDED, Trailers-Only."""
    response = connection.response(connection.call(CHAT, (b"grpc-timeout", b"20m")))
    assert TRAILERS_ONLY == response.shape
    assert Code.DEADLINE_EXCEEDED == response.grpc_status


def test_an_elapsed_timeout_within_a_conversation(connection: Connection, room: str) -> None:
    """Timeout: it ends a running stream too, with DEADLINE_EXCEEDED in the trailers."""
    response = answer(
        connection, CHAT, joining(room, "Bob"), headers=[(b"grpc-timeout", b"300000u")], end=False
    )
    assert WHOLE_RESPONSE == response.shape
    assert Code.DEADLINE_EXCEEDED == response.grpc_status
    assert ["Has entered the chat"] == texts(response)


@pytest.mark.parametrize("value", [b"99999999H", b"1H", b"30M", b"30S", b"30000m", b"99999999u"])
def test_every_unit_of_timeout_is_understood(
    connection: Connection, room: str, value: bytes
) -> None:
    """TimeoutUnit: hours to microseconds, up to eight digits; the call ends before each."""
    headers = [(b"grpc-timeout", value)]
    response = answer(connection, CHAT, joining(room, "Bob") + LEAVE, headers=headers)
    assert Code.OK == response.grpc_status


@pytest.mark.parametrize("value", [b"50x", b"m", b"-1S", b"1.5S", b"123456789m", b"1 S"])
def test_a_malformed_timeout_is_refused(connection: Connection, value: bytes) -> None:
    """Timeout: what is not of its form is INVALID_ARGUMENT."""
    response = connection.response(connection.call(CHAT, (b"grpc-timeout", value)))
    assert TRAILERS_ONLY == response.shape
    assert Code.INVALID_ARGUMENT == response.grpc_status
    assert "ENVELOPE_INVALID" == reason(response)

"""What is in bodies: gRPC, gRPC-Web and Connect; and what is neither HTTP/2 nor HTTP/1.1."""

from __future__ import annotations

import base64
import gzip
import json
import zlib

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode import Frame, Kind, Message, Part, records
from chatroom.chatwire.decode.bodies import MESSAGE_BYTES
from chatroom.chatwire.passage import Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2 import frames

from .wire import REQUEST, RESPONSE, Talk, notes

HELLO = pb.Message(name="Bob", message="hello")
UNKNOWN = "/other.Service/Method"


def replaced(fields: list[tuple[str, str]], **others: str) -> list[tuple[str, str]]:
    """With `content_type` and so on instead of, or beside, what is there."""
    named = {name.replace("_", "-"): value for name, value in others.items()}
    kept = [(name, value) for name, value in fields if name not in named]
    return [*kept, *named.items()]


def call(content_type: str, path: str = CHAT, **response: str) -> Talk:
    """A call whose two heads have passed."""
    talk = Talk().begin()
    talk.client(
        talk.headers(
            Side.CLIENT,
            1,
            [
                (name, path if name == ":path" else value)
                for name, value in replaced(REQUEST, content_type=content_type)
            ],
        )
    )
    talk.server(
        talk.headers(Side.SERVER, 1, replaced(RESPONSE, content_type=content_type, **response))
    )
    return talk


def messages(frames: list[Frame]) -> list[Message]:
    return [message for frame in frames for message in frame.messages]


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_messages(encoding: str, compress) -> None:  # type: ignore[no-untyped-def]
    """By the encoding that the head names, message by message."""
    talk = call("application/grpc", grpc_encoding=encoding)
    raw = HELLO.SerializeToString()
    made = talk.server(frames.data(1, envelope(compress(raw), 1)), frames.data(1, envelope(raw)))
    assert [(True, HELLO), (False, HELLO)] == [
        (message.compressed, message.value) for message in messages(made)
    ]


def test_compression_that_is_wrong_is_said() -> None:
    """Unknown, broken, cut short, or a bomb."""
    raw = HELLO.SerializeToString()
    cases = {
        "br, which is not known": ("br", raw),
        "not valid gzip": ("gzip", raw),
        "incomplete gzip": ("gzip", gzip.compress(raw)[:-9]),
        "when decompressed": ("gzip", gzip.compress(bytes(MESSAGE_BYTES + 1))),
    }
    for expected, (encoding, content) in cases.items():
        talk = call("application/grpc", grpc_encoding=encoding)
        (message,) = messages(talk.server(frames.data(1, envelope(content, 1))))
        assert expected in message.problem
        assert message.value is None


def test_messages_that_are_wrong_are_said() -> None:
    """Unknown flags, not the type they should be, too long, an unfinished one."""
    talk = call("application/grpc")
    odd, foreign = messages(
        talk.server(frames.data(1, envelope(b"", 0x40)), frames.data(1, envelope(b"\xff\xff")))
    )
    assert "envelope flags 0x40" in odd.problem
    assert "not a rpc.Message" == foreign.problem
    assert "not protobuf" in foreign.text
    (long,) = messages(talk.server(frames.data(1, b"\0" + (MESSAGE_BYTES + 1).to_bytes(4))))
    assert "too long" in long.problem
    talk = call("application/grpc")
    (frame,) = talk.server(frames.data(1, envelope(b"12345")[:-1], end=True))
    assert ("the body ends inside a message",) == frame.notes


def test_a_message_of_an_unknown_method_goes_by_field_numbers() -> None:
    """As `protoc --decode_raw` shows it, but text as text."""
    talk = call("application/grpc", UNKNOWN)
    nested = pb.ChatMessage(join=pb.JoinChat(room_id="hi", features=[1, 2], history=7))
    (message,) = messages(talk.client(frames.data(1, envelope(nested.SerializeToString()))))
    assert "" == message.type_name
    assert "1 { 1: \"hi\" 3: b'\\x01\\x02' 4: 7 }" == message.text


def test_values_of_an_unknown_method_are_shown_as_they_are() -> None:
    """Numbers of fixed length in hexadecimal, as protoc has them; bytes that are neither quoted."""
    talk = call("application/grpc", UNKNOWN)
    content = b"\x09" + (258).to_bytes(8, "little") + b"\x15" + (3).to_bytes(4, "little")
    (message,) = messages(talk.client(frames.data(1, envelope(content + b"\x1a\x02\xff\xff"))))
    assert "1: 0x0000000000000102 2: 0x00000003 3: b'\\xff\\xff'" == message.text


def test_fields_that_the_schema_lacks_are_shown() -> None:
    """From a newer server."""
    talk = call("application/grpc")
    content = HELLO.SerializeToString() + b"\xf8\x07\x05"
    (message,) = messages(talk.server(frames.data(1, envelope(content))))
    assert message.text.endswith('message: "hello" 127: 5')


def test_a_status_with_its_details() -> None:
    """grpc-message is percent-decoded; grpc-status-details-bin is unpacked."""
    talk = call("application/grpc")
    status = Status(code=8, message="später")
    for detail in (
        ErrorInfo(reason="ROOM_FULL", domain="rpc.ChatService"),
        RetryInfo(),
        BadRequest(field_violations=[BadRequest.FieldViolation(field="name")]),
    ):
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    status.details.append(Any(type_url="x/unknown.Detail", value=b"\x08\x01"))
    trailers = [
        ("grpc-status", "8"),
        ("grpc-message", "sp%C3%A4ter"),
        ("grpc-status-details-bin", base64.b64encode(status.SerializeToString()).decode()),
    ]
    (frame,) = talk.server(talk.headers(Side.SERVER, 1, trailers, end=True))
    assert isinstance(frame.detail, records.Headers)
    said = frame.detail.status
    assert said is not None
    assert (8, "RESOURCE_EXHAUSTED", "später") == (said.code, said.name, said.message)
    assert ["ErrorInfo", "RetryInfo", "BadRequest", "Detail"] == [
        detail.type_name.rpartition(".")[2] for detail in said.details
    ]
    assert 'reason: "ROOM_FULL" domain: "rpc.ChatService"' == said.details[0].text
    assert "1: 1" == said.details[3].text


def test_a_status_that_is_none() -> None:
    """What is not a number, not base64, not a Status."""
    talk = call("application/grpc")
    trailers = [("grpc-status", "fine"), ("grpc-status-details-bin", "\u00ff!")]
    (frame,) = talk.server(talk.headers(Side.SERVER, 1, trailers, end=True))
    assert isinstance(frame.detail, records.Headers)
    assert frame.detail.status is not None
    assert (None, "fine") == (frame.detail.status.code, frame.detail.status.name)
    assert "no google.rpc.Status" in frame.detail.status.details[0].problem


TRAILERS = b"grpc-status: 5\r\ngrpc-message: no%20room\r\n"


def test_grpc_web() -> None:
    """Trailers are the last envelope of the body."""
    talk = call("application/grpc-web+proto")
    body = envelope(HELLO.SerializeToString()) + envelope(TRAILERS, 0x80)
    message, trailers = messages(talk.server(frames.data(1, body, end=True)))
    assert HELLO == message.value
    assert Part.TRAILERS == trailers.part
    assert trailers.status is not None
    assert (5, "no room") == (trailers.status.code, trailers.status.message)


def test_grpc_web_as_text() -> None:
    """Base64, padded wherever the server flushed, cut anywhere."""
    parts = (envelope(HELLO.SerializeToString()), envelope(TRAILERS, 0x80))
    body = b"".join(map(base64.b64encode, parts))
    assert b"=" in body[:-2]
    for size in (1, 3, 5, len(body)):
        talk = call("application/grpc-web-text+proto")
        made = []
        for begin in range(0, len(body), size):
            made += talk.server(frames.data(1, body[begin : begin + size]))
        message, trailers = messages(made)
        assert HELLO == message.value
        assert Part.TRAILERS == trailers.part
    talk = call("application/grpc-web-text")
    assert "not base64" == messages(talk.server(frames.data(1, b"????")))[0].problem


def connect_error() -> dict[str, object]:
    info = ErrorInfo(reason="ROOM_NOT_FOUND").SerializeToString()
    return {
        "code": "not_found",
        "message": "no room",
        "details": [{"type": "google.rpc.ErrorInfo", "value": base64.b64encode(info).decode()}],
    }


def test_connect_streams() -> None:
    """Envelopes as in gRPC; the last has flag 2 and holds the status as JSON."""
    end = json.dumps({"error": connect_error(), "metadata": {}}).encode()
    talk = call("application/connect+proto")
    message, last = messages(
        talk.server(frames.data(1, envelope(HELLO.SerializeToString()) + envelope(end, 2)))
    )
    assert HELLO == message.value
    assert (Part.END, "NOT_FOUND") == (last.part, last.status.name if last.status else None)
    assert last.status is not None
    assert 'reason: "ROOM_NOT_FOUND"' == last.status.details[0].text
    talk = call("application/connect+json", connect_content_encoding="gzip")
    said, last = messages(
        talk.server(
            frames.data(1, envelope(gzip.compress(b'{"name":"Bob"}'), 1) + envelope(b"{}", 2))
        )
    )
    assert (True, {"name": "Bob"}, "rpc.Message") == (said.json, said.as_json(), said.type_name)
    assert "OK" == (last.status.name if last.status else None)


def test_connect_unary() -> None:
    """The body is the message; an error is JSON whatever the codec."""
    create = "/rpc.ChatService/CreateChatRoom"
    talk = call("application/proto", create)
    request = pb.CreateChatRoomRequest(room_id="1234")
    raw = request.SerializeToString()
    (message,) = messages(talk.client(frames.data(1, raw[:3]), frames.data(1, raw[3:], end=True)))
    assert request == message.value
    talk = Talk().begin()
    talk.client(talk.headers(Side.CLIENT, 1, replaced(REQUEST, content_type="application/proto")))
    error = [(":status", "404"), ("content-type", "application/json")]
    talk.server(talk.headers(Side.SERVER, 1, error))
    body = json.dumps(connect_error()).encode()
    (said,) = messages(talk.server(frames.data(1, body, end=True)))
    assert (Part.ERROR, "NOT_FOUND") == (said.part, said.status.name if said.status else None)


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000, b'"not_found"', b"\xff"], ids=len)
def test_a_connect_error_that_is_none(body: bytes) -> None:
    """A proxy may answer in the server's place: then there is no status, and what it said."""
    talk = Talk().begin()
    talk.client(talk.headers(Side.CLIENT, 1, replaced(REQUEST, content_type="application/proto")))
    error = [(":status", "502"), ("content-type", "application/json")]
    talk.server(talk.headers(Side.SERVER, 1, error))
    (said,) = messages(talk.server(frames.data(1, body, end=True)))
    assert (Part.ERROR, None, body) == (said.part, said.status, said.content)


def test_connect_details_that_are_none() -> None:
    """Each is told in its place, and the one behind it is shown."""
    sound = connect_error()["details"]
    assert isinstance(sound, list)
    error = connect_error() | {"details": ["x", {"type": "a.B", "value": "?"}, *sound]}
    talk = call("application/connect+proto")
    end = json.dumps({"error": error}).encode()
    (last,) = messages(talk.server(frames.data(1, envelope(end, 2))))
    assert last.status is not None
    none, no_base64, info = last.status.details
    assert ["a detail that is no object", "a detail that is not base64", ""] == [
        detail.problem for detail in last.status.details
    ]
    assert ("", "a.B") == (none.type_name, no_base64.type_name)
    assert 'reason: "ROOM_NOT_FOUND"' == info.text


def test_a_body_that_is_too_long_is_said() -> None:
    """A message that is a whole body has the same bound as one in an envelope."""
    talk = call("application/proto", "/rpc.ChatService/CreateChatRoom")
    made = talk.client(frames.data(1, bytes(16_384)))
    for _ in range(MESSAGE_BYTES // 16_384):
        made += talk.client(frames.data(1, bytes(16_384)))
    made += talk.client(frames.data(1, b"", end=True))
    length = 16_384 * (1 + MESSAGE_BYTES // 16_384)
    assert f"a message of {length} bytes is too long" in notes(made)
    assert [] == messages(made)


def test_other_bodies_are_counted() -> None:
    """A page is no message."""
    talk = call("text/html", "/")
    (frame,) = talk.server(frames.data(1, b"<html>", end=True))
    assert () == frame.messages + frame.notes


@pytest.mark.parametrize(
    ("beginning", "what"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", "TLS"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "neither HTTP/2 nor HTTP/1.1"),
        (b"\x00" * 20, "neither HTTP/2 nor HTTP/1.1"),
        (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "broken connection preface"),
        (b"GET / HTCPCP/1.0\r\n\r\n", "neither HTTP/2 nor HTTP/1.1"),
    ],
)
def test_what_is_neither_is_said_once_and_counted(beginning: bytes, what: str) -> None:
    """From either side; the count comes at the end."""
    talk = Talk()
    made = talk.client(beginning) + talk.client(b"more") + talk.server(b"answer")
    assert [Kind.BYTES] == [frame.kind for frame in made]
    assert what in notes(made)
    counts = [
        frame.detail.undecoded
        for side in Side
        for frame in talk.end(side)
        if isinstance(frame.detail, records.Ended)
    ]
    assert [len(beginning) + 4, 6] == counts


def test_a_server_that_greets() -> None:
    """It speaks first, and not HTTP/2."""
    talk = Talk()
    assert "neither" in notes(talk.server(b"220 mail.example ESMTP"))

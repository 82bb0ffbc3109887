"""gRPC calls by hand, on `raw_http2`: what is said, and the reasons of refusals."""

from __future__ import annotations

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope, gzip, payload
from chatroom.wire.grpc import binary_octets

from .raw_http2 import Connection, Response

CREATE = "/rpc.ChatService/CreateChatRoom"
MEMBERS = "/rpc.ChatService/ListMembers"
UNKNOWN = "/rpc.ChatService/Shout"

PROTOCOL_ERROR = 1
"""Of HTTP/2."""

LIMIT = 64 * 1024
HEADER_FIELDS = 64
TRAILERS_ONLY = ["HEADERS."]
WHOLE_RESPONSE = ["HEADERS", "DATA", "HEADERS."]


def said(text: str) -> bytes:
    return envelope(pb.ChatMessage(message=pb.Message(message=text)).SerializeToString())


def joining(room: str, name: str) -> bytes:
    join = pb.JoinChat(room_id=room, name=name, features=[pb.FEATURE_ECHO])
    return envelope(pb.ChatMessage(join=join).SerializeToString())


HELLO_GZIP = gzip(payload(said("Hello")))
LEAVE = envelope(pb.ChatMessage(leave=pb.Leave()).SerializeToString())


def texts(response: Response) -> list[str]:
    return [pb.Message.FromString(payload).message for payload in response.payloads]


def reason(response: Response) -> str:
    """The ErrorInfo reason in the details of a response."""
    value = {**response.headers, **response.trailers}[b"grpc-status-details-bin"]
    status = Status.FromString(binary_octets(value))
    assert status.code == response.grpc_status
    info = ErrorInfo()
    assert status.details[0].Unpack(info), "ErrorInfo comes first"
    return info.reason


def answer(connection: Connection, path: str, body: bytes, *, headers=(), end=True) -> Response:
    """The response to a call with this body."""
    stream = connection.call(path, *headers)
    connection.data(stream, body, end=end)
    return connection.response(stream)


BROKEN = {
    "flags": b"\2" + said("Hello")[1:],
    "flag bit 7": b"\x81" + said("Hello")[1:],
    "truncated payload": said("Hello")[:-1],
    "truncated header": b"\0\0\0",
    "not protobuf": envelope(b"\xff\xff\xff\xff"),
    "group without end": envelope(b"\x0b"),
    "bad UTF-8": envelope(b"\x12\x04\x12\x02\xc3\x28"),
}

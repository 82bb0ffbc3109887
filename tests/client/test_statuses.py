"""How a call ends, as an error with fields."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from chatroom.client import (
    Address,
    ChatError,
    DataLoss,
    NameInvalid,
    NameTaken,
    Removed,
    RoomClosed,
    RoomNotFound,
    ServerUnavailable,
)
from chatroom.client.causes import OTHER_TLS
from chatroom.client.statuses import error_from

ADDRESS = Address("localhost")


def ended(
    code: grpc.StatusCode, text: str = "", *details: Message, packed: bytes | None = None
) -> ChatError:
    if packed is None:
        status = status_pb2.Status(code=code.value[0], message=text)
        for detail in details:
            wrapped = Any()
            wrapped.Pack(detail)
            status.details.append(wrapped)
        packed = status.SerializeToString() if details else b""
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", packed)) if packed else None
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=text)
    return error_from(error, ADDRESS)


def reason(word: str, **metadata: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=word, domain="rpc.ChatService", metadata=metadata)


@pytest.mark.parametrize(
    ("code", "word", "expected"),
    [
        (grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN", NameTaken),
        (grpc.StatusCode.INVALID_ARGUMENT, "NAME_INVALID", NameInvalid),
        (grpc.StatusCode.NOT_FOUND, "ROOM_NOT_FOUND", RoomNotFound),
        (grpc.StatusCode.NOT_FOUND, "ROOM_CLOSED", RoomClosed),
        (grpc.StatusCode.PERMISSION_DENIED, "REMOVED", Removed),
        (grpc.StatusCode.UNAVAILABLE, "DRAINING", ServerUnavailable),
        (grpc.StatusCode.UNAVAILABLE, "JOURNAL_UNAVAILABLE", ServerUnavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "ROOM_FULL", ChatError),
        (grpc.StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND", ChatError),
    ],
)
def test_reason_chooses_the_type(code: grpc.StatusCode, word: str, expected: type) -> None:
    """The server's reason decides the type; its sentence stays the text."""
    error = ended(code, "a sentence", reason(word))
    assert (expected, code, word, "a sentence") == (
        type(error), error.code, error.reason, str(error),
    )  # fmt: skip


def test_fields_come_from_the_details() -> None:
    """Metadata, the wrong field and the time to wait are fields of the error."""
    error = ended(
        grpc.StatusCode.ALREADY_EXISTS,
        "taken",
        reason("NAME_TAKEN", free="Bob 2"),
        error_details_pb2.BadRequest(
            field_violations=[error_details_pb2.BadRequest.FieldViolation(field="name")]
        ),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000)),
    )
    assert isinstance(error, NameTaken)
    assert ("Bob 2", "name", 2.5) == (error.free, error.field, error.retry_after)


def test_details_that_this_version_does_not_know_are_passed_over() -> None:
    """A newer server may say more: what is known of it is read all the same."""
    error = ended(
        grpc.StatusCode.ALREADY_EXISTS,
        "taken",
        error_details_pb2.Help(links=[error_details_pb2.Help.Link(url="about:names")]),
        error_details_pb2.BadRequest(),
        reason("NAME_TAKEN", free="Bob 2"),
    )
    assert isinstance(error, NameTaken)
    assert ("Bob 2", "", None) == (error.free, error.field, error.retry_after)


def test_closed_room_names_its_successor() -> None:
    """Where the conversation goes on is a field of RoomClosed."""
    error = ended(grpc.StatusCode.NOT_FOUND, "closed", reason("ROOM_CLOSED", successor="1235"))
    assert isinstance(error, RoomClosed)
    assert "1235" == error.successor


def test_details_that_are_not_protobuf_are_left_out() -> None:
    """Broken details leave the status and its sentence."""
    error = ended(grpc.StatusCode.INTERNAL, "broken", packed=b"\xff\xff\xff")
    assert ("", "broken") == (error.reason, str(error))


def test_original_refuses_without_a_reason() -> None:
    """A server that gives no reason still says that there is no such room."""
    assert RoomNotFound is type(ended(grpc.StatusCode.NOT_FOUND, "room 7 does not exist"))


NOBODY_LISTENS = """failed to connect to all addresses; last error: UNKNOWN: \
ipv4:127.0.0.1:8080: Failed to connect to remote host: connect: Connection refused (111)"""
NO_SUCH_HOST = """DNS resolution failed for nowhere.invalid:8080: C-ares status is not \
ARES_SUCCESS qtype=A name=nowhere.invalid is_balancer=0: Domain name not found"""
NO_HOST_NAME = """errors resolving a..b:1: [field:hostname lookup error:address lookup failed \
for a..b:1: Misformatted domain name]"""
NO_NAME_SERVER = """errors resolving a:1: [field:hostname lookup error:address lookup failed \
for a:1: Could not contact DNS servers]"""
NO_TLS = """failed to connect to all addresses; last error: UNAVAILABLE: \
ipv4:10.0.0.1:8080: Handshake read failed (Socket closed)"""
NO_GRPC = """failed to connect to all addresses; last error: UNAVAILABLE: \
ipv4:127.0.0.1:8080: Failed parsing HTTP/2 (Expected SETTINGS frame as the first frame)"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (NOBODY_LISTENS, "cannot reach localhost:8080: connection refused"),
        (NO_SUCH_HOST, "cannot reach localhost:8080: there is no host of that name"),
        (NO_HOST_NAME, "cannot reach localhost:8080: that cannot be the name of a host"),
        (NO_NAME_SERVER, "cannot reach localhost:8080: no name server answers for it"),
        (NO_TLS, f"cannot reach localhost:8080: {OTHER_TLS.what} ({OTHER_TLS.advice})"),
        (NO_GRPC, "cannot reach localhost:8080: what answers there does not speak gRPC"),
        ("Socket closed", "lost the connection to localhost:8080"),
    ],
)
def test_connection_failure_is_put_in_words(said: str, expected: str) -> None:
    """What gRPC's core says of a connection becomes a sentence for a person."""
    assert expected == str(ended(grpc.StatusCode.UNAVAILABLE, said))


def test_missing_method_is_put_in_words() -> None:
    """A method that a server lacks is told as something it cannot do."""
    expected = "the server at localhost:8080 cannot do this"
    assert expected == str(ended(grpc.StatusCode.UNIMPLEMENTED, "unknown method ListMembers"))


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"sequence": "7", "readable": "3"}, (7, 3)),
        ({"sequence": "7"}, (7, None)),
        ({}, (0, None)),
        ({"sequence": "-1", "readable": "x"}, (0, None)),
        ({"sequence": "9" * 99, "readable": "\u0663"}, (0, None)),
    ],
)
def test_what_is_damaged_is_named(
    metadata: dict[str, str], expected: tuple[int, int | None]
) -> None:
    """By its sequence, and how much can be read before it; nonsense is not told."""
    error = ended(grpc.StatusCode.DATA_LOSS, "it is damaged", reason("DATA_LOSS", **metadata))
    assert isinstance(error, DataLoss)
    assert expected == (error.sequence, error.readable)

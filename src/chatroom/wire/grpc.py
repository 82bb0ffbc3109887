"""gRPC over HTTP/2: paths, statuses, time-outs, and how their values are written.

Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, whose names of rules stand in quotation marks.
Envelopes are in `wire.envelopes`.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from enum import IntEnum
from urllib.parse import unquote

SERVICE = "rpc.ChatService"
CHAT = f"/{SERVICE}/Chat"
SUBSCRIBE = f"/{SERVICE}/Subscribe"
CHAT_METHODS = tuple(
    f"/{SERVICE}/{name}"
    for name in (
        "CreateChatRoom",
        "ListChatRooms",
        "DeleteChatRoom",
        "SendMessage",
        "ListMessages",
        "SearchMessages",
        "ListMembers",
        "RemoveMember",
        "UpdateChatRoom",
    )
)
MODERATION = "rpc.ModerationService"
MODERATION_METHODS = tuple(
    f"/{MODERATION}/{name}"
    for name in (
        "SetMember",
        "WithdrawMessage",
        "CreateBan",
        "LiftBan",
        "ListBans",
        "CreateInvitation",
        "RevokeInvitation",
        "ListInvitations",
        "ListAuditRecords",
    )
)
UNARY = (*CHAT_METHODS, *MODERATION_METHODS)
"""Paths of the methods of the contract that answer once."""
WATCH = "/grpc.health.v1.Health/Watch"
HEALTH = (*(f"/grpc.health.v1.Health/{name}" for name in ("Check", "List")), WATCH)
REFLECTION = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    for version in ("v1", "v1alpha")
)

NODES = "chatroom-nodes"
"""A header of what answers once, where several servers share the rooms: how many there are."""

CONTENT_TYPE = b"application/grpc"
PROTOBUF_TYPES = (CONTENT_TYPE, b"application/grpc+proto")
"""The media types of native gRPC whose messages are protobuf ("Content-Type")."""


class Code(IntEnum):
    """Status codes (grpc/grpc, doc/statuscodes.md)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class TimeoutInvalid(Exception):
    """The value of `grpc-timeout` is not of the form that the document gives."""

    def __init__(self, value: bytes) -> None:
        super().__init__(f"grpc-timeout {value.decode('latin-1')!r} is not valid")
        self.value = value


def media_type(content_type: bytes) -> bytes:
    """The value of `content-type` in lower case, without parameters (RFC 9110, 8.3.1)."""
    return content_type.partition(b";")[0].strip().lower()


def is_native(media: bytes) -> bool:
    """Whether a media type is gRPC's, not gRPC-Web's, whatever its messages ("Content-Type")."""
    return media == CONTENT_TYPE or media.startswith(CONTENT_TYPE + b"+")


_UNITS = {b"n": 1e-9, b"u": 1e-6, b"m": 1e-3, b"S": 1.0, b"M": 60.0, b"H": 3600.0}
_DIGITS = 8


def timeout_seconds(value: bytes) -> float:
    """The value of `grpc-timeout` in seconds ("Timeout"). Raises TimeoutInvalid.

    The document has no 0, but gRPC libraries send it: for a deadline that has passed.
    """
    digits, unit = value[:-1], value[-1:]
    if not digits.isdigit() or len(digits) > _DIGITS or unit not in _UNITS:
        raise TimeoutInvalid(value)
    return int(digits) * _UNITS[unit]


def timeout_value(seconds: float) -> bytes:
    """Seconds as `grpc-timeout`, in the finest unit that has room, rounded up ("Timeout").

    Less than nothing is written as nothing, and more than eight digits of hours as those.
    """
    for unit, length in _UNITS.items():
        count = math.ceil(round(max(seconds, 0.0) / length, 3))  # 2.0000000000000004 is 2
        if count < 10**_DIGITS:
            return b"%d%s" % (count, unit)
    return b"9" * _DIGITS + b"H"


def request_headers(
    path: str, authority: str, *more: tuple[bytes, bytes], content_type: bytes = CONTENT_TYPE
) -> tuple[tuple[bytes, bytes], ...]:
    """What begins a call in clear text: "Request-Headers", without those that may be left out.

    `more` is custom metadata, and what else a caller wants to say.
    """
    return (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", authority.encode()),
        (b"te", b"trailers"),
        (b"content-type", content_type),
        *more,
    )


def status_trailers(
    code: int, message: str = "", details: bytes = b""
) -> list[tuple[bytes, bytes]]:
    """What ends a call: "Status", "Status-Message", and a google.rpc.Status as bytes."""
    trailers = [(b"grpc-status", b"%d" % code)]
    if message:
        trailers.append((b"grpc-message", percent_encoded(message)))
    if details:
        trailers.append((b"grpc-status-details-bin", binary_value(details)))
    return trailers


def percent_encoded(message: str) -> bytes:
    """As "Percent-Encoded": all but printable ASCII, and the percent sign."""
    return b"".join(
        [
            b"%c" % byte if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte
            for byte in message.encode()
        ]
    )


def percent_decoded(value: str) -> str:
    r"""The message of `grpc-message`.

    Nothing is thrown away: what is no percent-encoding stays, and bytes that are no UTF-8
    become `\x` and their number ("Percent-Encoded" asks for either).
    """
    return unquote(value, errors="backslashreplace")


def binary_value(octets: bytes) -> bytes:
    """The value of metadata whose name ends with `-bin` ("Binary-Header"), not padded."""
    return b64encode(octets).rstrip(b"=")


def binary_octets(value: bytes | str) -> bytes:
    """The bytes of metadata whose name ends with `-bin`, padded or not.

    Raises ValueError for what is no base64.
    """
    if isinstance(value, str):
        value = value.encode("ascii")
    value = value.rstrip(b"=")
    return b64decode(value + b"=" * (-len(value) % 4), validate=True)

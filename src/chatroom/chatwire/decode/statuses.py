"""Statuses as the three protocols write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status as StatusMessage

from chatroom.chatwire.decode.messages import Message, Status, parse
from chatroom.chatwire.decode.names import STATUSES, status_name
from chatroom.wire.grpc import binary_octets, percent_decoded

if TYPE_CHECKING:
    from collections.abc import Iterable

assert error_details_pb2  # its import makes the usual details known

CODES = {name.lower(): code for code, name in STATUSES.items()} | {"canceled": 1}
"""Connect's names (connectrpc.com/docs/protocol, "Error codes")."""


def status_of_trailers(fields: Iterable[tuple[str, str]]) -> Status | None:
    """The status in gRPC's trailers; None if there is none.

    "Status", "Status-Message" and the details of gRPC over HTTP/2.
    """
    of_name: dict[str, str] = {}
    for name, value in fields:
        of_name.setdefault(name.lower(), value)
    if (number := of_name.get("grpc-status")) is None:
        return None
    code = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None
    return Status(
        code=code,
        name=number if code is None else status_name(code),
        message=percent_decoded(of_name.get("grpc-message", "")),
        details=_details(of_name.get("grpc-status-details-bin", "")),
    )


def status_of_connect(content: bytes) -> Status | None:
    """The status in an error body or at the end of a stream; None if that is not JSON.

    Connect protocol, "Unary-Response" and "EndStreamResponse".
    """
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    error = said.get("error", said if "code" in said else None)
    if not isinstance(error, dict):
        return Status(code=0, name="OK")
    name, message, details = error.get("code"), error.get("message"), error.get("details")
    code = CODES.get(name) if isinstance(name, str) else None
    return Status(
        code=code,
        name=str(name) if code is None else status_name(code),
        message=message if isinstance(message, str) else "",
        details=tuple(map(_connect_detail, details)) if isinstance(details, list) else (),
    )


def _connect_detail(detail: Any) -> Message:
    if not isinstance(detail, dict):
        return Message(problem="a detail that is no object")
    content = _base64(str(detail.get("value", "")))
    return _detail(str(detail.get("type", "")), content)


def _details(encoded: str) -> tuple[Message, ...]:
    if not encoded:
        return ()
    content = _base64(encoded)
    status = None if content is None else parse(StatusMessage, content)
    if status is None:
        return (Message(problem="grpc-status-details-bin is no google.rpc.Status in base64"),)
    assert isinstance(status, StatusMessage)
    return tuple(_unpacked(detail) for detail in status.details)


def _unpacked(detail: AnyMessage) -> Message:
    return _detail(detail.type_url.rpartition("/")[2], detail.value)


def _detail(type_name: str, content: bytes | None) -> Message:
    if content is None:
        return Message(type_name=type_name, problem="a detail that is not base64")
    try:
        kind = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(type_name))
    except (KeyError, TypeError, ValueError):
        # Unknown, or no name at all: JSON can write half a pair of surrogates.
        return Message(type_name=type_name, wire_length=len(content), content=content)
    return Message(
        type_name=type_name,
        wire_length=len(content),
        content=content,
        value=parse(kind, content),
    )


def _base64(text: str) -> bytes | None:
    """With or without padding, as gRPC and Connect both ask receivers to take it."""
    try:
        return binary_octets(text)
    except ValueError:
        return None

"""The one place that turns the end of a call into an error of this library."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import grpc

from chatroom.client.causes import Cause, behind, cause_of
from chatroom.client.errors import (
    Banned,
    ChatError,
    DataLoss,
    InvitationRefused,
    NameInvalid,
    NameReserved,
    NameTaken,
    NotAccepted,
    Removed,
    RoomClosed,
    RoomNotFound,
    ServerUnavailable,
    SessionReplaced,
    TokenRefused,
)
from chatroom.client.proxies import proxy_to

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatroom.client.messages import Refused
    from chatroom.wire.addresses import Address

DETAILS_KEY = "grpc-status-details-bin"

BY_REASON: dict[str, type[ChatError]] = {
    "NAME_TAKEN": NameTaken,
    "NAME_INVALID": NameInvalid,
    "NAME_RESERVED": NameReserved,
    "ROOM_NOT_FOUND": RoomNotFound,
    "ROOM_CLOSED": RoomClosed,
    "REMOVED": Removed,
    "BANNED": Banned,
    "INVITATION_USED": InvitationRefused,
    "INVITATION_UNKNOWN": InvitationRefused,
    "SESSION_REPLACED": SessionReplaced,
    "DATA_LOSS": DataLoss,
    "TOKEN_REQUIRED": TokenRefused,
    "TOKEN_INVALID": TokenRefused,
    "TOKEN_EXPIRED": TokenRefused,
    "TOKEN_REVOKED": TokenRefused,
}

BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


def error_from(error: grpc.aio.AioRpcError, address: Address) -> ChatError:
    """The error that a call to `address` ended with, with the server's details if any.

    Raise it `from None`: the gRPC error is its `rpc_error`, and is not for people to read.
    """
    found = _error_from(error, address)
    # In its frames is the call, and as long as there is a call gRPC keeps the connection.
    error.__context__ = None
    found.rpc_error = error.with_traceback(None)
    return found


def _error_from(error: grpc.aio.AioRpcError, address: Address) -> ChatError:
    code = error.code()
    details = (error.details() or "").strip()
    reason, metadata, field, retry_after = _details(error)
    if not reason and code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return _unreachable(code, details, address)
    kind = BY_REASON.get(reason, ChatError)
    if code is grpc.StatusCode.UNAVAILABLE:
        kind = ServerUnavailable
    elif code is grpc.StatusCode.NOT_FOUND and not reason:
        kind = RoomNotFound  # the original server gives no reasons
    elif code is grpc.StatusCode.UNIMPLEMENTED and not reason:
        details = f"the server at {address} cannot do this"
    found = kind(
        code,
        reason,
        details or f"the server at {address} answered {code.name}",
        metadata=metadata,
        field=field,
        retry_after=retry_after,
    )
    if isinstance(found, RoomClosed):
        found.successor = metadata.get("successor", "")
    return found


def not_accepted(refused: Refused, sentence: str) -> NotAccepted:
    """The error for one message that was refused while the stream goes on."""
    return NotAccepted(
        BY_NUMBER.get(refused.code, grpc.StatusCode.UNKNOWN),
        refused.reason,
        sentence,
        retry_after=refused.retry_after,
    )


def _unreachable(code: grpc.StatusCode, details: str, address: Address) -> ServerUnavailable:
    late = code is grpc.StatusCode.DEADLINE_EXCEEDED
    cause = Cause("it does not answer") if late else cause_of(details)
    proxy = proxy_to(address)
    where = (
        f"{address} by the proxy {proxy.where} that {proxy.variable} names"
        if proxy
        else f"{address}"
    )
    if cause is None:
        return ServerUnavailable(code, "", f"lost the connection to {where}")
    if proxy is not None:
        cause = behind(proxy, cause, address.host)
    advice = f" ({cause.advice})" if cause.advice else ""
    found = ServerUnavailable(code, "", f"cannot reach {where}: {cause.what}{advice}")
    found.cause, found.advice = cause.what, cause.advice
    return found


def _details(error: grpc.aio.AioRpcError) -> tuple[str, dict[str, str], str, float | None]:
    """Reason, metadata, wrong field and seconds to wait, as far as the server gave them."""
    # grpc.aio gives the trailing metadata as pairs; the stubs know of single entries.
    trailing = dict(cast("Iterable[tuple[str, bytes]]", error.trailing_metadata() or ()))
    packed = trailing.get(DETAILS_KEY)
    if not packed:
        return "", {}, "", None

    # Only refusals need these messages, so only a refusal pays for their import.
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2, status_pb2

    reason, metadata, field, retry_after = "", {}, "", None
    try:
        status = status_pb2.Status.FromString(packed)
        for detail in status.details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                found = error_details_pb2.ErrorInfo.FromString(detail.value)
                reason, metadata = found.reason, dict(found.metadata)
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                bad = error_details_pb2.BadRequest.FromString(detail.value)
                field = bad.field_violations[0].field if bad.field_violations else ""
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                delay = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
                retry_after = delay.seconds + delay.nanos / 1e9
    except DecodeError:
        pass  # the status and its sentence are good without them
    return reason, metadata, field, retry_after

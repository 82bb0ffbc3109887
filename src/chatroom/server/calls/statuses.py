"""Statuses: what a refusal becomes on the wire. The only place that knows.

Every refusal carries `google.rpc.ErrorInfo{reason, domain}` and, where they apply,
BadRequest and RetryInfo, in `grpc-status-details-bin` (gRPC richer error model).
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message as ProtobufMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as StatusMessage

from chatroom.core import denials, exhausted, fenced, refusals
from chatroom.core.refusals import Refusal
from chatroom.wire import envelopes
from chatroom.wire.envelopes import EnvelopeError
from chatroom.wire.grpc import Code, TimeoutInvalid, status_trailers

DOMAIN = "rpc.ChatService"


class EnvelopeInvalid(Refusal):
    """What a stream carries is not a run of enveloped messages of its type."""

    reason = "ENVELOPE_INVALID"

    def __init__(self, sentence: str, code: Code = Code.INVALID_ARGUMENT) -> None:
        super().__init__(sentence)
        self.code = code


class MessageTooLarge(Refusal):
    """An envelope is larger than the server takes."""

    reason = "MESSAGE_TOO_LARGE"


WIRE_CODES: dict[type[Exception], Code] = {
    envelopes.EncodingUnknown: Code.UNIMPLEMENTED,
    envelopes.EncodingMissing: Code.INTERNAL,
}
"""What is not INVALID_ARGUMENT among the errors of `chatroom.wire` (gRPC compression)."""


def refusal_of(error: EnvelopeError | TimeoutInvalid) -> Refusal:
    """What a call is refused with whose bytes mean nothing."""
    if isinstance(error, envelopes.MessageTooLong):
        return MessageTooLarge(str(error))
    return EnvelopeInvalid(str(error), WIRE_CODES.get(type(error), Code.INVALID_ARGUMENT))


CODES: dict[type[Refusal], Code] = {
    refusals.JoinRequired: Code.INVALID_ARGUMENT,
    refusals.OneField: Code.INVALID_ARGUMENT,
    refusals.NameInvalid: Code.INVALID_ARGUMENT,
    refusals.NameTaken: Code.ALREADY_EXISTS,
    refusals.RoomFull: Code.RESOURCE_EXHAUSTED,
    refusals.ServerFull: Code.RESOURCE_EXHAUSTED,
    exhausted.AddressFull: Code.RESOURCE_EXHAUSTED,
    exhausted.IdentityFull: Code.RESOURCE_EXHAUSTED,
    exhausted.JoinTooOften: Code.RESOURCE_EXHAUSTED,
    exhausted.CreateTooOften: Code.RESOURCE_EXHAUSTED,
    exhausted.RenameTooOften: Code.RESOURCE_EXHAUSTED,
    refusals.StreamsExhausted: Code.RESOURCE_EXHAUSTED,
    refusals.RoomIdInvalid: Code.INVALID_ARGUMENT,
    refusals.RoomNotFound: Code.NOT_FOUND,
    refusals.RoomExists: Code.ALREADY_EXISTS,
    refusals.RequestInvalid: Code.INVALID_ARGUMENT,
    refusals.QueryInvalid: Code.INVALID_ARGUMENT,
    refusals.MemberNotFound: Code.NOT_FOUND,
    refusals.TokenRequired: Code.UNAUTHENTICATED,
    refusals.TokenInvalid: Code.UNAUTHENTICATED,
    refusals.TokenExpired: Code.UNAUTHENTICATED,
    refusals.TokenRevoked: Code.UNAUTHENTICATED,
    refusals.GrantMissing: Code.PERMISSION_DENIED,
    refusals.NameFixed: Code.PERMISSION_DENIED,
    denials.Banned: Code.PERMISSION_DENIED,
    denials.Muted: Code.PERMISSION_DENIED,
    denials.RoomClosedToNewcomers: Code.PERMISSION_DENIED,
    denials.InvitationUsed: Code.PERMISSION_DENIED,
    denials.InvitationUnknown: Code.UNAUTHENTICATED,
    denials.NameReserved: Code.PERMISSION_DENIED,
    refusals.TextInvalid: Code.INVALID_ARGUMENT,
    refusals.TextTooLong: Code.INVALID_ARGUMENT,
    refusals.NonceInvalid: Code.INVALID_ARGUMENT,
    refusals.RateLimited: Code.RESOURCE_EXHAUSTED,
    exhausted.RoomBusy: Code.RESOURCE_EXHAUSTED,
    refusals.RoomClosed: Code.NOT_FOUND,
    refusals.Removed: Code.PERMISSION_DENIED,
    refusals.SlowConsumer: Code.RESOURCE_EXHAUSTED,
    refusals.SessionUnknown: Code.NOT_FOUND,
    refusals.SessionMismatch: Code.INVALID_ARGUMENT,
    refusals.SessionReplaced: Code.ABORTED,
    refusals.HeartbeatLost: Code.UNAVAILABLE,
    refusals.Draining: Code.UNAVAILABLE,
    fenced.NodeFenced: Code.UNAVAILABLE,
    refusals.JournalUnavailable: Code.UNAVAILABLE,
    refusals.DataLoss: Code.DATA_LOSS,
    MessageTooLarge: Code.RESOURCE_EXHAUSTED,
}


def code_of(refusal: Refusal) -> Code:
    """The status code of a refusal."""
    return refusal.code if isinstance(refusal, EnvelopeInvalid) else CODES[type(refusal)]


def details_of(refusal: Refusal) -> list[Any]:
    """The details of a refusal, ErrorInfo first."""
    details: list[ProtobufMessage] = [
        ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=refusal.metadata)
    ]
    if refusal.field is not None:
        violation = BadRequest.FieldViolation(
            field=refusal.field, description=str(refusal), reason=refusal.reason
        )
        details.append(BadRequest(field_violations=[violation]))
    if refusal.retry_after is not None:
        whole, millis = divmod(round(refusal.retry_after * 1000), 1000)
        details.append(RetryInfo(retry_delay=Duration(seconds=whole, nanos=millis * 1_000_000)))
    packed: list[Any] = []
    for detail in details:
        container = Any()
        container.Pack(detail)
        packed.append(container)
    return packed


@dataclass(slots=True, frozen=True)
class Status:
    """How a call ended."""

    code: int
    message: str = ""
    details: tuple[Any, ...] = ()

    @classmethod
    def of(cls, refusal: Refusal) -> Status:
        """The status of a refusal."""
        return cls(code_of(refusal), str(refusal), tuple(details_of(refusal)))

    @property
    def name(self) -> str:
        """The name of the code."""
        return Code(self.code).name

    def trailers(self) -> list[tuple[bytes, bytes]]:
        """As trailers of gRPC over HTTP/2: "Status", "Status-Message", details."""
        binary = b""
        if self.details:
            binary = StatusMessage(
                code=self.code, message=self.message, details=self.details
            ).SerializeToString()
        return status_trailers(self.code, self.message, binary)


OK = Status(Code.OK)
LATE = Status(Code.DEADLINE_EXCEEDED, "the deadline of the call has passed")
"""Also for a call that has no time from the beginning: nothing of it is done then."""

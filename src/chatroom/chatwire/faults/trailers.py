"""Header fields that the tap writes: answers, and trailers that are not as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from chatroom.wire.grpc import CONTENT_TYPE

if TYPE_CHECKING:
    from chatroom.chatwire.faults.blocks import Fields
    from chatroom.chatwire.faults.kinds import Trailers

UNRESERVED = "".join(chr(one) for one in range(0x20, 0x7F) if chr(one) != "%")
"""Of "Status-Message": what is not percent-encoded (grpc/grpc, doc/PROTOCOL-HTTP2.md)."""
OF_STATUS = frozenset({b"grpc-status", b"grpc-message", b"grpc-status-details-bin"})


def is_grpc(of: dict[bytes, bytes]) -> bool:
    """Whether a request has messages in envelopes, and a status in its trailers or its body."""
    kind = of.get(b"content-type", b"").lower()
    return kind.startswith((CONTENT_TYPE, b"application/connect+"))


def no_grpc(path: str, of: dict[bytes, bytes]) -> str:
    """What is said of a call that rules are about, and that is none of gRPC."""
    kind = of.get(b"content-type", b"none").decode("latin-1")
    return f"{path} is no gRPC ({kind}): its messages and trailers stay as they are"


def answer_fields(of: dict[bytes, bytes], code: int, message: str) -> Fields:
    """Trailers-Only with this status, to a request with these fields."""
    kind = of.get(b"content-type", CONTENT_TYPE)
    return [(b":status", b"200"), (b"content-type", kind), *_status(code, message)]


def changed(fields: Fields, fault: Trailers) -> Fields:
    """The fields that end a call, after a fault; none: the call ends without."""
    only = any(name == b":status" for name, _ in fields)
    if fault.missing:
        return [one for one in fields if one[0] not in OF_STATUS] if only else []
    if fault.code is not None:
        left = [one for one in fields if one[0] not in OF_STATUS]
        return [*left, *_status(fault.code, fault.message)]
    without = {name.encode() for name in fault.without} | {
        name.encode() for name, _ in fault.fields
    }
    left = [one for one in fields if one[0] not in without]
    return [*left, *((name.encode(), value.encode()) for name, value in fault.fields)]


def _status(code: int, message: str) -> Fields:
    fields = [(b"grpc-status", str(code).encode())]
    if message:
        fields.append((b"grpc-message", quote(message, safe=UNRESERVED).encode()))
    return fields

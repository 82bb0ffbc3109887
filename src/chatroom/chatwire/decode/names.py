"""Numbers of the specifications and the names they have there."""

from __future__ import annotations

from chatroom.wire.grpc import Code
from chatroom.wire.http2.frames import ErrorCode, Setting

ERRORS = {code.value: code.name for code in ErrorCode}
"""RFC 9113, section 7."""

SETTINGS = {setting.value: setting.name for setting in Setting} | {
    0x8: "ENABLE_CONNECT_PROTOCOL",
    0x9: "NO_RFC7540_PRIORITIES",
    0xFE03: "GRPC_ALLOW_TRUE_BINARY_METADATA",
    0xFE04: "GRPC_PREFERRED_RECEIVE_MESSAGE_SIZE",
    0xFE05: "GRPC_ALLOW_SECURITY_FRAME",
}
"""RFC 9113, section 6.5.2, the IANA registry, and what gRPC's C core adds."""

STATUSES = {code.value: code.name for code in Code}
"""grpc/grpc, doc/statuscodes.md. Connect has the same in lower case, but for `canceled`."""


def error_name(code: int) -> str:
    """The name of an HTTP/2 error code, or its number."""
    return ERRORS.get(code, f"0x{code:x}")


def setting_name(identifier: int) -> str:
    """The name of an HTTP/2 setting, or its number."""
    return SETTINGS.get(identifier, f"0x{identifier:x}")


def status_name(code: int) -> str:
    """The name of a gRPC status code, or its number."""
    return STATUSES.get(code, str(code))

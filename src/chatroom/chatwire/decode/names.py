"""Numbers of the specifications and the names they have there."""

from __future__ import annotations

from chatroom.wire.grpc import Code

ERRORS = {
    0x0: "NO_ERROR",
    0x1: "PROTOCOL_ERROR",
    0x2: "INTERNAL_ERROR",
    0x3: "FLOW_CONTROL_ERROR",
    0x4: "SETTINGS_TIMEOUT",
    0x5: "STREAM_CLOSED",
    0x6: "FRAME_SIZE_ERROR",
    0x7: "REFUSED_STREAM",
    0x8: "CANCEL",
    0x9: "COMPRESSION_ERROR",
    0xA: "CONNECT_ERROR",
    0xB: "ENHANCE_YOUR_CALM",
    0xC: "INADEQUATE_SECURITY",
    0xD: "HTTP_1_1_REQUIRED",
}
"""RFC 9113, section 7."""

SETTINGS = {
    0x1: "HEADER_TABLE_SIZE",
    0x2: "ENABLE_PUSH",
    0x3: "MAX_CONCURRENT_STREAMS",
    0x4: "INITIAL_WINDOW_SIZE",
    0x5: "MAX_FRAME_SIZE",
    0x6: "MAX_HEADER_LIST_SIZE",
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

"""What a line says of a frame: the few facts that matter, and all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.messages import Message, Part
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.passage import Unwanted
from chatroom.chatwire.show.harmless import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from chatroom.chatwire.decode.messages import Status
    from chatroom.chatwire.decode.records import Detail, Frame, Window

TEXT = 400
"""Characters of one message on a line."""
BLOCKS = (Kind.HEADERS, Kind.CONTINUATION)
MESSAGES = 3
"""Messages of one frame on a line."""


def facts(frame: Frame) -> str:
    """The facts on one line. May hold characters that are not safe to print."""
    parts = [*_flags(frame)] if frame.flags or frame.kind in BLOCKS else []
    detail = frame.detail
    if detail is not None:
        parts.append(detail_line(detail))
    elif frame.kind is Kind.PREFACE:
        parts.append("HTTP/2 begins")
    if messages := frame.messages:
        parts += [message_line(message) for message in messages[:MESSAGES]]
        if len(messages) > MESSAGES:
            parts.append(f"+{len(messages) - MESSAGES} messages")
    return "  ".join(filter(None, parts))


def detail_line(detail: Detail) -> str:
    """What is in it beside messages. May hold characters that are not safe to print."""
    return _FACTS[type(detail)](detail)


def message_line(message: Message, limit: int = TEXT) -> str:
    """A message on one line: type, text, and what is remarkable."""
    name = message.type_name.rpartition(".")[2]
    if message.part is not Part.MESSAGE:
        name = message.part
    said = status_line(message.status) if message.status else shortened(message.text, limit)
    packed = f" (compressed, {message.wire_length} bytes)" if message.compressed else ""
    wrong = f" [{message.problem}]" if message.problem else ""
    body = said if message.json or message.status else f"{{{said}}}"
    return f"{name or '?'} {body}{packed}{wrong}"


def status_line(status: Status) -> str:
    """A status on one line: name, message, details."""
    parts = [status.name if status.code is None else f"{status.name} ({status.code})"]
    if status.message:
        parts.append(f'"{status.message}"')
    parts += [message_line(detail) for detail in status.details]
    return "  ".join(parts)


def everything(frame: Frame) -> Iterator[str]:
    """Lines with all that is known beside `facts`. They may not be safe to print."""
    detail = frame.detail
    if isinstance(detail, records.Headers):
        if detail.line:
            yield detail.line
        for field in detail.fields:
            never = "  (never indexed)" if field.never_indexed else ""
            yield f"{field.name}: {field.value}{never}"
        if frame.kind is Kind.HEADERS and detail.fields:
            size = sum(len(field.name) + len(field.value) for field in detail.fields)
            yield f"{frame.length} bytes, for names and values of {size}"
        if detail.block:
            yield f"undecodable block: {detail.block.hex(' ')}"
        if detail.precedence:
            yield _precedence(detail.precedence)
    if isinstance(detail, records.Data):
        yield f"{len(detail.payload)} bytes of content, {detail.padding} of padding"
        if not frame.messages:
            yield f"content: {shortened(repr(detail.payload)[2:-1], 2 * TEXT)}"
    if isinstance(detail, records.Ping):
        yield f"opaque: {detail.opaque.hex()}"
    for message in frame.messages:
        yield f"message: {message_line(message, 1 << 30)}"
        if message.flags is None:
            yield f"  {message.wire_length} bytes{', compressed' if message.compressed else ''}"
        else:
            yield f"  envelope: flags 0x{message.flags:02x}, length {message.wire_length}"


def _flags(frame: Frame) -> Iterator[str]:
    for flag in frame.flags:
        if flag not in ("PADDED", "PRIORITY", "END_HEADERS"):
            yield flag
    if frame.kind in BLOCKS and "END_HEADERS" not in frame.flags:
        yield "(continued)"


def _address(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _window(window: Window, stream: int | None = 1) -> str:
    if not stream:
        return f"window {_size(window.connection)}"
    return f"window {_size(window.stream)} / {_size(window.connection)}"


def _size(window: int | None) -> str:
    return "?" if window is None else str(window)


def _headers(detail: records.Headers) -> str:
    if detail.status is not None:
        label = "Trailers-Only  " if detail.role is Role.TRAILERS_ONLY else ""
        return label + status_line(detail.status)
    of = detail.value
    if detail.promised is not None:
        return f"promises stream {detail.promised}  {of(':method') or ''} {of(':path') or ''}"
    if detail.line:
        return "  ".join(filter(None, (detail.line, of("content-type"))))
    if detail.role is Role.REQUEST:
        parts = [f"{of(':method')} {of(':path') or ''}", of("content-type")]
        if timeout := of("grpc-timeout") or of("connect-timeout-ms"):
            parts.append(f"timeout {timeout}")
        return "  ".join(filter(None, parts))
    if status := of(":status"):
        return "  ".join(filter(None, (status, of("content-type"))))
    if detail.role is Role.TRAILERS:
        return "trailers  " + "  ".join(f"{field.name}: {field.value}" for field in detail.fields)
    if detail.block:
        return f"{len(detail.block)} undecodable bytes"
    return "  ".join(f"{field.name}: {field.value}" for field in detail.fields)


def _precedence(detail: records.Precedence) -> str:
    exclusive = " exclusively" if detail.exclusive else ""
    return f"depends on stream {detail.depends_on}{exclusive}, weight {detail.weight}"


def _opened(detail: records.Opened) -> str:
    return f"{_address(detail.client)} to {_address(detail.server)}"


def _data(detail: records.Data) -> str:
    return f"{len(detail.payload)} bytes  {_window(detail.window)}"


def _settings(detail: records.Settings) -> str:
    return " ".join(f"{name}={value}" for name, value in detail.values)


def _window_update(detail: records.WindowUpdate) -> str:
    return f"+{detail.increment}  {_window(detail.window, detail.stream)}"


def _ping(detail: records.Ping) -> str:
    if detail.round_trip is not None:
        return f"round trip {detail.round_trip / 1e6:.3f} ms"
    return detail.opaque.hex()


def _reset(detail: records.Reset) -> str:
    return detail.error


def _goaway(detail: records.Goaway) -> str:
    debug = detail.debug.decode("utf-8", "backslashreplace")
    return f"{detail.error}  last stream {detail.last_stream}" + (f'  "{debug}"' if debug else "")


def _body(detail: records.Body) -> str:
    return f"end of the body, {detail.length} bytes" if detail.complete else ""


def _undecoded(detail: records.Undecoded) -> str:
    return f"{detail.count} bytes" if detail.count else ""


def _missing(detail: records.Missing) -> str:
    return "bytes were not seen" if detail.count is None else f"{detail.count} bytes were not seen"


def _unused(detail: records.Unused) -> str:
    return f"{detail.count} bytes are not used: {_WHY[Unwanted(detail.why)]}"


def _stopped(detail: records.Stopped) -> str:
    return f"what was seen ends here, {detail.undecoded} bytes undecoded"


def fault_line(detail: records.Fault) -> str:
    """What a fault does, and by which rule."""
    rule = f" ({detail.rule})" if detail.rule else ""
    return f"the tap {detail.doing}{rule}" + (f": {detail.note}" if detail.note else "")


def altered_line(altered: records.Altered) -> str:
    """What a fault did to a frame, and by which rule."""
    note = f", {altered.note}" if altered.note else ""
    return f"{altered.how}{note}" + (f" ({altered.rule})" if altered.rule else "")


def _ended(detail: records.Ended) -> str:
    how = "reset" if detail.reset else "sends nothing more (FIN)"
    return how + (f", {detail.undecoded} bytes undecoded" if detail.undecoded else "")


_WHY = {
    Unwanted.DIFFERENT: "other bytes came first in their place",
    Unwanted.TOO_LATE: "they came after what follows them",
    Unwanted.AFTER_THE_END: "they come after the end",
}
_FACTS: dict[type, Callable[[Any], str]] = {
    records.Opened: _opened,
    records.Data: _data,
    records.Headers: _headers,
    records.Precedence: _precedence,
    records.Settings: _settings,
    records.WindowUpdate: _window_update,
    records.Ping: _ping,
    records.Reset: _reset,
    records.Goaway: _goaway,
    records.Body: _body,
    records.Undecoded: _undecoded,
    records.Missing: _missing,
    records.Unused: _unused,
    records.Fault: fault_line,
    records.Stopped: _stopped,
    records.Ended: _ended,
}

"""Bodies: bytes of one direction of a call in, messages out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatroom.chatwire.decode.messages import Message, Part, parse
from chatroom.chatwire.decode.statuses import status_of_connect, status_of_trailers
from chatroom.wire.envelopes import (
    COMPRESSED,
    HEAD_BYTES,
    INCOMPLETE,
    CompressionInvalid,
    MessageTooLong,
    decompressed,
    head,
    whole,
)
from chatroom.wire.text_form import TextInvalid, TextReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message as ProtobufMessage

MESSAGE_BYTES = 4 << 20
"""A longer message is counted but not decoded; gRPC's own default limit for receiving."""


class Body(Protocol):
    """One direction of one call."""

    def feed(self, content: bytes) -> list[Message]:
        """The messages that these bytes complete."""

    def lose(self) -> None:
        """Bytes are missing here."""

    def end(self) -> tuple[list[Message], str]:
        """Nothing will follow: last messages, and what is wrong with that, "" if nothing."""


FIND_SECONDS = 1.0
"""Between two attempts to find the type of a call's messages."""


@dataclass(slots=True)
class Content:
    """How the bytes of a message become a message.

    A type that is not known yet is looked for again: a call may be older than the server's
    answer about its schema, and go on for long after that.
    """

    find: Callable[[], type[ProtobufMessage] | None] = lambda: None
    """Finds the type, or nothing."""
    json: bool = False
    encoding: str = ""
    """Of compressed messages: grpc-encoding, connect-content-encoding, content-encoding."""
    _kind: type[ProtobufMessage] | None = field(default=None, init=False)
    _sought: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Look at once: a schema that does not know it asks the server in the meantime."""
        self._look()

    @property
    def kind(self) -> type[ProtobufMessage] | None:
        """The type of the messages; None while it is not known."""
        if self._kind is None and time.monotonic() - self._sought >= FIND_SECONDS:
            self._look()
        return self._kind

    def _look(self) -> None:
        self._sought = time.monotonic()
        self._kind = self.find()

    def message(self, raw: bytes, *, compressed: bool, flags: int | None = None) -> Message:
        """Decompress and decode one message. `flags`: of its envelope, if it has one."""
        content, problem = (raw, "") if not compressed else plain_of(raw, self.encoding)
        value = None
        kind = self.kind
        if content is not None and kind is not None and not self.json:
            value = parse(kind, content)
            if value is None:
                problem = f"not a {kind.DESCRIPTOR.full_name}"
        return Message(
            type_name=kind.DESCRIPTOR.full_name if kind else "",
            flags=flags,
            compressed=compressed,
            wire_length=len(raw),
            content=content,
            value=value,
            json=self.json,
            problem=problem,
        )


@dataclass(slots=True)
class Envelopes:
    """Length-prefixed messages: gRPC, gRPC-Web and Connect streams.

    After a hole it waits for a run of bytes that is a run of whole envelopes; since
    most senders begin a DATA frame with a message, that is soon.
    """

    content: Content
    last: Part | None = None
    """What an envelope that is no message holds in this protocol."""
    _buffer: bytearray = field(default_factory=bytearray)
    _skip: int = 0
    lost: bool = False

    def feed(self, content: bytes) -> list[Message]:
        if self.lost:
            if not whole(content):
                return []
            self.lost = False
        if self._skip:
            skipped = min(self._skip, len(content))
            self._skip -= skipped
            content = content[skipped:]
        self._buffer += content
        buffer, position, size = self._buffer, 0, len(self._buffer)
        messages: list[Message] = []
        while size - position >= HEAD_BYTES:
            flags, length = head(buffer, position)
            after = position + HEAD_BYTES + length
            if length > MESSAGE_BYTES:
                self._skip = max(0, after - size)
                messages.append(
                    Message(
                        wire_length=length,
                        flags=flags,
                        compressed=bool(flags & COMPRESSED),
                        problem=f"a message of {length} bytes is too long to be decoded here",
                    )
                )
            elif after > size:
                break
            else:
                raw = bytes(memoryview(buffer)[position + HEAD_BYTES : after])
                messages.append(self._message(flags, raw))
            position = min(after, size)
        del buffer[:position]
        return messages

    def lose(self) -> None:
        self._buffer.clear()
        self._skip = 0
        self.lost = True

    def end(self) -> tuple[list[Message], str]:
        left, self._skip = len(self._buffer) or self._skip, 0
        self._buffer.clear()
        return [], "the body ends inside a message" if left and not self.lost else ""

    def _message(self, flags: int, raw: bytes) -> Message:
        if self.last is Part.TRAILERS and flags & 0x80:
            return trailers_message(raw, flags)
        if self.last is Part.END and flags & 0x02:
            plain, problem = (
                (raw, "") if not flags & COMPRESSED else plain_of(raw, self.content.encoding)
            )
            status = None if plain is None else status_of_connect(plain)
            return Message(
                part=Part.END,
                flags=flags,
                compressed=bool(flags & COMPRESSED),
                wire_length=len(raw),
                content=plain,
                json=True,
                status=status,
                problem=problem or ("" if status else "the end of the stream is not JSON"),
            )
        if flags & ~COMPRESSED:
            return Message(
                flags=flags,
                wire_length=len(raw),
                content=raw,
                problem=f"envelope flags 0x{flags:02x}: only 0 and 1 are known",
            )
        return self.content.message(raw, compressed=bool(flags), flags=flags)


@dataclass(slots=True)
class Base64Body:
    """gRPC-Web's text form: base64 around envelopes, padded wherever the sender flushed."""

    inner: Envelopes
    _text: TextReader = field(default_factory=TextReader)
    _broken: bool = False

    def feed(self, content: bytes) -> list[Message]:
        if self._broken:
            return []
        try:
            return self.inner.feed(self._text.feed(content))
        except TextInvalid:
            self._broken = True
            return [Message(problem="not base64")]

    def lose(self) -> None:
        # Where a group of four begins is not known any more.
        self._broken = True
        self.inner.lose()

    def end(self) -> tuple[list[Message], str]:
        messages, wrong = self.inner.end()
        if not wrong and not self._broken:
            try:
                self._text.end()
            except TextInvalid as error:
                wrong = str(error)
        return messages, wrong


@dataclass(slots=True)
class Whole:
    """A body that is one message: unary Connect, and its errors."""

    content: Content
    error: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _length: int = 0
    _lost: bool = False

    def feed(self, content: bytes) -> list[Message]:
        self._length += len(content)
        if self._length <= MESSAGE_BYTES:
            self._buffer += content
        return []

    def lose(self) -> None:
        self._lost = True

    def end(self) -> tuple[list[Message], str]:
        raw, self._buffer = bytes(self._buffer), bytearray()
        if self._lost:
            return [], ""
        if self._length > MESSAGE_BYTES:
            return [], f"a message of {self._length} bytes is too long to be decoded here"
        compressed = self.content.encoding not in ("", "identity")
        if not self.error:
            return [self.content.message(raw, compressed=compressed)], ""
        plain, problem = (raw, "") if not compressed else plain_of(raw, self.content.encoding)
        message = Message(
            part=Part.ERROR,
            wire_length=len(raw),
            content=plain,
            json=True,
            status=None if plain is None else status_of_connect(plain),
            problem=problem,
        )
        return [message], ""


class Opaque:
    """A body of no protocol that is known here."""

    def feed(self, content: bytes) -> list[Message]:  # noqa: ARG002 # as others are fed
        return []

    def lose(self) -> None:
        """It makes no difference."""

    def end(self) -> tuple[list[Message], str]:
        return [], ""


def plain_of(raw: bytes, encoding: str) -> tuple[bytes | None, str]:
    """What was compressed so, or None and why not."""
    if encoding in ("", "identity"):
        return raw, "" if encoding else "compressed, but no encoding was named"
    try:
        return decompressed(raw, encoding, MESSAGE_BYTES), ""
    except KeyError:
        return None, f"compressed with {encoding}, which is not known here"
    except MessageTooLong:
        return None, f"more than {MESSAGE_BYTES} bytes when decompressed"
    except CompressionInvalid as error:
        if error.problem == INCOMPLETE:
            return None, f"incomplete {encoding}"
        return None, f"not valid {encoding}: {error.problem}"


def trailers_message(raw: bytes, flags: int) -> Message:
    """The trailers of gRPC-Web, written as HTTP/1.1 header fields."""
    lines = raw.decode("utf-8", "surrogateescape").split("\r\n")
    pairs = [
        (name.strip(), value.strip()) for name, _, value in (li.partition(":") for li in lines)
    ]
    status = status_of_trailers(pairs)
    return Message(
        part=Part.TRAILERS,
        flags=flags,
        wire_length=len(raw),
        content=raw,
        status=status,
        problem="" if status else "trailers without grpc-status",
    )

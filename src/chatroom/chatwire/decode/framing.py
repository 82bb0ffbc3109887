"""Cuts a direction of an HTTP/2 connection into frames, also after a hole."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.quick import quick

HEADER = struct.Struct(">HBBBL")
HEADER_BYTES = 9
FRAME_BYTES = 4 << 20
"""Payload that is kept to be decoded; frames that say they are longer are only counted.
A frame may have up to 16 MiB, and senders use 16 KiB unless told otherwise. grpcio asks for
4 MiB."""
SEARCH_BYTES = 256 * 1024
"""How far a frame boundary is looked for after a hole, before decoding is given up."""
CHAIN = 3
"""Plausible frames in a row that make a boundary. Each must pass the checks of
`plausible`, which random bytes do about once in 10^5."""

KINDS = {
    0: Kind.DATA,
    1: Kind.HEADERS,
    2: Kind.PRIORITY,
    3: Kind.RST_STREAM,
    4: Kind.SETTINGS,
    5: Kind.PUSH_PROMISE,
    6: Kind.PING,
    7: Kind.GOAWAY,
    8: Kind.WINDOW_UPDATE,
    9: Kind.CONTINUATION,
}
FLAGS: dict[Kind, dict[int, str]] = {
    Kind.DATA: {0x1: "END_STREAM", 0x8: "PADDED"},
    Kind.HEADERS: {0x1: "END_STREAM", 0x4: "END_HEADERS", 0x8: "PADDED", 0x20: "PRIORITY"},
    Kind.SETTINGS: {0x1: "ACK"},
    Kind.PUSH_PROMISE: {0x4: "END_HEADERS", 0x8: "PADDED"},
    Kind.PING: {0x1: "ACK"},
    Kind.CONTINUATION: {0x4: "END_HEADERS"},
}
FIXED_LENGTH = {Kind.PRIORITY: 5, Kind.RST_STREAM: 4, Kind.PING: 8, Kind.WINDOW_UPDATE: 4}
ON_A_STREAM = {
    Kind.DATA, Kind.HEADERS, Kind.PRIORITY, Kind.RST_STREAM, Kind.PUSH_PROMISE, Kind.CONTINUATION,
}  # fmt: skip
ON_THE_CONNECTION = {Kind.SETTINGS, Kind.PING, Kind.GOAWAY}


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class RawFrame:
    """A frame header (RFC 9113, section 4.1) and its payload."""

    kind: Kind
    type: int
    flag_bits: int
    stream: int
    reserved: bool
    length: int
    payload: bytes | None
    """None if it is too long to be kept, or a part of it is missing."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the flags; those without one as their bit, such as 0x40."""
        return flag_names(self.kind, self.flag_bits)


@cache
def flag_names(kind: Kind, bits: int) -> tuple[str, ...]:
    """Names of the flags of a frame of this kind."""
    names = FLAGS.get(kind, {})
    set_ = (1 << place for place in range(8) if bits & 1 << place)
    return tuple(names.get(bit, f"0x{bit:x}") for bit in set_)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Bytes between a hole and the frame boundary that was found after it, or given up."""

    count: int
    found: bool


@dataclass(slots=True)
class Splitter:
    """Takes bytes however they are cut, and gives frames.

    `synchronised` is false from a hole until a boundary is found. It holds at most
    FRAME_BYTES and what it was last fed.
    """

    synchronised: bool = True
    frame_limit: int = 16384
    """The longest frame that is plausible: SETTINGS_MAX_FRAME_SIZE of the receiver."""
    given_up: bool = False
    """Whether no boundary was found in SEARCH_BYTES: what comes now is only counted."""
    undecoded: int = 0
    """Bytes that belong to no frame that was found."""
    _buffer: bytearray = field(default_factory=bytearray)
    _skip: int = 0
    _searched: int = 0
    """Bytes since the hole in which no boundary begins."""

    @property
    def owed(self) -> int:
        """Bytes of a frame that was already told, still to come."""
        return self._skip

    def feed(self, content: bytes) -> list[RawFrame | Skipped]:
        """The frames completed by these bytes."""
        if self._skip:
            skipped = min(self._skip, len(content))
            self._skip -= skipped
            content = content[skipped:]
        self._buffer += content
        found: list[RawFrame | Skipped] = []
        if not self.synchronised and not self._search(found, final=False):
            return found
        self._cut(found)
        return found

    def lose(self, count: int | None) -> list[RawFrame | Skipped]:
        """So many bytes are missing here; the frame that was cut, if its header is known."""
        found: list[RawFrame | Skipped] = []
        if not self.synchronised:
            if not self._search(found, final=True):
                return found
            self._cut(found)
        if self._skip and count is not None and count <= self._skip:
            self._skip -= count
            return found
        frame = self._header() if not self._skip else None
        missing = frame.length + HEADER_BYTES - len(self._buffer) if frame else 0
        self._skip = 0
        if frame is not None:
            found.append(frame)
        elif self._buffer:
            found.append(self._skipped(len(self._buffer), found=False))
        self._buffer.clear()
        if frame and count is not None and count <= missing:
            self._skip = missing - count
        else:
            self.synchronised = False
        return found

    def end(self) -> tuple[list[RawFrame | Skipped], int, RawFrame | None]:
        """Nothing more will come: last frames, the bytes left over, the frame they begin."""
        found: list[RawFrame | Skipped] = []
        if not self.synchronised:
            if not self._search(found, final=True):
                return found, 0, None
            self._cut(found)
        left, self._skip = len(self._buffer), 0
        frame = self._header()
        self._buffer.clear()
        self.undecoded += left
        return found, left, frame

    def why(self, skipped: Skipped) -> str:
        """What to say of bytes that belong to no frame."""
        if skipped.found:
            return "skipped up to the next frame boundary"
        if self.given_up:
            return "no frame boundary was found after the hole: from here on undecoded"
        return "no frame boundary among these bytes"

    def _skipped(self, count: int, *, found: bool) -> Skipped:
        self.undecoded += count
        return Skipped(count=count, found=found)

    def _header(self) -> RawFrame | None:
        return header_at(self._buffer, 0) if len(self._buffer) >= HEADER_BYTES else None

    def _cut(self, found: list[RawFrame | Skipped]) -> None:
        buffer, position, size = self._buffer, 0, len(self._buffer)
        while size - position >= HEADER_BYTES:
            high, low, type_, flags, stream = HEADER.unpack_from(buffer, position)
            length = high << 8 | low
            after = position + HEADER_BYTES + length
            payload = None
            if length > FRAME_BYTES:
                self._skip = max(0, after - size)
            elif after > size:
                break
            else:
                payload = bytes(memoryview(buffer)[position + HEADER_BYTES : after])
            found.append(
                RawFrame(
                    kind=KINDS.get(type_, Kind.UNKNOWN),
                    type=type_,
                    flag_bits=flags,
                    stream=stream & 0x7FFFFFFF,
                    reserved=bool(stream >> 31),
                    length=length,
                    payload=payload,
                )
            )
            position = min(after, size)
        del buffer[:position]

    def _search(self, found: list[RawFrame | Skipped], *, final: bool) -> bool:
        """Drop what is before the first plausible frame boundary; whether there is one yet."""
        buffer = self._buffer
        if self.given_up:
            self.undecoded += len(buffer)
            buffer.clear()
            return False
        start = 0
        while len(buffer) - start >= HEADER_BYTES:
            verdict = self._chain(start, final=final)
            if verdict:
                self._searched += start
                del buffer[:start]
                if self._searched:
                    found.append(self._skipped(self._searched, found=True))
                self._searched = 0
                self.synchronised = True
                return True
            if verdict is None and len(buffer) - start <= FRAME_BYTES:
                break  # everything fits so far; what decides is still to come
            start += 1
        del buffer[:start]
        self._searched += start
        if final or self._searched > SEARCH_BYTES:
            self.given_up = not final
            if count := self._searched + len(buffer):
                found.append(self._skipped(count, found=False))
            self._searched = 0
            buffer.clear()
        return False

    def _chain(self, start: int, *, final: bool) -> bool | None:
        """Whether a run of plausible frames begins at `start`; None: more bytes are needed."""
        position, size = start, len(self._buffer)
        for number in range(CHAIN):
            if size - position < HEADER_BYTES:
                # A run that ends exactly where the bytes do is as good as one more frame.
                exact = position == size and number > 0
                return (exact or number > 1) if final else (True if exact else None)
            frame = header_at(self._buffer, position)
            if not plausible(frame, self.frame_limit):
                return False
            position += HEADER_BYTES + frame.length
        return True


def header_at(buffer: bytearray, position: int) -> RawFrame:
    """The frame header there, without the payload."""
    high, low, type_, flags, stream = HEADER.unpack_from(buffer, position)
    return RawFrame(
        kind=KINDS.get(type_, Kind.UNKNOWN),
        type=type_,
        flag_bits=flags,
        stream=stream & 0x7FFFFFFF,
        reserved=bool(stream >> 31),
        length=high << 8 | low,
        payload=None,
    )


def plausible(frame: RawFrame, frame_limit: int) -> bool:
    """Whether a well-behaved sender may have sent a frame with this header."""
    kind = frame.kind
    if kind is Kind.UNKNOWN or frame.reserved or frame.length > frame_limit:
        return False
    if frame.flag_bits & ~sum(FLAGS.get(kind, {})):
        return False
    if frame.length != FIXED_LENGTH.get(kind, frame.length):
        return False
    if kind is Kind.DATA and not frame.length and not frame.flag_bits:
        return False  # nothing forbids it, but it says nothing, and nine noughts are soon found
    if kind is Kind.SETTINGS and (frame.length % 6 or (frame.flag_bits and frame.length)):
        return False
    if kind is Kind.GOAWAY and frame.length < 8:
        return False
    if kind in ON_A_STREAM:
        return frame.stream > 0
    return frame.stream == 0 or kind not in ON_THE_CONNECTION

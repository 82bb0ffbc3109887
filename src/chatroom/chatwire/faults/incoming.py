"""What has come of one side of an HTTP/2 connection and is not whole yet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import (
    END_HEADERS,
    END_STREAM,
    HEADER_BYTES,
    LARGEST_WINDOW,
    Kind,
    unpack_word,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from chatroom.chatwire.faults.streams import Streams

UPDATE = 4 << 8 | Kind.WINDOW_UPDATE
"""Length and kind of WINDOW_UPDATE, as `unpack_word` gives them."""
BLOCK_BYTES = 1 << 20
"""Of a header block in parts; of a longer one the rest of its direction passes as it is."""


@dataclass(slots=True)
class Incoming:
    """Bytes of a side that are no whole frame yet, and what it has not answered."""

    begun: bool = False
    """Whether SETTINGS of this side have been passed on: it may be sent, and speak, frames."""
    settings: deque[tuple[bool, dict[int, int]]] = field(default_factory=deque)
    """Those that this side was sent and has not acknowledged; True: they are the tap's."""
    pings: list[bytes] = field(default_factory=list)
    """The tap's own, not answered yet."""
    blind: bool = False
    """From here on bytes only pass."""
    block: list[bytes] = field(default_factory=list)
    """Frames of a header block that is not whole."""
    _block_bytes: int = 0
    _parts: list[bytes] = field(default_factory=list)
    _have: int = 0
    _need: int = 0

    @property
    def between(self) -> bool:
        """Whether what comes next begins a frame, and that frame may be any."""
        return not (self._parts or self.block or self.blind)

    @property
    def plain(self) -> bool:
        """Whether this side owes the tap no answer, and is in no header block."""
        own = self.pings or any(mine for mine, _ in self.settings)
        return self.begun and not (self.block or self.blind or own)

    def joined(self, content: bytes) -> bytes | None:
        """These bytes behind those that were kept; None: they are still no frame."""
        if not self._parts:
            return content
        self._parts.append(content)
        self._have += len(content)
        if self._have < self._need:
            return None
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole

    def keep(self, rest: bytes) -> None:
        """Bytes that begin a frame and do not end it."""
        known = len(rest) >= HEADER_BYTES
        self._parts = [rest]
        self._have = len(rest)
        self._need = HEADER_BYTES + (int.from_bytes(rest[:3], "big") if known else 0)

    def rest(self) -> bytes:
        """What was kept, and is no more: a header block that is not whole too."""
        rest = b"".join([*self.block, *self._parts])
        self.block, self._parts = [], []
        return rest

    def part_of_block(self, kind: int, flags: int, raw: bytes) -> list[bytes]:
        """A frame of a header block, or what came instead; all frames, once it is whole."""
        self.block.append(raw)
        self._block_bytes += len(raw)
        broken = len(self.block) > 1 and kind != Kind.CONTINUATION
        if not broken and not flags & END_HEADERS and self._block_bytes < BLOCK_BYTES:
            return []
        parts, self.block, self._block_bytes = self.block, [], 0
        return parts


def passable(
    content: bytes,
    begin: int,
    room: int,
    lanes: Collection[int],
    streams: Streams,
    *,
    pings: bool,
    granting: bool,
) -> tuple[int, int, int]:
    """Up to where whole frames may pass as they are; bytes of DATA in them; window granted.

    That is DATA of streams on which nothing is done, within the connection's `room`, and, if
    told, PING, and WINDOW_UPDATE of all streams; what is granted is the connection's. Every
    byte comes by here, so it looks at little.
    """
    over, ended = streams.over, streams.ended
    at, left, size = begin, room, len(content)
    granted = 0
    if streams.plain and not (begin or lanes):  # most reads are nothing but DATA
        rest, used = skimmed((content,), room)
        at, left = size - rest, room - used
    while size - at >= HEADER_BYTES:
        word, flags, stream = unpack_word(content, at)
        end = at + HEADER_BYTES + (word >> 8)
        if end > size:
            break
        if not word & 0xFF:  # DATA
            flow = word >> 8
            if flow > left or stream in lanes or stream in over:
                break
            if flags & END_STREAM and stream in ended:
                break
            left -= flow
        elif word == UPDATE and granting and stream not in over:
            if not stream:
                granted += int.from_bytes(content[end - 4 : end], "big") & LARGEST_WINDOW
        elif word & 0xFF != Kind.PING or not pings:
            break
        at = end
    return at, room - left, granted


def skimmed(chunks: Sequence[bytes], room: int) -> tuple[int, int]:
    """How many bytes are left behind whole frames of DATA, from the first on; how many of DATA.

    They begin at the border of a frame, nothing is done on any stream, and the connection has
    `room`. As `passable`, but that nothing has to be joined, and less is looked at.
    """
    total = sum(map(len, chunks))
    at = begin = used = 0
    for chunk in chunks:
        end = begin + len(chunk)
        while at <= end - HEADER_BYTES:
            word = unpack_word(chunk, at - begin)[0]
            size = word >> 8
            used += size
            following = at + HEADER_BYTES + size
            if word & 0xFF or following > total or used > room:  # no DATA, not whole, too much
                return total - at, used - size
            at = following
        if at < end:  # the head of a frame is in two chunks
            break
        begin = end
    return total - at, used


def ending(chunks: Sequence[bytes], count: int) -> bytes:
    """The last bytes of these, so many."""
    parts: list[bytes] = []
    for chunk in reversed(chunks):
        parts.append(chunk[-count:])
        count -= len(chunk)
        if count <= 0:
            break
    return b"".join(reversed(parts))


def missing_bytes(content: bytes) -> int:
    """How many bytes are missing of the frame that begins there; 0: none, it is whole."""
    if len(content) < HEADER_BYTES:
        return HEADER_BYTES - len(content)
    return max(HEADER_BYTES + int.from_bytes(content[:3], "big") - len(content), 0)


def payload_of(parts: list[bytes]) -> bytes | None:
    """The header block in these frames; None where they are none."""
    first, flags = parts[0], parts[0][4]
    if not parts[-1][4] & END_HEADERS or any(one[3] != Kind.CONTINUATION for one in parts[1:]):
        return None
    try:
        payload = frames.unpadded(flags, first[HEADER_BYTES:])
    except frames.ConnectionFault:
        return None
    if first[3] == Kind.PUSH_PROMISE:
        payload = payload[4:]
    elif flags & frames.PRIORITY:
        payload = payload[5:]
    return payload + b"".join(one[HEADER_BYTES:] for one in parts[1:])


def settings_in(raw: bytes) -> dict[int, int]:
    """The values of SETTINGS, the last of each; what is torn is for the receiver to refuse."""
    payload = raw[HEADER_BYTES:]
    return dict(frames.settings_of(payload[: len(payload) // 6 * 6]))

"""Header blocks of one direction, in the order in which they came (HPACK, RFC 7541).

A block changes the receiver's table, so each must reach it, and in order. As long as that is
so, blocks pass as they are. From the first that is altered, kept back behind others or not
passed at all, the tap writes them itself: static fields or literals that are never indexed by
it, behind a table of size 0. Blocks that the tap invents are such literals, and change no table
(docs/decisions/0043-faults.md).
"""

from __future__ import annotations

from collections.abc import Iterable

from hpack import Decoder, NeverIndexedHeaderTuple
from hpack.exceptions import HPACKError

from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import DEFAULT_TABLE_BYTES, HEADER_BYTES, Kind
from chatroom.wire.http2.headers import encode, never_indexed, table_update

Fields = list[tuple[bytes, bytes]]

LIST_BYTES = 1 << 20
"""Of a header list that is decoded here; a longer one makes the direction unreadable."""
TABLE_BYTES = 1 << 20
"""Of the table that an endpoint may ask for, likewise."""


class Blocks:
    """What is known of a direction's compression, on both sides of the tap."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=LIST_BYTES)
        self._decoder.max_allowed_table_size = TABLE_BYTES
        self.unreadable = False
        """A block could not be decoded: from here on all pass as they are."""
        self._own = False
        self._emptied = False
        self._table = DEFAULT_TABLE_BYTES
        """The largest table of the receiver, as the sender knows it."""
        self._shrunk = False
        """The next block must begin with an update of its size (7541, 4.2)."""

    @property
    def table(self) -> int:
        """Bytes of the largest table that the receiver has agreed to."""
        return self._table

    @property
    def own(self) -> bool:
        """Whether the tap writes all blocks of this direction."""
        return self._own

    def take_over(self) -> None:
        """A block will not reach the receiver as it is, or not in order."""
        self._own = True

    def agreed(self, table: int) -> None:
        """The sender has acknowledged the receiver's SETTINGS_HEADER_TABLE_SIZE."""
        self._shrunk = self._shrunk or table < self._table
        self._table = table

    def read(self, block: bytes) -> Fields | None:
        """The fields of the next block that came; None once one could not be read."""
        if self.unreadable:
            return None
        try:
            return [*self._decoder.decode(block, raw=True)]
        except (HPACKError, ValueError, IndexError):  # IndexError: a block cut short
            self.unreadable = True
            return None

    def passed(self) -> None:
        """A block of the sender's goes to the receiver as it is."""
        self._shrunk = False

    def written(self, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
        """These fields, as the tap writes them; it must be sent next."""
        parts = [
            never_indexed(*field) if isinstance(field, NeverIndexedHeaderTuple) else encode([field])
            for field in fields
        ]
        if self._own and not self._emptied:
            self._emptied, self._shrunk = True, False
            parts.insert(0, table_update(0))
        elif self._shrunk and not self._own:
            # The sender's own next block says so once more; its table has shrunk already.
            parts.insert(0, table_update(self._table))
            self._shrunk = False
        return b"".join(parts)


def rewritten(raw: bytes, stream: int, block: bytes, end: bool) -> bytes:
    """The frames of a header block with another block in them, without priority and padding."""
    if raw[3:4] == bytes([Kind.PUSH_PROMISE]):
        padded = bool(raw[4] & frames.PADDED)
        promised = raw[HEADER_BYTES + padded : HEADER_BYTES + padded + 4]
        # A block of more than a frame: nobody pushes such requests, and gRPC pushes nothing.
        return frames.frame(Kind.PUSH_PROMISE, frames.END_HEADERS, stream, promised + block)
    return frames.headers(stream, block, end=end)

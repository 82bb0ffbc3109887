"""Header blocks of one direction: put together from their frames, and HPACK decoded."""

from __future__ import annotations

from dataclasses import dataclass, field

from hpack import Decoder, HPACKError, NeverIndexedHeaderTuple

from chatroom.chatwire.decode.records import Field

BLOCK_BYTES = 64 * 1024
"""A header block; CONTINUATION would let it grow without end (CVE-2024-27316)."""
LIST_BYTES = 256 * 1024
"""Its fields: a few bytes of HPACK can stand for many."""
TABLE_BYTES = 64 * 1024
"""The largest dynamic table that is followed."""
DEFAULT_TABLE = 4096
UNACKNOWLEDGED = 32
"""SETTINGS that wait for their acknowledgement; of more, the oldest are forgotten."""

UNKNOWN_NAME = b"(unknown)"
"""Stands where a field refers to an entry that was made before the tap could see it; no
header has such a name, since parentheses are not allowed in one."""
_UNKNOWN_BYTES = 32 + len(UNKNOWN_NAME)


@dataclass(frozen=True, slots=True)
class Undecodable(Exception):
    """A block cannot be decoded. `sentence` says why where that has not been said before."""

    sentence: str
    block: bytes


@dataclass(slots=True)
class Compression:
    """The HPACK state that the receiver of this direction has, as far as it can be known."""

    _decoder: Decoder = field(default_factory=lambda: Decoder(LIST_BYTES))
    _limits: list[int] = field(default_factory=lambda: [DEFAULT_TABLE])
    """Table sizes the receiver allows: the one in force, then those not yet acknowledged."""
    _broken: bool = False
    _forgotten: bool = False

    def forget(self) -> None:
        """Bytes are missing: entries made so far are unknown, those made from now on are not.

        An index counts from the newest entry, and when an entry goes depends only on those
        after it. So a table full of placeholders gives each later entry its true index.
        """
        self._forgotten = True
        self._limits = [TABLE_BYTES]

    def allow(self, table_bytes: int | None) -> None:
        """The receiver has sent SETTINGS, with this HEADER_TABLE_SIZE if with any."""
        limit = self._limits[-1] if table_bytes is None else min(table_bytes, TABLE_BYTES)
        self._limits.append(limit)
        del self._limits[1:-UNACKNOWLEDGED]
        self._decoder.max_allowed_table_size = max(self._limits)

    def acknowledged(self) -> None:
        """The sender of this direction has acknowledged one such announcement."""
        if len(self._limits) > 1:
            del self._limits[0]
            self._decoder.max_allowed_table_size = max(self._limits)

    def decode(self, block: bytes) -> tuple[Field, ...]:
        """The fields. Raises Undecodable, and after that for every block."""
        if self._broken:
            raise Undecodable("", block)
        if self._forgotten:
            self._forgotten = False
            self._decoder = decoder_of_unknown_entries()
        try:
            decoded = self._decoder.decode(block, raw=True)
        except HPACKError as error:
            raise self.fail(f"HPACK: {error}", block) from None
        return tuple(
            Field(
                name=_text(pair[0]),
                value=_text(pair[1]),
                never_indexed=isinstance(pair, NeverIndexedHeaderTuple),
            )
            for pair in decoded
        )

    def fail(self, sentence: str, block: bytes) -> Undecodable:
        """The compression state is lost for good; the reason is given once."""
        said, self._broken = self._broken, True
        after = "; header fields of this direction are undecodable from here on"
        return Undecodable("" if said else sentence + after, block)


@dataclass(slots=True)
class Block:
    """A header block whose last frame has not come yet."""

    stream: int
    content: bytearray
    ends_stream: bool
    promised: int | None
    too_long: bool = False

    def add(self, content: bytes) -> None:
        """Append the part that one more frame brings, as long as it is not too long."""
        if len(self.content) + len(content) > BLOCK_BYTES:
            self.too_long = True
        else:
            self.content += content


def decoder_of_unknown_entries() -> Decoder:
    """A decoder whose table is full of placeholders."""
    decoder = Decoder(LIST_BYTES)
    decoder.max_allowed_table_size = TABLE_BYTES
    decoder.header_table_size = TABLE_BYTES
    for _ in range(TABLE_BYTES // _UNKNOWN_BYTES):
        decoder.header_table.add(UNKNOWN_NAME, b"")
    return decoder


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")

"""Rows of entries found page by page, where the way to their pages is lost.

What SQLite's shell does for `.recover`. The form of pages, cells and records is that of
https://www.sqlite.org/fileformat.html, sections 1.6 and 2.1; numbers are big-endian. Blocks
are in a table b-tree: in its leaves alone. The rows of before were in a table WITHOUT ROWID,
which is an index b-tree: they are in interior pages as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_INTERIOR, _LEAF, _TABLE_LEAF = 2, 10, 13
PAGE_BYTES = 4096
"""Of our files."""
_FEWEST_COLUMNS = 5
"""Of a row of `block`; one of `entry` has six or more, an index four at most."""
_COLUMNS = 8
_MOST_BYTES = 1 << 20
"""Of a row: more is a length that is damaged."""
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer by its serial type."""


def rows_in_pages(path: Path) -> Iterator[tuple[object, ...]]:
    """What may be rows of blocks, or of entries as they were before; in no order.

    Whoever takes them checks their checksums. Of a blob of which a part cannot be read what is
    missing is zeros.
    Pages that are free now have rows as well that were deleted. The file has no log.
    """
    with path.open("rb") as file:
        header = file.read(100)
        size = int.from_bytes(header[16:18], "big")
        size = 65_536 if size == 1 else size
        if size < 512:
            return
        pages = _Pages(path, size, size - header[20])
        file.seek(0)
        while len(page := file.read(size)) == size:
            for payload in pages.payloads(page):
                row = _record(payload)
                if row is not None:
                    yield row


class _Pages:
    """The pages of a file, and what continues from one to the next."""

    def __init__(self, path: Path, size: int, usable: int) -> None:
        self._path = path
        self._size = size
        self._usable = usable

    def payloads(self, page: bytes) -> Iterator[bytes]:
        """Of all cells of a page that may have rows; of another one nothing, or nonsense."""
        if page[0] not in (_INTERIOR, _LEAF, _TABLE_LEAF):
            return
        first, child = (12, 4) if page[0] == _INTERIOR else (8, 0)
        (count,) = struct.unpack_from(">H", page, 3)
        if first + 2 * count > len(page):
            return
        for (at,) in struct.iter_unpack(">H", page[first : first + 2 * count]):
            payload = self._payload(page, at + child, in_table=page[0] == _TABLE_LEAF)
            if payload is not None:
                yield payload

    def _payload(self, page: bytes, at: int, *, in_table: bool) -> bytes | None:
        length, at = _varint(page, at)
        most = (self._usable - 12) * 64 // 255 - 23
        if in_table:
            most = self._usable - 35
            _, at = _varint(page, at)  # the row's number
        local = length
        if length > most:
            least = (self._usable - 12) * 32 // 255 - 23
            local = least + (length - least) % (self._usable - 4)
            local = local if local <= most else least
        payload = page[at : at + local]
        if length == local:
            return payload if len(payload) == length else None
        (following,) = struct.unpack(">I", page[at + local : at + local + 4].rjust(4, b"\0"))
        return self._overflow(payload, length, following)

    def _overflow(self, payload: bytes, length: int, following: int) -> bytes | None:
        """A payload with what stands on pages of its own, as far as they are there."""
        if length > _MOST_BYTES:
            return None
        with self._path.open("rb") as file:
            while len(payload) < length:
                file.seek((following - 1) * self._size if following else 0)
                page = file.read(self._usable)
                if not following or len(page) < self._usable:
                    return payload.ljust(length, b"\0")
                (following,) = struct.unpack_from(">I", page)
                payload += page[4 : 4 + length - len(payload)]
        return payload


def _varint(octets: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and what is behind it (1.6, "varint")."""
    value = 0
    for count, octet in enumerate(octets[at : at + 9], 1):
        if count == 9:
            return value << 8 | octet, at + 9
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            return value, at + count
    return 0, len(octets)


def _record(payload: bytes) -> tuple[object, ...] | None:
    """The columns of a record that may be an entry's; those it ends before are None."""
    header, at = _varint(payload, 0)
    columns: list[object] = []
    place = header
    while at < header and len(columns) < _COLUMNS:
        serial, at = _varint(payload, at)
        if serial >= 12:
            length = (serial - 12) // 2
            value: object = payload[place : place + length]
            if serial % 2:
                value = payload[place : place + length].decode(errors="surrogateescape")
        elif serial in (0, 8, 9):
            length, value = 0, None if serial == 0 else serial - 8
        elif serial in _INTEGERS:
            length = _INTEGERS[serial]
            value = int.from_bytes(payload[place : place + length], "big", signed=True)
        else:
            return None
        columns.append(value)
        place += length
    if at != header or place != len(payload) or len(columns) < _FEWEST_COLUMNS:
        return None
    return (*columns, *[None] * (_COLUMNS - len(columns)))

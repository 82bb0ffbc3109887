"""Pages of a log, in pieces that are bounded in rows and in bytes."""

from __future__ import annotations

from chatroom.core.entry import Entry, Kind
from chatroom.journal.memory import bounded

from .connecting import Connection
from .rows import entry

PAGE_ROWS = 1_000
_MOST = (1 << 63) - 1
"""Above every sequence, as a number of PostgreSQL's."""

_PAGE = """
SELECT sequence, sent, kind, author, envelope FROM (
  SELECT page.*, sum(octet_length(envelope)) OVER (ORDER BY sequence {order})
    - octet_length(envelope) AS before FROM (
      SELECT sequence, sent, kind, author, envelope FROM chatroom.entry
        WHERE room = $1 AND sequence {beyond} $2 ORDER BY sequence {order} LIMIT $3) AS page
  ) AS summed WHERE before < $4 ORDER BY sequence {order}
"""
"""The database reads so many rows, and sends those of them that the bytes allow."""
_UPWARDS = _PAGE.format(order="ASC", beyond=">")
_DOWNWARDS = _PAGE.format(order="DESC", beyond="<")

_SAID_BEFORE = f"""
SELECT min(sequence) FROM (
  SELECT sequence FROM chatroom.entry WHERE room = $1 AND sequence < $2 AND kind = {Kind.SAID:d}
    ORDER BY sequence DESC LIMIT $3) AS said
"""


async def read(
    connection: Connection, key: int, after: int, entries: int, size: int
) -> list[Entry]:
    """See `Journal.read`."""
    return await _pages(connection, _UPWARDS, key, after, entries, size)


async def read_before(
    connection: Connection, key: int, before: int, entries: int, size: int
) -> list[Entry]:
    """See `Journal.read_before`."""
    return (await _pages(connection, _DOWNWARDS, key, before, entries, size))[::-1]


async def _pages(
    connection: Connection, sql: str, key: int, at: int, entries: int, size: int
) -> list[Entry]:
    found: list[Entry] = []
    left = max(size, 1)
    while entries > 0:
        rows = min(entries, PAGE_ROWS)
        page = [entry(row) for row in await connection.fetch(sql, key, min(at, _MOST), rows, left)]
        found += page
        left -= sum([len(each.envelope) for each in page])
        entries -= len(page)
        if len(page) < rows or left <= 0:
            break
        at = page[-1].sequence
    return bounded(found, size)


async def said_before(connection: Connection, key: int, before: int, count: int) -> int:
    """See `Journal.said_before`."""
    found = await connection.fetchval(_SAID_BEFORE, key, min(before, _MOST), min(count, _MOST))
    return before if found is None else int(found)

"""Searches, and the index that tells what they need not read.

The text of a message decides whether it is found, as in every journal. A *passage* is a run of
128 sequences of a room. Once all of them are there a task keeps the hashes of all their words,
with a GIN index over them: a search asks it which passages may have all of its words. Those are
read, and what has no passage yet: the newest entries. The hash of a word is another one in each
room.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import blake2b

from chatroom.core.entry import Entry, Kind
from chatroom.core.query import Query, terms_of
from chatroom.journal.port import Found, JournalError, Spoken

from .connecting import Connection, Connections
from .rows import entry

_BITS = 7
_IDLE_SECONDS = 5.0
"""Between looks at what is to be indexed."""
_BETWEEN_SECONDS = 0.02
"""Between two passages: each takes the event loop a millisecond or two."""
_AT_ONCE = 1 << _BITS
_MOST = (1 << 63) - 1

_SAID = f"""
SELECT sequence, sent, kind, author, envelope FROM chatroom.entry
  WHERE room = $1 AND sequence >= $2 AND sequence < $3 AND kind = {Kind.SAID:d}
  ORDER BY sequence DESC
"""
_INDEXED = """
SELECT r.oldest, r.newest, (SELECT min(number) FROM chatroom.passage WHERE room = $1) AS first,
  (SELECT max(number) FROM chatroom.passage WHERE room = $1) AS last
  FROM chatroom.room r WHERE r.key = $1
"""
_MAY_HAVE = """
WITH hits AS MATERIALIZED (
  SELECT room, number FROM chatroom.passage WHERE terms @> $2::int8[]
)
SELECT number FROM hits WHERE room = $1 AND number <= $3
UNION SELECT number FROM chatroom.passage WHERE room = $1 AND terms IS NULL AND number <= $3
ORDER BY number DESC LIMIT 2000
"""
_STALE = """
SELECT number FROM chatroom.passage WHERE room = $1 AND terms IS NULL ORDER BY number LIMIT 1
"""
_STORE = """
INSERT INTO chatroom.passage (room, number, terms)
  SELECT $1::int8, $2::int8, $3::int8[] FROM chatroom.server WHERE withdrawn = $4 FOR SHARE
  ON CONFLICT (room, number) DO UPDATE SET terms = excluded.terms
"""
"""Unless something was withdrawn since it was read."""
_BYTES = "SELECT coalesce(sum(8 * cardinality(terms) + 64), 0)::int8 FROM chatroom.passage"
_TRIMMED = "DELETE FROM chatroom.passage WHERE room = $1 AND number < $2"
FORGET = "UPDATE chatroom.passage SET terms = NULL WHERE room = $1 AND number = $2"
"""What was said in a passage; in the transaction in which a message is withdrawn."""


def number_of(sequence: int) -> int:
    """The passage that a sequence is in."""
    return sequence >> _BITS


def _hashes(key: int, terms: Iterable[str]) -> list[int]:
    salt = key.to_bytes(8, "big")
    return [
        int.from_bytes(
            blake2b(term.encode(), digest_size=8, salt=salt).digest(), "big", signed=True
        )
        for term in sorted(set(terms))
    ]


class Searches:
    """All searches of a journal, and its index."""

    def __init__(self, connections: Connections, spoken: Spoken) -> None:
        self._connections = connections
        self._spoken = spoken
        self._grown: set[int] = set()
        """Rooms that may have something to index."""
        self._indexing: asyncio.Task[None] | None = None
        self.bytes = 0
        """See `Journal.index_bytes`."""

    async def search(self, key: int, query: Query, before: int, count: int) -> Found:
        """See `Journal.search`; each piece is a query of its own."""
        found: list[Entry] = []
        if count > 0:
            row = await self._connections.do(lambda c: c.fetchrow(_INDEXED, key))
            if row is not None:
                terms = _hashes(key, query.terms)
                below = min(before, row["newest"] + 1)
                first, last = row["first"], row["last"]
                if last is None:
                    first = last = -1
                elif below > (last + 1) * _AT_ONCE:
                    self._grown.add(key)
                for number in _numbers(below - 1, max(last + 1, number_of(row["oldest"]))):
                    await self._look(key, query, number, below, found)
                    if len(found) > count:
                        break
                while len(found) <= count and last >= 0:
                    numbers = await self._may_have(key, terms, min(last, number_of(below - 1)))
                    for number in numbers:
                        await self._look(key, query, number, below, found)
                        if len(found) > count:
                            break
                    if len(numbers) < 2_000:
                        break
                    last = numbers[-1] - 1
                for number in _numbers(min(first * _AT_ONCE, below) - 1, number_of(row["oldest"])):
                    if len(found) > count:
                        break
                    await self._look(key, query, number, below, found)
        return Found(found[:count], more=len(found) > count)

    async def _may_have(self, key: int, terms: list[int], most: int) -> list[int]:
        rows = await self._connections.do(lambda c: c.fetch(_MAY_HAVE, key, terms, most))
        return [row["number"] for row in rows]

    async def _look(
        self, key: int, query: Query, number: int, below: int, found: list[Entry]
    ) -> None:
        begin = number << _BITS
        end = min(begin + _AT_ONCE, below)
        rows = await self._connections.do(lambda c: c.fetch(_SAID, key, begin, end))
        finds, spoken = query.finds, self._spoken
        found += [entry(row) for row in rows if finds(*spoken(row["envelope"]))]

    # ---- The index -------------------------------------------------------------------

    def begin(self) -> None:
        """Index by and by what has grown."""
        self._indexing = asyncio.create_task(self._run(), name="index")

    async def end(self) -> None:
        """Stop."""
        if self._indexing is not None:
            self._indexing.cancel()
            await asyncio.wait([self._indexing])

    def grown(self, keys: Iterable[int]) -> None:
        """Note that there are more entries in rooms."""
        self._grown.update(keys)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_IDLE_SECONDS)
            with contextlib.suppress(JournalError):  # whoever appends hears of it
                await self.index(_BETWEEN_SECONDS)

    async def index(self, pause: float = 0.0) -> None:
        """Index what can be by now; raises JournalError."""
        while self._grown:
            one = partial(self._index_one, self._grown.pop())
            while await self._connections.do(one):  # noqa: ASYNC110 # others have their turn
                await asyncio.sleep(pause)
        await self._connections.do(self.measure)

    async def _index_one(self, key: int, connection: Connection) -> bool:
        """Index a passage of a room, if there is one to index; whether there was."""
        row = await connection.fetchrow(_INDEXED, key)
        if row is None:
            return False
        number = await connection.fetchval(_STALE, key)
        if number is None:
            number = number_of(row["oldest"]) if row["last"] is None else row["last"] + 1
            number = max(number, number_of(row["oldest"]))
        if (number + 1) << _BITS > row["newest"] + 1:
            return False
        withdrawn = await connection.fetchval("SELECT withdrawn FROM chatroom.server")
        begin = number << _BITS
        said = await connection.fetch(_SAID, key, begin, begin + _AT_ONCE)
        terms = {term for each in said for term in terms_of(*self._spoken(each["envelope"]))}
        await connection.execute(_STORE, key, number, _hashes(key, terms), withdrawn)
        return True

    async def trimmed(self, key: int, oldest: int) -> None:
        """Forget what is not kept any more."""
        await self._connections.do(lambda c: c.execute(_TRIMMED, key, number_of(oldest)))
        await self._connections.do(self.measure)

    async def measure(self, connection: Connection) -> None:
        """Look how large the index is."""
        self.bytes = await connection.fetchval(_BYTES)


def _numbers(sequence: int, last: int) -> Iterator[int]:
    """Passages downwards, from the one that has a sequence."""
    return iter(range(number_of(sequence), last - 1, -1))

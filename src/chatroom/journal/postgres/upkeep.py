"""What makes room, in steps between which appends are stored: trim, purge, sweep."""

from __future__ import annotations

from dataclasses import dataclass

from chatroom.core.entry import STORED_OVERHEAD
from chatroom.journal.port import NONCE_SECONDS, SESSION_SECONDS, Trimmed

from .connecting import Connection

STEP_ROWS = 2_000
GONE_SECONDS = 60
"""For which it is kept that a member or a note is gone: other nodes hear of it within that."""
CLOSED_SECONDS = 600
"""After which a closed room has no readers any more, on any node."""
_NS = 1_000_000_000

_BEGIN = "SELECT oldest, newest, size FROM chatroom.room WHERE key = $1"
_SIZES = """
SELECT octet_length(envelope) FROM chatroom.entry
  WHERE room = $1 AND sequence >= $2 AND sequence < $3 ORDER BY sequence LIMIT $4
"""
_CUT = f"""
WITH cut AS MATERIALIZED (
  SELECT key FROM chatroom.room WHERE key = $1 AND oldest = $2 FOR UPDATE
), trimmed AS (
  DELETE FROM chatroom.entry e USING cut
    WHERE e.room = cut.key AND e.sequence >= $2 AND e.sequence < $3
    RETURNING e.room, e.sequence, e.kind, e.author, e.nonce, e.envelope
), kept AS (
  UPDATE chatroom.nonce n SET kind = t.kind, envelope = t.envelope FROM trimmed t
    WHERE n.author = t.author AND n.nonce = t.nonce AND n.room = t.room
    AND n.sequence = t.sequence
), freed AS MATERIALIZED (
  SELECT coalesce(sum(octet_length(envelope) + {STORED_OVERHEAD}), 0)::int8 AS bytes FROM trimmed
)
UPDATE chatroom.room r SET oldest = $3, size = r.size - freed.bytes FROM cut CROSS JOIN freed
  WHERE r.key = cut.key RETURNING freed.bytes, r.size
"""
_PURGE_ENTRIES = """
WITH next AS MATERIALIZED (
  SELECT e.room, e.sequence FROM chatroom.room r JOIN chatroom.entry e ON e.room = r.key
    WHERE r.key = $1 AND r.closed IS NOT NULL ORDER BY e.sequence LIMIT $2
), purged AS (
  DELETE FROM chatroom.entry e USING next n WHERE e.room = n.room AND e.sequence = n.sequence
    RETURNING e.room, e.sequence, e.author, e.nonce
), forgotten AS (
  DELETE FROM chatroom.nonce n USING purged p WHERE n.author = p.author AND n.nonce = p.nonce
    AND n.room = p.room AND n.sequence = p.sequence
)
SELECT count(*) FROM purged
"""
_HAS_ENTRIES = "SELECT EXISTS (SELECT FROM chatroom.entry WHERE room = $1)"
_PURGE_ROOM = (
    "DELETE FROM chatroom.nonce WHERE room = $1 AND envelope IS NOT NULL",
    "DELETE FROM chatroom.passage WHERE room = $1",
    "DELETE FROM chatroom.member WHERE room = $1",
    "DELETE FROM chatroom.note WHERE room = $1",
    "DELETE FROM chatroom.room WHERE key = $1",
)
_CLOSED = """
SELECT key FROM chatroom.room
  WHERE closed IS NOT NULL AND closed <= clock_timestamp() - $1::float8 * interval '1 second'
"""
_SWEEP_SESSIONS = """
DELETE FROM chatroom.member WHERE ended <> 0 AND ended <= $1 AND author IN (
  SELECT author FROM chatroom.member WHERE ended <> 0 AND ended <= $1 LIMIT $2)
"""
_SWEEP_NONCES = """
DELETE FROM chatroom.nonce WHERE sent <= $1 AND (author, nonce) IN (
  SELECT author, nonce FROM chatroom.nonce WHERE sent <= $1 ORDER BY sent LIMIT $2)
"""
_SWEEP_MEMBERS = f"""
DELETE FROM chatroom.member WHERE gone < clock_timestamp() - interval '{GONE_SECONDS} seconds'
  AND author IN (SELECT author FROM chatroom.member
    WHERE gone < clock_timestamp() - interval '{GONE_SECONDS} seconds' LIMIT $1)
"""
_SWEEP_NOTES = f"""
DELETE FROM chatroom.note WHERE gone < clock_timestamp() - interval '{GONE_SECONDS} seconds'
"""
_FORGET_RECORDS = """
DELETE FROM chatroom.audit WHERE number IN (
  SELECT number FROM chatroom.audit WHERE at < $1 ORDER BY at LIMIT $2)
"""


@dataclass(slots=True)
class Trim:
    """A trim of one room that is under way."""

    key: int
    cut: int
    """Below this sequence the number of entries makes them go."""
    excess: int
    """Bytes that must go, whatever the number."""
    newest: int
    """When it began; that and all later ones stay."""
    oldest: int
    freed: int = 0
    size: int | None = None
    """Of all that was kept when it was looked at last."""

    @classmethod
    async def begin(cls, connection: Connection, key: int, entries: int, size: int) -> Trim:
        """What there is to do: nothing in a room that is not there."""
        row = await connection.fetchrow(_BEGIN, key)
        if row is None:
            return cls(key, 0, 0, 0, 1)
        return cls(
            key, row["newest"] - entries + 1, row["size"] - size, row["newest"], row["oldest"],
            size=row["size"],
        )  # fmt: skip

    async def step(self, connection: Connection) -> bool:
        """Delete some of the oldest; whether there may be more to do."""
        sizes = await connection.fetch(_SIZES, self.key, self.oldest, self.newest, STEP_ROWS)
        count, freed = 0, self.freed
        for (size,) in sizes:
            if self.oldest + count >= self.cut and freed >= self.excess:
                break
            count += 1
            freed += size + STORED_OVERHEAD
        if not count:
            return False
        cut = await connection.fetchrow(_CUT, self.key, self.oldest, self.oldest + count)
        if cut is None:  # purged meanwhile, or trimmed by another node
            return False
        self.oldest += count
        self.freed += cut["bytes"]
        self.size = cut["size"]
        return count == STEP_ROWS

    @property
    def done(self) -> Trimmed:
        """What it has done so far."""
        return Trimmed(self.oldest, self.freed, self.size)


async def purge_step(connection: Connection, key: int) -> bool:
    """Delete some of what is kept of a closed room; whether there is more to do."""
    if await connection.fetchval(_PURGE_ENTRIES, key, STEP_ROWS):
        return True
    async with connection.transaction():
        shut = "SELECT 1 FROM chatroom.room WHERE key = $1 AND closed IS NOT NULL FOR UPDATE"
        if await connection.fetchval(shut, key):
            if await connection.fetchval(_HAS_ENTRIES, key):  # a trim deleted what we wanted to
                return True
            for statement in _PURGE_ROOM:
                await connection.execute(statement, key)
    return False


async def closed(connection: Connection, *, alone: bool) -> list[int]:
    """Closed rooms that nobody reads: where other nodes live, those closed long ago."""
    rows = await connection.fetch(_CLOSED, 0.0 if alone else float(CLOSED_SECONDS))
    return [row["key"] for row in rows]


async def sweep_step(connection: Connection, now: int) -> bool:
    """Forget some of what is too old by now; whether there may be more."""
    done = [
        await connection.execute(_SWEEP_SESSIONS, now - SESSION_SECONDS * _NS, STEP_ROWS),
        await connection.execute(_SWEEP_NONCES, now - NONCE_SECONDS * _NS, STEP_ROWS),
        await connection.execute(_SWEEP_MEMBERS, STEP_ROWS),
    ]
    await connection.execute(_SWEEP_NOTES)
    return any(_rows(tag) >= STEP_ROWS for tag in done)


async def forget_records_step(connection: Connection, before: int) -> bool:
    """Delete some audit records of before a time; whether there may be more."""
    return _rows(await connection.execute(_FORGET_RECORDS, before, STEP_ROWS)) >= STEP_ROWS


def _rows(tag: str) -> int:
    """How many rows a command has changed, by what it answers: `DELETE 5`."""
    return int(tag.rpartition(" ")[2])

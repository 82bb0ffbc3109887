"""What becomes of a withdrawn text: another stands in its place, and the tables forget it.

The row is replaced in the transaction that stores the withdrawal, so no query finds the text
from then on. PostgreSQL keeps the old row until a VACUUM, and what that frees may be on the disk
until it is written over. A VACUUM FULL writes the table anew. It locks it, so it is done here only
where the table is small and nobody else uses it at that moment. The write-ahead log, its archive,
standbys and backups are the operator's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import asyncpg

from chatroom.core.entry import Kind
from chatroom.journal.port import Append

from .connecting import Connection
from .searching import FORGET, number_of

log = logging.getLogger(__name__)

_LOCK = """
SELECT key FROM chatroom.room WHERE key = ANY ($1::int8[]) AND closed IS NULL
  ORDER BY key FOR UPDATE
"""
_NOTE = "UPDATE chatroom.server SET withdrawn = withdrawn + 1"
_REPLACE = """
UPDATE chatroom.entry e SET kind = $4, envelope = $3, replaced = old.version + 1 FROM (
  SELECT e.room, e.sequence, octet_length(e.envelope) AS size, r.version
    FROM chatroom.entry e JOIN chatroom.room r ON r.key = e.room
    WHERE e.room = $1 AND e.sequence = $2) AS old
  WHERE e.room = old.room AND e.sequence = old.sequence RETURNING old.size
"""
_REPLACE_TRIMMED = """
UPDATE chatroom.nonce SET kind = $4, envelope = $3
  WHERE author = $5 AND room = $1 AND sequence = $2 AND envelope IS NOT NULL
"""
_LATEST = f"""
UPDATE chatroom.room r SET said = coalesce(s.sequence, 0), active = coalesce(s.sent, 0)
  FROM (SELECT 1) AS one LEFT JOIN (
    SELECT sequence, sent FROM chatroom.entry WHERE room = $1 AND kind = {Kind.SAID:d}
      ORDER BY sequence DESC LIMIT 1) AS s ON true
  WHERE r.key = $1
"""
"""What was said last, if that is no more."""

_WITHDRAWN = "SELECT withdrawn, scrubbed FROM chatroom.server"
_SCRUBBED = "UPDATE chatroom.server SET scrubbed = greatest(scrubbed, $1)"
_SIZE = "SELECT pg_total_relation_size('chatroom.entry')"
_SMALL = 64 * 1024 * 1024
"""Bytes: written anew in a second."""
_PATIENCE = "SET lock_timeout = '200ms'; SET statement_timeout = 0"
"""For which a VACUUM FULL waits for who uses the table, and holds up who comes after it."""
_TABLES = ("entry", "nonce", "passage")
_NOW = "SELECT pg_current_xact_id()::xid"
_READ_FROM_BEFORE = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
  AND pid <> pg_backend_pid() AND age(backend_xmin) > age($1::text::xid))
"""
"""Whether anybody still reads the database as it was before a transaction: whom a VACUUM spares."""
_TRIES, _PAUSE_SECONDS = 100, 0.01


async def replace(connection: Connection, appends: Sequence[Append]) -> dict[int, int]:
    """Put entries in the places of others, in the transaction of the append.

    By how many bytes rooms grow.
    """
    await connection.execute(_NOTE)
    await connection.fetch(_LOCK, [append.key for append in appends])
    grown: dict[int, int] = {}
    for append in appends:
        key = append.key
        for entry in append.replaced:
            row = (key, entry.sequence, entry.envelope, entry.kind)
            size = await connection.fetchval(_REPLACE, *row)
            if size is not None:
                grown[key] = grown.get(key, 0) + len(entry.envelope) - size
            await connection.execute(_REPLACE_TRIMMED, *row, entry.author)
            await connection.execute(FORGET, key, number_of(entry.sequence))
        if append.replaced:
            await connection.execute(_LATEST, key)
    return grown


async def withdrawn(connection: Connection) -> bool:
    """Whether something was replaced that is not scrubbed yet."""
    row = await connection.fetchrow(_WITHDRAWN)
    return row is not None and row["withdrawn"] > row["scrubbed"]


async def scrub(connection: Connection) -> bool:
    """Have the tables forget what was replaced; False: not now, somebody uses them.

    The connection is for this alone.
    """
    row = await connection.fetchrow(_WITHDRAWN)
    assert row is not None
    if not await _nobody_reads_from_before(connection):
        return False
    small = await connection.fetchval(_SIZE) < _SMALL
    await connection.execute(_PATIENCE)
    try:
        for table in _TABLES:
            await connection.execute(f"VACUUM {'(FULL)' if small else ''} chatroom.{table}")
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        return False
    if not small:
        log.info("a withdrawn message has left the tables; VACUUM FULL has it leave their files")
    await connection.execute(_SCRUBBED, row["withdrawn"])
    return True


async def _nobody_reads_from_before(connection: Connection) -> bool:
    """Wait, for a second, until nobody needs rows that were replaced before now."""
    now = str(await connection.fetchval(_NOW))
    for _ in range(_TRIES):
        if not await connection.fetchval(_READ_FROM_BEFORE, now):
            return True
        await asyncio.sleep(_PAUSE_SECONDS)
    return False

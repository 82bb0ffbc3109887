"""The tables, and the steps by which a file of an earlier version gets them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

_ROOMS_AND_ENTRIES = """
CREATE TABLE schema (version INTEGER NOT NULL) STRICT;
CREATE TABLE room (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  room_id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  created INTEGER NOT NULL,      -- ns since 1970
  title TEXT NOT NULL,
  private INTEGER NOT NULL,
  capacity INTEGER NOT NULL,     -- 0: the server's default
  history INTEGER NOT NULL,      -- 0: the server's default
  closed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX open_room ON room (room_id) WHERE NOT closed;
CREATE TABLE entry (
  room INTEGER NOT NULL,         -- room.key
  sequence INTEGER NOT NULL,
  sent INTEGER NOT NULL,         -- ns since 1970
  kind INTEGER NOT NULL,         -- 0 said, 1 entered, 2 left, 3 closed, 4 damaged
  author INTEGER NOT NULL,
  envelope BLOB NOT NULL,        -- gRPC envelope: 5 bytes, then an rpc.Message
  PRIMARY KEY (room, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO schema VALUES (1);
"""

_MEMBERS_NONCES_AND_BOUNDS = """
ALTER TABLE room ADD COLUMN oldest INTEGER NOT NULL DEFAULT 1;  -- sequence
ALTER TABLE room ADD COLUMN size INTEGER NOT NULL DEFAULT 0;    -- bytes: Entry.stored_bytes
-- No entry below this sequence has a nonce any more.
ALTER TABLE room ADD COLUMN nonces_from INTEGER NOT NULL DEFAULT 1;
UPDATE room SET
  oldest = (SELECT coalesce(min(sequence), 1) FROM entry WHERE room = key),
  nonces_from = (SELECT coalesce(max(sequence), 0) + 1 FROM entry WHERE room = key),
  size = (SELECT coalesce(sum(length(envelope) + 32), 0) FROM entry WHERE room = key);

ALTER TABLE entry ADD COLUMN nonce TEXT;                        -- NULL: none that counts
CREATE UNIQUE INDEX used_nonce ON entry (author, nonce) WHERE nonce IS NOT NULL;
CREATE TABLE trimmed (           -- entries whose nonce still counts
  room INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  author INTEGER NOT NULL,
  envelope BLOB NOT NULL,
  nonce TEXT NOT NULL,
  PRIMARY KEY (room, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX trimmed_nonce ON trimmed (author, nonce);

CREATE TABLE member (
  author INTEGER PRIMARY KEY,
  room INTEGER NOT NULL,         -- room.key
  name TEXT NOT NULL,
  since INTEGER NOT NULL,        -- ns since 1970
  logged INTEGER NOT NULL,
  session BLOB,                  -- SHA-256; NULL: none
  ended INTEGER NOT NULL,        -- ns since 1970; 0: in the room
  removed INTEGER NOT NULL
) STRICT;
CREATE INDEX member_room ON member (room);
CREATE UNIQUE INDEX member_session ON member (session) WHERE session IS NOT NULL;
CREATE INDEX member_ended ON member (ended) WHERE ended != 0;

CREATE TABLE run (               -- how the file was left: one row
  state TEXT NOT NULL            -- clean; the sync mode of a run that has not ended;
) STRICT;                        -- copied: a backup; unknown
INSERT INTO run VALUES ('unknown');
"""

_CHECKSUMS = """
-- Entries from this sequence on have a checksum; those below get one: see `filling`.
ALTER TABLE room ADD COLUMN summed_from INTEGER NOT NULL DEFAULT 1;
UPDATE room SET
  summed_from = (SELECT coalesce(max(sequence), 0) + 1 FROM entry WHERE room = key);
ALTER TABLE entry ADD COLUMN checksum INTEGER;    -- see `checksum`
ALTER TABLE trimmed ADD COLUMN checksum INTEGER;
"""

_REDO_LOG = """
ALTER TABLE run ADD COLUMN redo INTEGER NOT NULL DEFAULT 0;     -- the run; 0: no redo log
ALTER TABLE run ADD COLUMN redone INTEGER NOT NULL DEFAULT 0;   -- so far the tables have it
"""

_IDENTITIES = """
ALTER TABLE member ADD COLUMN subject TEXT NOT NULL DEFAULT '';  -- a token's; '': none
ALTER TABLE room ADD COLUMN creator TEXT NOT NULL DEFAULT '';    -- likewise
"""

_MODERATION = """
ALTER TABLE room ADD COLUMN closed_to_newcomers INTEGER NOT NULL DEFAULT 0;
-- Whether a message was withdrawn that may still be somewhere in the file.
ALTER TABLE run ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
CREATE TABLE note (              -- bans, invitations and the like: see `notes`
  room INTEGER NOT NULL,         -- room.key; 0: of the server
  kind INTEGER NOT NULL,         -- 0 ban, 1 invitation, 2 mark, 3 name
  key TEXT NOT NULL,
  value TEXT NOT NULL,           -- JSON
  checksum INTEGER NOT NULL,
  PRIMARY KEY (room, kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (             -- who did what
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,           -- ns since 1970
  actor TEXT NOT NULL,
  key_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  address TEXT NOT NULL,
  method TEXT NOT NULL,
  room_id TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
"""

_BLOCKS = """
ALTER TABLE member ADD COLUMN invitation TEXT NOT NULL DEFAULT '';  -- its id; '': none
-- Entries of a room that follow each other: how many, whether any of them was stored with a nonce,
-- and what they are: see `blocks`.
CREATE TABLE block (
room INTEGER NOT NULL,
first INTEGER NOT NULL,
count INTEGER NOT NULL,
nonced INTEGER NOT NULL,
entries BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX block_place ON block (room, first);
-- Nonces that count, and the sequences of the entries that were stored with them.
CREATE TABLE nonce (
author INTEGER NOT NULL,
nonce TEXT NOT NULL,
room INTEGER NOT NULL,
sequence INTEGER NOT NULL,
PRIMARY KEY (author, nonce)
) STRICT, WITHOUT ROWID;
"""

_ONCE_THERE_ARE_BLOCKS = """
DROP TABLE entry;
DROP TABLE trimmed;
ALTER TABLE room DROP COLUMN summed_from;
-- Signatures of entries from one sequence to before another: see `segments`.
CREATE TABLE segment (
key INTEGER PRIMARY KEY,
room INTEGER NOT NULL,
first INTEGER NOT NULL,
end INTEGER NOT NULL,
parts INTEGER NOT NULL,
slots BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX segment_place ON segment (room, first);
-- Its key is 16 times the segment's, and the number of a part
CREATE TABLE signature (
key INTEGER PRIMARY KEY,
slices BLOB NOT NULL
) STRICT;
ALTER TABLE member ADD COLUMN former TEXT NOT NULL DEFAULT '';      -- names, a line each
"""
"""What has to come after `converting`. All definitions have to fit the first page of the file: if
they had pages of their own, damage to one of those could cost every table. So the comments above
stand outside of the statements, of which SQLite stores the text; and the column comes last, since
by what SQLite stores then it finds that they fit one page again, without those of the rows."""

STEPS: Final = (
    _ROOMS_AND_ENTRIES, _MEMBERS_NONCES_AND_BOUNDS, _CHECKSUMS, _REDO_LOG, _IDENTITIES,
    _MODERATION, _BLOCKS,
)  # fmt: skip
"""The first makes an empty file one of version 1, each other one a file of the next version."""

SCHEMA_VERSION: Final = len(STEPS)
REDO_LOG_SINCE: Final = 4
IDENTITIES_SINCE: Final = 5
MODERATION_SINCE: Final = 6
BLOCKS_SINCE: Final = 7
"""The versions that brought them."""


TABLES: Final = (
    "schema", "room", "run", "note", "audit", "member", "nonce", "segment", "signature", "block",
    "trimmed", "entry",
)  # fmt: skip
"""What is small comes first."""


class NotOurs(Exception):
    """The database is one of something else."""


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file's schema; 0: it is empty. Writes nothing. Raises NotOurs."""
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    except UnicodeDecodeError as error:  # in what SQLite says of it
        raise _malformed("database schema") from error
    if not tables:
        return 0
    if not ({"schema", "room"} <= tables and tables & {"entry", "block"}):
        raise NotOurs
    (version,) = connection.execute("SELECT version FROM schema").fetchone() or (None,)
    if not isinstance(version, int) or version < 1:
        raise _malformed("schema version")
    return version


def _malformed(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(f"malformed {what}")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def upgrade(
    connection: sqlite3.Connection, version: int, convert: Callable[[], None] = lambda: None
) -> None:
    """Bring a file from `version` to `SCHEMA_VERSION`, all of it or nothing.

    `convert` is called where entries are rows still and there is a table for blocks.
    """
    if version == SCHEMA_VERSION:
        return
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {''.join(STEPS[version:])}")
        if version < BLOCKS_SINCE:
            convert()
            for statement in _ONCE_THERE_ARE_BLOCKS.split(";"):  # as a script it would commit
                connection.execute(statement)
        connection.execute("UPDATE schema SET version = ?", (SCHEMA_VERSION,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns of each of our tables that a file has."""
    return {
        table: [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        for table in TABLES
    }


def fresh(version: int = SCHEMA_VERSION) -> sqlite3.Connection:
    """An empty database of a version, in memory: what a file should look like."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript("".join(STEPS[:version]))
    if version >= BLOCKS_SINCE:
        connection.executescript(_ONCE_THERE_ARE_BLOCKS)
    return connection


def misnamed(connection: sqlite3.Connection, version: int) -> Iterator[str]:
    """Which tables of a file of a version have other columns than they should, a sentence each."""
    with closing(fresh(version)) as sound:
        expected = columns(sound)
    for table, names in columns(connection).items():
        if names != expected[table]:
            yield f"the columns of the table {table} are not as they should be"
